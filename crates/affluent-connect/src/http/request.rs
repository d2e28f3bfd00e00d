//! The requests of a list, as a manifest words them: what stands for a value is filled in.

use affluent_spec::connector::{
    BodyFormat, BodyValue, Expression, FieldNames, Next, Stream, TombstoneList, Value, WithoutRecords,
};
use affluent_spec::{Name, Template};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value as Json;

use super::body::{self, Path};
use super::client::{Call, headers};
use super::cursor::written;
use super::dialect;
use super::settings::ResolvedSettings;
use crate::SourceError;

/// What is asked for to list records, and where they lie in the answers.
#[derive(Clone)]
pub(crate) struct ListPlan {
    method: Method,
    target: Template,
    query: IndexMap<String, Value>,
    headers: IndexMap<String, Value>,
    body: Option<IndexMap<String, BodyValue>>,
    pub(crate) format: BodyFormat,
    pub(crate) records: Path,
    /// Whether an answer without the array is one without records.
    pub(crate) sparse: bool,
    pub(crate) next: Option<Next>,
    /// Whether its names are asked for in parts.
    pub(crate) chunked: bool,
}

/// What the values of one read stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
    /// Values of the parent's record.
    pub(crate) bound: IndexMap<String, String>,
    /// Which part of the names is asked for.
    pub(crate) chunk: usize,
}

/// Names and values that all requests of a stream can take.
pub(crate) struct Words<'a> {
    pub(crate) settings: &'a ResolvedSettings,
    /// The names of the stream's fields.
    pub(crate) fields: Vec<&'a str>,
    /// The parts of the names that are too many for one request.
    pub(crate) chunks: &'a [Vec<String>],
}

impl ListPlan {
    /// The list of a stream.
    pub(crate) fn of_stream(name: &str, stream: &Stream) -> Result<Self, SourceError> {
        let (method, target) = match (&stream.get, &stream.post) {
            (Some(path), _) => (Method::GET, path),
            (None, Some(path)) => (Method::POST, path),
            (None, None) => return Err(SourceError::usage(name, "the stream has neither `get` nor `post`")),
        };
        Ok(Self {
            body: stream.body.clone(),
            method,
            target: target.clone(),
            query: stream.query.clone(),
            headers: stream.headers.clone(),
            format: stream.format,
            records: stream.records.as_deref().map(body::path).unwrap_or_default(),
            sparse: stream.without_records == WithoutRecords::Empty,
            next: stream.next.clone(),
            chunked: stream.chunked().is_some(),
        })
    }

    /// A list of what was deleted.
    pub(crate) fn of_tombstones(list: &TombstoneList) -> Self {
        Self {
            method: Method::GET,
            target: list.get.clone(),
            query: list.query.clone(),
            headers: list.headers.clone(),
            body: None,
            format: BodyFormat::Json,
            records: list.records.as_deref().map(body::path).unwrap_or_default(),
            sparse: false,
            next: list.next.clone(),
            chunked: false,
        }
    }

    /// The same list with these parameters.
    pub(crate) fn with(&self, more: &IndexMap<String, Value>) -> Self {
        let mut list = self.clone();
        list.query.extend(more.clone());
        list
    }

    /// The same list with `text` for that parameter.
    pub(crate) fn with_text(&self, parameter: &str, text: String) -> Self {
        let mut list = self.clone();
        list.query.shift_remove(parameter);
        list.query.insert(parameter.to_owned(), Value::Text(Template::literal(text)));
        list
    }

    /// The request for its first page.
    pub(crate) fn call(&self, words: &Words<'_>, scope: &Scope) -> Result<Call, SourceError> {
        let segment = |name: &str| {
            let value = scope.bound.get(name).map_or_else(|| words.settings.text(name), String::as_str);
            Some(encoded(value))
        };
        let target = words.settings.fill_with(&self.target, segment)?;
        if let Some(name) = self.target.names().find(|name| is_no_segment(scope, words, name)) {
            let what = format!("`{{{name}}}` is empty or dots here, which no path can hold");
            return Err(SourceError::failed(self.target.to_string(), what));
        }
        let json = match &self.body {
            Some(body) => {
                let mut members = serde_json::Map::new();
                for (name, value) in body {
                    if let Some(value) = part(value, words, scope)? {
                        members.insert(name.clone(), value);
                    }
                }
                Some(Bytes::from(Json::Object(members).to_string()))
            }
            None => None,
        };
        Ok(Call {
            method: self.method.clone(),
            target,
            query: texts(&self.query, words, scope)?.into_iter().collect(),
            headers: headers(&texts(&self.headers, words, scope)?)?,
            json,
            rules: Vec::new(),
        })
    }

