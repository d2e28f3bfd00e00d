//! Facts: rows of any number of streams in their canonical shape, each with the person it belongs to.

use std::collections::BTreeMap;

use affluent_spec::TableName;
use datafusion::prelude::{DataFrame, ident};
use indexmap::IndexMap;

use super::layers::{FAULT, ROW_TEXT, Setting, layered, raw};
use super::newest::newest;
use super::{EntityReport, Work};
use crate::columns::{FILE, PERSON_ID, PERSON_RECORD_ID, RECORD_ID, SOURCE};
use crate::error::Error;
use crate::lake::{Target, conform};
use crate::plan::{EntityPlan, Input, Link, records_of, schema};
use crate::quarantine;
use crate::sql::{identifier, record_id, text};

pub(super) async fn build(work: &Work<'_>, entity: &EntityPlan) -> Result<EntityReport, Error> {
    let name = TableName::silver(entity.name());
    let schema = schema::table(&entity.entity, Some(entity));
    // Before its inputs: whoever commits from newer ones meanwhile has the say.
    let before = work.lake.table(&name).await?;
    let inputs = work.inputs(entity).await?;
    if entity.entity.columns.values().any(|column| column.money) {
        work.currencies().await?;
    }
    let people = TableName::silver(&records_of("persons"));
    let linked = entity.entity.columns.values().any(|column| column.person);
    let known_people = linked && inputs.contains_key(&people.to_string());
    let mark = work.mark(entity, inputs);
    if let Some(report) = work.unchanged(entity, std::slice::from_ref(&name), &mark).await? {
        return Ok(report);
    }

    let mut rows: Option<DataFrame> = None;
    let mut refused = Vec::new();
    for input in &entity.inputs {
        let Some(mapped) = mapped(work, entity, input).await? else { continue };
        refused.push(faulty(work, entity, input, &mapped).await?);
        let good = work.context.sql(&format!("select * from ({mapped}) where {FAULT} is null")).await?;
        rows = Some(match rows {
            Some(rows) => rows.union(good)?,
            None => good,
        });
    }
    let quarantined = quarantine::settle(work.lake, &work.context, entity.name(), refused, &work.run.run_id).await?;

    let fresh = match rows {
        None => work.context.read_batch(arrow::array::RecordBatch::new_empty(schema.clone()))?,
        Some(rows) => {
            let rows = if linked { with_people(work, rows, known_people.then_some(&people)).await? } else { rows };
            conform::frame(enriched(work, entity, rows).await?, &schema)?
        }
    };
    let read = mark.versions();
    let to = Target { name: &name, before: before.as_ref(), schema, key: RECORD_ID };
    let merged = work.write(&to, fresh, mark).await?;
    let rows = work.lake.table(&name).await?.and_then(|table| table.rows()).unwrap_or(0);
    Ok(EntityReport {
        entity: entity.name().to_owned(),
        rows,
        records: rows + quarantined,
        changed: merged.changed,
        gone: merged.gone,
        quarantined,
        tables: BTreeMap::from([(name.to_string(), merged.commit.version)]),
        inputs: read,
        matching: None,
        unchanged: false,
        seconds: 0.0,
    })
}

/// The query of the rows of one input in the entity's shape, with `_fault`; `None` where bronze does not have the stream yet.
async fn mapped(work: &Work<'_>, entity: &EntityPlan, input: &Input) -> Result<Option<String>, Error> {
    let Some(bronze) = work.lake.table(&input.table).await? else { return Ok(None) };
    let located = bronze.schema()?.field_with_name(FILE).is_ok();
    let mut columns: Vec<String> =
        vec![format!("{} as {RECORD_ID}", record_id(input)), format!("{} as {SOURCE}", text(&input.stream))];
    columns.extend(input.columns.iter().map(|(column, sql)| format!("{sql} as {}", raw(column))));
    let link = match &input.link {
        None => "cast(null as varchar)".to_owned(),
        Some(Link::Points { of, id }) => person_record(of, id),
        Some(Link::Makes(made)) => person_record(&input.stream, &made.id),
    };
    columns.push(format!("{link} as {PERSON_RECORD_ID}"));
    let source = format!("select {} from ({})", columns.join(", "), newest(input, located));
    let mapped: Vec<String> = input.columns.keys().cloned().collect();
    let setting = Setting {
        timezone: work.plan.timezone.name(),
        country: work.plan.country.as_deref(),
        phone_region: None,
        orders: &IndexMap::new(),
        strict: true,
    };
    Ok(Some(layered(&entity.entity, &source, &mapped, &[PERSON_RECORD_ID], &setting)))
}

