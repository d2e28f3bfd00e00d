//! Checks a document against a JSON Schema (the part of it that schemars derives) and says every fault in a user's words.

use serde_json::Value;

use crate::problem::Problem;
use crate::suggest;
use crate::yaml::{Document, Kind, Node};

/// All faults of `document` against `schema`.
pub fn check(schema: &Value, document: &Document) -> Vec<Problem> {
    let mut check = Check { schema, document, problems: Vec::new() };
    check.node(schema, &document.root);
    check.problems
}

struct Check<'a> {
    schema: &'a Value,
    document: &'a Document,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#')) {
            Some(path) => self.schema.pointer(path).map_or(&Value::Null, |found| self.resolve(found)),
            None => schema,
        }
    }

    fn fault(&mut self, node: &Node, message: String) -> &mut Problem {
        let problem = Problem::at(&self.document.file, &self.document.text, node.span, message);
        self.problems.push(problem);
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    fn node(&mut self, schema: &'a Value, node: &Node) {
        let schema = self.resolve(schema);
        if let Some(options) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
            return self.alternatives(options, node);
        }
        if let Some(expected) = schema.get("const") {
            if node.to_json() != *expected {
                self.fault(node, format!("expected {expected}, found {}", node.describe()));
            }
            return;
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return self.words(&words.iter().filter_map(Value::as_str).collect::<Vec<_>>(), node);
        }
        if !has_type(schema, node) {
            let message = format!("expected {}, found {}", expects(schema), node.describe());
            let quote =
                matches!(node.kind, Kind::Scalar(Value::Number(_) | Value::Bool(_))) && accepts(schema, "string");
            let problem = self.fault(node, message);
            if quote {
                problem.hint = Some("put it in quotes to make it text".to_owned());
            }
            return;
        }
        match &node.kind {
            Kind::Map(entries) => self.map(schema, node, entries),
            Kind::List(items) => {
                if let Some(item) = schema.get("items") {
                    for node in items {
                        self.node(item, node);
                    }
                }
                let bound = |word: &str| schema.get(word).and_then(Value::as_u64);
                match (items.len() as u64, bound("minItems"), bound("maxItems")) {
                    (count, Some(least), _) if count < least => {
                        self.fault(node, format!("at least {least} expected here, found {count}"));
                    }
                    (count, _, Some(most)) if count > most => {
                        self.fault(node, format!("at most {most} expected here, found {count}"));
                    }
                    _ => {}
                }
            }
            Kind::Scalar(Value::String(text)) => self.text(schema, node, text),
            Kind::Scalar(Value::Number(number)) => self.number(schema, node, number.as_f64().unwrap_or_default()),
            Kind::Scalar(_) => {}
        }
    }

    fn map(&mut self, schema: &'a Value, node: &Node, entries: &[(String, crate::Span, Node)]) {
        let known = schema.get("properties").and_then(Value::as_object);
        let by_pattern = schema.get("patternProperties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (key, span, value) in entries {
            if let Some(property) = known.and_then(|known| known.get(key)) {
                self.node(property, value);
                continue;
            }
            let matching = by_pattern.and_then(|patterns| patterns.iter().find(|(pattern, _)| matches(pattern, key)));
            match (matching, by_pattern, others) {
                (Some((_, property)), ..) => self.node(property, value),
                (None, Some(_), _) => {
                    let message =
                        format!("`{key}` is not a name: use a lower-case letter, then letters, digits and `_`");
                    self.problems.push(Problem::at(&self.document.file, &self.document.text, *span, message));
                }
                (None, None, Some(Value::Bool(false))) => {
                    let names = known.into_iter().flatten().map(|(name, _)| name.as_str());
                    let problem =
                        Problem::at(&self.document.file, &self.document.text, *span, format!("unknown key `{key}`"))
                            .with_hint_if(suggest::hint(key, names));
                    self.problems.push(problem);
                }
                (None, None, Some(property @ Value::Object(_))) => self.node(property, value),
                (None, None, _) => {}
            }
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !entries.iter().any(|(key, ..)| key == name) {
                let meaning =
                    known.and_then(|known| known.get(name)).and_then(|p| p.get("description")).and_then(Value::as_str);
                let problem = self.fault(node, format!("`{name}` is missing here"));
                problem.hint = meaning.map(|meaning| format!("{name}: {}", first_sentence(meaning)));
            }
        }
    }

    fn alternatives(&mut self, options: &'a [Value], node: &Node) {
        let options: Vec<&'a Value> = options.iter().map(|option| self.resolve(option)).collect();
        // Enums with documented variants come as one option with `const` each, or several with `enum`.
        let words: Vec<&str> = options
            .iter()
            .flat_map(|option| {
                let listed = option.get("enum").and_then(Value::as_array).into_iter().flatten();
                option.get("const").into_iter().chain(listed).filter_map(Value::as_str)
            })
            .collect();
        if let Kind::Scalar(Value::String(text)) = &node.kind
            && words.contains(&text.as_str())
        {
            return;
        }
        let fitting: Vec<&'a Value> = options
            .iter()
            .copied()
            .filter(|option| option.get("const").is_none() && option.get("enum").is_none())
            .filter(|option| option.get("anyOf").is_some() || option.get("oneOf").is_some() || has_type(option, node))
            .collect();
        if fitting.is_empty() {
            if words.is_empty() {
                let kinds: Vec<String> = options.iter().map(|option| expects(option)).collect();
                self.fault(node, format!("expected {}, found {}", kinds.join(" or "), node.describe()));
            } else {
                self.words(&words, node);
            }
            return;
        }
        if fitting.len() == 1 {
            return self.node(fitting[0], node);
        }
        // Externally tagged variants: the first key says which.
        if let Kind::Map(entries) = &node.kind {
            let variant = |option: &&&Value, key: &str| option.get("properties").and_then(|p| p.get(key)).is_some();
            let chosen = entries.iter().find_map(|(key, ..)| fitting.iter().find(|option| variant(option, key)));
            if let Some(chosen) = chosen {
                return self.node(chosen, node);
            }
            if let Some((key, span, _)) = entries.first() {
                let names: Vec<&str> = fitting
                    .iter()
                    .flat_map(|option| option.get("properties").and_then(Value::as_object).into_iter().flatten())
                    .map(|(name, _)| name.as_str())
                    .collect();
                if !names.is_empty()
                    && fitting.iter().all(|option| option.get("additionalProperties") == Some(&Value::Bool(false)))
                {
                    let problem =
                        Problem::at(&self.document.file, &self.document.text, *span, format!("unknown key `{key}`"))
                            .with_hint_if(suggest::hint(key, names));
                    self.problems.push(problem);
                    return;
                }
            }
        }
        // No tag to go by: right where any option has no fault, else the faults of the option that has fewest.
        let mut best: Option<Vec<Problem>> = None;
        for option in fitting {
            let mut attempt = Check { schema: self.schema, document: self.document, problems: Vec::new() };
            attempt.node(option, node);
            if best.as_ref().is_none_or(|problems| attempt.problems.len() < problems.len()) {
                best = Some(attempt.problems);
            }
        }
        self.problems.extend(best.unwrap_or_default());
    }

    fn words(&mut self, words: &[&str], node: &Node) {
        if let Kind::Scalar(Value::String(text)) = &node.kind {
            if !words.contains(&text.as_str()) {
                let hint = suggest::hint(text, words.iter().copied());
                self.fault(node, format!("`{text}` is not one of the words known here")).hint = hint;
            }
        } else {
            self.fault(node, format!("expected one of {}, found {}", words.join(", "), node.describe()));
        }
    }

    fn text(&mut self, schema: &Value, node: &Node, text: &str) {
        let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
        if (text.chars().count() as u64) < least {
            self.fault(node, "must not be empty".to_owned());
            return;
        }
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return };
        if !matches(pattern, text) {
            let expected = schema.get("x-expects").and_then(Value::as_str);
            let message = match expected {
                Some(expected) => format!("`{text}` is not {expected}"),
                None => format!("`{text}` does not match {pattern}"),
            };
            let known: Vec<&str> = schema
                .get("x-suggest")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let hint = suggest::nearest(text, known).map(|near| format!("did you mean `{near}`?"));
            self.fault(node, message).hint = hint;
        }
    }

    fn number(&mut self, schema: &Value, node: &Node, number: f64) {
        let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
        match (bound("minimum"), bound("maximum")) {
            (Some(least), _) if number < least => {
                self.fault(node, format!("{number} is too little, {least} is the least"));
            }
            (_, Some(most)) if number > most => {
                self.fault(node, format!("{number} is too much, {most} is the most"));
            }
            _ => {}
        }
    }
}

