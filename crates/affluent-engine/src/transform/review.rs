//! `silver.review_queue`: the pairs most in doubt, for a person to decide on. Its rows with the column `decision` filled in are what
//! `decisions:` of a pipeline reads.

use std::collections::HashSet;
use std::sync::Arc;

use affluent_match::{Decision, Matched};
use affluent_spec::TableName;
use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::prelude::{ident, lit};

use super::Work;
use super::identity::Identified;
use super::records::Records;
use crate::error::Error;
use crate::lake::{Mark, commented, conform, in_turn};

const KEY: &str = "pair_id";

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let fields = vec![
        text(KEY),
        text("entity"),
        text("left"),
        text("right"),
        text("left_id"),
        text("right_id"),
        Field::new("probability", DataType::Float64, true),
        Field::new("joined", DataType::Boolean, true),
        text("left_values"),
        text("right_values"),
        text("decision"),
    ];
    let about = "The pairs of records most in doubt. Export them, write same or different into decision, and name the file under match: decisions.";
    Arc::new(commented(Schema::new(fields), about))
}

/// Puts the doubts of a matching in the place of the entity's earlier ones.
pub(super) async fn write(
    work: &Work<'_>,
    entity: &str,
    records: &Records,
    identified: &Identified,
    decisions: &[Decision],
) -> Result<(), Error> {
    let Some((matched, _)) = &identified.compared else { return Ok(()) };
    // Entities and runs share this table.
    in_turn(|| written(work, entity, records, identified, matched, decisions)).await
}

async fn written(
    work: &Work<'_>,
    entity: &str,
    records: &Records,
    identified: &Identified,
    matched: &Matched,
    decisions: &[Decision],
) -> Result<(), Error> {
    let name = TableName::silver("review_queue");
    let mut rows = vec![batch(entity, records, identified, &matched.doubts)?];
    if let Some(table) = work.lake.table(&name).await? {
        let there = conform::frame(work.context.read_table(table.provider().await?)?, &schema())?;
        rows.extend(there.clone().filter(ident("entity").not_eq(lit(entity)))?.collect().await?);
        if matched.report.is_learned_before {
            // A run that looks at the news alone has no new doubts about the rest.
            for earlier in there.filter(ident("entity").eq(lit(entity)))?.collect().await? {
                rows.push(standing(&earlier, records, identified, decisions, &rows[0])?);
            }
        }
    }
    let frame = work.context.read_batches(rows)?;
    let mark = Mark { run_id: work.run.run_id.clone(), ..Mark::default() };
    work.lake.merge(&work.context, &name, schema(), frame, KEY, Some(mark)).await?;
    Ok(())
}

/// The rows whose records are in the entities they were in, that nobody decided on, and that are not asked about anew.
fn standing(
    rows: &RecordBatch,
    records: &Records,
    identified: &Identified,
    decisions: &[Decision],
    asked: &RecordBatch,
) -> Result<RecordBatch, Error> {
    let text = |batch: &RecordBatch, name: &str| -> Result<StringArray, Error> {
        Ok(cast(batch.column(batch.schema().index_of(name)?), &DataType::Utf8)?.as_string::<i32>().clone())
    };
    let asked = text(asked, KEY)?;
    let asked: HashSet<&str> = asked.iter().flatten().collect();
    let (keys, left, right) = (text(rows, KEY)?, text(rows, "left")?, text(rows, "right")?);
    let (left_id, right_id) = (text(rows, "left_id")?, text(rows, "right_id")?);
    let is_in = |record: &str, entity: &str| {
        // Records come in the order of their ids.
        let found = records.ids.binary_search_by(|id| id.as_str().cmp(record));
        found.is_ok_and(|row| identified.entity_of[row] == entity)
    };
    let is_decided = |a: &str, b: &str| {
        decisions.iter().any(|one| (one.left == a && one.right == b) || (one.left == b && one.right == a))
    };
    let stands = |row: usize| {
        let (a, b) = (left.value(row), right.value(row));
        !asked.contains(keys.value(row))
            && is_in(a, left_id.value(row))
            && is_in(b, right_id.value(row))
            && !is_decided(a, b)
    };
    let kept: BooleanArray = (0..rows.num_rows()).map(|row| Some(stands(row))).collect();
    Ok(filter_record_batch(rows, &kept)?)
}

fn batch(
    entity: &str,
    records: &Records,
    identified: &Identified,
    doubts: &[affluent_match::Doubt],
) -> Result<RecordBatch, Error> {
    let each = |of: &dyn Fn(&affluent_match::Doubt) -> Option<String>| -> ArrayRef {
        Arc::new(doubts.iter().map(of).collect::<StringArray>())
    };
    let (ids, entities) = (&records.ids, &identified.entity_of);
    let values = |row: usize| {
        let filled = records.columns.keys().filter_map(|name| Some((name.clone(), records.value(name, row)?.into())));
        serde_json::Value::Object(filled.collect()).to_string()
    };
    let columns: Vec<ArrayRef> = vec![
        each(&|doubt| Some(format!("{entity}:{}|{}", ids[doubt.left], ids[doubt.right]))),
        each(&|_| Some(entity.to_owned())),
        each(&|doubt| Some(ids[doubt.left].clone())),
        each(&|doubt| Some(ids[doubt.right].clone())),
        each(&|doubt| Some(entities[doubt.left].clone())),
        each(&|doubt| Some(entities[doubt.right].clone())),
        Arc::new(doubts.iter().map(|doubt| Some(doubt.probability)).collect::<Float64Array>()),
        Arc::new(doubts.iter().map(|doubt| Some(doubt.joined)).collect::<BooleanArray>()),
        each(&|doubt| Some(values(doubt.left))),
        each(&|doubt| Some(values(doubt.right))),
        each(&|_| None),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