/// Rows at fault, as quarantine takes them.
async fn faulty(work: &Work<'_>, entity: &EntityPlan, input: &Input, mapped: &str) -> Result<DataFrame, Error> {
    let sql = format!(
        "select coalesce({RECORD_ID}, '') as position, split_part(split_part({FAULT}, ':', 1), ' ', 1) as column_name, \
         {FAULT} as reason, coalesce({ROW_TEXT}, '') as raw from ({mapped}) where {FAULT} is not null"
    );
    let rows = work.context.sql(&sql).await?;
    quarantine::refusals(rows, &input.stream, entity.name(), &work.run.run_id)
}

/// The id of a person record: `source.stream:id`, null for a blank id.
pub(super) fn person_record(stream: &str, id: &str) -> String {
    format!("{} || nullif(trim(cast({id} as varchar)), '')", text(&format!("{stream}:")))
}

async fn with_people(work: &Work<'_>, rows: DataFrame, people: Option<&TableName>) -> Result<DataFrame, Error> {
    let Some(people) = people else {
        // Without persons in the pipeline the record is all that is known of them.
        return Ok(rows.with_column(PERSON_ID, ident(PERSON_RECORD_ID))?);
    };
    let sql = format!("select {RECORD_ID} as _person_record, {PERSON_ID} as _person from {people}");
    let known = work.context.sql(&sql).await?;
    let joined =
        rows.join(known, datafusion::common::JoinType::Left, &[PERSON_RECORD_ID], &["_person_record"], None)?;
    Ok(joined.with_column(PERSON_ID, ident("_person"))?)
}

/// `rows` with the columns that the pipeline looks up; of several matches the greatest value is taken.
pub(super) async fn enriched(work: &Work<'_>, entity: &EntityPlan, mut rows: DataFrame) -> Result<DataFrame, Error> {
    for (index, (column, (lookup, input))) in entity.enrich.iter().enumerate() {
        let Some(table) = work.lake.table(&input.table).await? else { continue };
        let located = table.schema()?.field_with_name(FILE).is_ok();
        let key = |at: usize| format!("_k{index}_{at}");
        let keys: Vec<String> = (0..lookup.on.len()).map(key).collect();
        let columns: Vec<String> = lookup
            .on
            .values()
            .enumerate()
            .map(|(at, theirs)| format!("cast({} as varchar) as {}", identifier(theirs), key(at)))
            .collect();
        let sql = format!(
            "select {}, max(cast({} as varchar)) as {} from ({}) group by {}",
            columns.join(", "),
            identifier(&lookup.take),
            identifier(column),
            newest(input, located),
            (1..=keys.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
        );
        let found = work.context.sql(&sql).await?;
        let mut left = Vec::new();
        for (at, own) in lookup.on.keys().enumerate() {
            let name = format!("_l{index}_{at}");
            rows = rows.with_column(&name, datafusion::prelude::cast(ident(own), arrow::datatypes::DataType::Utf8))?;
            left.push(name);
        }
        let left: Vec<&str> = left.iter().map(String::as_str).collect();
        let right: Vec<&str> = keys.iter().map(String::as_str).collect();
        rows = rows.join(found, datafusion::common::JoinType::Left, &left, &right, None)?;
    }
    Ok(rows)
}

/// A made person's record query: one row for each id, with `_r_` columns for `columns`.
pub(super) fn made_records(input: &Input, made: &crate::plan::Made, columns: &[String], located: bool) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let value = made
                .columns
                .get(column)
                .map_or("cast(null as varchar)".to_owned(), |sql| format!("max(cast({sql} as varchar))"));
            format!("{value} as {}", raw(column))
        })
        .collect();
    let id = person_record(&input.stream, &made.id);
    let mut select = vec![format!("{id} as {RECORD_ID}"), format!("{} as {SOURCE}", text(&input.stream))];
    select.extend(values);
    format!(
        "select * from (select {} from ({}) group by 1, 2) where {RECORD_ID} is not null",
        select.join(", "),
        newest(input, located)
    )
}
