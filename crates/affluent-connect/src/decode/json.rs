//! JSON records straight into Arrow columns, in one pass that also makes the record's hash.
//!
//! The hash is the sum of a hash for each leaf, made of its path and its value: the order of fields and white space do not
//! count, the order of array elements does. Fields that are skipped count too, and so does being a tombstone. Where a record
//! may come in another form as well, the hash is made of the declared fields alone, as their types have them.

use affluent_spec::{ColumnType, bronze};
use arrow::array::RecordBatch;
use chrono_tz::Tz;
use jiter::{Jiter, JiterError, JiterErrorType, Peek};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::rows::{RowEnd, RowOptions, Rows};
use crate::page::Rejected;
use crate::schema::Column;

/// Deeper records than this are refused, before the stack is at its end.
pub(crate) const DEPTH: usize = 128;

/// A field to take from each record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonField {
    /// Its keys from the record inwards, the element of an array by its number from 0. A key may hold dots itself: a member
    /// that is named by all that is left of the path, with dots between, is taken as well.
    pub path: Vec<String>,
    /// The bronze column it fills.
    pub column: String,
    /// Its type.
    pub ty: ColumnType,
}

impl JsonField {
    /// The field of a dotted path, `properties.email`, into the column named for it, `properties_email`.
    pub fn dotted(path: &str, ty: ColumnType) -> Self {
        Self { path: path.split('.').map(str::to_owned).collect(), column: bronze::of_field(path), ty }
    }
}

/// Decodes JSON records, one at a time, into a batch.
///
/// A string column takes numbers and booleans too, as they are written; the other types take their values as text too,
/// since APIs send both. A field given twice, invalid JSON or UTF-8, and anything but an object refuse the record.
#[derive(Debug)]
pub struct JsonDecoder {
    columns: Vec<Column>,
    options: RowOptions,
    typed: bool,
    tree: Vec<Node>,
    rows: Rows,
    /// Room for strings with escapes, kept from record to record.
    tape: Vec<u8>,
}

/// A field of the tree that the wanted paths make.
#[derive(Debug, Default)]
struct Node {
    column: Option<usize>,
    /// Hash of the path that leads here.
    path: u64,
    children: Vec<(String, usize)>,
}

/// Why a record is refused.
struct Fault {
    column: Option<usize>,
    reason: String,
}

impl From<JiterError> for Fault {
    fn from(error: JiterError) -> Self {
        let what = match error.error_type {
            JiterErrorType::JsonError(kind) => kind.to_string(),
            JiterErrorType::WrongType { expected, actual } => format!("expected {expected}, found {actual}"),
        };
        Self { column: None, reason: format!("is not valid JSON: {what} at byte {}", error.index) }
    }
}

impl JsonDecoder {
    /// A decoder of records with these fields; the others are skipped. With `keep_raw` each record is kept whole in `_raw`.
    pub fn new(fields: &[JsonField], keep_raw: bool) -> Self {
        Self::with_options(fields, RowOptions { raw: keep_raw, ..RowOptions::default() })
    }

    /// The same, with the time zone of instants that are written without an offset (UTC unless set).
    #[must_use]
    pub fn with_timezone(self, zone: Tz) -> Self {
        let options = RowOptions { zone, ..self.options };
        Self { rows: Rows::new(&self.columns, options), options, ..self }
    }

    /// The same, with the hash made of the declared fields as their types have them, so that a record has the same one
    /// whatever it is written in.
    #[must_use]
    pub fn hashing_values(self) -> Self {
        Self { typed: true, ..self }
    }

    /// A decoder that builds rows as `options` say.
    pub fn with_options(fields: &[JsonField], options: RowOptions) -> Self {
        let columns: Vec<Column> = fields.iter().map(|field| Column::new(&field.column, field.ty.clone())).collect();
        let mut tree = vec![Node::default()];
        for (index, field) in fields.iter().enumerate() {
            let mut node = 0;
            let mut way = Vec::with_capacity(field.path.len());
            for key in &field.path {
                way.push(node);
                node = child(&mut tree, node, key);
            }
            tree[node].column = Some(index);
            for (at, node) in way.into_iter().enumerate().take(field.path.len().saturating_sub(1)) {
                let literal = child(&mut tree, node, &field.path[at..].join("."));
                tree[literal].column.get_or_insert(index);
            }
        }
        Self { rows: Rows::new(&columns, options), columns, options, typed: false, tree, tape: Vec::new() }
    }

