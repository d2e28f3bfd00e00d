//! The JSON body of a request: as written, with values that the engine makes at any depth.

use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Expression;
use crate::template::Template;

/// A part of a body. A map with nothing but one of the words `since`, `until`, `fields` or `setting` is a value that the
/// engine makes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum BodyValue {
    /// Null, a boolean or a number.
    Plain(serde_json::Value),
    /// Text; `{name}` in it stands for a setting or a value of the parent.
    Text(Template),
    /// Made by the engine.
    Expression(Expression),
    /// An array.
    List(Vec<BodyValue>),
    /// An object.
    Map(IndexMap<String, BodyValue>),
}

/// The words that make a map an expression.
const WORDS: [&str; 4] = ["since", "until", "fields", "setting"];

impl BodyValue {
    /// Adds the expressions in it to `found`.
    pub(crate) fn expressions<'a>(&'a self, found: &mut Vec<&'a Expression>) {
        if let Self::Expression(expression) = self {
            found.push(expression);
        }
        self.inner().into_iter().for_each(|(_, inner)| inner.expressions(found));
    }

    /// Its members or items, each with its name or number.
    pub(super) fn inner(&self) -> Vec<(String, &Self)> {
        match self {
            Self::Plain(_) | Self::Text(_) | Self::Expression(_) => Vec::new(),
            Self::List(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
            Self::Map(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
        }
    }

    /// As it was written, but for expressions, whose words alone matter here.
    fn literal(self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for BodyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Parts)
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = BodyValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<BodyValue, E> {
        Ok(BodyValue::Plain(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<BodyValue, E> {
        Ok(BodyValue::Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<BodyValue, E> {
        Ok(BodyValue::Plain(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<BodyValue, E> {
        Ok(BodyValue::Plain(value.into()))
    }

    fn visit_unit<E>(self) -> Result<BodyValue, E> {
        Ok(BodyValue::Plain(serde_json::Value::Null))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<BodyValue, E> {
        value.parse().map(BodyValue::Text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<BodyValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(BodyValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<BodyValue, A::Error> {
        let mut map = IndexMap::new();
        while let Some((name, value)) = members.next_entry::<String, BodyValue>()? {
            map.insert(name, value);
        }
        let word = map.keys().next().filter(|word| map.len() == 1 && WORDS.contains(&word.as_str()));
        if word.is_none() {
            return Ok(BodyValue::Map(map));
        }
        serde_json::from_value(BodyValue::Map(map).literal())
            .map(BodyValue::Expression)
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for BodyValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BodyValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "any JSON; { since: FORMAT }, { until: FORMAT }, { fields: ... } and { setting: NAME } are made by the engine",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::InstantFormat;

    #[test]
    fn finds_expressions_at_any_depth_and_leaves_the_rest() {
        let text = r#"{"dateRanges":[{"startDate":{"since":"date"},"endDate":{"until":"date"}}],"limit":3,"n":null,
            "filter":{"since":"date","until":"date"}}"#;
        let body: BodyValue = serde_json::from_str(text).unwrap_or_else(|error| unreachable!("{error}"));
        let mut found = Vec::new();
        body.expressions(&mut found);
        assert_eq!(found, [&Expression::Since(InstantFormat::Date), &Expression::Until(InstantFormat::Date)]);
        let (written, read): (serde_json::Value, Result<serde_json::Value, _>) =
            (serde_json::to_value(&body).unwrap_or_default(), serde_json::from_str(text));
        assert_eq!(Some(written), read.ok());
        assert!(serde_json::from_str::<BodyValue>(r#"{"from":{"since":"tomorrow"}}"#).is_err());
    }
}
