//! The records to match, column by column, every distinct value stored once and known by a number.

use std::collections::HashSet;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::MatchError;
use crate::field::{Field, Kind};
use crate::fold::fold_or_keep;

/// The number of a missing value.
pub(crate) const NULL: u32 = u32::MAX;

/// Records to match: an id, a source and one value or none for each field.
#[derive(Debug, Clone)]
pub struct Records {
    fields: Vec<Field>,
    /// Which pool holds the values of a field: the name fields share one, so that swapped names are equal numbers.
    pool_of: Vec<usize>,
    pools: Vec<Pool>,
    columns: Vec<Vec<u32>>,
    ids: Vec<String>,
    places: FxHashMap<u128, u32>,
    sources: Vec<u32>,
    source_names: Vec<String>,
}

/// The distinct values of a column, one after the other in one text. They are found by a hash so wide that no two values
/// share it.
#[derive(Debug, Clone, Default)]
struct Pool {
    text: String,
    ends: Vec<usize>,
    by_hash: FxHashMap<u128, u32>,
}

impl Pool {
    fn intern(&mut self, raw: &str, kind: Kind) -> u32 {
        let raw_hash = xxh3_128(raw.as_bytes());
        if let Some(&id) = self.by_hash.get(&raw_hash) {
            return id;
        }
        let value = if kind.is_folded() { fold_or_keep(raw) } else { raw.trim().into() };
        let id = if value.is_empty() {
            NULL
        } else if *value == *raw {
            self.add(raw)
        } else {
            let hash = xxh3_128(value.as_bytes());
            if let Some(&id) = self.by_hash.get(&hash) {
                id
            } else {
                let id = self.add(&value);
                self.by_hash.insert(hash, id);
                id
            }
        };
        self.by_hash.insert(raw_hash, id);
        id
    }

    fn add(&mut self, value: &str) -> u32 {
        self.text.push_str(value);
        self.ends.push(self.text.len());
        self.ends.len() as u32 - 1
    }

    fn value(&self, id: u32) -> &str {
        let at = id as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start..self.ends[at]]
    }
}

impl Records {
    /// No records yet, with these fields.
    pub fn new(fields: Vec<Field>) -> Result<Self, MatchError> {
        let mut names = HashSet::new();
        if let Some(twice) = fields.iter().find(|field| !names.insert(field.name.as_str())) {
            return Err(MatchError::DuplicateField { field: twice.name.clone() });
        }
        let mut pools = vec![Pool::default()];
        let mut pool_of = Vec::with_capacity(fields.len());
        for field in &fields {
            if matches!(field.kind, Kind::GivenName | Kind::FamilyName | Kind::MaidenName) {
                pool_of.push(0);
            } else {
                pool_of.push(pools.len());
                pools.push(Pool::default());
            }
        }
        let columns = vec![Vec::new(); fields.len()];
        Ok(Self {
            fields,
            pool_of,
            pools,
            columns,
            ids: Vec::new(),
            places: FxHashMap::default(),
            sources: Vec::new(),
            source_names: Vec::new(),
        })
    }

