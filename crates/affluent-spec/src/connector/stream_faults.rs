//! What a stream of a manifest may get wrong although its shape is right.

use indexmap::IndexMap;

use super::faults::Faults;
use super::{
    BodyFormat, BodyValue, Deletes, Expression, FieldNames, Next, Opaque, Stream, TombstoneList, Value, soql_faults,
    stream_texts,
};
use crate::{Name, bronze, suggest};

/// Tells the faults of one stream.
pub(super) fn of(faults: &mut Faults<'_>, name: &str, stream: &Stream) {
    let mut check = Check { faults, name, stream };
    check.request();
    check.key();
    check.parent();
    check.paging();
    check.cursor();
    check.deletes();
    check.chunks();
    soql_faults::check(check.faults, name, stream);
    stream_texts::check(check.faults, name, stream);
}

/// A stream under check.
pub(super) struct Check<'c, 'f> {
    faults: &'c mut Faults<'f>,
    name: &'c str,
    pub(super) stream: &'c Stream,
}

impl Check<'_, '_> {
    pub(super) fn fault(&mut self, path: &[&str], message: impl Into<String>, hint: Option<&str>) {
        let path = [&["streams", self.name], path].concat();
        self.faults.fault(&path, message, hint.map(str::to_owned));
    }

    pub(super) fn known(&mut self, path: &[&str], field: &str) {
        if !self.stream.fields.contains_key(field) {
            let hint = suggest::hint(field, self.stream.fields.keys().map(String::as_str));
            self.fault(path, format!("`{field}` is not among the stream's fields"), hint.as_deref());
        }
    }

    fn request(&mut self) {
        let stream = self.stream;
        if stream.get.is_some() == stream.post.is_some() {
            self.fault(&[], "a stream has either `get` or `post`", None);
        }
        if stream.body.is_some() && stream.post.is_none() {
            self.fault(&["body"], "only a `post` has a body", None);
        }
        for (parameter, value) in &stream.query {
            self.value(&["query", parameter], value, true);
        }
        for (header, value) in &stream.headers {
            self.value(&["headers", header], value, false);
        }
        for (member, value) in stream.body.iter().flatten() {
            self.body(&mut vec!["body".to_owned(), member.clone()], value);
        }
        let mut columns = IndexMap::new();
        for field in stream.fields.keys() {
            if let Some(other) = columns.insert(bronze::of_field(field), field) {
                self.fault(&["fields"], format!("`{other}` and `{field}` become the same column"), None);
            }
        }
        if stream.format != BodyFormat::Json {
            let json_only = [
                ("records", stream.records.is_some()),
                ("count", stream.count.is_some()),
                ("next", stream.next.as_ref().is_some_and(Next::needs_json)),
                ("explode", stream.explode.is_some() && stream.format == BodyFormat::Csv),
            ];
            for (word, _) in json_only.iter().filter(|(_, given)| *given) {
                let message = format!("`{word}` is looked for in JSON, and this stream's answers are none");
                self.fault(&[word], message, Some("leave it out, or `format: json`"));
            }
        }
    }

    fn value(&mut self, path: &[&str], value: &Value, query: bool) {
        if let Value::Expression(expression) = value {
            self.expression(path, expression, query);
        }
    }

    fn body(&mut self, path: &mut Vec<String>, value: &BodyValue) {
        if let BodyValue::Expression(expression) = value {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            return self.expression(&path, expression, false);
        }
        for (name, value) in value.inner() {
            path.push(name);
            self.body(path, value);
            path.pop();
        }
    }

    fn expression(&mut self, path: &[&str], expression: &Expression, query: bool) {
        match expression {
            Expression::Setting(name) => {
                let path = [&["streams", self.name], path].concat();
                self.faults.setting(&path, name, false);
            }
            Expression::Fields(FieldNames { path: prefix, .. }) => {
                let under = |field: &String| field.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
                if !prefix.is_empty() && !self.stream.fields.keys().any(under) {
                    self.fault(path, format!("no field of the stream lies under `{prefix}`"), None);
                }
            }
            Expression::Soql(_) if !query => self.fault(path, "`soql` stands in the query", None),
            Expression::Soql(_) | Expression::Since(_) | Expression::Until(_) => {
                if self.stream.cursor.is_none() {
                    self.fault(path, "this needs a `cursor`", None);
                }
            }
        }
    }

