//! From page to page: what an answer says of the next one, and how a request asks for it.
//!
//! A list ends where the server says so. What would never end is an error: a next page that was asked for before, the same
//! records over and over, empty pages without end.

use std::collections::HashSet;

use affluent_spec::connector::Next;
use serde_json::{Map, Value as Json};
use xxhash_rust::xxh3::xxh3_128;

use super::body::{Path, path, scalars};
use super::client::Call;
use super::links::{absolute, link};
use super::offsets::{Joint, Mark, Offsets};
use super::producer::Parts;
use crate::SourceError;

/// How often an empty page may name one that was asked for already.
pub(crate) const PATIENCE_WITH_EMPTY: usize = 10;
/// How many pages in a row may be empty.
const MOST_EMPTY: usize = 1_000;
/// How many pages in a row may hold the same records.
const MOST_SAME: usize = 3;

/// The way through the pages of one list.
pub(crate) struct Walk {
    next: Option<Next>,
    /// The keys of records, which tell one page from another.
    key: Vec<Path>,
    /// What the page to ask for is named by; `None` for the first one, and after the last.
    at: Option<String>,
    /// The way by offset, for lists of that kind.
    offsets: Offsets,
    /// Pages passed.
    pages: u64,
    seen: HashSet<u128>,
    repeats: usize,
    empty: usize,
    same: usize,
    last_page: Option<u128>,
}

impl Walk {
    /// From the first page on, or from the one that is named so.
    pub(crate) fn new(next: Option<&Next>, key: Vec<Path>, at: Option<String>) -> Self {
        let from = at.as_ref().and_then(|at| at.parse().ok()).unwrap_or_default();
        Self {
            next: next.cloned(),
            key,
            at,
            offsets: Offsets::new(from),
            pages: 0,
            seen: HashSet::new(),
            repeats: 0,
            empty: 0,
            same: 0,
            last_page: None,
        }
    }

    /// What names the next page; none after the last one.
    pub(crate) fn at(&self) -> Option<&str> {
        self.at.as_deref()
    }

    /// Whether the last page was passed.
    pub(crate) fn ended(&self) -> bool {
        self.pages > 0 && self.at.is_none()
    }

    /// Pages passed.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    /// The paths of what an answer says of the next page: that which names it, `more`, `end`.
    pub(crate) fn asked(&self) -> Vec<Path> {
        let named = |name: Option<&str>, more: Option<&String>, end: Option<&String>| {
            [name, more.map(String::as_str), end.map(String::as_str)].into_iter().flatten().map(path).collect()
        };
        match &self.next {
            None | Some(Next::Link(_)) => Vec::new(),
            Some(Next::Url(from)) => vec![path(from)],
            Some(Next::Token { from, more, end, .. }) => named(Some(from), more.as_ref(), end.as_ref()),
            Some(Next::Offset { total, .. }) => named(total.as_deref(), None, None),
            Some(Next::Page { more, end, .. } | Next::Last { more, end, .. }) => {
                named(None, more.as_ref(), end.as_ref())
            }
        }
    }

    /// The request for the page that comes now.
    pub(crate) fn ask(&self, mut call: Call) -> Result<Call, SourceError> {
        match (&self.next, &self.at) {
            // Asked for anew, since it was empty and is not the last.
            (Some(Next::Last { .. }), Some(first)) if first.is_empty() => {}
            (Some(Next::Url(_) | Next::Link(_)), Some(url)) => follow(&mut call, url),
            (Some(Next::Token { param, .. } | Next::Last { param, .. }), Some(token)) => {
                put(&mut call, param, token, false)?;
            }
            (Some(Next::Offset { param, .. }), _) => put(&mut call, param, &self.offsets.at().to_string(), true)?,
            (Some(Next::Page { param, first, .. }), at) => {
                put(&mut call, param, at.as_deref().unwrap_or(&first.to_string()), true)?;
            }
            _ => {}
        }
        Ok(call)
    }

    /// Whether a page goes on where the one before it ended; where it does not, the one to ask for comes in its place.
    pub(crate) fn join(&mut self, parts: &Parts) -> Joint {
        if !matches!(self.next, Some(Next::Offset { .. })) {
            return Joint::Fits;
        }
        let records = parts.records.iter().map(|range| &parts.body[range.clone()]);
        let marks: Vec<Mark> = records.map(|record| (self.identity(record), xxh3_128(record))).collect();
        self.offsets.join(&marks)
    }