    /// A request to another path, with this list's headers.
    pub(crate) fn other(&self, words: &Words<'_>, path: &str, json: Option<&Json>) -> Result<Call, SourceError> {
        Ok(Call {
            method: if json.is_some() { Method::POST } else { Method::GET },
            target: path.to_owned(),
            query: Vec::new(),
            headers: headers(&texts(&self.headers, words, &Scope::default())?)?,
            json: json.map(|json| Bytes::from(json.to_string())),
            rules: Vec::new(),
        })
    }
}

fn is_no_segment(scope: &Scope, words: &Words<'_>, name: &Name) -> bool {
    let value = scope.bound.get(name.as_str()).map_or_else(|| words.settings.text(name.as_str()), String::as_str);
    matches!(value, "" | "." | "..")
}

fn texts(
    values: &IndexMap<String, Value>,
    words: &Words<'_>,
    scope: &Scope,
) -> Result<IndexMap<String, String>, SourceError> {
    let mut found = IndexMap::new();
    for (name, value) in values {
        let text = match value {
            Value::Text(template) => Some(fill(template, words, scope)?),
            Value::Expression(expression) => expressed(expression, words, scope),
        };
        found.extend(text.map(|text| (name.clone(), text)));
    }
    Ok(found)
}

fn fill(template: &Template, words: &Words<'_>, scope: &Scope) -> Result<String, SourceError> {
    words.settings.fill_with(template, |name| scope.bound.get(name).cloned())
}

/// The text of an expression; none where the read has no such end.
fn expressed(expression: &Expression, words: &Words<'_>, scope: &Scope) -> Option<String> {
    match expression {
        Expression::Fields(names) => Some(listed(names, words, scope)),
        Expression::Setting(name) => Some(words.settings.text(name).to_owned()),
        Expression::Since(format) => scope.since.map(|since| written(since, *format)),
        Expression::Until(format) => Some(written(scope.until.unwrap_or_else(Utc::now), *format)),
        Expression::Soql(soql) => Some(dialect::soql(&words.fields, soql, "", None)),
    }
}

fn listed(names: &FieldNames, words: &Words<'_>, scope: &Scope) -> String {
    match words.chunks.get(scope.chunk).filter(|_| names.at_most.is_some()) {
        Some(chunk) => chunk.join(&names.separator),
        None => names_under(&words.fields, &names.path).join(&names.separator),
    }
}

/// The members under `prefix` that hold the fields, each once; those of the record for an empty one.
pub(crate) fn names_under<'a>(fields: &[&'a str], prefix: &str) -> Vec<&'a str> {
    let under = |field: &&'a str| match prefix {
        "" => Some(*field),
        prefix => field.strip_prefix(prefix)?.strip_prefix('.'),
    };
    let mut names = Vec::new();
    for field in fields.iter().filter_map(under) {
        // What lies deeper comes with the member that holds it: no API takes paths here.
        let name = field.split_once('.').map_or(field, |(member, _)| member);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A part of a body; none where it is an expression without value.
fn part(value: &BodyValue, words: &Words<'_>, scope: &Scope) -> Result<Option<Json>, SourceError> {
    Ok(match value {
        BodyValue::Plain(json) => Some(json.clone()),
        BodyValue::Text(template) => Some(fill(template, words, scope)?.into()),
        BodyValue::Expression(expression) => expressed(expression, words, scope).map(|text| {
            let number = matches!(
                expression,
                Expression::Since(format) | Expression::Until(format) if format.is_number()
            );
            text.parse::<i64>().ok().filter(|_| number).map_or_else(|| text.into(), Json::from)
        }),
        BodyValue::List(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| part(item, words, scope)).collect();
            Some(items?.into_iter().flatten().collect())
        }
        BodyValue::Map(members) => {
            let mut map = serde_json::Map::new();
            for (name, member) in members {
                map.extend(part(member, words, scope)?.map(|member| (name.clone(), member)));
            }
            Some(map.into())
        }
    })
}

