//! Records made anew from parts of others, as JSON text: values are copied as they are written, so no digit is lost.

use std::ops::Range;

use jiter::{Jiter, JiterError, Peek};

use super::body::Path;

/// Where the values at those paths lie; `None` for what is absent.
pub(crate) fn pick(record: &[u8], paths: &[Path]) -> Vec<Option<Range<usize>>> {
    let mut found = vec![None; paths.len()];
    let targets: Vec<(usize, &[String])> = paths.iter().map(Vec::as_slice).enumerate().collect();
    let mut jiter = Jiter::new(record);
    // What is no JSON is refused where it is decoded.
    let _ = jiter.peek().and_then(|peek| walk(&mut jiter, peek, &targets, &mut found));
    found
}

fn walk(
    jiter: &mut Jiter<'_>,
    peek: Peek,
    targets: &[(usize, &[String])],
    found: &mut [Option<Range<usize>>],
) -> Result<(), JiterError> {
    let start = jiter.current_index();
    if peek == Peek::Object && targets.iter().any(|(_, path)| !path.is_empty()) {
        let mut key = jiter.known_object()?;
        while let Some(name) = key {
            let inner: Vec<(usize, &[String])> = targets
                .iter()
                .filter_map(|(index, path)| match path.split_first() {
                    Some((first, rest)) if first == name => Some((*index, rest)),
                    _ => None,
                })
                .collect();
            let peek = jiter.peek()?;
            walk(jiter, peek, &inner, found)?;
            key = jiter.next_key()?;
        }
    } else {
        jiter.known_skip(peek)?;
    }
    for (index, _) in targets.iter().filter(|(_, path)| path.is_empty()) {
        found[*index] = Some(start..jiter.current_index());
    }
    Ok(())
}

/// Where the elements of an array lie; `None` for null and what is no array.
pub(crate) fn elements(array: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut jiter = Jiter::new(array);
    if jiter.peek().ok()? != Peek::Array {
        return None;
    }
    let mut found = Vec::new();
    let mut element = jiter.known_array().ok()?;
    while let Some(peek) = element {
        let start = jiter.current_index();
        jiter.known_skip(peek).ok()?;
        found.push(start..jiter.current_index());
        element = jiter.array_step().ok()?;
    }
    Some(found)
}

/// Writes an object with these members before those of `rest`.
pub(crate) fn write<'a>(out: &mut Vec<u8>, members: impl IntoIterator<Item = (&'a str, &'a [u8])>, rest: &[u8]) {
    out.push(b'{');
    let mut first = true;
    for (name, value) in members {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        name_of(out, name);
        out.extend_from_slice(value);
    }
    let inner = rest.strip_prefix(b"{").map_or(&b"}"[..], <[u8]>::trim_ascii_start);
    if !first && inner != b"}" {
        out.push(b',');
    }
    out.extend_from_slice(inner);
}

fn name_of(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
    out.push(b':');
}

/// Writes both objects as one: what both have is taken from the first, but for objects, which are put together likewise.
pub(crate) fn merge(out: &mut Vec<u8>, one: &[u8], other: &[u8]) {
    let (Some(ours), Some(theirs)) = (members(one), members(other)) else {
        return out.extend_from_slice(one);
    };
    out.push(b'{');
    let mut first = true;
    let mut begin = |out: &mut Vec<u8>, name: &str| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        name_of(out, name);
    };
    for (name, value) in &ours {
        begin(out, name);
        match theirs.iter().find(|(other, _)| other == name) {
            Some((_, also)) => merge(out, &one[value.clone()], &other[also.clone()]),
            None => out.extend_from_slice(&one[value.clone()]),
        }
    }
    for (name, value) in theirs.iter().filter(|(name, _)| !ours.iter().any(|(own, _)| own == name)) {
        begin(out, name);
        out.extend_from_slice(&other[value.clone()]);
    }
    out.push(b'}');
}

fn members(object: &[u8]) -> Option<Vec<(String, Range<usize>)>> {
    let mut jiter = Jiter::new(object);
    if jiter.peek().ok()? != Peek::Object {
        return None;
    }
    let mut found = Vec::new();
    let mut key = jiter.known_object().ok()?.map(str::to_owned);
    while let Some(name) = key {
        let peek = jiter.peek().ok()?;
        let start = jiter.current_index();
        jiter.known_skip(peek).ok()?;
        found.push((name, start..jiter.current_index()));
        key = jiter.next_key().ok()?.map(str::to_owned);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::path;

    #[test]
    fn values_are_copied_as_they_are_written() {
        let record = br#"{"id": 12345678901234567890.10, "a": {"b": [1, {"x": 2}], "s": "\u00e9"}, "n": null}"#;
        let picked = pick(record, &[path("id"), path("a.b"), path("a"), path("n"), path("a.c")]);
        let text =
            |index: usize| picked[index].clone().map(|range| String::from_utf8_lossy(&record[range]).into_owned());
        assert_eq!(text(0).as_deref(), Some("12345678901234567890.10"));
        assert_eq!(text(1).as_deref(), Some(r#"[1, {"x": 2}]"#));
        assert_eq!(text(2).as_deref(), Some(r#"{"b": [1, {"x": 2}], "s": "\u00e9"}"#));
        assert_eq!((text(3).as_deref(), text(4)), (Some("null"), None));
        let array = picked[1].clone().map(|range| &record[range]).unwrap();
        assert_eq!(elements(array).unwrap(), [1..2, 4..12]);
        assert_eq!((elements(b"null"), elements(b"[]")), (None, Some(vec![])));
    }

    #[test]
    fn objects_are_written_and_put_together() {
        for (rest, written) in
            [("{ \"y\": 1 }", r#"{"a \"b":7,"y": 1 }"#), ("{ }", r#"{"a \"b":7}"#), ("", r#"{"a \"b":7}"#)]
        {
            let mut out = Vec::new();
            write(&mut out, [("a \"b", &b"7"[..])], rest.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
        let mut out = Vec::new();
        merge(&mut out, br#"{"id":1,"p":{"a":1.10}}"#, br#"{"p":{"b":{"c":2}},"id":1,"q":[]}"#);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"id":1,"p":{"a":1.10,"b":{"c":2}},"q":[]}"#);
    }
}