    /// Takes a page in, and with it what the next one is named by. What the page before held already is left out of it.
    pub(crate) fn pass(&mut self, parts: &mut Parts) -> Result<(), String> {
        self.pages += 1;
        let next = self.named(parts)?;
        self.guard(parts, next.as_deref())?;
        self.at = next;
        let mut new = self.offsets.new_ones().iter();
        parts.records.retain(|_| new.next().copied().unwrap_or(true));
        Ok(())
    }

    fn named(&self, parts: &Parts) -> Result<Option<String>, String> {
        let (none, passed) = (parts.records.is_empty(), self.offsets.passed());
        let told = |index: usize| parts.scalars.get(index).and_then(Option::as_deref);
        // Whether `more` and `end`, which stand from `index` on, say that this is the last page; nothing where they do not.
        let verdict = |index: usize, more: &Option<String>, end: &Option<String>| {
            let last = [more.as_ref().map(|_| ["false", "0"]), end.as_ref().map(|_| ["true", "1"])];
            let said: Vec<bool> = last
                .into_iter()
                .flatten()
                .enumerate()
                .filter_map(|(at, last)| told(index + at).map(|told| last.contains(&told)))
                .collect();
            (!said.is_empty()).then(|| said.contains(&true))
        };
        Ok(match &self.next {
            None => None,
            Some(kind @ (Next::Url(_) | Next::Link(_))) => {
                let found = match kind {
                    Next::Link(relation) => parts.links.iter().find_map(|header| link(header, relation)),
                    _ => told(0).filter(|url| !url.is_empty()),
                };
                found.map(|target| absolute(&parts.asked, target)).transpose()?
            }
            Some(Next::Token { from, more, end, .. }) => {
                let token = told(0).filter(|token| !token.is_empty());
                match (verdict(1, more, end), token) {
                    (Some(true), _) => None,
                    (Some(false), None) if !parts.blank => {
                        return Err(format!("the answer says that more follows, but names nothing at `{from}`"));
                    }
                    (_, token) => token.map(str::to_owned),
                }
            }
            Some(Next::Offset { total: None, .. }) => (!self.offsets.is_spent()).then(|| passed.to_string()),
            // Where there is nothing some leave the total out, too.
            Some(Next::Offset { total: Some(_), .. }) if parts.blank || (none && told(0).is_none()) => None,
            Some(Next::Offset { total: Some(total), .. }) => {
                let all: u64 = told(0)
                    .and_then(|told| told.parse().ok())
                    .ok_or_else(|| format!("`{total}` of the answer is no number of records"))?;
                (passed < all).then(|| passed.to_string())
            }
            Some(Next::Page { first, more, end, .. }) => match verdict(0, more, end) {
                Some(true) => None,
                None if none => None,
                _ => Some((first + self.pages).to_string()),
            },
            Some(Next::Last { field, more, end, .. }) => match verdict(0, more, end) {
                Some(true) => None,
                None if none => None,
                // An empty page that is not the last is asked for again.
                _ if none => Some(self.at.clone().unwrap_or_default()),
                _ => {
                    let last = parts.records.last().map(|range| &parts.body[range.clone()]).unwrap_or_default();
                    let value = scalars(last, &[path(field)]).pop().flatten();
                    Some(value.ok_or_else(|| format!("the page's last record has no `{field}`"))?)
                }
            },
        })
    }

