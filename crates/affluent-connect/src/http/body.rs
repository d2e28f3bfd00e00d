//! Finding one's way in an answer: where its records lie and what a few of its members say, in one pass, without building
//! values for what is not asked for.

use std::ops::Range;

use jiter::{Jiter, JiterError, NumberAny, Peek};

/// A path of members, from the outside in.
pub(crate) type Path = Vec<String>;

/// The path that dots separate.
pub(crate) fn path(dotted: &str) -> Path {
    dotted.split('.').map(str::to_owned).collect()
}

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
    let mut found = Located { records: None, scalars: vec![None; scalars.len()], odd: Vec::new() };
    let mut targets: Vec<(Target, &[String])> =
        scalars.iter().enumerate().map(|(index, path)| (Target::Scalar(index), path.as_slice())).collect();
    targets.extend(records.map(|path| (Target::Records, path)));
    let mut jiter = Jiter::new(body);
    let ended =
        jiter.peek().and_then(|peek| walk(&mut jiter, peek, &targets, &mut found)).and_then(|()| jiter.finish());
    ended.map_err(|error| format!("the answer is no JSON: {error}"))?;
    Ok(found)
}

/// The scalars of one record.
pub(crate) fn scalars(record: &[u8], paths: &[Path]) -> Vec<Option<String>> {
    locate(record, None, paths).map_or_else(|_| vec![None; paths.len()], |found| found.scalars)
}

#[derive(Clone, Copy)]
enum Target {
    Records,
    Scalar(usize),
}

fn walk(
    jiter: &mut Jiter<'_>,
    peek: Peek,
    targets: &[(Target, &[String])],
    found: &mut Located,
) -> Result<(), JiterError> {
    for (target, path) in targets {
        match target {
            Target::Records if path.is_empty() && peek == Peek::Array => {
                found.records = Some(elements(jiter)?);
                return Ok(());
            }
            Target::Scalar(_) if path.is_empty() => {
                let value = scalar(jiter, peek)?;
                // One member may be asked for twice.
                for (target, path) in targets {
                    if let Target::Scalar(index) = target
                        && path.is_empty()
                    {
                        if matches!(peek, Peek::Array | Peek::Object) {
                            found.odd.push(*index);
                        }
                        found.scalars[*index].clone_from(&value);
                    }
                }
                return Ok(());
            }
            _ => {}
        }
    }
    if peek != Peek::Object || targets.is_empty() {
        return jiter.known_skip(peek);
    }
    let mut inner = Vec::with_capacity(targets.len());
    let mut key = jiter.known_object()?;
    while let Some(name) = key {
        inner.clear();
        inner.extend(targets.iter().filter_map(|(target, path)| match path.split_first() {
            Some((first, rest)) if first == name => Some((*target, rest)),
            // A name may have dots itself: `@odata.nextLink`.
            Some((_, rest)) if name.contains('.') && name.split('.').eq(path.iter()) => {
                Some((*target, &rest[rest.len()..]))
            }
            _ => None,
        }));
        let peek = jiter.peek()?;
        walk(jiter, peek, &inner, found)?;
        key = jiter.next_key()?;
    }
    Ok(())
}

fn elements(jiter: &mut Jiter<'_>) -> Result<Vec<Range<usize>>, JiterError> {
    let mut ranges = Vec::new();
    let mut element = jiter.known_array()?;
    while let Some(peek) = element {
        let start = jiter.current_index();
        jiter.known_skip(peek)?;
        ranges.push(start..jiter.current_index());
        element = jiter.array_step()?;
    }
    Ok(ranges)
}

fn scalar(jiter: &mut Jiter<'_>, peek: Peek) -> Result<Option<String>, JiterError> {
    Ok(match peek {
        Peek::String => Some(jiter.known_str()?.to_owned()),
        Peek::True | Peek::False => Some(jiter.known_bool(peek)?.to_string()),
        peek if peek.is_num() => Some(match jiter.known_number(peek)? {
            NumberAny::Int(number) => match number {
                jiter::NumberInt::Int(small) => small.to_string(),
                jiter::NumberInt::BigInt(big) => big.to_string(),
            },
            NumberAny::Float(number) => number.to_string(),
        }),
        other => {
            jiter.known_skip(other)?;
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_records_and_scalars_in_any_order() {
        let body = br#"{"x":[1,{"results":[]}],"paging":{"next":{"after":"42","link":null}},"results":[ {"id":1} ,{"id":"b,]"}],"hasMore":false,"n":9007199254740993}"#;
        let after = path("paging.next.after");
        let asked = [after.clone(), path("hasMore"), path("n"), path("paging.next.link"), path("no"), after];
        let found = locate(body, Some(&path("results")), &asked).unwrap();
        let records: Vec<&[u8]> = found.records.unwrap().into_iter().map(|range| &body[range]).collect();
        assert_eq!(records, [&br#"{"id":1}"#[..], &br#"{"id":"b,]"}"#[..]]);
        let text = |index: usize| found.scalars[index].as_deref();
        assert_eq!(
            [text(0), text(1), text(2), text(3), text(4), text(5)],
            [Some("42"), Some("false"), Some("9007199254740993"), None, None, Some("42")]
        );
    }

    #[test]
    fn a_name_may_have_dots_itself() {
        let body = br#"{"@odata.context":"c","@odata.nextLink":"https://x","a":{"b":2}}"#;
        let found = locate(body, None, &[path("@odata.nextLink"), path("a.b")]).unwrap();
        assert_eq!(found.scalars, [Some("https://x".to_owned()), Some("2".to_owned())]);
    }

    #[test]
    fn takes_a_bare_array_and_tells_a_missing_one() {
        assert_eq!(locate(b"[1, 2]", Some(&[]), &[]).unwrap().records.unwrap(), [1..2, 4..5]);
        assert!(locate(br#"{"results":{}}"#, Some(&path("results")), &[]).unwrap().records.is_none());
    }

    #[test]
    fn a_body_cut_off_is_an_error() {
        for body in ["", "{", r#"{"results":[{"id":1},"#, r#"{"results":[{"id":1}]"#, r#"{"results":[]} x"#] {
            assert!(locate(body.as_bytes(), Some(&path("results")), &[]).is_err(), "{body}");
        }
    }
}
