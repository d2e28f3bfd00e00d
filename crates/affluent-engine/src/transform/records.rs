//! The records of persons or companies: every stream's, and those that facts make, normalised and brought into memory
//! in the order of their ids.

use std::sync::Arc;

use affluent_connect::schema::arrow_type;
use affluent_match::normalise::date::{Order, order_of};
use affluent_spec::entity::Normalise;
use affluent_spec::pipeline::{Auto, CompareKind, Comparison, Match};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::{DataFrame, ident};
use indexmap::IndexMap;

use super::Work;
use super::facts::made_records;
use super::layers::{self, NOTES, Setting, layered, raw};
use super::newest::newest;
use crate::columns::{FILE, RECORD_ID, SOURCE};
use crate::error::Error;
use crate::lake::conform;
use crate::plan::{EntityPlan, Input, Kind, Link, Made, Plan};
use crate::sql::{record_id, text};

/// Records in columns of text, each as long as `ids`.
pub(super) struct Records {
    /// `record_id` of each, ascending.
    pub(super) ids: Vec<String>,
    /// `source.stream` of each.
    pub(super) sources: Vec<String>,
    /// The entity's columns by name, normalised, as text.
    pub(super) columns: IndexMap<String, StringArray>,
    /// What to compare instead of a column, where it differs.
    pub(super) compared: IndexMap<String, StringArray>,
    /// What could not be used of each.
    pub(super) notes: StringArray,
}

/// A record query: one row for each record, with `_r_` columns.
struct Feed {
    sql: String,
    mapped: Vec<String>,
}

/// Reads all records of `entity`; facts that make persons are found in the whole plan.
pub(super) async fn read(work: &Work<'_>, entity: &EntityPlan) -> Result<Records, Error> {
    let mut rows: Option<DataFrame> = None;
    for feed in feeds(work, entity).await? {
        let orders = date_orders(work, entity, &feed).await?;
        let setting = Setting {
            timezone: work.plan.timezone.name(),
            country: work.plan.country.as_deref(),
            phone_region: phone_region(entity),
            orders: &orders,
            strict: false,
        };
        let sql = layered(&entity.entity, &feed.sql, &feed.mapped, &[], &setting);
        let found = work.context.sql(&sql).await?;
        let found = with_all(entity, found)?;
        rows = Some(match rows {
            Some(rows) => rows.union(found)?,
            None => found,
        });
    }
    let Some(rows) = rows else { return Ok(empty(entity)) };
    let batches = rows.sort(vec![ident(RECORD_ID).sort(true, true)])?.collect().await?;
    let Some(first) = batches.first() else { return Ok(empty(entity)) };
    let all = concat_batches(&first.schema(), &batches)?;
    let owned = |name: &str| -> Result<Vec<String>, Error> {
        Ok(column(&all, name)?.iter().map(|value| value.unwrap_or_default().to_owned()).collect())
    };
    let mut columns = IndexMap::new();
    let mut compared = IndexMap::new();
    for (name, spec) in &entity.entity.columns {
        columns.insert(name.clone(), column(&all, name)?);
        if spec.normalise.is_some() {
            compared.insert(name.clone(), column(&all, &layers::compared(name))?);
        }
    }
    Ok(Records { ids: owned(RECORD_ID)?, sources: owned(SOURCE)?, columns, compared, notes: column(&all, NOTES)? })
}

/// The region that the comparison of phones names.
fn phone_region(entity: &EntityPlan) -> Option<&str> {
    let Kind::Golden { matching: Match::Compare(Comparison { compare: Auto::Said(compare), .. }), .. } = &entity.kind
    else {
        return None;
    };
    compare.values().find(|one| one.kind == CompareKind::Phone).and_then(|one| one.region.as_deref())
}

fn empty(entity: &EntityPlan) -> Records {
    let none = || StringArray::from(Vec::<Option<&str>>::new());
    Records {
        ids: Vec::new(),
        sources: Vec::new(),
        columns: entity.entity.columns.keys().map(|name| (name.clone(), none())).collect(),
        compared: IndexMap::new(),
        notes: none(),
    }
}

