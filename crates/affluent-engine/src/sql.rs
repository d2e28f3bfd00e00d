//! Names and values as SQL writes them. Whatever comes from outside goes through here before it stands in a query.

use crate::columns::{FILE, ROW};
use crate::plan::Input;

/// A name, its case kept.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text.
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A value out of YAML: text, number, boolean or nothing.
pub fn literal(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(value) => text(value),
        other => other.to_string(),
    }
}

/// The `record_id` of an input's rows, `source.stream:key`.
pub(crate) fn record_id(input: &Input) -> String {
    let parts: Vec<String> = if input.key.is_empty() {
        vec![FILE.to_owned(), format!("cast({ROW} as varchar)")]
    } else {
        input.key.iter().map(|column| format!("cast({} as varchar)", identifier(column))).collect()
    };
    format!("concat({}, concat_ws('|', {}))", text(&format!("{}:", input.stream)), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_nothing() {
        assert_eq!(identifier("a\"b C"), "\"a\"\"b C\"");
        for (value, sql) in [
            (serde_json::json!("l'an"), "'l''an'"),
            (serde_json::json!(1.5), "1.5"),
            (serde_json::json!(true), "true"),
            (serde_json::Value::Null, "null"),
        ] {
            assert_eq!(literal(&value), sql);
        }
    }
}