    /// Adds a record: one value, or none, for each field in the order they were declared. Blank text is none.
    pub fn push(&mut self, record_id: &str, source: &str, values: &[Option<&str>]) -> Result<(), MatchError> {
        if values.len() != self.fields.len() {
            return Err(MatchError::WrongWidth {
                record_id: record_id.to_owned(),
                found: values.len(),
                expected: self.fields.len(),
            });
        }
        let key = xxh3_128(record_id.as_bytes());
        if self.places.contains_key(&key) {
            return Err(MatchError::DuplicateRecord { record_id: record_id.to_owned() });
        }
        for (index, value) in values.iter().enumerate() {
            let kind = self.fields[index].kind;
            let id = value.map_or(NULL, |raw| self.pools[self.pool_of[index]].intern(raw, kind));
            self.columns[index].push(id);
        }
        self.places.insert(key, self.ids.len() as u32);
        self.ids.push(record_id.to_owned());
        let source = self.source_names.iter().position(|name| name == source).unwrap_or_else(|| {
            self.source_names.push(source.to_owned());
            self.source_names.len() - 1
        });
        self.sources.push(source as u32);
        Ok(())
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The fields, as declared.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The record ids, in the order the records came.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The place of a record.
    pub fn place_of(&self, record_id: &str) -> Option<u32> {
        self.places.get(&xxh3_128(record_id.as_bytes())).copied()
    }

    /// The source of a record.
    pub fn source(&self, record: usize) -> &str {
        &self.source_names[self.sources[record] as usize]
    }

    /// The value of a field as it is compared (folded where its kind is), or none.
    pub fn value(&self, record: usize, field: usize) -> Option<&str> {
        let id = self.columns[field][record];
        (id != NULL).then(|| self.text(field, id))
    }

    /// Share of the records that have a value, per field, 0 to 1.
    pub fn coverage(&self) -> Vec<f64> {
        let total = self.len().max(1) as f64;
        self.columns.iter().map(|column| column.iter().filter(|&&id| id != NULL).count() as f64 / total).collect()
    }

    pub(crate) fn field_named(&self, name: &str) -> Result<usize, MatchError> {
        let found = self.fields.iter().position(|field| field.name == name);
        found.ok_or_else(|| MatchError::UnknownField { field: name.to_owned() })
    }

    #[cfg(test)]
    pub(crate) fn column(&self, field: usize) -> &[u32] {
        &self.columns[field]
    }

    /// The text of an interned value of that field.
    pub(crate) fn text(&self, field: usize, id: u32) -> &str {
        self.pools[self.pool_of[field]].value(id)
    }

    pub(crate) fn distinct(&self, field: usize) -> usize {
        self.pools[self.pool_of[field]].ends.len()
    }

    /// The same records in the order of their ids, so that no result depends on the order they came in. Also returns,
    /// for each new place, the old one.
    pub(crate) fn in_id_order(&self) -> (Vec<Vec<u32>>, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        if !self.ids.is_sorted() {
            // The first bytes of an id tell most of them apart.
            let start = |id: &String| {
                let mut start = [0; 16];
                let length = id.len().min(16);
                start[..length].copy_from_slice(&id.as_bytes()[..length]);
                u128::from_be_bytes(start)
            };
            let starts: Vec<u128> = self.ids.iter().map(start).collect();
            order.sort_unstable_by(|&a, &b| {
                let (a, b) = (a as usize, b as usize);
                starts[a].cmp(&starts[b]).then_with(|| self.ids[a].cmp(&self.ids[b]))
            });
        }
        let columns =
            self.columns.iter().map(|column| order.iter().map(|&record| column[record as usize]).collect()).collect();
        (columns, order)
    }
}

#[cfg(test)]
mod tests {
    use super::Records;
    use crate::{Field, Kind, MatchError};

    fn two_names() -> Records {
        Records::new(vec![Field::new("first_name", Kind::GivenName), Field::new("last_name", Kind::FamilyName)])
            .unwrap()
    }

    #[test]
    fn names_share_their_numbers() {
        let mut records = two_names();
        records.push("a", "crm", &[Some("Martin"), Some("ÉTIENNE")]).unwrap();
        records.push("b", "shop", &[Some("étienne"), Some(" martin ")]).unwrap();
        assert_eq!(records.column(0)[0], records.column(1)[1]);
        assert_eq!(records.value(0, 1), Some("etienne"));
        assert_eq!(records.source(1), "shop");
    }

    #[test]
    fn blank_is_missing() {
        let mut records = two_names();
        records.push("a", "crm", &[Some("  "), None]).unwrap();
        assert_eq!(records.value(0, 0), None);
        assert_eq!(records.coverage(), [0.0, 0.0]);
    }

    #[test]
    fn faults_are_named() {
        let mut records = two_names();
        records.push("a", "crm", &[None, None]).unwrap();
        assert_eq!(
            records.push("a", "crm", &[None, None]),
            Err(MatchError::DuplicateRecord { record_id: "a".to_owned() })
        );
        assert!(matches!(records.push("b", "crm", &[None]), Err(MatchError::WrongWidth { found: 1, .. })));
        assert!(records.field_named("nom").is_err());
    }
}
