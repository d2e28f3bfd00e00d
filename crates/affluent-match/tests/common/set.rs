//! A set of records with known truth: read, normalised as a pipeline would, ready to match.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use affluent_match::normalise::country;
use affluent_match::normalise::date::Order;
use affluent_match::{Field, Kind, Records, Settings, canonical};

/// Records, the true entity of each, and the settings that fit them.
pub struct Set {
    pub name: String,
    pub records: Records,
    pub truth: Vec<u32>,
    pub settings: Settings,
}

impl Set {
    /// The records at these places, in that order.
    pub fn part(&self, places: &[usize]) -> Result<Records, affluent_match::MatchError> {
        let mut records = Records::new(self.records.fields().to_vec())?;
        let fields = self.records.fields().len();
        for &at in places {
            let values: Vec<Option<&str>> = (0..fields).map(|field| self.records.value(at, field)).collect();
            records.push(&self.records.ids()[at], self.records.source(at), &values)?;
        }
        Ok(records)
    }
}

/// In place of the true entity of a record that nothing is known of: it is matched, not measured.
pub const UNKNOWN: u32 = u32::MAX;

/// What the records of a set are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    Persons,
    Companies,
}

/// The rows of a CSV file, by column.
pub fn rows(path: &Path) -> Result<Vec<HashMap<String, String>>, Box<dyn Error>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path)?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

/// A set of rows of which `id` and `truth` (blank where unknown) give id and true entity and the canonical columns the
/// rest; `source` may name the system a record is from.
pub fn of_rows(name: &str, rows: &[HashMap<String, String>], entity: Entity) -> Result<Set, Box<dyn Error>> {
    let kind_of = if entity == Entity::Companies { Settings::company_kind } else { Settings::person_kind };
    let mut columns: Vec<(&str, Kind)> = rows
        .first()
        .into_iter()
        .flat_map(|row| row.keys())
        .filter_map(|name| Some((name.as_str(), kind_of(name)?)))
        .collect();
    columns.sort_unstable();
    let mut records = Records::new(columns.iter().map(|&(name, kind)| Field::new(name, kind)).collect())?;
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut truth = Vec::new();
    for row in rows {
        let place = row.get("country").and_then(|raw| country::country(raw).ok().flatten());
        let value = |&(name, kind): &(&str, Kind)| canonical(kind, &row[name], place, Order::Unknown).value;
        let values: Vec<Option<String>> = columns.iter().map(value).collect();
        let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
        records.push(&row["id"], row.get("source").map_or("file", String::as_str), &values)?;
        let next = numbers.len() as u32;
        let entity = row["truth"].as_str();
        truth.push(if entity.is_empty() { UNKNOWN } else { *numbers.entry(entity).or_insert(next) });
    }
    let names: Vec<&str> = columns.iter().map(|&(name, _)| name).collect();
    let coverage = records.coverage();
    let settings = match entity {
        Entity::Persons => Settings::auto_persons(&names, &coverage),
        Entity::Companies => Settings::auto_companies(&names, &coverage),
    };
    Ok(Set { name: name.to_owned(), records, truth, settings })
}

fn beside(file: &str) -> String {
    format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn renamed(row: &HashMap<String, String>, names: &[(&str, &str)]) -> HashMap<String, String> {
    names.iter().map(|&(canonical, column)| (canonical.to_owned(), row[column].clone())).collect()
}

/// FEBRL 3; without its identifier where asked.
pub fn febrl3(with_identifier: bool) -> Result<Set, Box<dyn Error>> {
    let rows = rows(Path::new(&beside("../../examples/febrl/febrl3.csv")))?;
    let mut found = Vec::new();
    for row in &rows {
        let mut renamed = renamed(
            row,
            &[
                ("id", "rec_id"),
                ("first_name", "given_name"),
                ("last_name", "surname"),
                ("birth_on", "date_of_birth"),
                ("postcode", "postcode"),
                ("city", "suburb"),
                ("state", "state"),
            ],
        );
        renamed.insert("truth".to_owned(), row["rec_id"].split('-').nth(1).unwrap_or_default().to_owned());
        renamed.insert("street".to_owned(), format!("{} {}", row["street_number"], row["address_1"]));
        if with_identifier {
            renamed.insert("national_id".to_owned(), row["soc_sec_id"].clone());
        }
        found.push(renamed);
    }
    of_rows(if with_identifier { "febrl3" } else { "febrl3 without identifier" }, &found, Entity::Persons)
}

/// The thousand records of Splink's first example.
pub fn splink_fake_1000() -> Result<Set, Box<dyn Error>> {
    let names = [
        ("id", "unique_id"),
        ("truth", "cluster"),
        ("first_name", "first_name"),
        ("last_name", "surname"),
        ("birth_on", "dob"),
        ("email", "email"),
        ("city", "city"),
    ];
    let rows = rows(Path::new(&beside("tests/data/splink_fake_1000.csv")))?;
    let rows: Vec<_> = rows.iter().map(|row| renamed(row, &names)).collect();
    of_rows("splink_fake_1000", &rows, Entity::Persons)
}

/// Made-up people of three systems.
pub fn three_systems(people: usize, seed: u64) -> Result<Set, Box<dyn Error>> {
    let rows: Vec<HashMap<String, String>> = super::people::three_systems(people, seed)
        .into_iter()
        .map(|record| {
            let mut row: HashMap<String, String> =
                super::people::FIELDS.iter().map(|&name| name.to_owned()).zip(record.values).collect();
            row.insert("id".to_owned(), record.id);
            row.insert("source".to_owned(), record.source.to_owned());
            row.insert("truth".to_owned(), record.person.to_string());
            row
        })
        .collect();
    of_rows(&format!("three systems, {people} people"), &rows, Entity::Persons)
}

/// Writes made-up records as a file that [`of_rows`] reads.
pub fn write(records: &[super::people::Record], path: &Path) -> Result<(), Box<dyn Error>> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(["id", "truth", "source"].iter().chain(super::people::FIELDS))?;
    for record in records {
        let person = record.person.to_string();
        let head = [record.id.as_str(), &person, record.source];
        writer.write_record(head.into_iter().chain(record.values.iter().map(String::as_str)))?;
    }
    Ok(writer.flush()?)
}
