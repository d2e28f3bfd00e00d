//! From files to records: columns found, values brought into the form that is compared.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use affluent_match::normalise::country::country;
use affluent_match::normalise::date::{Order, order_of};
use affluent_match::normalise::person_name::split_full_name;
use affluent_match::{Field, Kind, Records, Settings, canonical};
use affluent_spec::pipeline::{CompareKind, MatchEntity, MatchFile};
use affluent_spec::suggest;
use arrow::array::Array;
use futures::StreamExt;

use super::reader::{self, Refused, Rows};
use super::recognised::{kind_of, recognised};
use super::usage;
use crate::error::Error;
use crate::transform::{block_of, threshold_of};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The files.
    pub files: Vec<String>,
    /// The column that identifies a record in its file; the configuration's unless given.
    pub id: Option<String>,
    /// Settings given; found out otherwise.
    pub config: Option<MatchFile>,
    /// What the records are of, where the columns do not tell.
    pub entity: Option<MatchEntity>,
    /// The country of phones and postcodes whose record names none.
    pub country: Option<String>,
    /// A file of decided pairs.
    pub decisions: Option<PathBuf>,
    /// A file that says which record is of which entity.
    pub truth: Option<PathBuf>,
}

/// The records of files.
pub(super) struct Loaded {
    pub(super) config: MatchFile,
    pub(super) records: Records,
    pub(super) own_ids: Vec<String>,
    pub(super) files: Option<Vec<String>>,
    pub(super) refused: Vec<Refused>,
    pub(super) invalid: Vec<(String, u64, String)>,
    pub(super) unused: Vec<String>,
}

/// Rows of each file that are looked at to recognise its columns.
const LOOKED_AT: usize = 20_000;
/// Values of a column that are looked at.
const SAMPLED: usize = 1_000;

/// Reads, recognises and normalises.
pub(super) async fn load(asked: &Asked) -> Result<Loaded, Error> {
    let mut open = Vec::new();
    for path in &asked.files {
        let mut pages = reader::read(path);
        let (mut first, mut rows) = (Vec::new(), 0);
        while rows < LOOKED_AT
            && let Some(page) = pages.next().await
        {
            let page = page?;
            rows += page.count;
            first.push(page);
        }
        open.push((name_of(path, &asked.files), first, pages));
    }
    let heads: Vec<&[Rows]> = open.iter().map(|(_, first, _)| first.as_slice()).collect();
    let config = match &asked.config {
        Some(config) => {
            let mut config = config.clone();
            config.id = asked.id.clone().unwrap_or(config.id);
            config
        }
        None => recognised(asked, &heads)?,
    };
    for rows in open.iter_mut().flat_map(|(_, first, _)| first) {
        rows.rename(&config.rename);
    }
    let heads: Vec<&[Rows]> = open.iter().map(|(_, first, _)| first.as_slice()).collect();
    let names = columns_of(&heads);
    let takes = takes(&config, asked.country.as_deref(), &names, &heads)?;
    let unused = names.iter().filter(|name| !takes.uses(name)).cloned().collect();

    let mut records = Records::new(takes.fields.iter().map(|take| take.field.clone()).collect())
        .map_err(|error| super::fault(&error))?;
    let several = open.len() > 1;
    let mut loaded = Loading::new(several, takes.fields.len());
    let takes = Arc::new(takes);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, first, pages) in open {
        let rows = futures::stream::iter(first.into_iter().map(Ok)).chain(pages);
        let mut done = rows
            .map(|rows| {
                let takes = Arc::clone(&takes);
                let rename = &config.rename;
                async move {
                    let mut rows = rows?;
                    rows.rename(rename);
                    super::blocking(move || Ok(takes.normalised(&rows))).await
                }
            })
            .buffered(workers);
        while let Some(portion) = done.next().await {
            loaded.push(&mut records, &name, &takes, portion?)?;
        }
    }
    let invalid = takes.fields.iter().zip(loaded.invalid).filter(|(_, (count, _))| *count > 0);
    let invalid = invalid.map(|(take, (count, example))| (take.field.name.clone(), count, example)).collect();
    let Rest { own_ids, files, refused } = loaded.rest;
    Ok(Loaded { config, records, own_ids, files, refused, invalid, unused })
}

