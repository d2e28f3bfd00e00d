//! What earlier runs found: the entity of each record, and which records have not changed since.

use std::collections::{HashMap, HashSet};

use affluent_match::{Decision, Settings};
use affluent_spec::TableName;
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::ident;

use super::Work;
use super::match_log::{self, Kept};
use super::records::Records;
use crate::columns::{INVALID, RECORD_ID};
use crate::error::Error;
use crate::plan::EntityPlan;

/// Records from which on a run goes on with what the last one found; fewer are matched anew in no time.
const LARGE: usize = 20_000;
/// Share of new and changed records up to which it does.
const FEW: f64 = 0.2;
/// Growth since weights were learned up to which they hold.
const GROWTH: f64 = 1.5;

/// The records as the lake has them.
pub(super) struct History {
    /// The entity of each record.
    pub(super) entities: HashMap<String, String>,
    /// Ids that stand for another entity now.
    pub(super) retired: HashSet<String>,
    /// What an earlier run learned.
    pub(super) kept: Option<Kept>,
    rows: Option<Rows>,
    full: bool,
}

struct Rows {
    place: HashMap<String, usize>,
    entity: StringArray,
    probability: Vec<f64>,
    columns: Vec<(String, StringArray)>,
    invalid: StringArray,
}

impl History {
    pub(super) async fn read(
        work: &Work<'_>,
        entity: &EntityPlan,
        records: &TableName,
        id: &str,
    ) -> Result<Self, Error> {
        let none = Self { entities: HashMap::new(), retired: HashSet::new(), kept: None, rows: None, full: true };
        let Some(table) = work.lake.table(records).await? else { return Ok(none) };
        let known = table.schema()?;
        let mut names = vec![RECORD_ID, id, "probability", INVALID];
        let columns = entity.entity.columns.keys().map(String::as_str);
        names.extend(columns.filter(|name| known.field_with_name(name).is_ok() && !names_of_result(name, id)));
        let frame = work.context.read_table(table.provider().await?)?;
        let batches = frame.select(names.iter().map(|name| ident(*name)).collect::<Vec<_>>())?.collect().await?;
        let Some(first) = batches.first() else { return Ok(none) };
        let all = concat_batches(&first.schema(), &batches)?;
        let ids = text(&all, 0)?;
        let entity_of = text(&all, 1)?;
        let probability = cast(all.column(2), &DataType::Float64)?;
        let entities: HashMap<String, String> = ids
            .iter()
            .zip(&entity_of)
            .filter_map(|(record, entity)| Some((record?.to_owned(), entity?.to_owned())))
            .collect();
        // That of the state the records are in, not that of a run which was killed before it wrote them.
        let state = match_log::state(entities.iter().map(|(record, entity)| (record.as_str(), entity.as_str())));
        let kept = match_log::newest(work.lake, &work.context, entity.name(), Some(&state)).await?;
        let retired = match_log::retired(work.lake, &work.context, entity.name()).await?;
        let mut columns = Vec::new();
        for (at, name) in names.iter().enumerate().skip(4) {
            columns.push(((*name).to_owned(), text(&all, at)?));
        }
        let rows = Rows {
            place: ids.iter().zip(0..).filter_map(|(id, at)| Some((id?.to_owned(), at))).collect(),
            entity: entity_of,
            probability: probability.as_primitive::<Float64Type>().values().to_vec(),
            columns,
            invalid: text(&all, 3)?,
        };
        Ok(Self { entities, retired, kept, rows: Some(rows), full: work.run.full_refresh })
    }

    /// The cluster and probability of each record that the next run need not look at again, by the last run; none where it is
    /// better to match all anew.
    pub(super) fn found(
        &self,
        records: &Records,
        settings: &Settings,
        decisions: &[Decision],
    ) -> Option<Vec<Option<(u32, f64)>>> {
        let (rows, kept) = (self.rows.as_ref()?, self.kept.as_ref()?);
        let total = records.ids.len();
        let has_grown = total as f64 > GROWTH * kept.records as f64;
        if self.full || total < LARGE || has_grown || kept.settings != *settings {
            return None;
        }
        let places: Vec<Option<usize>> = (0..total)
            .map(|row| rows.place.get(&records.ids[row]).copied().filter(|&at| rows.are(at, records, row)))
            .collect();
        let mut same = vec![false; rows.entity.len()];
        places.iter().flatten().for_each(|&at| same[at] = true);
        // Who lost a record or had one changed is looked at whole, and so is whom a decision was about that no longer stands.
        let withdrawn = kept.decisions.iter().filter(|decision| !decisions.contains(decision));
        let concerned = withdrawn.flat_map(|decision| [&decision.left, &decision.right]);
        let disturbed: HashSet<&str> = (0..same.len())
            .filter(|&at| !same[at])
            .chain(concerned.filter_map(|record| rows.place.get(record).copied()))
            .map(|at| rows.entity.value(at))
            .collect();
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let found: Vec<Option<(u32, f64)>> = places
            .into_iter()
            .map(|place| {
                let at = place?;
                let entity = rows.entity.value(at);
                let next = numbers.len() as u32;
                let number = *numbers.entry(entity).or_insert(next);
                (!disturbed.contains(entity)).then(|| (number, rows.probability[at]))
            })
            .collect();
        let fresh = found.iter().filter(|found| found.is_none()).count();
        (fresh as f64 <= FEW * total as f64).then_some(found)
    }
}

impl Rows {
    /// Whether a row holds what the record does.
    fn are(&self, at: usize, records: &Records, row: usize) -> bool {
        let of = |array: &'_ StringArray, at: usize| (!array.is_null(at)).then(|| array.value(at).to_owned());
        of(&self.invalid, at) == of(&records.notes, row)
            && self.columns.iter().all(|(name, column)| {
                let before = (!column.is_null(at)).then(|| column.value(at));
                before == records.value(name, row)
            })
    }
}

fn names_of_result(name: &str, id: &str) -> bool {
    name == id || name == "probability"
}

fn text(batch: &RecordBatch, column: usize) -> Result<StringArray, Error> {
    Ok(cast(batch.column(column), &DataType::Utf8)?.as_string::<i32>().clone())
}