fn accepts(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        None => true,
        Some(Value::String(one)) => one == kind || (kind == "integer" && one == "number"),
        Some(Value::Array(several)) => several.iter().any(|one| one == kind || (kind == "integer" && one == "number")),
        Some(_) => false,
    }
}

fn has_type(schema: &Value, node: &Node) -> bool {
    let kind = match &node.kind {
        Kind::Scalar(Value::Null) => "null",
        Kind::Scalar(Value::Bool(_)) => "boolean",
        Kind::Scalar(Value::Number(number)) if number.is_f64() => "number",
        Kind::Scalar(Value::Number(_)) => "integer",
        Kind::Scalar(_) => "string",
        Kind::List(_) => "array",
        Kind::Map(_) => "object",
    };
    accepts(schema, kind)
}

fn expects(schema: &Value) -> String {
    if let Some(expected) = schema.get("x-expects").and_then(Value::as_str) {
        return expected.to_owned();
    }
    let word = |kind: &str| match kind {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "nothing",
    };
    match schema.get("type") {
        Some(Value::String(one)) => word(one).to_owned(),
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .map(word)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "something else".to_owned(),
    }
}

fn first_sentence(text: &str) -> String {
    text.split(". ").next().unwrap_or(text).trim_end_matches('.').replace('\n', " ")
}