    fn key(&mut self) {
        if self.stream.key.is_empty() {
            self.fault(&["key"], "a stream needs a key", None);
        }
        for field in self.stream.key.iter() {
            self.known(&["key"], field);
        }
        let last = self.stream.key.iter().next_back();
        if self.stream.may_lack.as_ref().is_some_and(|field| self.stream.key.len() < 2 || last != Some(field)) {
            let hint = "put it behind the fields that every record has";
            self.fault(&["may_lack"], "this is not the last field of a key of several", Some(hint));
        }
    }

    fn parent(&mut self) {
        let Some(parent) = &self.stream.parent else { return };
        let connector = self.faults.connector;
        let Some(stream) = connector.stream(parent.stream.as_str()) else {
            let hint = suggest::hint(parent.stream.as_str(), connector.streams.keys().map(Name::as_str));
            return self.fault(
                &["parent", "stream"],
                format!("there is no stream `{}`", parent.stream),
                hint.as_deref(),
            );
        };
        if stream.parent.is_some() {
            self.fault(&["parent", "stream"], "the parent has a parent itself", Some("one level is read"));
        }
        if parent.with.is_empty() {
            self.fault(&["parent", "with"], "nothing of the parent's records is named", None);
        }
        for (name, field) in &parent.with {
            let path = ["parent", "with", name.as_str()];
            if !stream.fields.contains_key(field) {
                let hint = suggest::hint(field, stream.fields.keys().map(String::as_str));
                let message = format!("`{field}` is not among the fields of `{}`", parent.stream);
                self.fault(&path, message, hint.as_deref());
            }
            if connector.settings.contains_key(name.as_str()) {
                self.fault(&path, format!("`{name}` is a setting already"), Some("give it another name"));
            }
        }
        let own = [
            ("count", self.stream.count.is_some()),
            (
                "cursor",
                self.stream.cursor.as_ref().is_some_and(|cursor| cursor.opaque.is_some() || cursor.step.is_some()),
            ),
            ("deletes", matches!(self.stream.deletes, Some(Deletes::List(_)))),
        ];
        for (word, _) in own.iter().filter(|(_, given)| *given) {
            let message = match *word {
                "cursor" => "a stream with a parent has neither `opaque` nor `step`",
                "count" => "a stream with a parent has no `count`",
                _ => "a stream with a parent has no list of deleted records",
            };
            self.fault(&[word], message, None);
        }
    }

    fn paging(&mut self) {
        if let Some(Next::Last { field, .. }) = &self.stream.next {
            let field = field.clone();
            self.known(&["next", "last", "field"], &field);
        }
        if self.queried() || self.stream.cursor.as_ref().is_some_and(|cursor| cursor.ordered) {
            let lists = [
                ("parent", self.stream.parent.is_some()),
                ("explode", self.stream.explode.is_some()),
                ("count", self.stream.count.is_some()),
                ("format", self.stream.format != BodyFormat::Json),
            ];
            for (word, _) in lists.iter().filter(|(_, given)| *given) {
                self.fault(&[word], format!("`{word}` does not go with a read in the order of the cursor"), None);
            }
        }
    }

    fn deletes(&mut self) {
        match &self.stream.deletes {
            None => {}
            Some(Deletes::Query(query)) => {
                for (parameter, value) in query {
                    self.value(&["deletes", "query", parameter], value, true);
                }
            }
            Some(Deletes::Flag(flag)) => self.known(&["deletes", "flag"], flag),
            Some(Deletes::Value(values)) if values.is_empty() => {
                self.fault(&["deletes", "value"], "no path is given", Some("value: { status: deleted }"));
            }
            Some(Deletes::Value(_)) => {}
            Some(Deletes::Entry(entry)) => {
                if entry.when.is_empty() {
                    self.fault(&["deletes", "entry", "when"], "no path is given", Some("when: { reason: deleted }"));
                }
                self.tombstone_key(&["deletes", "entry", "key"], &entry.key);
            }
            Some(Deletes::List(list)) => self.tombstone_list(list),
        }
    }