/// A text as a part of a path: <https://www.rfc-editor.org/rfc/rfc3986#section-3.3>.
fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

/// The parts into which the fields under a path are cut, `always` in each of them.
pub(crate) fn chunks(fields: &[&str], names: &FieldNames, always: &[&str]) -> Vec<Vec<String>> {
    let always = names_under(always, &names.path);
    let others: Vec<&str> =
        names_under(fields, &names.path).into_iter().filter(|name| !always.contains(name)).collect();
    let room = names.at_most.map_or(usize::MAX, |most| (most as usize).saturating_sub(always.len())).max(1);
    let part = |others: &[&str]| always.iter().chain(others).map(|name| (*name).to_owned()).collect();
    if others.is_empty() { vec![part(&[])] } else { others.chunks(room).map(part).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(yaml: &str) -> ListPlan {
        let yaml = format!("{yaml}\nkey: id\nfields: {{ id: string, p.a: string, p.b: string, p.c: string }}\n");
        ListPlan::of_stream("s", &affluent_spec::read::<Stream>("s.yaml", &yaml).unwrap().value).unwrap()
    }

    fn scope() -> Scope {
        let at = |ms| DateTime::from_timestamp_millis(ms);
        let bound = [("list".to_owned(), "a/b é".to_owned())].into();
        Scope { since: at(1_700_000_000_000), until: at(1_700_000_100_000), bound, chunk: 1 }
    }

    fn call(yaml: &str, scope: &Scope) -> Result<Call, SourceError> {
        let fields = vec!["id", "p.a", "p.b", "p.c"];
        let names = FieldNames { path: "p".into(), at_most: Some(2), separator: ";".into() };
        let chunks = chunks(&fields, &names, &["id", "p.a"]);
        assert_eq!(chunks, [["a", "b"], ["a", "c"]]);
        let settings = ResolvedSettings::default();
        list(yaml).call(&Words { settings: &settings, fields, chunks: &chunks }, scope)
    }

    #[test]
    fn values_go_into_paths_queries_headers_and_bodies() {
        let yaml = "post: '/l/{list}/x'
query: { q: '{list}', from: { since: epoch_s }, f: { fields: { path: p, at_most: 2, separator: ';' } }, all: { fields: p } }
headers: { If-Modified-Since: { since: rfc3339_s } }
body: { a: [{ from: { since: epoch_ms }, to: { until: date } }], names: ['{list}', 'x{{y}}'] }";
        let made = call(yaml, &scope()).unwrap();
        assert_eq!(made.target, "/l/a%2Fb%20%C3%A9/x");
        let query: Vec<(&str, &str)> = made.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(query, [("q", "a/b é"), ("from", "1700000000"), ("f", "a;c"), ("all", "a,b,c")]);
        assert_eq!(made.headers["if-modified-since"], "2023-11-14T22:13:20Z");
        let body = r#"{"a":[{"from":1700000000000,"to":"2023-11-14"}],"names":["a/b é","x{y}"]}"#;
        assert_eq!(made.json.as_deref(), Some(body.as_bytes()));
        // Read from its start, nothing takes the cursor.
        let made = call(yaml, &Scope { since: None, ..scope() }).unwrap();
        assert!(made.headers.is_empty() && made.query.len() == 3);
        assert!(made.json.is_some_and(|json| json.starts_with(br#"{"a":[{"to":"2023-11-14"}]"#)));
    }

    #[test]
    fn no_value_leaves_its_part_of_a_path() {
        for value in ["", ".", ".."] {
            let bound = [("list".to_owned(), value.to_owned())].into();
            assert!(call("get: '/l/{list}/x'", &Scope { bound, ..scope() }).is_err(), "{value}");
        }
    }
}
