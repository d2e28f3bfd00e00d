//! The Arrow schemas of silver tables, from the canonical entities.

use std::collections::HashMap;
use std::sync::Arc;

use affluent_connect::schema::arrow_type;
use affluent_spec::Entity;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::EntityPlan;
use crate::columns::{INVALID, PERSON_RECORD_ID, PROVENANCE, RECORD_ID, RECORDS, SOURCE};
use crate::lake::commented;

/// The columns of an entity's table; `plan` brings those that the pipeline looks up.
pub fn table(entity: &Entity, plan: Option<&EntityPlan>) -> SchemaRef {
    let name = entity.entity.as_str();
    let mut fields = Vec::new();
    let golden = matches!(name, "persons" | "companies");
    if !golden {
        fields.push(field(RECORD_ID, DataType::Utf8, "identity of the row: source.stream:key"));
        fields.push(field(SOURCE, DataType::Utf8, "source.stream that the row comes from"));
    }
    for (column, spec) in &entity.columns {
        fields.push(field(column, arrow_type(&spec.kind), &spec.description));
        if spec.money {
            fields.push(field(
                &format!("source_{column}"),
                arrow_type(&spec.kind),
                "the amount as it came, in `currency`",
            ));
        }
        if spec.person {
            fields.push(field(PERSON_RECORD_ID, DataType::Utf8, "record of the person in silver.person_records"));
        }
    }
    if golden {
        fields.push(field(RECORDS, DataType::Int64, "number of records that went into the row"));
        fields.push(field(PROVENANCE, DataType::Utf8, "JSON: column to the record_id its value comes from"));
    }
    if name.ends_with("_records") {
        fields.push(field(INVALID, DataType::Utf8, "values that could not be used, with the reason; null where none"));
    }
    for column in plan.into_iter().flat_map(|plan| plan.enrich.keys()) {
        fields.push(field(column, DataType::Utf8, "looked up"));
    }
    Arc::new(commented(Schema::new(fields), &entity.description))
}

fn field(name: &str, kind: DataType, description: &str) -> Field {
    Field::new(name, kind, true).with_metadata(HashMap::from([("comment".to_owned(), description.to_owned())]))
}
