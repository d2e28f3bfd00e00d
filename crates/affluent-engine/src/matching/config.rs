//! The settings of matching files: read from YAML, written so that they can be edited.

use std::fmt::Write as _;
use std::path::Path;

use affluent_spec::OneOrMany;
use affluent_spec::pipeline::{Auto, Compare, CompareKind, MatchEntity, MatchFile};

use super::usage;
use crate::error::Error;

/// Reads a file of settings; all its faults at once.
pub fn read(path: &Path) -> Result<MatchFile, Error> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| usage(&place, error.to_string(), "without --config the columns are recognised"))?;
    let found = affluent_spec::read::<MatchFile>(&place, &text).map_err(Error::Problems)?;
    Ok(found.value)
}

/// The settings as YAML.
pub fn written(config: &MatchFile) -> String {
    let mut text = String::from("# How these records are matched. Edit it and name it by --config.\n");
    let entity = match config.entity {
        MatchEntity::Persons => "persons",
        MatchEntity::Companies => "companies",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "entity: {entity}\nid: {}", scalar(&config.id));
    if let Some(source) = &config.source {
        let _ = writeln!(text, "source: {}", scalar(source));
    }
    if let Some(country) = &config.country {
        let _ = writeln!(text, "country: {}", scalar(&country.0));
    }
    if !config.rename.is_empty() {
        text.push_str("rename:\n");
        for (there, here) in &config.rename {
            let _ = writeln!(text, "  {}: {}", scalar(there), scalar(here));
        }
    }
    text.push_str("compare:\n");
    for (label, compare) in &config.compare {
        let _ = writeln!(text, "  {}: {}", scalar(label), one(compare));
    }
    match &config.block {
        Auto::Auto => text.push_str("block: auto\n"),
        Auto::Said(rules) => {
            let rules: Vec<String> = rules.iter().map(list).collect();
            let _ = writeln!(text, "block: [{}]", rules.join(", "));
        }
    }
    match config.threshold {
        Auto::Auto => text.push_str("threshold: auto\n"),
        Auto::Said(threshold) => _ = writeln!(text, "threshold: {threshold}"),
    }
    if !config.duplicate_free.is_empty() {
        let _ = writeln!(text, "duplicate_free: {}", list(&config.duplicate_free));
    }
    text
}

fn one(compare: &Compare) -> String {
    let mut parts = vec![format!("kind: {}", word(compare.kind))];
    let named = [
        ("column", &compare.column),
        ("full", &compare.full),
        ("given", &compare.given),
        ("family", &compare.family),
        ("maiden", &compare.maiden),
        ("postcode", &compare.postcode),
        ("city", &compare.city),
        ("region", &compare.region),
    ];
    if !compare.street.is_empty() {
        parts.push(format!("street: {}", list(&compare.street)));
    }
    parts.extend(named.iter().filter_map(|(name, value)| Some(format!("{name}: {}", scalar(value.as_ref()?)))));
    format!("{{ {} }}", parts.join(", "))
}

fn word(kind: CompareKind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn list(items: &OneOrMany<String>) -> String {
    match items.0.as_slice() {
        [item] => scalar(item),
        items => format!("[{}]", items.iter().map(|item| scalar(item)).collect::<Vec<_>>().join(", ")),
    }
}

/// Plain where it cannot be mistaken for anything else, else quoted as JSON, which YAML reads too.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "true" | "false" | "on" | "off" | "null"
        );
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use affluent_spec::OneOrMany;
    use affluent_spec::pipeline::{Auto, Compare, CompareKind, MatchEntity, MatchFile};
    use indexmap::IndexMap;

    use super::written;

    #[test]
    fn what_is_written_is_read_again() {
        let column = |name: &str| Some(name.to_owned());
        let name = Compare { given: column("Prénom"), family: column("no"), ..Compare::new(CompareKind::PersonName) };
        let street = OneOrMany(vec!["street_number".to_owned(), "address 1".to_owned()]);
        let address = Compare { street, city: column("ville"), ..Compare::new(CompareKind::Address) };
        let id = Compare { column: column("siret: x"), ..Compare::new(CompareKind::ExclusiveId) };
        let config = MatchFile {
            entity: MatchEntity::Persons,
            id: "rec id".to_owned(),
            source: column("system"),
            country: Some(affluent_spec::pipeline::Country("FR".to_owned())),
            rename: IndexMap::from([("prénom".to_owned(), "given".to_owned())]),
            compare: IndexMap::from([
                ("name".to_owned(), name),
                ("address".to_owned(), address),
                ("12".to_owned(), id),
            ]),
            block: Auto::Said(vec![
                OneOrMany(vec!["mail".to_owned()]),
                OneOrMany(vec!["a".to_owned(), "b:2".to_owned()]),
            ]),
            threshold: Auto::Said(0.75),
            duplicate_free: OneOrMany(vec!["crm".to_owned()]),
        };
        let text = written(&config);
        let read = affluent_spec::read::<MatchFile>("m.yaml", &text)
            .unwrap_or_else(|faults| unreachable!("{faults:#?}\n{text}"));
        assert_eq!(read.value, config);
    }
}
