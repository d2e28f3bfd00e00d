//! Golden records: one row for each person or company, every value that of one of its records, and the record named.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use affluent_match::enrich::{Employers, age_band, fr_department, fr_region, headcount_band};
use affluent_match::{Candidate, Decision, Preference, survive};
use affluent_spec::TableName;
use affluent_spec::pipeline::Match;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use indexmap::IndexMap;

use super::employers::{self, Employer};
use super::facts::enriched;
use super::history::History;
use super::identity::{Identified, identify, source_of};
use super::records::{self, Records};
use super::{EntityReport, Work, match_log, review};
use crate::columns::{INVALID, PERSON_ID, PROVENANCE, RECORD_ID, RECORDS, SOURCE};
use crate::day;
use crate::error::Error;
use crate::lake::{Target, conform};
use crate::plan::{EntityPlan, records_of, schema};

pub(super) async fn build(
    work: &Work<'_>,
    entity: &EntityPlan,
    matching: &Match,
    decisions: &[Decision],
    survivorship: &IndexMap<String, Vec<Preference>>,
) -> Result<EntityReport, Error> {
    let golden_name = TableName::silver(entity.name());
    let records_name = TableName::silver(&records_of(entity.name()));
    // Before their inputs: whoever commits from newer ones meanwhile has the say.
    let golden_before = work.lake.table(&golden_name).await?;
    let records_before = work.lake.table(&records_name).await?;
    let inputs = work.inputs(entity).await?;
    let today = day::of(work.run.as_of, work.plan.timezone);
    let employed = entity.name() == "persons" && inputs.contains_key(&employers::table().to_string());
    let mark = work.mark(entity, inputs);
    let read = mark.versions();
    let own = [golden_name.clone(), records_name.clone()];
    if let Some(report) = work.unchanged(entity, &own, &mark).await? {
        return Ok(report);
    }

    let records = records::read(work, entity).await?;
    let history = History::read(work, entity, &records_name, id_column(entity)).await?;
    let identified = identify(entity.name(), &records, matching, decisions, &history)?;
    // Before the records: killed in between, the next run finds the same and writes nothing twice.
    match_log::write(work, entity.name(), &records.ids, &history, &identified, decisions).await?;
    review::write(work, entity.name(), &records, &identified, decisions).await?;

    let records_entity = &work.plan.canonical[&records_name.table];
    let records_schema = schema::table(records_entity, None);
    let rows = record_rows(&records, &identified, &records_schema, id_column(entity))?;
    let frame = work.context.read_batch(rows)?;
    let to = Target { name: &records_name, before: records_before.as_ref(), schema: records_schema, key: RECORD_ID };
    let merged_records = work.write(&to, frame, mark.clone()).await?;

    let employers = if employed { employers::read(work).await? } else { Employers::new([]) };
    let schema = schema::table(&entity.entity, None);
    let rows = golden_rows(entity, &records, &identified, survivorship, &employers, today, &schema)?;
    let count = rows.num_rows() as u64;
    let frame = enriched(work, entity, work.context.read_batch(rows)?).await?;
    let schema = schema::table(&entity.entity, Some(entity));
    let frame = conform::frame(frame, &schema)?;
    let to = Target { name: &golden_name, before: golden_before.as_ref(), schema, key: id_column(entity) };
    let merged = work.write(&to, frame, mark).await?;
    Ok(EntityReport {
        entity: entity.name().to_owned(),
        rows: count,
        records: records.ids.len() as u64,
        changed: merged.changed,
        gone: merged.gone,
        quarantined: 0,
        tables: BTreeMap::from([
            (golden_name.to_string(), merged.commit.version),
            (records_name.to_string(), merged_records.commit.version),
        ]),
        inputs: read,
        matching: Some(identified.report),
        unchanged: false,
        seconds: 0.0,
    })
}

fn id_column(entity: &EntityPlan) -> &'static str {
    if entity.name() == "companies" { "company_id" } else { PERSON_ID }
}

fn record_rows(records: &Records, identified: &Identified, schema: &SchemaRef, id: &str) -> Result<RecordBatch, Error> {
    let mut given: HashMap<String, ArrayRef> =
        records.columns.iter().map(|(name, array)| (name.clone(), Arc::new(array.clone()) as ArrayRef)).collect();
    let text = |values: &[String]| -> ArrayRef { Arc::new(StringArray::from_iter_values(values)) };
    given.insert(RECORD_ID.to_owned(), text(&records.ids));
    given.insert(SOURCE.to_owned(), text(&records.sources));
    given.insert(id.to_owned(), text(&identified.entity_of));
    given.insert("probability".to_owned(), Arc::new(Float64Array::from(identified.probability.clone())));
    given.insert(INVALID.to_owned(), Arc::new(records.notes.clone()));
    conform::columns(schema, records.ids.len(), |name| given.get(name).cloned())
}

/// What makes a value better where the pipeline does not say.
const USUAL: [Preference; 2] = [Preference::MostRecent, Preference::MostFrequent];

