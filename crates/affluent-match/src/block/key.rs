//! Blocking keys: one number per record and rule, or none where a part is missing.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::MatchError;
use crate::field::Kind;
use crate::records::{NULL, Records};
use crate::settings::{Part, Rule};

/// Key of a record for which a rule says nothing.
pub(crate) const NO_KEY: u64 = 0;

/// The keys of all records (in id order) under a rule.
pub(crate) fn keys(records: &Records, columns: &[Vec<u32>], rule: &Rule) -> Result<Vec<u64>, MatchError> {
    let mut keys = vec![1_u64; columns.first().map_or(0, Vec::len)];
    for part in &rule.0 {
        let field = records.field_named(part.field())?;
        // Names of a person hash alike in either column and keys are added up, so that swapped names share their block.
        let seed = match records.fields()[field].kind {
            Kind::GivenName | Kind::FamilyName | Kind::MaidenName => 0,
            _ => field as u64 + 1,
        };
        let mut known: FxHashMap<u32, u64> = FxHashMap::default();
        for (key, &value) in keys.iter_mut().zip(&columns[field]) {
            let hash = if value == NULL {
                NO_KEY
            } else {
                *known.entry(value).or_insert_with(|| hash_of(part, records.text(field, value), seed))
            };
            *key = if *key == NO_KEY || hash == NO_KEY { NO_KEY } else { key.wrapping_add(hash).max(1) };
        }
    }
    Ok(keys)
}

fn hash_of(part: &Part, text: &str, seed: u64) -> u64 {
    let hash = |text: &str| xxh3_64_with_seed(text.as_bytes(), seed).max(1);
    match part {
        Part::Whole(_) => hash(text),
        Part::Prefix(_, length) => {
            let prefix: String = text.chars().filter(|c| c.is_alphanumeric()).take(*length).collect();
            if prefix.chars().count() < *length { NO_KEY } else { hash(&prefix) }
        }
        Part::Sound(_) => hash(&sound(text)),
        Part::LocalPart(_) => match text.split_once('@') {
            Some((local, _)) if local.len() >= 4 => hash(local),
            _ => NO_KEY,
        },
    }
}

/// A rough phonetic code: the class of each consonant, vowels and doubles dropped, six classes at most. The classes are
/// those of Soundex; the first letter is classed too, since it is mistyped as often as any other.
fn sound(text: &str) -> String {
    let mut code = String::new();
    let mut last = ' ';
    for c in text.chars() {
        let class = match c {
            'b' | 'f' | 'p' | 'v' => '1',
            'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => '2',
            'd' | 't' => '3',
            'l' => '4',
            'm' | 'n' => '5',
            'r' => '6',
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' | 'w' | ' ' => '0',
            other => other,
        };
        if class != last && class != '0' {
            code.push(class);
        }
        last = class;
        if code.len() >= 6 {
            break;
        }
    }
    if code.is_empty() { text.to_owned() } else { code }
}

#[cfg(test)]
mod tests {
    use super::{NO_KEY, keys, sound};
    use crate::{Field, Kind, Part, Records, Rule};

    #[test]
    fn alike_sounds_share_a_code() {
        for (a, b) in [("allen", "alen"), ("meyer", "maier"), ("philippe", "filipe"), ("kristof", "christoph")] {
            assert_eq!(sound(a), sound(b), "{a} {b}");
        }
        assert_ne!(sound("green"), sound("mitchell"));
    }

    #[test]
    fn swapped_names_share_a_key_and_missing_ones_have_none() {
        let mut records =
            Records::new(vec![Field::new("first", Kind::GivenName), Field::new("last", Kind::FamilyName)]).unwrap();
        records.push("1", "a", &[Some("paul"), Some("simon")]).unwrap();
        records.push("2", "a", &[Some("simon"), Some("paul")]).unwrap();
        records.push("3", "a", &[Some("simon"), None]).unwrap();
        let columns = [records.column(0).to_vec(), records.column(1).to_vec()];
        let rule = Rule(vec![Part::Whole("first".to_owned()), Part::Whole("last".to_owned())]);
        let found = keys(&records, &columns, &rule).unwrap();
        assert_eq!(found[0], found[1]);
        assert_eq!(found[2], NO_KEY);
    }
}
