//! Records made anew from parts of others, as JSON text: values are copied as they are written, so no digit is lost.

use std::ops::Range;

use jiter::{Jiter, Peek};

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

/// The members of an object; `None` for what is none.
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
