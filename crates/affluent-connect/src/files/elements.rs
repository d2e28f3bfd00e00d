//! The records of a JSON document, cut out one by one without holding the document.

use std::io::{self, BufRead, BufReader, Read};

use super::input::CHUNK;
use super::lines::{KEPT_BYTES, RECORD_BYTES};

/// What is wrong with a document as a whole.
#[derive(Debug)]
pub(super) enum Fault {
    /// The bytes cannot be read.
    Read(io::Error),
    /// It is not what was expected, in words.
    Shape(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Walks over a document: to the array at `path`, then over its elements. Without a path the document is an array of
/// records, or records one behind the other.
pub(super) struct Elements<R> {
    input: BufReader<R>,
    path: Vec<String>,
    place: Place,
    element: Vec<u8>,
    /// The line in which the element in hand begins.
    pub(super) line: u64,
    next_line: u64,
    /// Whether the element in hand is over the bound, and so is only its beginning.
    pub(super) too_long: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    InArray,
    Between,
    End,
}

impl<R: Read> Elements<R> {
    /// `path` is dotted; empty for the document itself.
    pub(super) fn new(input: R, path: &str) -> Self {
        Self {
            input: BufReader::with_capacity(CHUNK, input),
            path: path.split('.').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
            place: Place::Start,
            element: Vec::new(),
            line: 1,
            next_line: 1,
            too_long: false,
        }
    }

    /// The element in hand.
    pub(super) fn element(&self) -> &[u8] {
        &self.element
    }

    /// What stands behind the elements.
    pub(super) fn input(&mut self) -> &mut R {
        self.input.get_mut()
    }

    /// Goes to the next element; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, Fault> {
        loop {
            match self.place {
                Place::End => return Ok(false),
                Place::Start => self.enter()?,
                Place::Between => match self.peek()? {
                    None => self.place = Place::End,
                    Some(b'[') => {
                        self.bump();
                        self.place = Place::InArray;
                    }
                    Some(b'{') => {
                        self.line = self.next_line;
                        self.take(true)?;
                        return Ok(true);
                    }
                    Some(byte) => {
                        return Err(
                            self.shape(&format!("a record or an array of them is expected, found `{}`", shown(byte)))
                        );
                    }
                },
                Place::InArray => match self.peek()? {
                    None => return Err(self.shape("the array of records breaks off")),
                    Some(b']') => {
                        self.bump();
                        self.place = if self.path.is_empty() { Place::Between } else { Place::End };
                        if self.place == Place::End {
                            io::copy(&mut self.input, &mut io::sink())?;
                        }
                    }
                    Some(b',') => self.bump(),
                    Some(_) => {
                        self.line = self.next_line;
                        self.take(true)?;
                        return Ok(true);
                    }
                },
            }
        }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        if self.path.is_empty() {
            self.place = Place::Between;
            return Ok(());
        }
        if self.peek()?.is_none() {
            self.place = Place::End;
            return Ok(());
        }
        for at in 0..self.path.len() {
            self.enter_key(at)?;
        }
        self.place = match self.peek()? {
            Some(b'[') => {
                self.bump();
                Place::InArray
            }
            _ => return Err(self.shape(&format!("`{}` is not an array", self.path.join(".")))),
        };
        Ok(())
    }

    /// Goes to the value of the key `path[at]` of the object that begins here.
    fn enter_key(&mut self, at: usize) -> Result<(), Fault> {
        if self.peek()? != Some(b'{') {
            return Err(self.shape(&format!("there is no object with the key `{}`", self.path[at])));
        }
        self.bump();
        let mut seen = Vec::new();
        loop {
            match self.peek()? {
                Some(b',') => self.bump(),
                Some(b'"') => {
                    self.take(true)?;
                    let key = serde_json::from_slice::<String>(&self.element)
                        .map_err(|_| self.shape("a key is not valid JSON text"))?;
                    if self.peek()? != Some(b':') {
                        return Err(self.shape("`:` is expected behind a key"));
                    }
                    self.bump();
                    self.peek()?;
                    if key == self.path[at] {
                        return Ok(());
                    }
                    seen.push(key);
                    self.take(false)?;
                }
                Some(b'}') => {
                    let wanted = self.path[..=at].join(".");
                    return Err(self.shape(&format!("there is no `{wanted}`; the keys there are {}", seen.join(", "))));
                }
                _ => return Err(self.shape("the document breaks off or is not JSON")),
            }
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let blank = buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
            self.next_line += buffer[..blank].iter().filter(|byte| **byte == b'\n').count() as u64;
            let found = buffer.get(blank).copied();
            self.input.consume(blank);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn bump(&mut self) {
        self.input.consume(1);
    }

    /// Passes over one value, keeping its text if asked to.
    fn take(&mut self, keep: bool) -> Result<(), Fault> {
        self.element.clear();
        self.too_long = false;
        let (mut depth, mut text, mut escaped, mut begun) = (0_usize, false, false, false);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                // A number may end with the document; all else says its end itself.
                return if begun && depth == 0 && !text { Ok(()) } else { Err(self.shape("the document breaks off")) };
            }
            let mut end = None;
            for (at, byte) in buffer.iter().enumerate() {
                if text {
                    if escaped {
                        escaped = false;
                    } else if *byte == b'\\' {
                        escaped = true;
                    } else if *byte == b'"' {
                        text = false;
                        if depth == 0 {
                            end = Some(at + 1);
                            break;
                        }
                    }
                    continue;
                }
                match byte {
                    b'"' => text = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth == 0 => {
                        end = Some(at);
                        break;
                    }
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            end = Some(at + 1);
                            break;
                        }
                    }
                    b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => {
                        end = Some(at);
                        break;
                    }
                    _ => {}
                }
                begun = true;
            }
            if end == Some(0) && !begun {
                return Err(self.shape("a value is missing"));
            }
            let taken = end.unwrap_or(buffer.len());
            self.next_line += buffer[..taken].iter().filter(|byte| **byte == b'\n').count() as u64;
            if keep && !self.too_long {
                self.element.extend_from_slice(&buffer[..taken]);
            }
            self.input.consume(taken);
            if self.element.len() > RECORD_BYTES {
                self.element.truncate(KEPT_BYTES);
                self.too_long = true;
            }
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn shape(&self, what: &str) -> Fault {
        Fault::Shape(format!("{what} (line {})", self.next_line))
    }
}

fn shown(byte: u8) -> char {
    if byte.is_ascii_graphic() { byte as char } else { '?' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str, path: &str) -> Result<Vec<String>, String> {
        let mut elements = Elements::new(text.as_bytes(), path);
        let mut seen = Vec::new();
        loop {
            match elements.advance() {
                Ok(true) => seen.push(String::from_utf8_lossy(elements.element()).into_owned()),
                Ok(false) => return Ok(seen),
                Err(Fault::Shape(what)) => return Err(what),
                Err(Fault::Read(error)) => return Err(error.to_string()),
            }
        }
    }

    #[test]
    fn finds_records_wherever_they_stand() {
        let two = vec![r#"{"a":"]\"}"}"#.to_owned(), r#"{"a":[1,{"b":2}]}"#.to_owned()];
        for (text, path) in [
            (r#"[{"a":"]\"}"}, {"a":[1,{"b":2}]}]"#, ""),
            ("{\"a\":\"]\\\"}\"}\n{\"a\":[1,{\"b\":2}]}\n", ""),
            (r#"{"x":{"items":[9]},"data":{"n":1,"items":[{"a":"]\"}"},{"a":[1,{"b":2}]}],"more":[]}}"#, "data.items"),
        ] {
            assert_eq!(all(text, path).as_ref(), Ok(&two), "{text}");
        }
        assert_eq!(all("", "").map(|all| all.len()), Ok(0));
        assert_eq!(all("[]", "").map(|all| all.len()), Ok(0));
        assert_eq!(all("[1, null]", ""), Ok(vec!["1".to_owned(), "null".to_owned()]));
    }

    #[test]
    fn tells_what_is_wrong_with_a_document() {
        for (text, path, part) in [
            ("[{\"a\":1},\n{\"a\"", "", "breaks off (line 2)"),
            ("[{\"a\":1}", "", "breaks off"),
            ("[}", "", "a value is missing (line 1)"),
            ("hello", "", "found `h`"),
            ("{\"data\":{\"rows\":[]}}", "data.items", "there is no `data.items`; the keys there are rows"),
            ("{\"data\":3}", "data", "is not an array"),
            ("[1]", "data", "no object with the key `data`"),
        ] {
            let fault = all(text, path);
            assert!(fault.as_ref().is_err_and(|what| what.contains(part)), "{text}: {fault:?}");
        }
    }

    proptest! {
        #[test]
        fn elements_are_those_of_the_document(values in prop::collection::vec(any::<(i64, String)>(), 0..8), pretty: bool) {
            let values: Vec<serde_json::Value> =
                values.into_iter().map(|(number, text)| serde_json::json!({ text.clone(): [number, { "t": text }] })).collect();
            let text = if pretty { serde_json::to_string_pretty(&values) } else { serde_json::to_string(&values) };
            let found: Vec<serde_json::Value> = all(&text.unwrap_or_default(), "")
                .unwrap_or_default().iter().filter_map(|element| serde_json::from_str(element).ok()).collect();
            prop_assert_eq!(found, values);
        }

        #[test]
        fn no_text_breaks_it(text in "[\\[\\]{}\",: a1\\\\\n]{0,40}") {
            let _: Result<Vec<String>, String> = all(&text, "");
            let _: Result<Vec<String>, String> = all(&text, "a.b");
        }
    }
}