/// What a file is called in record ids: its name without folder and extension, with its number where two share it.
fn name_of(path: &str, all: &[String]) -> String {
    let stem = |path: &str| {
        let name = Path::new(path).file_name().map_or_else(|| path.into(), |name| name.to_string_lossy().into_owned());
        name.split('.').next().unwrap_or(&name).to_owned()
    };
    let own = stem(path);
    let twins: Vec<&String> = all.iter().filter(|other| stem(other) == own).collect();
    match twins.iter().position(|other| *other == path) {
        Some(at) if at > 0 => format!("{own}-{}", at + 1),
        _ => own,
    }
}

pub(super) fn columns_of(heads: &[&[Rows]]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in heads.iter().filter_map(|rows| rows.first()).flat_map(|rows| &rows.names) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Some values of a column, over all files.
pub(super) fn sample<'a>(heads: &[&'a [Rows]], name: &str) -> Vec<&'a str> {
    let of = |rows: &'a Rows| rows.place(name).map(|at| rows.columns[at].iter().flatten());
    let each = heads
        .iter()
        .flat_map(|rows| rows.iter().filter_map(of).flatten().filter(|value| !value.trim().is_empty()).take(SAMPLED));
    each.collect()
}

/// How a field is taken from a row.
#[derive(Debug)]
enum From {
    Columns(Vec<String>),
    GivenOf(String),
    FamilyOf(String),
}

#[derive(Debug)]
struct Take {
    field: Field,
    from: From,
    /// The order of day and month, for dates.
    order: Order,
    /// The country, for phones of a region of their own.
    region: Option<String>,
}

#[derive(Debug)]
struct Takes {
    id: String,
    source: Option<String>,
    country: Option<String>,
    country_column: Option<String>,
    fields: Vec<Take>,
}

/// Rows in the form that is compared.
struct Portion {
    ids: Vec<Option<String>>,
    sources: Vec<Option<String>>,
    /// By field, then row.
    values: Vec<Vec<Option<String>>>,
    invalid: Vec<(u64, String)>,
    refused: Vec<Refused>,
}

fn takes(config: &MatchFile, country: Option<&str>, names: &[String], heads: &[&[Rows]]) -> Result<Takes, Error> {
    let known = |column: &String| -> Result<String, Error> {
        if names.contains(column) {
            return Ok(column.clone());
        }
        let hint = suggest::hint(column, names.iter().map(String::as_str));
        let hint = hint.unwrap_or_else(|| format!("the columns are {}", names.join(", ")));
        Err(usage("", format!("no file has a column `{column}`"), &hint))
    };
    let mut fields = Vec::new();
    let mut add = |name: &str, kind: Kind, from: From, region: Option<&String>| {
        let order = match &from {
            From::Columns(columns) if kind == Kind::Date => {
                columns.first().map_or(Order::Unknown, |column| order_of(sample(heads, column)))
            }
            _ => Order::Unknown,
        };
        fields.push(Take { field: Field::new(name, kind), from, order, region: region.cloned() });
    };
    for (label, compare) in &config.compare {
        match compare.kind {
            CompareKind::PersonName => {
                if let Some(full) = &compare.full {
                    let full = known(full)?;
                    add("given_name", Kind::GivenName, From::GivenOf(full.clone()), None);
                    add("family_name", Kind::FamilyName, From::FamilyOf(full), None);
                }
                let parts = [
                    (&compare.given, Kind::GivenName),
                    (&compare.family, Kind::FamilyName),
                    (&compare.maiden, Kind::MaidenName),
                ];
                for (column, kind) in parts {
                    if let Some(column) = column {
                        add(column, kind, From::Columns(vec![known(column)?]), None);
                    }
                }
            }
            CompareKind::Address => {
                if let Some(last) = compare.street.last() {
                    let columns = compare.street.iter().map(known).collect::<Result<_, _>>()?;
                    add(last, Kind::Street, From::Columns(columns), None);
                }
                for (column, kind) in [(&compare.postcode, Kind::Postcode), (&compare.city, Kind::City)] {
                    if let Some(column) = column {
                        add(column, kind, From::Columns(vec![known(column)?]), None);
                    }
                }
            }
            word => {
                let column = known(compare.column.as_ref().unwrap_or(label))?;
                if let Some(kind) = kind_of(word) {
                    add(&column.clone(), kind, From::Columns(vec![column]), compare.region.as_ref());
                }
            }
        }
    }
    let country_column =
        fields.iter().find(|take| take.field.kind == Kind::Country).map(|take| take.field.name.clone());
    Ok(Takes {
        id: known(&config.id)?,
        source: config.source.as_ref().map(known).transpose()?,
        country: country.map(str::to_uppercase).or_else(|| config.country.as_ref().map(|country| country.0.clone())),
        country_column,
        fields,
    })
}

