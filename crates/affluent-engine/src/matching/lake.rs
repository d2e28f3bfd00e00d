//! Explaining a pair of records of a lake, by the weights of its last matching.

use affluent_match::{Explanation, Known, Records, explain};
use affluent_spec::TableName;
use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;

use super::{fault, place_of, usage};
use crate::columns::{RECORD_ID, SOURCE};
use crate::error::Error;
use crate::lake::Lake;
use crate::plan::records_of;
use crate::session::Session;
use crate::transform::{held, newest_match};

/// Why two records are taken for one entity or for two, and the entities they are in.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The evidence.
    pub explanation: Explanation,
    /// The entity of each, where it is known.
    pub entities: (Option<String>, Option<String>),
}

/// Explains two records of persons or of companies.
pub async fn explain_lake(lake: &Lake, session: &Session, left: &str, right: &str) -> Result<Explained, Error> {
    let mut unknown = None;
    for (entity, id) in [("persons", "person_id"), ("companies", "company_id")] {
        let Some((records, entities)) = read(lake, session, entity, id).await? else { continue };
        let places = place_of(&records, left).and_then(|a| Ok((a, place_of(&records, right)?)));
        let (a, b) = match places {
            Ok(places) => places,
            Err(error) => {
                unknown.get_or_insert(error);
                continue;
            }
        };
        let context = session.context()?;
        let Some(kept) = newest_match(lake, &context, entity, None).await? else {
            let hint = "run the pipeline; with `match: none` ids are given and nothing is compared";
            return Err(usage("", format!("{entity} of this lake were never matched"), hint));
        };
        let known = Known { learned: Some(&kept.learned), ..Known::default() };
        let explanation = explain(&records, &kept.settings, &known, a, b).map_err(|error| fault(&error))?;
        return Ok(Explained { explanation, entities: (entities[a].clone(), entities[b].clone()) });
    }
    let hint = "run a pipeline with persons or companies into it first";
    Err(unknown.unwrap_or_else(|| usage("", format!("there are no records at {}", lake.root()), hint)))
}

type Held = (Records, Vec<Option<String>>);

async fn read(lake: &Lake, session: &Session, entity: &str, id: &str) -> Result<Option<Held>, Error> {
    let Some(table) = lake.table(&TableName::silver(&records_of(entity))).await? else { return Ok(None) };
    let batches = session.context()?.read_table(table.provider().await?)?.collect().await?;
    let Some(first) = batches.first() else { return Ok(None) };
    let all = concat_batches(&first.schema(), &batches)?;
    let column = |at: usize| -> Result<StringArray, Error> {
        Ok(cast(all.column(at), &DataType::Utf8)?.as_string::<i32>().clone())
    };
    let schema = all.schema();
    let mut columns = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        columns.push((field.name().as_str(), column(at)?));
    }
    let of = |name: &str| columns.iter().find(|(known, _)| *known == name).map(|(_, array)| array);
    let owned = |name: &str| -> Vec<String> {
        of(name).into_iter().flatten().map(|value| value.unwrap_or_default().to_owned()).collect()
    };
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let value = |name: &str, row: usize| {
        let array = of(name)?;
        (!array.is_null(row)).then(|| array.value(row))
    };
    let records = held(entity, &names, &owned(RECORD_ID), &owned(SOURCE), value).map_err(|error| fault(&error))?;
    let entities = of(id).into_iter().flatten().map(|value| value.map(str::to_owned)).collect();
    Ok(Some((records, entities)))
}
