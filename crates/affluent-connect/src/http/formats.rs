//! Bodies that are not one JSON value: a JSON object on each line, or CSV with a header.

use std::ops::Range;

use bytes::Bytes;
use jiter::Jiter;

use super::client::Unread;
use super::record;

/// A body with its records located.
pub(crate) type Records = (Bytes, Vec<Range<usize>>);

/// The lines of a body, those that are not blank.
pub(crate) fn ndjson(body: &Bytes) -> Result<Records, Unread> {
    let mut records = Vec::new();
    let mut start = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let trimmed = line.trim_ascii();
        if !trimmed.is_empty() {
            let lead = line.len() - line.trim_ascii_start().len();
            records.push(start + lead..start + lead + trimmed.len());
        }
        start += line.len();
    }
    if let Some(last) = records.last().filter(|_| !body.ends_with(b"\n")) {
        let mut jiter = Jiter::new(&body[last.clone()]);
        let whole = jiter.peek().and_then(|peek| jiter.known_skip(peek)).and_then(|()| jiter.finish());
        whole.map_err(|error| Unread::Garbled(format!("the answer's last line is no JSON: {error}")))?;
    }
    Ok((body.clone(), records))
}

/// The lines of a table as objects of texts by the names in its header; an empty cell is null.
pub(crate) fn csv(body: &Bytes) -> Result<Records, Unread> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let unexpected = |error: csv::Error| Unread::Unexpected(format!("the answer is no CSV: {error}"));
    let header = reader.headers().map_err(unexpected)?.clone();
    if header.is_empty() {
        return Err(Unread::Garbled("the answer has no header".to_owned()));
    }
    let (mut made, mut records) = (Vec::with_capacity(body.len() * 2), Vec::new());
    for line in reader.records() {
        let line = line.map_err(unexpected)?;
        let cells: Vec<String> = line
            .iter()
            .map(|cell| if cell.is_empty() { "null".to_owned() } else { serde_json::Value::from(cell).to_string() })
            .collect();
        let start = made.len();
        record::write(&mut made, header.iter().zip(cells.iter().map(String::as_bytes)), b"");
        records.push(start..made.len());
    }
    Ok((made.into(), records))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts((body, records): Records) -> Vec<String> {
        records.into_iter().map(|range| String::from_utf8_lossy(&body[range]).into_owned()).collect()
    }

    #[test]
    fn lines_are_records() {
        let body = Bytes::from_static(b"{\"a\":1}\r\n\n  {\"a\":2} \n{\"a\":3}");
        assert_eq!(texts(ndjson(&body).ok().unwrap()), [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#]);
        assert!(matches!(ndjson(&Bytes::from_static(b"{\"a\":1}\n{\"a\":")), Err(Unread::Garbled(_))));
        // A line inside that is no JSON is refused where it is decoded.
        assert_eq!(texts(ndjson(&Bytes::from_static(b"x\n")).ok().unwrap()), ["x"]);
    }

    #[test]
    fn cells_are_texts_by_name() {
        let body = Bytes::from_static("\u{feff}id,note,n\n1,\"a \"\"b\"\",\nc\",\n2,,3\n".as_bytes());
        assert_eq!(
            texts(csv(&body).ok().unwrap()),
            [r#"{"id":"1","note":"a \"b\",\nc","n":null}"#, r#"{"id":"2","note":null,"n":"3"}"#]
        );
        assert!(matches!(csv(&Bytes::from_static(b"a,b\n1\n")), Err(Unread::Unexpected(_))));
        assert!(matches!(csv(&Bytes::new()), Err(Unread::Garbled(_))));
        assert_eq!(texts(csv(&Bytes::from_static(b"a,b\n")).ok().unwrap()), Vec::<String>::new());
    }
}