fn golden_rows(
    entity: &EntityPlan,
    records: &Records,
    identified: &Identified,
    survivorship: &IndexMap<String, Vec<Preference>>,
    employers: &Employers<Option<Employer>>,
    today: NaiveDate,
    schema: &SchemaRef,
) -> Result<RecordBatch, Error> {
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, id) in identified.entity_of.iter().enumerate() {
        members.entry(id).or_default().push(row);
    }
    let sources: Vec<String> = records.sources.iter().map(|source| source_of(source).to_owned()).collect();
    let changed: Vec<Option<i64>> = (0..records.ids.len())
        .map(|row| records.value("updated_at", row).or_else(|| records.value("created_at", row)).and_then(micros))
        .collect();
    let mut columns: HashMap<String, Vec<Option<String>>> = HashMap::new();
    let mut provenance: Vec<serde_json::Map<String, serde_json::Value>> = vec![serde_json::Map::new(); members.len()];
    for name in entity.entity.columns.keys() {
        let preferences =
            survivorship.get(name).or_else(|| survivorship.get("default")).map_or(&USUAL[..], Vec::as_slice);
        let mut values = Vec::with_capacity(members.len());
        for (index, rows) in members.values().enumerate() {
            let found = match name.as_str() {
                "created_at" => extreme(records, name, rows, false),
                "updated_at" => extreme(records, name, rows, true),
                _ => {
                    let candidates: Vec<Candidate<'_>> = rows
                        .iter()
                        .map(|&row| Candidate {
                            record_id: &records.ids[row],
                            source: &sources[row],
                            changed_at: changed[row],
                            value: records.value(name, row),
                        })
                        .collect();
                    survive(&candidates, preferences).map(|survivor| (rows[survivor.from], survivor.value.to_owned()))
                }
            };
            if let Some((row, _)) = &found {
                provenance[index].insert(name.clone(), records.ids[*row].clone().into());
            }
            values.push(found.map(|(_, value)| value));
        }
        columns.insert(name.clone(), values);
    }
    employers::fill(employers, &mut columns, &mut provenance);
    derive(entity.name(), &mut columns, members.len(), today);
    let mut given: HashMap<String, ArrayRef> = columns
        .into_iter()
        .map(|(name, values)| (name, Arc::new(values.into_iter().collect::<StringArray>()) as ArrayRef))
        .collect();
    given.insert(id_column(entity).to_owned(), Arc::new(StringArray::from_iter_values(members.keys())));
    given.insert(RECORDS.to_owned(), Arc::new(members.values().map(|rows| rows.len() as i64).collect::<Int64Array>()));
    let provenance = provenance.into_iter().map(|map| serde_json::Value::Object(map).to_string());
    given.insert(PROVENANCE.to_owned(), Arc::new(StringArray::from_iter_values(provenance)));
    conform::columns(schema, members.len(), |name| given.get(name).cloned())
}

fn extreme(records: &Records, column: &str, rows: &[usize], latest: bool) -> Option<(usize, String)> {
    let dated = rows.iter().filter_map(|&row| Some((micros(records.value(column, row)?)?, row)));
    let (_, row) = if latest { dated.max_by_key(|(at, row)| (*at, std::cmp::Reverse(*row)))? } else { dated.min()? };
    Some((row, records.value(column, row)?.to_owned()))
}

fn micros(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros())
}

/// Fills the columns that are computed from what survived.
fn derive(entity: &str, columns: &mut HashMap<String, Vec<Option<String>>>, rows: usize, today: NaiveDate) {
    let mut computed: Vec<(&str, Vec<Option<String>>)> = Vec::new();
    let value = |name: &str, row: usize| columns.get(name).and_then(|values| values[row].as_deref());
    let each = |of: &dyn Fn(usize) -> Option<String>| (0..rows).map(of).collect::<Vec<_>>();
    if entity == "persons" {
        let french = |row: usize| value("country", row).is_none_or(|country| country == "FR");
        computed.push((
            "age_band",
            each(&|row| {
                let birth: NaiveDate = value("birth_on", row)?.parse().ok()?;
                age_band(birth, today).map(str::to_owned)
            }),
        ));
        computed.push((
            "department",
            each(&|row| {
                let postcode = value("postcode", row).filter(|_| french(row))?;
                fr_department(postcode).map(|department| department.code.to_owned())
            }),
        ));
        computed.push((
            "region",
            each(&|row| {
                let postcode = value("postcode", row).filter(|_| french(row))?;
                fr_region(postcode).map(|(_, name)| name.to_owned())
            }),
        ));
        computed.push((
            "email_domain",
            each(&|row| value("email", row)?.rsplit_once('@').map(|(_, domain)| domain.to_owned())),
        ));
    } else {
        let given: Vec<Option<String>> = columns.get("headcount_band").cloned().unwrap_or_else(|| vec![None; rows]);
        computed.push((
            "headcount_band",
            each(&|row| {
                let counted = value("headcount", row).and_then(|count| count.parse::<u64>().ok());
                given[row].clone().or_else(|| counted.map(|count| headcount_band(count).to_owned()))
            }),
        ));
    }
    for (name, values) in computed {
        columns.insert(name.to_owned(), values);
    }
}
