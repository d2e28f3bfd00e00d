//! From the records of an answer to those of the stream: elements of arrays taken out, tombstones told from the rest.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::plan::{DeletesPlan, StreamPlan};
use super::producer::{Deleted, Parts};
use super::record::write;
use crate::SourceError;
use crate::decode::path::{Path, elements, find, path, places, scalars};

/// The records of a page, as they are handed over.
pub(crate) struct Shaped {
    pub(crate) body: Bytes,
    pub(crate) records: Vec<Range<usize>>,
    pub(crate) deleted: Deleted,
    pub(crate) time: DateTime<Utc>,
    pub(crate) requests: u32,
}

/// The stream's records in a page.
pub(crate) fn shape(plan: &StreamPlan, parts: Parts) -> Result<Shaped, SourceError> {
    let (body, records) = match &plan.explode {
        None => (parts.body, parts.records),
        Some(explode) => exploded(plan, explode, &parts)?,
    };
    let (body, records, deleted) = match &plan.deletes {
        DeletesPlan::Marked(rules) => {
            let deleted = marked(rules, &body, &records);
            (body, records, deleted)
        }
        DeletesPlan::Entries { when, tombstone } => entries(when, tombstone, body, records),
        DeletesPlan::Untold | DeletesPlan::Listed(_) | DeletesPlan::Told(..) => (body, records, Deleted::None),
    };
    Ok(Shaped { body, records, deleted, time: parts.time, requests: parts.requests })
}

/// Where an array of records lies in each record.
pub(crate) struct ExplodePlan {
    array: Path,
    /// What else of the outer record is kept, by these names.
    kept: Vec<Path>,
    names: Vec<String>,
}

impl ExplodePlan {
    pub(crate) fn new(explode: &affluent_spec::connector::Explode) -> Self {
        Self {
            array: path(&explode.path),
            kept: explode.keep.values().map(|dotted| path(dotted)).collect(),
            names: explode.keep.keys().cloned().collect(),
        }
    }
}

fn exploded(
    plan: &StreamPlan,
    explode: &ExplodePlan,
    parts: &Parts,
) -> Result<(Bytes, Vec<Range<usize>>), SourceError> {
    let (mut made, mut records) = (Vec::with_capacity(parts.body.len()), Vec::new());
    for range in &parts.records {
        let outer = &parts.body[range.clone()];
        // What is no JSON is refused where it is decoded, as what it is.
        let Ok(found) = find(outer, &explode.kept, None) else {
            let start = made.len();
            made.extend_from_slice(outer);
            records.push(start..made.len());
            continue;
        };
        let inner = elements_at(outer, &explode.array).ok_or_else(|| {
            let what = format!("`{}` of a record is no array", explode.array.join("."));
            SourceError::failed(&plan.name, what)
        })?;
        let kept = explode.names.iter().zip(found.values);
        let kept: Vec<(&str, &[u8])> = kept.filter_map(|(name, range)| Some((name.as_str(), &outer[range?]))).collect();
        for element in inner {
            let start = made.len();
            if element.starts_with(b"{") {
                write(&mut made, kept.iter().copied(), element);
            } else {
                // Refused where it is decoded, as what it is.
                made.extend_from_slice(element);
            }
            records.push(start..made.len());
        }
    }
    Ok((made.into(), records))
}

/// The elements of the array at that path, or of all where an array lies on the way; none of what is absent or null.
fn elements_at<'a>(value: &'a [u8], path: &[String]) -> Option<Vec<&'a [u8]>> {
    let at = |path: &[String]| places(value, &[path.to_vec()]).pop().flatten().map(|range| &value[range]);
    let Some((first, rest)) = path.split_first() else {
        let none = (value == b"null").then(Vec::new);
        return none.or_else(|| Some(elements(value)?.into_iter().map(|range| &value[range]).collect()));
    };
    if let Some(array) = at(path) {
        return elements_at(array, &[]);
    }
    if let Some(ranges) = elements(value) {
        let each: Option<Vec<_>> = ranges.into_iter().map(|range| elements_at(&value[range], path)).collect();
        return each.map(|each| each.concat());
    }
    at(std::slice::from_ref(first)).map_or_else(|| Some(Vec::new()), |inner| elements_at(inner, rest))
}

/// Paths with what tells a deleted record there.
pub(crate) struct Marks {
    paths: Vec<Path>,
    /// The text; `None` where any will do that is neither false nor empty: a true boolean, an instant.
    texts: Vec<Option<String>>,
}

impl Marks {
    pub(crate) fn new<'a>(marks: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (paths, texts) = marks.into_iter().map(|(place, text)| (path(place), Some(text.to_owned()))).unzip();
        Self { paths, texts }
    }

    /// Of records that are deleted where that field is set.
    pub(crate) fn set(field: &str) -> Self {
        Self { paths: vec![path(field)], texts: vec![None] }
    }

    fn fit(&self, record: &[u8]) -> bool {
        scalars(record, &self.paths).iter().zip(&self.texts).all(|(found, text)| match text {
            Some(_) => found == text,
            None => found.as_ref().is_some_and(|found| !UNSET.contains(&found.as_str())),
        })
    }
}

