//! The sound part of a faulty pipeline, so that a check tells faults of shape and of meaning in one go.
//!
//! A section with a fault of shape (a source, an entity) is left out, and with it what builds on it: what is said of the rest
//! is true whatever becomes of the faulty part.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::problem::Problem;
use crate::yaml::{Document, Kind, Node};
use crate::{Pipeline, Read, Span, decode, json_schema, shape};

/// A pipeline's sound part with the faults of shape in the rest (none: it is the whole pipeline); the faults alone where too
/// little is left.
pub fn read_sound(file: &str, text: &str) -> Result<(Read<Pipeline>, Vec<Problem>), Vec<Problem>> {
    let mut document = Document::parse(file, text).map_err(|problem| vec![problem])?;
    let problems = shape::check(&json_schema::<Pipeline>(), &document);
    for problem in &problems {
        leave_out(&mut document.root, problem.span);
    }
    if !problems.is_empty() {
        leave_out_dependents(&mut document.root, text);
    }
    match decode(document) {
        Ok(read) => Ok((read, problems)),
        Err(fault) if problems.is_empty() => Err(vec![fault]),
        Err(_) => Err(problems),
    }
}

type Entries = Vec<(String, Span, Node)>;

/// Takes the section that holds a fault out: an entry of a top-level map, or a top-level entry.
fn leave_out(root: &mut Node, at: Span) {
    let Kind::Map(entries) = &mut root.kind else { return };
    let Some(index) = holding(entries, at) else { return };
    if let (key, (_, _, Node { kind: Kind::Map(inner), .. })) = (entries[index].1, &mut entries[index])
        && (key.line, key.column) != (at.line, at.column)
        && let Some(section) = holding(inner, at)
    {
        inner.remove(section);
    } else {
        entries.remove(index);
    }
}

/// The last entry that begins at or before a place.
fn holding(entries: &Entries, at: Span) -> Option<usize> {
    entries.iter().rposition(|(_, key, _)| (key.line, key.column) <= (at.line, at.column))
}

/// Takes out what names a source or an entity that is not there any more, and then what names that.
fn leave_out_dependents(root: &mut Node, text: &str) {
    let Ok(whole) = Document::parse("", text) else { return };
    let missing = |root: &Node, section: &str| -> BTreeSet<String> {
        let left = names(root, section);
        names(&whole.root, section).into_iter().filter(|name| !left.contains(name)).collect()
    };
    loop {
        let gone: BTreeSet<String> = missing(root, "sources").into_iter().chain(missing(root, "silver")).collect();
        let Some(entities) = section_mut(root, "silver") else { break };
        let before = entities.len();
        entities.retain(|(_, _, node)| !mentions(&node.to_json(), &gone));
        if entities.len() == before {
            break;
        }
    }
    if !missing(root, "silver").is_empty()
        && let Kind::Map(entries) = &mut root.kind
    {
        entries.retain(|(key, ..)| !["marts", "expectations"].contains(&key.as_str()));
    }
}

fn names(root: &Node, section: &str) -> BTreeSet<String> {
    let Kind::Map(entries) = &root.kind else { return BTreeSet::new() };
    let found = entries.iter().find(|(key, ..)| key == section);
    match found.map(|(.., node)| &node.kind) {
        Some(Kind::Map(inner)) => inner.iter().map(|(key, ..)| key.clone()).collect(),
        _ => BTreeSet::new(),
    }
}

fn section_mut<'a>(root: &'a mut Node, section: &str) -> Option<&'a mut Entries> {
    let Kind::Map(entries) = &mut root.kind else { return None };
    match &mut entries.iter_mut().find(|(key, ..)| key == section)?.2.kind {
        Kind::Map(inner) => Some(inner),
        _ => None,
    }
}

/// Whether a value names one of `gone`, alone or before a dot.
fn mentions(value: &Value, gone: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => gone.contains(text.split('.').next().unwrap_or(text)),
        Value::Array(items) => items.iter().any(|item| mentions(item, gone)),
        Value::Object(map) => {
            map.iter().any(|(key, value)| gone.contains(key.split('.').next().unwrap_or(key)) || mentions(value, gone))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPELINE: &str = "pipeline: p
lake: ./lake
sources:
  shop: { connector: files, with: { path: a.csv }, streams: { orders: { kee: [id] } } }
  till: { connector: files, with: { path: b.csv }, streams: { sales: { key: [id] } } }
silver:
  orders: { from: shop.orders, map: { order_id: id } }
  deals: { from: till.sales, map: { deal_id: id } }
  persons: { from: [orders, deals] }
marts: { models: [rfm] }
";

    #[test]
    fn the_faulty_section_and_what_builds_on_it_are_left_out() {
        let (read, problems) = read_sound("p.yaml", PIPELINE).unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(names(&read.document.root, "sources").into_iter().collect::<Vec<_>>(), ["till"]);
        assert_eq!(names(&read.document.root, "silver").into_iter().collect::<Vec<_>>(), ["deals"]);
        assert!(read.value.marts.models.is_empty());
    }

    #[test]
    fn a_sound_pipeline_is_whole_and_one_without_a_name_is_not_read() {
        let (read, problems) = read_sound("p.yaml", &PIPELINE.replace("kee", "key")).unwrap();
        assert!(problems.is_empty());
        assert_eq!(read.value.sources.len(), 2);
        let problems = read_sound("p.yaml", &PIPELINE.replace("pipeline: p\n", "")).unwrap_err();
        assert!(problems.iter().any(|problem| problem.message.contains("`pipeline` is missing")), "{problems:?}");
    }

    #[test]
    fn an_unknown_key_at_the_top_takes_nothing_with_it() {
        let text = format!("{}marks: {{}}\n", PIPELINE.replace("kee", "key"));
        let (read, problems) = read_sound("p.yaml", &text).unwrap();
        assert_eq!((problems.len(), read.value.silver.len()), (1, 3));
    }
}
