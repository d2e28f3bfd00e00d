//! Finding one's way in an answer: where its records lie and what a few of its members say.

use std::ops::Range;

use jiter::JiterError;

pub(crate) use crate::decode::path::{Path, path, scalars};
use crate::decode::path::{find, scalar};

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Located {
    /// Where each record lies; `None` when there is no array at the path.
    pub(crate) records: Option<Vec<Range<usize>>>,
    /// The scalars as text, in the order asked for; `None` for those that are absent, null or no scalars.
    pub(crate) scalars: Vec<Option<String>>,
    /// Those that are arrays or objects instead, by their place among what was asked for.
    pub(crate) odd: Vec<usize>,
}

/// Locates the array of records at `records` (the whole body, for an empty path) and the scalars at those paths.
pub(crate) fn locate(body: &[u8], records: Option<&[String]>, scalars: &[Path]) -> Result<Located, String> {
    let garbled = |error: JiterError| format!("the answer is no JSON: {error}");
    let located = find(body, scalars, records).map_err(garbled)?;
    let mut found = Located { records: located.elements, ..Located::default() };
    for (index, place) in located.values.into_iter().enumerate() {
        let value = place.map(|range| &body[range]);
        if value.is_some_and(|value| value.starts_with(b"{") || value.starts_with(b"[")) {
            found.odd.push(index);
        }
        found.scalars.push(value.map(scalar).transpose().map_err(garbled)?.flatten());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_records_and_scalars_in_any_order() {
        let body = br#"{"x":[1,{"results":[]}],"paging":{"next":{"after":"42","link":null}},"results":[ {"id":1} ,{"id":"b,]"}],"hasMore":false}"#;
        let after = path("paging.next.after");
        let asked = [after.clone(), path("hasMore"), path("paging.next.link"), path("no"), path("paging.next"), after];
        let found = locate(body, Some(&path("results")), &asked).unwrap();
        let records: Vec<&[u8]> = found.records.unwrap().into_iter().map(|range| &body[range]).collect();
        assert_eq!(records, [&br#"{"id":1}"#[..], &br#"{"id":"b,]"}"#[..]]);
        let texts: Vec<Option<&str>> = found.scalars.iter().map(Option::as_deref).collect();
        assert_eq!(texts, [Some("42"), Some("false"), None, None, None, Some("42")]);
        assert_eq!(found.odd, [4]);
    }

    #[test]
    fn takes_a_bare_array_and_tells_a_missing_one() {
        assert_eq!(locate(b"[1, 2]", Some(&[]), &[]).unwrap().records.unwrap(), [1..2, 4..5]);
        assert!(locate(br#"{"results":{}}"#, Some(&path("results")), &[]).unwrap().records.is_none());
        assert!(locate(br#"{"results":["#, Some(&path("results")), &[]).is_err());
    }
}