fn column(batch: &RecordBatch, name: &str) -> Result<StringArray, Error> {
    let index = batch.schema().index_of(name)?;
    Ok(cast(batch.column(index), &DataType::Utf8)?.as_string::<i32>().clone())
}

/// The same columns from every feed, so that they can be put one after the other.
fn with_all(entity: &EntityPlan, rows: DataFrame) -> Result<DataFrame, Error> {
    let mut wanted: Vec<Field> =
        [RECORD_ID, SOURCE, NOTES].iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    for (name, spec) in &entity.entity.columns {
        wanted.push(Field::new(name, arrow_type(&spec.kind), true));
        if spec.normalise.is_some() {
            wanted.push(Field::new(layers::compared(name), DataType::Utf8, true));
        }
    }
    conform::frame(rows, &Arc::new(Schema::new(wanted)))
}

async fn feeds(work: &Work<'_>, entity: &EntityPlan) -> Result<Vec<Feed>, Error> {
    let mut feeds = Vec::new();
    for input in &entity.inputs {
        let Some(located) = located(work, input).await? else { continue };
        let mut columns =
            vec![format!("{} as {RECORD_ID}", record_id(input)), format!("{} as {SOURCE}", text(&input.stream))];
        columns.extend(input.columns.iter().map(|(column, sql)| format!("{sql} as {}", raw(column))));
        let sql = format!("select {} from ({})", columns.join(", "), newest(input, located));
        feeds.push(Feed { sql, mapped: input.columns.keys().cloned().collect() });
    }
    if entity.name() == "persons" {
        for (input, made) in makers(work.plan) {
            let Some(located) = located(work, input).await? else { continue };
            let mapped: Vec<String> = made.columns.keys().cloned().collect();
            feeds.push(Feed { sql: made_records(input, made, &mapped, located), mapped });
        }
    }
    Ok(feeds)
}

/// The inputs of facts that make persons.
pub(super) fn makers(plan: &Plan) -> impl Iterator<Item = (&Input, &Made)> {
    plan.entities.iter().flat_map(|entity| &entity.inputs).filter_map(|input| match &input.link {
        Some(Link::Makes(made)) => Some((input, made)),
        _ => None,
    })
}

/// Whether the rows of an input carry their place in a file; `None` where bronze does not have it yet.
async fn located(work: &Work<'_>, input: &Input) -> Result<Option<bool>, Error> {
    match work.lake.table(&input.table).await? {
        None => Ok(None),
        Some(table) => Ok(Some(table.schema()?.field_with_name(FILE).is_ok())),
    }
}

/// The order of day and month in each date column of a feed, where its unambiguous values tell.
async fn date_orders(
    work: &Work<'_>,
    entity: &EntityPlan,
    feed: &Feed,
) -> Result<IndexMap<String, &'static str>, Error> {
    let mut orders = IndexMap::new();
    for name in &feed.mapped {
        if entity.entity.columns.get(name).and_then(|spec| spec.normalise) != Some(Normalise::Date) {
            continue;
        }
        let value = format!("cast({} as varchar)", raw(name));
        let sql = format!(
            "select distinct {value} as value from ({}) where {value} ~ '^\\s*[0-9]{{1,2}}[^0-9][0-9]{{1,2}}[^0-9]'",
            feed.sql
        );
        let values = work.context.sql(&sql).await?.collect().await?;
        let values: Vec<StringArray> = values.iter().map(|batch| column(batch, "value")).collect::<Result<_, _>>()?;
        match order_of(values.iter().flat_map(|array| array.iter().flatten())) {
            Order::DayFirst => orders.insert(name.clone(), "dmy"),
            Order::MonthFirst => orders.insert(name.clone(), "mdy"),
            Order::Unknown => None,
        };
    }
    Ok(orders)
}

impl Records {
    /// The value of a column, blank where there is none.
    pub(super) fn value<'a>(&'a self, column: &str, row: usize) -> Option<&'a str> {
        let array = self.columns.get(column)?;
        (!array.is_null(row)).then(|| array.value(row))
    }

    /// What to compare of a column.
    pub(super) fn compared<'a>(&'a self, column: &str, row: usize) -> Option<&'a str> {
        match self.compared.get(column) {
            Some(array) => (!array.is_null(row)).then(|| array.value(row)),
            None => self.value(column, row),
        }
    }
}