impl Takes {
    fn uses(&self, column: &str) -> bool {
        let of = |take: &Take| match &take.from {
            From::Columns(columns) => columns.iter().any(|name| name == column),
            From::GivenOf(name) | From::FamilyOf(name) => name == column,
        };
        column == self.id || self.source.as_deref() == Some(column) || self.fields.iter().any(of)
    }

    fn normalised(&self, rows: &Rows) -> Portion {
        let text = |column: &str| -> Vec<Option<String>> {
            let Some(at) = rows.place(column) else { return vec![None; rows.count] };
            rows.columns[at].iter().map(|value| value.map(|text| text.trim().to_owned())).collect()
        };
        let own_country = |row: usize| -> Option<&'static str> {
            let at = rows.place(self.country_column.as_deref()?)?;
            let column = &rows.columns[at];
            if column.is_null(row) { None } else { country(column.value(row)).ok().flatten() }
        };
        let countries: Vec<Option<&str>> =
            (0..rows.count).map(|row| own_country(row).or(self.country.as_deref())).collect();
        let mut invalid = Vec::with_capacity(self.fields.len());
        let mut values = Vec::with_capacity(self.fields.len());
        for take in &self.fields {
            let (column, faults) = take.column(rows, &countries);
            values.push(column);
            invalid.push(faults);
        }
        let sources = self.source.as_ref().map_or_else(|| vec![None; rows.count], |source| text(source));
        Portion { ids: text(&self.id), sources, values, invalid, refused: rows.refused.clone() }
    }
}

impl Take {
    /// The values of a column, and how many are invalid with an example.
    fn column(&self, rows: &Rows, countries: &[Option<&str>]) -> (Vec<Option<String>>, (u64, String)) {
        let (columns, part): (Vec<&String>, Option<bool>) = match &self.from {
            From::Columns(columns) => (columns.iter().collect(), None),
            From::GivenOf(column) => (vec![column], Some(true)),
            From::FamilyOf(column) => (vec![column], Some(false)),
        };
        let arrays: Vec<_> = columns.iter().filter_map(|name| Some(&rows.columns[rows.place(name)?])).collect();
        let mut invalid = (0, String::new());
        // Names and towns come back; what they become depends on the country in few kinds only.
        let depends = matches!(self.field.kind, Kind::Phone | Kind::Postcode | Kind::Id);
        let mut known: HashMap<String, Option<String>> = HashMap::new();
        let mut values = Vec::with_capacity(rows.count);
        let mut raw = String::new();
        for (row, country) in countries.iter().enumerate() {
            raw.clear();
            for array in arrays.iter().filter(|array| !array.is_null(row)) {
                if !raw.is_empty() {
                    raw.push(' ');
                }
                raw.push_str(array.value(row));
            }
            if raw.trim().is_empty() {
                values.push(None);
                continue;
            }
            if !depends && let Some(value) = known.get(&raw) {
                values.push(value.clone());
                continue;
            }
            let place = self.region.as_deref().or(*country);
            let found = match part {
                None => canonical(self.field.kind, &raw, place, self.order),
                Some(given) => split(&raw, given),
            };
            if let Some(fault) = found.fault {
                invalid.0 += 1;
                if invalid.1.is_empty() {
                    invalid.1 = format!("`{}`: {fault}", raw.chars().take(60).collect::<String>());
                }
            } else if !depends {
                known.insert(raw.clone(), found.value.clone());
            }
            values.push(found.value);
        }
        (values, invalid)
    }
}

