//! A first manifest from one answer of an API: where its records lie, what their fields are, how pages may follow.

use serde_json::{Map, Value};

/// What an answer shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The path of the array of records; none: the answer is the array.
    pub(super) records: Option<String>,
    /// Field and type, nested objects by dotted paths.
    pub(super) fields: Vec<(String, &'static str)>,
    /// The fields that identify a record, by their names.
    pub(super) key: Option<String>,
    /// A field that says when a record changed.
    pub(super) cursor: Option<String>,
    /// The path of what looks like a token or URL of the next page, and whether it is a URL.
    pub(super) next: Option<(String, bool)>,
}

/// How deep records are looked for and fields are taken apart.
const DEPTH: usize = 3;

/// What `answer` shows; none where there is no array of objects in it.
pub(super) fn shape(answer: &Value) -> Option<Shape> {
    let (path, records) = arrays(answer, "", 0).into_iter().max_by_key(|(_, records)| records.len())?;
    let mut fields: Vec<(String, &'static str)> = Vec::new();
    for record in records.iter().filter_map(Value::as_object) {
        take(record, "", 0, &mut fields);
    }
    let named = |names: &[&str], ty: Option<&str>| {
        names.iter().find_map(|name| {
            let fits = |(field, found): &&(String, &str)| {
                field.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(name))
                    && ty.is_none_or(|ty| ty == *found)
            };
            fields.iter().find(fits).map(|(field, _)| field.clone())
        })
    };
    let key = named(&["id", "uuid", "key", "code", "number"], None);
    let cursor = named(
        &[
            "updated_at",
            "updatedAt",
            "modified_at",
            "lastmodifieddate",
            "SystemModstamp",
            "Modified_Time",
            "update_time",
            "modified",
        ],
        Some("timestamp"),
    );
    let next = next(answer, "", 0);
    Some(Shape { records: (!path.is_empty()).then_some(path), fields, key, cursor, next })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn arrays<'a>(value: &'a Value, path: &str, depth: usize) -> Vec<(String, &'a Vec<Value>)> {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => vec![(path.to_owned(), items)],
        Value::Object(members) if depth < DEPTH => {
            members.iter().flat_map(|(name, value)| arrays(value, &join(path, name), depth + 1)).collect()
        }
        _ => Vec::new(),
    }
}

fn take(record: &Map<String, Value>, path: &str, depth: usize, fields: &mut Vec<(String, &'static str)>) {
    for (name, value) in record {
        let field = join(path, name);
        if name.contains('.') || name.is_empty() {
            continue;
        }
        match value {
            Value::Object(inner) if depth + 1 < DEPTH && !inner.is_empty() => take(inner, &field, depth + 1, fields),
            value => {
                let ty = kind(value);
                match fields.iter_mut().find(|(known, _)| *known == field) {
                    Some((_, known)) => *known = both(known, ty),
                    None => fields.push((field, ty)),
                }
            }
        }
    }
}

/// Nothing is known of a field that was null.
const UNKNOWN: &str = "";

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => UNKNOWN,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => "timestamp",
        Value::String(text) if text.parse::<chrono::NaiveDate>().is_ok() => "date",
        Value::String(_) => "string",
        Value::Array(_) | Value::Object(_) => "json",
    }
}

fn both(one: &'static str, other: &'static str) -> &'static str {
    match (one, other) {
        (same, other) if same == other => same,
        (UNKNOWN, known) | (known, UNKNOWN) => known,
        ("integer", "number") | ("number", "integer") => "number",
        ("json", _) | (_, "json") => "json",
        _ => "string",
    }
}

fn next(value: &Value, path: &str, depth: usize) -> Option<(String, bool)> {
    let members = value.as_object().filter(|_| depth < DEPTH)?;
    for (name, value) in members {
        let path = join(path, name);
        let word = name.to_ascii_lowercase();
        let told = ["next", "after", "cursor"].iter().any(|mark| word.contains(mark));
        match value {
            Value::String(text) if told && !text.is_empty() => return Some((path, text.contains("://"))),
            Value::Object(_) => {
                if let Some(found) = next(value, &path, depth + 1) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_fields_key_cursor_and_next_page() {
        let answer = json!({
            "meta": { "next_cursor": "abc", "total": 3 },
            "data": { "items": [
                { "id": 1, "name": { "first": "A" }, "total": 1, "tags": [], "updated_at": "2026-01-01T00:00:00Z", "born": null },
                { "id": 2, "name": { "first": null }, "total": 1.5, "tags": ["x"], "updated_at": "2026-01-02T00:00:00Z", "born": "1990-01-02" },
            ] },
        });
        let found = shape(&answer).unwrap();
        assert_eq!(found.records.as_deref(), Some("data.items"));
        assert_eq!((found.key.as_deref(), found.cursor.as_deref()), (Some("id"), Some("updated_at")));
        assert_eq!(found.next, Some(("meta.next_cursor".to_owned(), false)));
        let expected = [
            ("id", "integer"),
            ("name.first", "string"),
            ("total", "number"),
            ("tags", "json"),
            ("updated_at", "timestamp"),
            ("born", "date"),
        ];
        assert_eq!(found.fields, expected.map(|(field, ty)| (field.to_owned(), ty)));
    }

    #[test]
    fn a_bare_array_is_one_and_an_answer_without_records_is_none() {
        assert_eq!(shape(&json!([{ "a": 1 }])).unwrap().records, None);
        assert_eq!(shape(&json!({ "error": "no" })), None);
    }
}