fn matches(pattern: &str, text: &str) -> bool {
    // A pattern that does not compile is a fault of ours, found by a test below, never of the user's file.
    regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use schemars::JsonSchema;
    use serde::Deserialize;

    use crate::{ColumnType, Name, OneOrMany, read};

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the shape matters here")]
    struct Thing {
        /// The name of it.
        name: Name,
        key: Option<OneOrMany<String>>,
        columns: Option<IndexMap<String, ColumnType>>,
        kind: Option<Variant>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only the shape matters here")]
    enum Variant {
        Bearer(String),
        Basic { user: String },
    }

    fn faults(text: &str) -> Vec<(usize, usize, String, String)> {
        match read::<Thing>("t.yaml", text) {
            Ok(_) => Vec::new(),
            Err(problems) => problems
                .into_iter()
                .map(|p| (p.span.line, p.span.column, p.message, p.hint.unwrap_or_default()))
                .collect(),
        }
    }

    /// Words that say nothing of what fits.
    const NOTES: [&str; 11] = [
        "$schema",
        "$defs",
        "$ref",
        "title",
        "description",
        "default",
        "format",
        "examples",
        "x-expects",
        "x-suggest",
        "deprecated",
    ];
    /// Words that [`super::check`] knows.
    const KNOWN: [&str; 15] = [
        "type",
        "properties",
        "patternProperties",
        "additionalProperties",
        "required",
        "items",
        "minItems",
        "maxItems",
        "minLength",
        "minimum",
        "maximum",
        "pattern",
        "enum",
        "const",
        "anyOf",
    ];

    #[test]
    fn every_word_of_our_schemas_is_checked_and_every_pattern_compiles() {
        fn walk(schema: &serde_json::Value, at: &str) {
            let Some(words) = schema.as_object() else { return };
            for (word, value) in words {
                let known = NOTES.contains(&word.as_str()) || KNOWN.contains(&word.as_str()) || word == "oneOf";
                assert!(known, "{at}: `{word}` is in a schema and not checked");
                let at = format!("{at}/{word}");
                match word.as_str() {
                    "pattern" => assert!(regex_lite::Regex::new(value.as_str().unwrap()).is_ok(), "{at}"),
                    "properties" | "patternProperties" | "$defs" => {
                        for (key, inner) in value.as_object().unwrap() {
                            assert!(word != "patternProperties" || regex_lite::Regex::new(key).is_ok(), "{at}/{key}");
                            walk(inner, &format!("{at}/{key}"));
                        }
                    }
                    "items" | "additionalProperties" => walk(value, &at),
                    "anyOf" | "oneOf" => value.as_array().unwrap().iter().for_each(|option| walk(option, &at)),
                    _ => {}
                }
            }
        }
        walk(&crate::json_schema::<crate::Pipeline>(), "pipeline");
        walk(&crate::json_schema::<crate::Connector>(), "connector");
        walk(&crate::json_schema::<crate::ModelHeader>(), "model");
        walk(&crate::json_schema::<crate::Entity>(), "entity");
    }

    #[test]
    fn takes_what_fits() {
        assert_eq!(faults("name: a\nkey: id\ncolumns: { a: decimal(12,2) }\nkind: { basic: { user: x } }\n"), []);
        assert_eq!(faults("name: a\nkey: [id, line]\nkind: { bearer: token }\n"), []);
    }

    #[test]
    fn tells_all_faults_at_once_with_place_and_hint() {
        let found = faults("nam: a\nkey: 3\ncolumns: { a: strin }\nkind: { barer: x }\n");
        let lines: Vec<usize> = found.iter().map(|f| f.0).collect();
        assert_eq!(lines, [1, 2, 3, 4, 1], "{found:#?}");
        assert!(found[0].3.contains("did you mean `name`"), "{found:#?}");
        assert!(found[2].3.contains("did you mean `string`"), "{found:#?}");
        assert!(found[3].3.contains("did you mean `bearer`"), "{found:#?}");
        assert!(found[4].2.contains("`name` is missing"), "{found:#?}");
    }
}