/// What a flag says that is not set.
const UNSET: [&str; 3] = ["", "false", "0"];

/// Which records are marked as deleted.
fn marked(marks: &Marks, body: &Bytes, records: &[Range<usize>]) -> Deleted {
    let flags: Vec<bool> = records.iter().map(|range| marks.fit(&body[range.clone()])).collect();
    if flags.contains(&true) { Deleted::Each(flags) } else { Deleted::None }
}

/// How a tombstone is made of what tells a deletion: fields of the stream with their paths in it.
pub(crate) struct Tombstone {
    names: Vec<String>,
    paths: Vec<Path>,
}

impl Tombstone {
    pub(crate) fn new<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (names, paths) = fields.into_iter().map(|(name, place)| (name.to_owned(), path(place))).unzip();
        Self { names, paths }
    }

    fn write(&self, out: &mut Vec<u8>, told: &[u8]) {
        let picked = self.names.iter().zip(places(told, &self.paths));
        write(out, picked.filter_map(|(name, range)| Some((name.as_str(), &told[range?]))), b"");
    }
}

/// The records of a list of what was deleted, as tombstones.
pub(crate) fn tombstones(tombstone: &Tombstone, parts: &Parts) -> (Bytes, Vec<Range<usize>>) {
    let (mut made, mut records) = (Vec::new(), Vec::new());
    for range in &parts.records {
        let start = made.len();
        tombstone.write(&mut made, &parts.body[range.clone()]);
        records.push(start..made.len());
    }
    (made.into(), records)
}

fn entries(
    when: &Marks,
    tombstone: &Tombstone,
    body: Bytes,
    records: Vec<Range<usize>>,
) -> (Bytes, Vec<Range<usize>>, Deleted) {
    let flags: Vec<bool> = records.iter().map(|range| when.fit(&body[range.clone()])).collect();
    if !flags.contains(&true) {
        return (body, records, Deleted::None);
    }
    let (mut made, mut remade) = (Vec::with_capacity(body.len()), Vec::with_capacity(records.len()));
    for (range, gone) in records.into_iter().zip(&flags) {
        let start = made.len();
        if *gone {
            tombstone.write(&mut made, &body[range]);
        } else {
            made.extend_from_slice(&body[range]);
        }
        remade.push(start..made.len());
    }
    (made.into(), remade, Deleted::Each(flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_a_boolean_or_an_instant_that_is_set() {
        for (value, deleted) in [
            ("true", true),
            ("1", true),
            (r#""2026-01-02T03:04:05Z""#, true),
            ("false", false),
            ("0", false),
            (r#""""#, false),
            ("null", false),
        ] {
            let record = format!(r#"{{"id": 1, "gone": {value}}}"#);
            assert_eq!(Marks::set("gone").fit(record.as_bytes()), deleted, "{value}");
        }
        assert!(!Marks::set("gone").fit(br#"{"id": 1}"#));
        let value = Marks::new([("gone", "true"), ("kind", "a")]);
        assert!(value.fit(br#"{"gone": true, "kind": "a"}"#) && !value.fit(br#"{"gone": true}"#));
    }

    #[test]
    fn arrays_on_the_way_are_gone_through() {
        let record =
            br#"{"a": [{"b": [1, 2]}, {"b": null}, {}, {"b": [3]}], "c": {"d": [4]}, "e": 5, "f": null, "c.h": [6]}"#;
        let found = |dotted: &str| {
            let found = elements_at(record, &path(dotted))?;
            Some(found.into_iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect::<Vec<_>>())
        };
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(found("a.b"), texts(&["1", "2", "3"]));
        assert_eq!(found("a.3.b"), texts(&["3"]));
        assert_eq!((found("c.d"), found("c.h")), (texts(&["4"]), texts(&["6"])));
        assert_eq!((found("f"), found("g.h"), found("e")), (texts(&[]), texts(&[]), None));
    }

    #[test]
    fn tombstones_are_made_of_what_lies_at_any_path() {
        let tombstone = Tombstone::new([("id", "@odata.id"), ("n", "cells.1.value"), ("none", "cells.2")]);
        let mut made = Vec::new();
        tombstone.write(&mut made, br#"{"@odata.id":"x","reason":"deleted","cells":[{},{"value":1.10}]}"#);
        assert_eq!(String::from_utf8(made).unwrap(), r#"{"id":"x","n":1.10}"#);
        let marks = Marks::new([("cells.0", "gone"), ("@odata.type", "t")]);
        assert!(marks.fit(br#"{"cells":["gone"],"@odata.type":"t"}"#) && !marks.fit(br#"{"cells":["gone"]}"#));
    }
}