    fn tombstone_list(&mut self, list: &TombstoneList) {
        self.tombstone_key(&["deletes", "list", "key"], &list.key);
        if list.at.is_some() && self.stream.cursor.is_none() {
            self.fault(&["deletes", "list", "at"], "this needs a `cursor`", None);
        }
        let places = list.query.iter().map(|entry| ("query", entry)).chain(list.headers.iter().map(|e| ("headers", e)));
        for (place, (name, value)) in places {
            let path = ["deletes", "list", place, name.as_str()];
            match value {
                Value::Expression(Expression::Soql(_)) => self.fault(&path, "`soql` is for a stream's own query", None),
                Value::Expression(Expression::Fields(names)) if names.at_most.is_some() => {
                    self.fault(&path, "`at_most` is for a stream's own query", None);
                }
                // Where the list was read up to is kept apart, with a cursor or without.
                Value::Expression(Expression::Since(_) | Expression::Until(_)) => {}
                value => self.value(&path, value, true),
            }
        }
    }

    /// Tombstones tell every field of the key and no other.
    fn tombstone_key(&mut self, path: &[&str], key: &IndexMap<String, String>) {
        for field in key.keys().filter(|field| !self.stream.key.contains(field)) {
            self.fault(&[path, &[field.as_str()]].concat(), format!("`{field}` is not in the stream's key"), None);
        }
        for field in self.stream.key.iter().filter(|field| !key.contains_key(*field)) {
            self.fault(path, format!("a tombstone needs the whole key, and `{field}` is missing"), None);
        }
    }

