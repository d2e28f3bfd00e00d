//! What the YAML files and SQL headers may say: types, names, and their check with positions.
//!
//! No I/O, no async, no Arrow. A format is one Rust type; its JSON Schema is derived from it, editors complete by that
//! schema, and [`read`] checks files by the very same one, so that the three cannot disagree.

pub mod bronze;
pub mod connector;
pub mod data_test;
pub mod entity;
pub mod model;
pub mod names;
pub mod one_or_many;
pub mod pipeline;
pub mod problem;
pub mod setting;
pub mod shape;
pub mod sound;
pub mod span;
pub mod suggest;
pub mod template;
pub mod types;
pub mod yaml;

pub use connector::Connector;
pub use entity::Entity;
pub use model::ModelHeader;
pub use names::{Name, TableName};
pub use one_or_many::OneOrMany;
pub use pipeline::Pipeline;
pub use problem::Problem;
pub use setting::{Secret, Setting};
pub use sound::read_sound;
pub use span::Span;
pub use template::Template;
pub use types::ColumnType;
pub use yaml::Document;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A value read from YAML together with the document that knows where each part of it stands.
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// The decoded value.
    pub value: T,
    /// Positions, for checks that come later.
    pub document: Document,
}

/// Reads `text` (the content of `file`) as a `T`; on failure all faults at once, with their positions.
pub fn read<T: DeserializeOwned + JsonSchema>(file: &str, text: &str) -> Result<Read<T>, Vec<Problem>> {
    let document = Document::parse(file, text).map_err(|problem| vec![problem])?;
    let problems = shape::check(&json_schema::<T>(), &document);
    if !problems.is_empty() {
        return Err(problems);
    }
    decode(document).map_err(|fault| vec![fault])
}

fn decode<T: DeserializeOwned>(document: Document) -> Result<Read<T>, Problem> {
    match serde_path_to_error::deserialize(document.root.to_json()) {
        Ok(value) => Ok(Read { value, document }),
        Err(fault) => {
            let path: Vec<String> = fault
                .path()
                .iter()
                .filter_map(|segment| match segment {
                    serde_path_to_error::Segment::Map { key } => Some(key.clone()),
                    serde_path_to_error::Segment::Seq { index } => Some(index.to_string()),
                    _ => None,
                })
                .collect();
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            Err(document.problem(&path, fault.inner().to_string()))
        }
    }
}

/// The JSON Schema of a format, for editors.
pub fn json_schema<T: JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}
