//! Paths into JSON, and where what they lead to lies: in one pass, without building values for what is not asked for.
//!
//! A path is keys from the outside in, the element of an array by its number from 0. A name may hold dots itself
//! (`@odata.nextLink`), so a member that is named by all that is left of a path, with dots between, is meant too. The
//! decoder's columns follow the same rule.

use std::ops::Range;

use jiter::{Jiter, JiterError, NumberAny, NumberInt, Peek};

/// A path of keys, from the outside in.
pub(crate) type Path = Vec<String>;

/// The path that dots separate.
pub(crate) fn path(dotted: &str) -> Path {
    dotted.split('.').map(str::to_owned).collect()
}

/// Where what was asked for lies.
#[derive(Debug)]
pub(crate) struct Places {
    /// Each value, in the order asked for; `None` for those that are absent.
    pub(crate) values: Vec<Option<Range<usize>>>,
    /// The elements of the array asked for; `None` where there is none.
    pub(crate) elements: Option<Vec<Range<usize>>>,
}

/// Finds the values at those paths, and the elements of the array at another one (the whole text, for an empty path).
pub(crate) fn find(json: &[u8], paths: &[Path], array: Option<&[String]>) -> Result<Places, JiterError> {
    let mut targets: Vec<Target<'_>> =
        paths.iter().enumerate().map(|(index, path)| (Some(index), path.as_slice())).collect();
    targets.extend(array.map(|path| (None, path)));
    let mut found = Places { values: vec![None; paths.len()], elements: None };
    let mut jiter = Jiter::new(json);
    let peek = jiter.peek()?;
    walk(&mut jiter, peek, &targets, &mut found)?;
    jiter.finish()?;
    Ok(found)
}

/// Where the values at those paths lie; `None` for those that are absent, and where this is no JSON.
pub(crate) fn places(json: &[u8], paths: &[Path]) -> Vec<Option<Range<usize>>> {
    find(json, paths, None).map_or_else(|_| vec![None; paths.len()], |found| found.values)
}

/// The values at those paths as text; `None` for those that are absent, null or no scalars, and where this is no JSON.
pub(crate) fn scalars(json: &[u8], paths: &[Path]) -> Vec<Option<String>> {
    places(json, paths).into_iter().map(|range| scalar(&json[range?]).ok()?).collect()
}

/// The elements of an array; `None` for null and what is no array.
pub(crate) fn elements(array: &[u8]) -> Option<Vec<Range<usize>>> {
    find(array, &[], Some(&[])).ok()?.elements
}

/// A value as text; `None` for null and what is no scalar.
pub(crate) fn scalar(value: &[u8]) -> Result<Option<String>, JiterError> {
    let mut jiter = Jiter::new(value);
    Ok(Some(match jiter.peek()? {
        Peek::String => jiter.known_str()?.to_owned(),
        peek @ (Peek::True | Peek::False) => jiter.known_bool(peek)?.to_string(),
        peek if peek.is_num() => match jiter.known_number(peek)? {
            NumberAny::Int(NumberInt::Int(small)) => small.to_string(),
            NumberAny::Int(NumberInt::BigInt(big)) => big.to_string(),
            NumberAny::Float(number) => number.to_string(),
        },
        _ => return Ok(None),
    }))
}

/// What is left of a path behind a member of that name; `None` where it leads elsewhere.
fn behind<'p>(path: &'p [String], name: &str) -> Option<&'p [String]> {
    match path.split_first() {
        Some((first, rest)) if first == name => Some(rest),
        Some(_) if name.contains('.') && name.split('.').eq(path.iter()) => Some(&[]),
        _ => None,
    }
}

/// The number of a value among those asked for, none for the array; and what is left of its path.
type Target<'p> = (Option<usize>, &'p [String]);