    fn guard(&mut self, parts: &Parts, next: Option<&str>) -> Result<(), String> {
        let Some(next) = next else { return Ok(()) };
        let none = parts.records.is_empty();
        self.empty = if none { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY {
            return Err(format!("the server gives more than {MOST_EMPTY} empty pages in a row"));
        }
        // An empty page may name a page again for a while; with records, it would be read for ever. An offset comes again where
        // records have moved up.
        let by_offset = matches!(self.next, Some(Next::Offset { .. }));
        let known = match self.next {
            Some(Next::Offset { .. }) => self.at.as_deref() == Some(next) && !self.offsets.new_ones().contains(&true),
            _ => self.at.as_deref() == Some(next) || !self.seen.insert(xxh3_128(next.as_bytes())),
        };
        self.repeats = if known { self.repeats + 1 } else { 0 };
        if self.repeats > if none || by_offset { PATIENCE_WITH_EMPTY } else { 0 } {
            return Err("the server names the same page as the next one over and over".to_owned());
        }
        if !none {
            let page = self.fingerprint(parts);
            self.same = if self.last_page == Some(page) { self.same + 1 } else { 1 };
            self.last_page = Some(page);
            if self.same >= MOST_SAME {
                return Err("the server gives the same records as the next page over and over".to_owned());
            }
        }
        Ok(())
    }

    /// What a page is known again by: how many records it has, the first and the last one.
    fn fingerprint(&self, parts: &Parts) -> u128 {
        let ends = parts.records.first().into_iter().chain(parts.records.last());
        let mut text = parts.records.len().to_string();
        text.extend(ends.map(|range| format!(" {}", self.identity(&parts.body[range.clone()]))));
        xxh3_128(text.as_bytes())
    }

    /// What a record is known again by: its key, or all of it where it has none yet.
    fn identity(&self, record: &[u8]) -> u128 {
        let key: Vec<String> = scalars(record, &self.key).into_iter().flatten().collect();
        if key.is_empty() { xxh3_128(record) } else { xxh3_128(key.join("\u{0}").as_bytes()) }
    }
}

/// Asks for a URL that the server gave, as it is.
pub(crate) fn follow(call: &mut Call, url: &str) {
    url.clone_into(&mut call.target);
    call.query.clear();
}

/// Puts a parameter in its place: into the body of a POST, else into the query.
pub(crate) fn put(call: &mut Call, param: &str, value: &str, number: bool) -> Result<(), SourceError> {
    let Some(json) = &call.json else {
        call.query.retain(|(name, _)| name != param);
        call.query.push((param.to_owned(), value.to_owned()));
        return Ok(());
    };
    let mut body: Map<String, Json> =
        serde_json::from_slice(json).map_err(|error| SourceError::failed(&call.target, error.to_string()))?;
    let count = value.parse::<u64>().ok().filter(|_| number);
    body.insert(param.to_owned(), count.map_or_else(|| value.into(), Json::from));
    call.json = Some(Json::Object(body).to_string().into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http::body::locate;

    fn next(yaml: &str) -> Next {
        affluent_spec::read::<Next>("n.yaml", yaml).unwrap().value
    }

    fn page(walk: &Walk, body: &str, link: Option<&str>) -> Parts {
        let body = Bytes::from(body.to_owned());
        let found = locate(&body, Some(&path("r")), &walk.asked()).unwrap();
        Parts {
            records: found.records.unwrap(),
            scalars: found.scalars,
            body,
            links: link.map(str::to_owned).into_iter().collect(),
            asked: "/v1/list?x=1".into(),
            blank: false,
            also: Vec::new(),
            time: chrono::DateTime::UNIX_EPOCH,
            requests: 1,
        }
    }

    fn take(walk: &mut Walk, mut parts: Parts) -> Result<(), String> {
        assert_eq!(walk.join(&parts), Joint::Fits);
        walk.pass(&mut parts)
    }

    fn walk(yaml: &str) -> Walk {
        Walk::new(Some(&next(yaml)), vec![path("id")], None)
    }

    #[test]
    fn each_kind_goes_on_and_ends_as_the_server_says() {
        let one = r#""r":[{"id":7}]"#;
        for (kind, members, expected) in [
            ("token: { from: n, param: p }", r#","n":"x""#, Some("x")),
            ("token: { from: n, param: p }", r#","n":"""#, None),
            ("token: { from: n, param: p, more: m }", r#","n":"x","m":false"#, None),
            ("token: { from: n, param: p, more: m }", r#","n":"x""#, Some("x")),
            ("token: { from: n, param: p, end: e }", r#","n":"x","e":true"#, None),
            ("token: { from: n, param: p, end: e }", r#","n":"x","e":false"#, Some("x")),
            ("url: n", r#","n":"https://a.com/2""#, Some("https://a.com/2")),
            ("offset: { param: p, total: t }", r#","t":1"#, None),
            ("offset: { param: p, total: t }", r#","t":"2""#, Some("1")),
            ("offset: { param: p }", "", Some("1")),
            ("page: { param: p }", "", Some("2")),
            ("page: { param: p, first: 0, more: m }", r#","m":true"#, Some("1")),
            ("page: { param: p, more: m }", r#","m":false"#, None),
            ("last: { param: p, field: id, more: m }", r#","m":true"#, Some("7")),
            ("last: { param: p, field: id, more: m }", r#","m":false"#, None),
        ] {
            let mut walk = walk(kind);
            let parts = page(&walk, &format!("{{{one}{members}}}"), None);
            assert_eq!(take(&mut walk, parts), Ok(()), "{kind}");
            assert_eq!((walk.at(), walk.ended()), (expected, expected.is_none()), "{kind} {members}");
        }
        for (kind, members, expected) in [
            ("offset: { param: p }", "", None),
            ("page: { param: p }", "", None),
            ("page: { param: p, more: m }", r#","m":true"#, Some("2")),
            ("last: { param: p, field: id }", "", None),
        ] {
            let mut walk = walk(kind);
            let parts = page(&walk, &format!("{{\"r\":[]{members}}}"), None);
            take(&mut walk, parts).unwrap();
            assert_eq!(walk.at(), expected, "{kind} {members}");
        }
    }

    #[test]
    fn what_would_end_a_list_early_is_an_error() {
        for (kind, body) in [
            ("token: { from: n, param: p, more: m }", r#"{"r":[{"id":7}],"m":true}"#),
            ("offset: { param: p, total: t }", r#"{"r":[{"id":7}]}"#),
            ("last: { param: p, field: at, more: m }", r#"{"r":[{"id":7}],"m":true}"#),
        ] {
            let mut walk = walk(kind);
            let parts = page(&walk, body, None);
            assert!(take(&mut walk, parts).is_err(), "{kind}");
        }
    }

    #[test]
    fn what_never_ends_is_an_error() {
        // The server knows no such parameter, and gives its first page for ever.
        for kind in ["offset: { param: p }", "page: { param: p }", "last: { param: p, field: id }"] {
            let mut walk = walk(kind);
            let failed = (0..9).find_map(|_| {
                let parts = page(&walk, r#"{"r":[{"id":7},{"id":8}]}"#, None);
                take(&mut walk, parts).err()
            });
            assert!(failed.is_some_and(|what| what.contains("over and over")), "{kind}");
        }
        // Tokens in a circle; the same token with empty pages; new tokens with empty pages.
        let mut circle = walk("token: { from: n, param: p }");
        let failed = (0..9).find_map(|at| {
            let body = format!("{{\"r\":[{{\"id\":{at}}}],\"n\":\"{}\"}}", ["a", "b", "c"][at % 3]);
            let parts = page(&circle, &body, None);
            take(&mut circle, parts).err().map(|_| at)
        });
        assert_eq!(failed, Some(3));
        for (token, most) in [(None, PATIENCE_WITH_EMPTY + 1), (Some("new"), MOST_EMPTY)] {
            let mut walk = walk("token: { from: n, param: p }");
            let failed = (0..2_000).find(|at| {
                let name = token.map_or_else(|| "same".to_owned(), |token| format!("{token}{at}"));
                let parts = page(&walk, &format!("{{\"r\":[],\"n\":\"{name}\"}}"), None);
                take(&mut walk, parts).is_err()
            });
            assert_eq!(failed, Some(most));
        }
    }

    #[test]
    fn links_are_followed_by_relation() {
        let header = r#"</v1/list?p=1>; rel=first, <?p=3>; rel="next""#;
        let mut walk = walk("link: next");
        let parts = page(&walk, r#"{"r":[{"id":1}]}"#, Some(header));
        take(&mut walk, parts).unwrap();
        assert_eq!(walk.at(), Some("/v1/list?p=3"));
    }

    #[test]
    fn parameters_go_where_the_request_has_its_own() {
        let mut call = Call {
            method: reqwest::Method::GET,
            target: "/x".into(),
            query: vec![("page".into(), "0".into())],
            headers: reqwest::header::HeaderMap::new(),
            json: None,
            rules: Vec::new(),
        };
        put(&mut call, "page", "2", true).unwrap();
        assert_eq!(call.query, [("page".to_owned(), "2".to_owned())]);
        call.json = Some(Bytes::from_static(b"{\"limit\":5}"));
        put(&mut call, "offset", "10", true).unwrap();
        assert_eq!(call.json.as_deref(), Some(&br#"{"limit":5,"offset":10}"#[..]));
    }
}