fn split(raw: &str, given: bool) -> affluent_match::Canonical {
    match split_full_name(raw) {
        Ok((first, last)) => {
            let part = if given { first } else { last };
            affluent_match::Canonical { value: part.map(|name| name.key), fault: None }
        }
        Err(fault) => affluent_match::Canonical { value: None, fault: Some(fault) },
    }
}

/// Records as they gather.
struct Loading {
    rest: Rest,
    invalid: Vec<(u64, String)>,
}

struct Rest {
    own_ids: Vec<String>,
    files: Option<Vec<String>>,
    refused: Vec<Refused>,
}

impl Loading {
    fn new(several: bool, fields: usize) -> Self {
        let rest = Rest { own_ids: Vec::new(), files: several.then(Vec::new), refused: Vec::new() };
        Self { rest, invalid: vec![(0, String::new()); fields] }
    }

    fn push(&mut self, records: &mut Records, file: &str, takes: &Takes, portion: Portion) -> Result<(), Error> {
        self.rest.refused.extend(portion.refused);
        for (all, (count, example)) in self.invalid.iter_mut().zip(portion.invalid) {
            all.0 += count;
            if all.1.is_empty() {
                all.1 = example;
            }
        }
        let mut values: Vec<Option<&str>> = Vec::with_capacity(portion.values.len());
        for (row, id) in portion.ids.iter().enumerate() {
            let Some(id) = id.as_deref().filter(|id| !id.is_empty()) else {
                let number = self.rest.own_ids.len() + 1;
                let what = format!("record {number} has no value in `{}`", takes.id);
                return Err(usage(file, what, "name a column that every record fills by --id"));
            };
            let record_id = if self.rest.files.is_some() { format!("{file}:{id}") } else { id.to_owned() };
            values.clear();
            values.extend(portion.values.iter().map(|column| column[row].as_deref()));
            let source = portion.sources[row].as_deref().unwrap_or(file);
            records.push(&record_id, source, &values).map_err(|error| {
                let hint = format!("name a column by --id that differs for each record of {file}");
                usage(file, format!("{error} (column `{}`)", takes.id), &hint)
            })?;
            self.rest.own_ids.push(id.to_owned());
            if let Some(files) = &mut self.rest.files {
                files.push(file.to_owned());
            }
        }
        Ok(())
    }
}

/// The settings of a match over these records.
pub fn settings(config: &MatchFile, records: &Records) -> Settings {
    let coverage = records.coverage();
    let filled = records.fields().iter().zip(&coverage).filter(|(_, share)| **share > 0.0);
    let mut settings = Settings::of(filled.map(|(field, _)| field.clone()).collect());
    settings.block = block_of(&config.block);
    settings.threshold = threshold_of(config.threshold.clone());
    settings.duplicate_free = config.duplicate_free.to_vec();
    settings
}

/// What entity ids begin with.
pub(super) fn prefix(entity: MatchEntity) -> &'static str {
    match entity {
        MatchEntity::Persons => "p",
        MatchEntity::Companies => "c",
    }
}