    /// Refuses records from now on that lack a value in one of these columns.
    #[must_use]
    pub fn requiring(mut self, key: &[String]) -> Self {
        self.rows.require(key);
        self
    }

    /// Takes one record. `position` is asked for only when the record is refused; `deleted` makes it a tombstone.
    pub fn push(&mut self, record: &[u8], position: &dyn Fn() -> String, deleted: bool) {
        self.take(record, position, deleted, None);
    }

    /// Takes the record with number `place.1` of the file `place.0`.
    pub(crate) fn push_at(&mut self, record: &[u8], place: (&str, i64), position: &dyn Fn() -> String) {
        self.take(record, position, false, Some(place));
    }

    fn take(&mut self, record: &[u8], position: &dyn Fn() -> String, deleted: bool, place: Option<(&str, i64)>) {
        let text = match std::str::from_utf8(record) {
            Ok(text) => text.trim(),
            Err(error) => {
                let reason = format!("is not valid UTF-8 at byte {}", error.valid_up_to());
                return self.refuse(record, position, Fault { column: None, reason });
            }
        };
        let mut reader = Jiter::with_tape(text.as_bytes(), std::mem::take(&mut self.tape));
        let mut walk = Walk { rows: &mut self.rows, tree: &self.tree, hash: u64::from(deleted), text };
        let walked = walk.record(&mut reader);
        let hash = walk.hash;
        self.tape = reader.into_tape();
        let accepted = walked.and_then(|()| {
            let hash = if self.typed { self.rows.hash().wrapping_add(u64::from(deleted)) } else { hash };
            let end = RowEnd { raw: Some(text), place, hash, deleted };
            self.rows.accept(end).map_err(|mismatch| Fault { column: None, reason: mismatch.0 })
        });
        if let Err(fault) = accepted {
            self.refuse(record, position, fault);
        }
    }

    fn refuse(&mut self, record: &[u8], position: &dyn Fn() -> String, fault: Fault) {
        self.rows.refuse(Rejected {
            position: position(),
            column: fault.column.map(|index| self.columns[index].name.clone()),
            reason: fault.reason,
            raw: String::from_utf8_lossy(record).into_owned(),
        });
    }

    /// Keeps a record that could not even be read as one.
    pub(crate) fn reject(&mut self, rejected: Rejected) {
        self.rows.refuse(rejected);
    }

    /// The number of records taken since the last [`JsonDecoder::finish`], refused ones too.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no record is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What was taken since the last call, with the columns of [`crate::StreamSchema::arrow`], and what was refused.
    pub fn finish(&mut self) -> (RecordBatch, Vec<Rejected>) {
        self.rows.finish()
    }
}

fn child(tree: &mut Vec<Node>, node: usize, key: &str) -> usize {
    if let Some((_, index)) = tree[node].children.iter().find(|(name, _)| name == key) {
        return *index;
    }
    let index = tree.len();
    tree.push(Node { path: xxh3_64_with_seed(key.as_bytes(), tree[node].path), ..Node::default() });
    tree[node].children.push((key.to_owned(), index));
    index
}

struct Walk<'a> {
    rows: &'a mut Rows,
    tree: &'a [Node],
    hash: u64,
    text: &'a str,
}

