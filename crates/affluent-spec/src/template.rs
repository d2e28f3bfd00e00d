//! Text with names in braces: `https://{shop}.example.com`.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::Name;

/// Text in which `{name}` stands for a value. `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Literal(String),
    /// The name of a value.
    Name(Name),
}

/// Why a text is no [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {what} (write `{{name}}` where a value goes in, and `{{{{` for a brace)")]
pub struct InvalidTemplate {
    text: String,
    what: &'static str,
}

impl Template {
    /// Text without names.
    pub fn literal(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Literal(text.into())] }
    }

    /// Its parts, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The names in it, in their order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name),
            Part::Literal(_) => None,
        })
    }

    /// The text, where there are no names in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with a value for each name; the first name that `value` does not know otherwise.
    pub fn fill<'a, V: AsRef<str>>(&'a self, mut value: impl FnMut(&'a str) -> Option<V>) -> Result<String, &'a Name> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Name(name) => text.push_str(value(name.as_str()).ok_or(name)?.as_ref()),
            }
        }
        Ok(text)
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |what| InvalidTemplate { text: text.to_owned(), what };
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err(invalid("has a `}` that closes nothing"));
            }
            let (name, after) = after.split_once('}').ok_or_else(|| invalid("has a `{` that is not closed"))?;
            let name = name.parse().map_err(|_| invalid("has something in braces that is no name"))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Name(name));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Part::Name(name) => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Text in which {name} stands for a value; {{ is a brace.",
            "pattern": r"^([^{}]|\{\{|\}\}|\{[a-z][a-z0-9_]{0,62}\})*$",
            "x-expects": "text with `{name}` where a value goes in, and `{{` for a brace",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_and_prints_what_it_read() {
        for (text, filled) in [
            ("", ""),
            ("/plain", "/plain"),
            ("{shop}", "acme"),
            ("https://{shop}.com/{id}/x", "https://acme.com/7/x"),
            ("{{{shop}}}", "{acme}"),
            ("a }} b {{ c", "a } b { c"),
        ] {
            let template: Template = text.parse().unwrap();
            assert_eq!(template.to_string(), text);
            let value = |name: &str| if name == "shop" { Some("acme") } else { Some("7") };
            assert_eq!(template.fill(value).unwrap(), filled);
        }
        let template: Template = "{shop}/{id}".parse().unwrap();
        let unknown = template.fill(|name| (name == "shop").then_some("acme"));
        assert_eq!(unknown.unwrap_err().as_str(), "id");
    }

    #[test]
    fn says_what_is_wrong_as_its_schema_does() {
        let schema = Template::json_schema(&mut SchemaGenerator::default());
        let pattern = schema.get("pattern").and_then(serde_json::Value::as_str).unwrap();
        let pattern = regex_lite::Regex::new(pattern).unwrap();
        for (text, told) in [
            ("{shop", "not closed"),
            ("shop}", "closes nothing"),
            ("{}", "no name"),
            ("{Shop}", "no name"),
            ("{a b}", "no name"),
            ("{a{b}}", "no name"),
        ] {
            let error = text.parse::<Template>().unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
            assert!(!pattern.is_match(text), "{text}");
        }
        assert!(pattern.is_match("https://{shop}.com/{{{id}}}"));
    }
}