    fn chunks(&mut self) {
        let Some(FieldNames { path, at_most: Some(at_most), .. }) = self.stream.chunked() else { return };
        let inside =
            |field: &str| path.is_empty() || field.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        let cursor = self.stream.cursor.as_ref().map(|cursor| cursor.field.as_str());
        let always = self.stream.key.iter().map(String::as_str).chain(cursor).filter(|field| inside(field)).count();
        if always >= *at_most as usize {
            let message = format!("the key and the cursor are {always} names already, which leaves room for no other");
            self.fault(&["query"], message, Some("raise `at_most`"));
        }
        let at_mosts = self
            .stream
            .expressions()
            .into_iter()
            .filter(|expression| matches!(expression, Expression::Fields(names) if names.at_most.is_some()));
        if at_mosts.count() > 1 {
            self.fault(&["query"], "`at_most` stands in more than one place", None);
        }
        let cursor = self.stream.cursor.as_ref();
        let by_url = matches!(self.stream.next, Some(Next::Url(_) | Next::Link(_)))
            || matches!(cursor.and_then(|cursor| cursor.opaque.as_ref()), Some(Opaque::Url(_)));
        if by_url {
            self.fault(&["query"], "`at_most` does not go with URLs that the server gives", None);
        }
        if self.queried() || self.stream.explode.is_some() || self.stream.format != BodyFormat::Json {
            self.fault(&["query"], "`at_most` is for lists of whole JSON records", None);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::connector::{Connector, faults};
    use crate::read;

    const MANIFEST: &str = "
connector: small
settings:
  token: { type: string, secret: true }
  region: { type: string, default: eu }
http:
  base_url: 'https://api.example.com'
  auth: { bearer: token }
  check: { get: /me }
streams:
  lists:
    get: /lists
    key: [id]
    fields: { id: string, kind: string }
  members:
    get: '/{region}/lists/{list}/members'
    parent: { stream: lists, with: { list: id } }
    query: { limit: 100, since: { since: rfc3339_s } }
    records: items
    next: { page: { param: page } }
    key: [id]
    cursor: { field: changed, start: '2015-01-01' }
    deletes: { value: { status: deleted } }
    fields: { id: string, changed: timestamp, status: string }
  orders:
    post: /orders
    format: json
    query: { names: { fields: { path: p, at_most: 5, separator: ';' } } }
    headers: { If-Modified-Since: { since: rfc3339 } }
    body: { filter: { from: { since: date }, to: { until: date }, kinds: [a, b] } }
    records: items
    explode: { path: lines, keep: { order: id } }
    next: { link: next }
    key: [order, id]
    cursor: { field: changed, start: '{region}', step: 30d }
    deletes: { list: { get: /gone, query: { since: { since: epoch_s } }, records: gone, key: { id: line, order: order }, at: when } }
    fields: { order: string, id: string, changed: timestamp, p.a: string }
  delta:
    get: /delta
    next: { url: next }
    key: id
    cursor: { field: changed, opaque: { url: delta } }
    deletes: { entry: { when: { reason: gone }, key: { id: contact } } }
    fields: { id: string, changed: timestamp }
";

    fn told(text: &str) -> Vec<String> {
        match read::<Connector>("m.yaml", text) {
            Ok(manifest) => faults(&manifest).into_iter().map(|p| format!("{}: {}", p.span.line, p.message)).collect(),
            Err(problems) => problems.into_iter().map(|p| format!("{}: {}", p.span.line, p.message)).collect(),
        }
    }

    #[test]
    fn faults_are_told_where_they_stand() {
        // Exploded records cannot be put together from parts; all else of the manifest is sound.
        let sound = MANIFEST.replace(", at_most: 5", "");
        assert_eq!(told(&sound), Vec::<String>::new());
        assert_eq!(
            told(MANIFEST),
            [
                "28: `at_most` does not go with URLs that the server gives",
                "28: `at_most` is for lists of whole JSON records",
            ]
        );
        let mut wrong = Vec::new();
        for (from, to, expected) in [
            ("stream: lists,", "stream: list,", "17: there is no stream `list`"),
            ("list: id }", "list: idd }", "17: `idd` is not among the fields of `lists`"),
            ("with: { list: id }", "with: { region: id, list: id }", "17: `region` is a setting already"),
            ("/lists/{list}/", "/lists/{lst}/", "16: `{lst}` is neither a setting nor a field of the parent"),
            ("/{region}/", "/{token}/", "16: setting `token` is a secret and may not stand here"),
            (
                "'/{region}/lists",
                "'/{region/lists",
                "16: `/{region/lists/{list}/members` is not text with `{name}` where a value goes in, and `{{` for a brace",
            ),
            ("get: /lists", "get: lists", "12: `lists` is no path"),
            ("post: /orders", "post: '//orders'", "26: `//orders` is no path"),
            ("get: /gone", "get: gone", "36: `gone` is no path"),
            (
                "cursor: { field: changed, opaque: { url: delta } }",
                "cursor: { field: changed, search: { post: search, property: p, id: i, limit: 5 } }",
                "42: `search` is no path",
            ),
            ("limit: 100", "limit: '{nothing}'", "18: `{nothing}` is neither a setting nor a field of the parent"),
            ("since: rfc3339_s", "since: rfc333", "18: `rfc333` is not one of the words known here"),
            ("next: { page", "next: { pages", "20: unknown key `pages`"),
            ("start: '2015-01-01'", "start: '2015-13-01'", "22: `2015-13-01` is no date and no instant"),
            (
                "start: '2015-01-01'",
                "opaque: { from: a, param: b }",
                "22: a stream with a parent has neither `opaque` nor `step`",
            ),
            (", step: 30d", "", ""),
            ("to: { until: date }, ", "", "35: slices need `since` and `until` in the request"),
            ("start: '{region}', step", "step", "35: slices need a `start`"),
            (
                "until: date }",
                "until: dat }",
                "30: unknown variant `dat`, expected one of `rfc3339`, `rfc3339_s`, `epoch_s`, `epoch_ms`, `date`",
            ),
            ("format: json", "format: csv", "31: `records` is looked for in JSON, and this stream's answers are none"),
            (
                "key: { id: line, order: order }",
                "key: { id: line }",
                "36: a tombstone needs the whole key, and `order` is missing",
            ),
            ("key: { id: contact }", "key: { idd: contact }", "43: `idd` is not in the stream's key"),
            ("opaque: { url: delta }", "opaque: { url: next }", "42: this is the next page's URL"),
            (", opaque: { url: delta }", ", lag: 1d", "42: slices end so long before now, and there are none"),
            (", opaque: { url: delta }", ", ordered: true", "42: nothing in the request takes an instant"),
            (
                "start: '2015-01-01' }",
                "ordered: true }",
                "17: `parent` does not go with a read in the order of the cursor",
            ),
            (
                "key: [order, id]",
                "key: [order, id]\n    may_lack: order",
                "35: this is not the last field of a key of several",
            ),
            ("key: [order, id]", "key: [order, id]\n    may_lack: id", ""),
            ("opaque: { url: delta }", "opaque: { urn: delta }", "42: unknown key `urn`"),
            (
                "format: json",
                "count: total",
                "27: `count` is for lists that are read whole, without `opaque` and `step`",
            ),
            ("explode: { path: lines,", "explode: { paths: lines,", "32: unknown key `paths`"),
        ] {
            let text = sound.replace(from, to);
            assert!(text != sound, "{from}");
            let found = told(&text);
            if found.first().map_or("", String::as_str) != expected {
                wrong.push((to, found));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