impl Walk<'_> {
    fn record(&mut self, reader: &mut Jiter<'_>) -> Result<(), Fault> {
        let peek = reader.peek()?;
        if peek != Peek::Object {
            return Err(Fault { column: None, reason: format!("a record is an object, this is {}", kind(peek)) });
        }
        self.object(reader, Some(0), 0, 0)?;
        reader.finish()?;
        Ok(())
    }

    fn object(&mut self, reader: &mut Jiter<'_>, node: Option<usize>, path: u64, depth: usize) -> Result<(), Fault> {
        let tree = self.tree;
        let children: &[(String, usize)] = node.map_or(&[], |node| &tree[node].children);
        // Fields mostly come in the order of the record before, so the search begins behind the last one found.
        let mut next = 0;
        let mut count = 0_u64;
        let mut key = reader.known_object()?;
        while let Some(name) = key {
            let (wanted, inner) = if let Some(at) = find(children, name, next) {
                next = at + 1;
                let child = children[at].1;
                // Within an array, elements have paths that no declaration tells; a record's hash is the same with and without.
                let inner = if path == tree[node.unwrap_or(0)].path {
                    tree[child].path
                } else {
                    xxh3_64_with_seed(name.as_bytes(), path)
                };
                (Some(child), inner)
            } else {
                (None, xxh3_64_with_seed(name.as_bytes(), path))
            };
            let peek = reader.peek()?;
            self.value(reader, peek, wanted, inner, depth)?;
            count += 1;
            key = reader.next_key()?;
        }
        if count == 0 {
            self.leaf(b"{}", path, 6);
        }
        Ok(())
    }

    fn value(
        &mut self,
        reader: &mut Jiter<'_>,
        peek: Peek,
        node: Option<usize>,
        path: u64,
        depth: usize,
    ) -> Result<(), Fault> {
        let column = node.and_then(|node| self.tree[node].column);
        if let Some(column) = column
            && self.rows.is_filled(column)
        {
            return Err(Fault { column: Some(column), reason: "is given twice in the record".to_owned() });
        }
        let parent = node.is_some_and(|node| !self.tree[node].children.is_empty());
        let elements = peek == Peek::Array && node.is_some_and(|node| self.tells_elements(node));
        if parent && column.is_none() && !elements && !matches!(peek, Peek::Object | Peek::Null) {
            let reason = format!("an object with fields is declared here, this is {}", kind(peek));
            return Err(Fault { column: node.and_then(|node| self.first_column(node)), reason });
        }
        let start = reader.current_index();
        let pushed = match peek {
            Peek::Null => {
                reader.known_null()?;
                self.leaf(b"", path, 1);
                Ok(())
            }
            Peek::True | Peek::False => {
                let value = reader.known_bool(peek)?;
                self.leaf(&[u8::from(value)], path, 2);
                column.map_or(Ok(()), |column| self.rows.cell(column).push_bool(value))
            }
            Peek::String => {
                let value = reader.known_str()?;
                self.hash = self.hash.wrapping_add(xxh3_64_with_seed(value.as_bytes(), path ^ 3));
                match column {
                    Some(column) if !self.rows.cell(column).is_json() => self.rows.cell(column).push_text(value),
                    Some(column) => {
                        let json = &self.text[start..reader.current_index()];
                        self.rows.cell(column).push_nested(json)
                    }
                    None => Ok(()),
                }
            }
            Peek::Array | Peek::Object => {
                if depth >= DEPTH {
                    return Err(Fault { column, reason: format!("is nested deeper than {DEPTH} levels") });
                }
                if peek == Peek::Array {
                    self.array(reader, node, path, depth + 1)?;
                } else {
                    self.object(reader, node, path, depth + 1)?;
                }
                let json = &self.text[start..reader.current_index()];
                column.map_or(Ok(()), |column| self.rows.cell(column).push_nested(json))
            }
            _ => {
                reader.known_number_bytes(peek)?;
                let number = &self.text[start..reader.current_index()];
                self.leaf(number.as_bytes(), path, 4);
                column.map_or(Ok(()), |column| self.rows.cell(column).push_number(number))
            }
        };
        pushed.map_err(|mismatch| Fault { column, reason: mismatch.0 })
    }

    fn array(&mut self, reader: &mut Jiter<'_>, node: Option<usize>, path: u64, depth: usize) -> Result<(), Fault> {
        let tree = self.tree;
        let children: &[(String, usize)] = node.map_or(&[], |node| &tree[node].children);
        let mut index = 0_u64;
        let mut peek = reader.known_array()?;
        while let Some(value) = peek {
            let wanted = children.iter().find(|(key, _)| key.parse() == Ok(index)).map(|(_, child)| *child);
            self.value(reader, value, wanted, xxh3_64_with_seed(&index.to_le_bytes(), path ^ 5), depth)?;
            index += 1;
            peek = reader.array_step()?;
        }
        if index == 0 {
            self.leaf(b"[]", path, 5);
        }
        Ok(())
    }

    /// Whether a field below it is told by its number in an array.
    fn tells_elements(&self, node: usize) -> bool {
        self.tree[node].children.iter().any(|(key, _)| key.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn leaf(&mut self, value: &[u8], path: u64, tag: u64) {
        self.hash = self.hash.wrapping_add(xxh3_64_with_seed(value, path ^ tag));
    }

    fn first_column(&self, node: usize) -> Option<usize> {
        self.tree[node]
            .children
            .iter()
            .find_map(|(_, child)| self.tree[*child].column.or_else(|| self.first_column(*child)))
    }
}

fn find(children: &[(String, usize)], name: &str, next: usize) -> Option<usize> {
    match children.get(next) {
        Some((key, _)) if key == name => Some(next),
        _ => children.iter().position(|(key, _)| key == name),
    }
}

fn kind(peek: Peek) -> &'static str {
    match peek {
        Peek::Null => "null",
        Peek::True | Peek::False => "a boolean",
        Peek::String => "text",
        Peek::Array => "an array",
        Peek::Object => "an object",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{DELETED, HASH, RAW};
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
    use proptest::prelude::*;

    fn decoder(fields: &[(&str, &str)]) -> JsonDecoder {
        let fields: Vec<JsonField> =
            fields.iter().map(|(path, ty)| JsonField::dotted(path, ty.parse().unwrap())).collect();
        JsonDecoder::new(&fields, true)
    }

    fn decode(decoder: &mut JsonDecoder, records: &[&str]) -> (RecordBatch, Vec<Rejected>) {
        for (at, record) in records.iter().enumerate() {
            decoder.push(record.as_bytes(), &|| format!("page 1, record {}", at + 1), false);
        }
        decoder.finish()
    }

    fn hash_of(record: &str, deleted: bool) -> i64 {
        let mut decoder = decoder(&[("id", "integer")]);
        decoder.push(record.as_bytes(), &String::new, deleted);
        let (batch, _) = decoder.finish();
        batch.column_by_name(HASH).unwrap().as_primitive::<Int64Type>().value(0)
    }

    #[test]
    fn takes_nested_fields_exactly() {
        let mut decoder = decoder(&[
            ("id", "integer"),
            ("amount", "decimal(20,4)"),
            ("properties.email", "string"),
            ("properties.at", "timestamp"),
            ("tags", "json"),
        ]);
        let (batch, rejected) = decode(
            &mut decoder,
            &[
                r#"{"id": 9007199254740993, "amount": 1234567890123456.7891, "properties": {"at": "2026-01-01T00:00:00Z", "email": "a\u00e9@x"}, "skipped": {"tags": 1}, "tags": [1, "x"]}"#,
                r#"{"properties": null, "amount": "12.5", "id": "7"}"#,
                r#"{"properties.email": "", "id": null, "tags": "t"}"#,
            ],
        );
        assert_eq!(rejected, []);
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 9_007_199_254_740_993);
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(1), 7);
        assert!(batch.column(0).is_null(2));
        assert_eq!(batch.column(1).as_primitive::<Decimal128Type>().value(0), 12_345_678_901_234_567_891);
        assert_eq!(batch.column(1).as_primitive::<Decimal128Type>().value(1), 125_000);
        let emails: Vec<Option<&str>> = batch.column(2).as_string::<i32>().iter().collect();
        assert_eq!(emails, [Some("aé@x"), None, Some("")]);
        assert_eq!(batch.column(3).as_primitive::<TimestampMicrosecondType>().value(0), 1_767_225_600_000_000);
        let tags: Vec<Option<&str>> = batch.column(4).as_string::<i32>().iter().collect();
        assert_eq!(tags, [Some(r#"[1, "x"]"#), None, Some(r#""t""#)]);
        assert!(batch.column_by_name(RAW).unwrap().as_string::<i32>().value(1).starts_with(r#"{"properties": null"#));
        assert!(!batch.column_by_name(DELETED).unwrap().as_boolean().value(0));
    }

    #[test]
    fn takes_elements_of_arrays_by_their_number() {
        let mut decoder = decoder(&[("cells.0.value", "string"), ("cells.1.value", "integer"), ("id", "integer")]);
        let row = r#"{"cells": [{"value": "a"}, {"value": "7", "more": [1]}, {"value": "c"}], "id": 1}"#;
        let (batch, rejected) = decode(&mut decoder, &[row, r#"{"cells": [{"value": "b"}], "id": 2}"#]);
        assert_eq!(rejected, []);
        let texts: Vec<Option<&str>> = batch.column(0).as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("a"), Some("b")]);
        let numbers: Vec<Option<i64>> = batch.column(1).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(numbers, [Some(7), None]);
        // What is declared does not change what a record's content is.
        let hash = batch.column_by_name(HASH).unwrap().as_primitive::<Int64Type>().value(0);
        assert_eq!(hash, hash_of(row, false));
    }

    #[test]
    fn a_name_may_hold_dots_at_any_depth() {
        let mut decoder = decoder(&[("a.b.c", "string"), ("id", "integer")]);
        let rows = [r#"{"a":{"b":{"c":"1"}}}"#, r#"{"a":{"b.c":"2"}}"#, r#"{"a.b.c":"3"}"#, r#"{"a.b":{"c":"4"}}"#];
        let (batch, rejected) = decode(&mut decoder, &rows);
        assert_eq!(rejected, []);
        let texts: Vec<Option<&str>> = batch.column(0).as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("1"), Some("2"), Some("3"), None]);
        let hashes = batch.column_by_name(HASH).unwrap().as_primitive::<Int64Type>();
        assert_eq!(hashes.values().to_vec(), rows.map(|row| hash_of(row, false)));
    }

    #[test]
    fn a_record_that_does_not_fit_is_refused_whole_and_the_others_stay() {
        let mut decoder = decoder(&[("id", "integer"), ("n", "number"), ("properties.email", "string")]);
        let (batch, rejected) = decode(
            &mut decoder,
            &[
                r#"{"id": 1, "n": "134;137"}"#,
                r#"{"id": 2}"#,
                r#"{"id": 3, "n": 1"#,
                r#"{"id": 4, "id": 5}"#,
                "[1]",
                r#"{"id": 6, "properties": "x"}"#,
                r#"{"id": 6, "properties": [{"email": "x"}]}"#,
                r#"{"id": 7, "n": {"a": 1}}"#,
                r#"{"id": 8} 9"#,
                r#"{"id": 9, "n": 1.5}"#,
            ],
        );
        let ids: Vec<Option<i64>> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(ids, [Some(2), Some(9)]);
        let told: Vec<(Option<&str>, &str)> =
            rejected.iter().map(|rejected| (rejected.column.as_deref(), rejected.reason.as_str())).collect();
        assert_eq!(
            told,
            [
                (Some("n"), "`134;137` is not a number"),
                (None, "is not valid JSON: EOF while parsing an object at byte 16"),
                (Some("id"), "is given twice in the record"),
                (None, "a record is an object, this is an array"),
                (Some("properties_email"), "an object with fields is declared here, this is text"),
                (Some("properties_email"), "an object with fields is declared here, this is an array"),
                (Some("n"), "`{\"a\": 1}` is not a number; declare the column json"),
                (None, "is not valid JSON: trailing characters at byte 10"),
            ]
        );
        assert_eq!(rejected[0].position, "page 1, record 1");
        assert_eq!(rejected[0].raw, r#"{"id": 1, "n": "134;137"}"#);
    }

    #[test]
    fn what_is_no_utf8_is_refused_even_in_a_skipped_field() {
        let mut decoder = decoder(&[("id", "integer")]);
        decoder.push(b"{\"id\": 1, \"name\": \"Ren\xe9\"}", &|| "x:1".to_owned(), false);
        let (batch, rejected) = decoder.finish();
        assert_eq!(batch.num_rows(), 0);
        assert_eq!(rejected[0].reason, "is not valid UTF-8 at byte 22");
    }

    #[test]
    fn a_depth_that_would_end_the_stack_is_refused() {
        let mut decoder = decoder(&[("id", "integer")]);
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let (_, rejected) = decode(&mut decoder, &[&deep]);
        assert_eq!(rejected[0].reason, "is nested deeper than 128 levels");
    }

    #[test]
    fn the_hash_is_of_the_content_only() {
        let one = hash_of(r#"{"id": 1, "x": {"b": [1, 2], "c": "é"}}"#, false);
        assert_eq!(one, hash_of("{\"x\":{\"c\":\"\\u00e9\",\n\"b\":[1,2]},\"id\":1}", false));
        for other in [
            r#"{"id": 1, "x": {"b": [2, 1], "c": "é"}}"#,
            r#"{"id": 1, "x": {"b": [1, 2], "c": "e"}}"#,
            r#"{"id": 1, "x": {"b": [1, 2]}, "c": "é"}"#,
            r#"{"id": 1, "x": {"b": [1, "2"], "c": "é"}}"#,
            r#"{"id": 1, "x": {"b": [1, 2], "c": "é", "d": {}}}"#,
            r#"{"id": 1, "x": {"b": [1, 2], "c": "é", "d": []}}"#,
            r#"{"id": 1, "x": {"b": [1, 2], "c": "é", "d": null}}"#,
        ] {
            assert_ne!(one, hash_of(other, false), "{other}");
        }
        assert_ne!(
            one,
            hash_of(r#"{"id": 1, "x": {"b": [1, 2], "c": "é"}}"#, true),
            "a tombstone is a version of its own"
        );
    }

    #[test]
    fn a_hash_of_values_does_not_tell_how_they_are_written() {
        let fields = [
            ("Id", "string"),
            ("Street", "string"),
            ("Owner.Name", "string"),
            ("Count", "integer"),
            ("Rate", "number"),
            ("Amount", "decimal(18,4)"),
            ("Gone", "boolean"),
            ("Born", "date"),
            ("At", "timestamp"),
        ];
        let mut decoder = decoder(&fields).hashing_values();
        let mut hash = |record: &str| {
            let (batch, rejected) = decode(&mut decoder, &[record]);
            assert_eq!(rejected, []);
            batch.column_by_name(HASH).unwrap().as_primitive::<Int64Type>().value(0)
        };
        let rest = hash(
            r#"{"attributes": {"type": "Account"}, "Id": "1", "Street": "a\r\nb", "Owner": {"Name": "é"}, "Count": 12.0,
            "Rate": 1.2E7, "Amount": 1200.0, "Gone": false, "Born": "2001-02-03", "At": "2026-01-01T00:00:00.000+0000"}"#,
        );
        let csv = r#"{"At":"2026-01-01T00:00:00.000Z","Gone":"false","Count":"12","Rate":"12000000","Amount":"1.2E3","Id":"1","Street":"a\nb","Owner.Name":"é","Born":"2001-02-03"}"#;
        assert_eq!(rest, hash(csv));
        let nothing = hash(r#"{"Id": "1", "Owner": null, "Street": null, "Rate": null}"#);
        assert_eq!(nothing, hash(r#"{"Id": "1", "Street": "", "Amount": null, "Gone": "", "At": "", "Count": ""}"#));
        let mut seen = vec![rest, nothing];
        for (from, to) in [
            (r#""1""#, r#""2""#),
            (r"a\nb", "a b"),
            (r#""é""#, "null"),
            (r#""12""#, r#""13""#),
            ("12000000", "12000001"),
            ("1.2E3", "1.2E4"),
            (r#""false""#, r#""true""#),
            ("2001-02-03", "2001-02-04"),
            ("00.000Z", "00.001Z"),
            // A value in another column is another record.
            (r#""Id":"1","Street":"a\nb""#, r#""Id":"a\nb","Street":"1""#),
        ] {
            let other = csv.replacen(from, to, 1);
            assert_ne!(other, csv, "{from}");
            seen.push(hash(&other));
        }
        let different: std::collections::HashSet<i64> = seen.iter().copied().collect();
        assert_eq!(different.len(), seen.len());
    }

    #[test]
    fn equal_names_at_different_depths_do_not_meet() {
        let mut decoder = decoder(&[("a.b", "integer"), ("b", "integer")]);
        let (batch, rejected) = decode(&mut decoder, &[r#"{"b": 1, "a": {"b": 2, "a": {"b": 3}}}"#]);
        assert_eq!(rejected, []);
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 2);
        assert_eq!(batch.column(1).as_primitive::<Int64Type>().value(0), 1);
    }

    proptest! {
        #[test]
        fn no_record_breaks_it(record in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut decoder = decoder(&[("id", "integer"), ("a.b", "string")]);
            decoder.push(&record, &String::new, false);
            let (batch, rejected) = decoder.finish();
            prop_assert_eq!(batch.num_rows() + rejected.len(), 1);
        }

        #[test]
        fn text_is_kept_whatever_it_is(text in any::<String>()) {
            let mut decoder = decoder(&[("a.b", "string")]);
            let record = serde_json::json!({ "a": { "b": text } }).to_string();
            decoder.push(record.as_bytes(), &String::new, false);
            let (batch, _) = decoder.finish();
            prop_assert_eq!(batch.column(0).as_string::<i32>().value(0), text);
        }
    }
}