fn walk(jiter: &mut Jiter<'_>, peek: Peek, targets: &[Target<'_>], found: &mut Places) -> Result<(), JiterError> {
    let start = jiter.current_index();
    let deeper = targets.iter().any(|(_, path)| !path.is_empty());
    let listed = targets.iter().any(|(index, path)| index.is_none() && path.is_empty());
    let mut inner = Vec::new();
    if peek == Peek::Object && deeper {
        let mut key = jiter.known_object()?;
        while let Some(name) = key {
            inner.clear();
            inner.extend(targets.iter().filter_map(|(index, path)| Some((*index, behind(path, name)?))));
            let peek = jiter.peek()?;
            walk(jiter, peek, &inner, found)?;
            key = jiter.next_key()?;
        }
    } else if peek == Peek::Array && (deeper || listed) {
        let mut all = Vec::new();
        let mut index = 0_u64;
        let mut element = jiter.known_array()?;
        while let Some(peek) = element {
            inner.clear();
            if deeper {
                inner.extend(targets.iter().filter_map(|(of, path)| {
                    let (first, rest) = path.split_first()?;
                    (first.parse() == Ok(index)).then_some((*of, rest))
                }));
            }
            let start = jiter.current_index();
            walk(jiter, peek, &inner, found)?;
            if listed {
                all.push(start..jiter.current_index());
            }
            index += 1;
            element = jiter.array_step()?;
        }
        if listed {
            found.elements = Some(all);
        }
    } else {
        jiter.known_skip(peek)?;
    }
    for (index, _) in targets.iter().filter(|(_, path)| path.is_empty()) {
        if let Some(index) = index {
            found.values[*index] = Some(start..jiter.current_index());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_one_rule() {
        let record = r#"{"id": 12345678901234567890.10, "a": {"b": [1, {"x": 2}], "s": "\u00e9", "u.v": 3}, "n": null,
            "@odata.id": "c", "a.t": true, "d": {"0": "named"}, "odd.name": {"x": 1}}"#;
        for (dotted, text) in [
            ("id", Some("12345678901234567890.10")),
            ("a.b", Some(r#"[1, {"x": 2}]"#)),
            ("a.b.0", Some("1")),
            ("a.b.1.x", Some("2")),
            ("a.b.2", None),
            ("a.b.x", None),
            ("a.s", Some(r#""\u00e9""#)),
            ("a.u.v", Some("3")),
            ("a.t", Some("true")),
            ("n", Some("null")),
            ("n.x", None),
            ("@odata.id", Some(r#""c""#)),
            ("d.0", Some(r#""named""#)),
            ("odd.name.x", None),
        ] {
            let found = find(record.as_bytes(), &[path(dotted)], None).unwrap().values.remove(0);
            assert_eq!(found.map(|range| &record[range]), text, "{dotted}");
        }
        // Each is found beside the others, one within another and twice too.
        let asked = ["a.b.1.x", "a", "a.b", "a.b", "n"].map(path);
        let found = scalars(record.as_bytes(), &asked);
        assert_eq!(found, [Some("2".to_owned()), None, None, None, None]);
        let found = find(record.as_bytes(), &asked, Some(&path("a.b"))).unwrap();
        assert_eq!(found.values.iter().filter(|place| place.is_some()).count(), 5);
        assert_eq!(found.values[2], found.values[3]);
        assert_eq!(&record[found.elements.unwrap()[1].clone()], r#"{"x": 2}"#);
    }

    #[test]
    fn elements_are_those_of_an_array() {
        assert_eq!(elements(b"[1, {\"x\":[]} ,\"],\"]"), Some(vec![1..2, 4..12, 14..18]));
        assert_eq!(
            (elements(b"null"), elements(b"{}"), elements(b"[]"), elements(b"[1")),
            (None, None, Some(vec![]), None)
        );
        let body = br#"[{"r":[1,2]},{"r":[3]}]"#;
        let inner = find(body, &[], Some(&path("1.r"))).unwrap().elements.unwrap();
        assert_eq!(inner.into_iter().map(|range| &body[range]).collect::<Vec<_>>(), [b"3"]);
    }

    #[test]
    fn scalars_are_told_as_text() {
        for (json, text) in [
            (r#""a\n""#, Some("a\n")),
            ("9007199254740993", Some("9007199254740993")),
            ("123456789012345678901234567890", Some("123456789012345678901234567890")),
            ("1.5", Some("1.5")),
            ("false", Some("false")),
            ("null", None),
            ("[]", None),
            ("{}", None),
        ] {
            assert_eq!(scalar(json.as_bytes()).unwrap().as_deref(), text, "{json}");
        }
        assert!(scalar(b"\"\xff\"").is_err());
    }

    #[test]
    fn what_is_cut_off_is_no_json() {
        for body in ["", "{", r#"{"r":[{"id":1},"#, r#"{"r":[{"id":1}]"#, r#"{"r":[]} x"#] {
            assert!(find(body.as_bytes(), &[], Some(&path("r"))).is_err(), "{body}");
        }
    }
}
