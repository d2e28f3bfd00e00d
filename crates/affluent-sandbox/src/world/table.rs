//! One object of a CRM as a table: its fields, and its rows in the order of their ids.

use std::borrow::Cow;

use crate::clock;

use super::contact_fields::Drawn;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The record's id.
    Id,
    /// When the record was made.
    Created,
    /// When the record was last changed.
    Updated,
    /// Whether it is deleted.
    Deleted,
    /// Text.
    Text,
    /// A reference to another record's id.
    Reference,
    /// A decimal number.
    Number,
    /// A date without time.
    Date,
    /// An instant.
    Instant,
    /// True or false.
    Bool,
    /// Made up from the record's number, whatever becomes of it.
    Drawn(Drawn),
}

impl Kind {
    /// Fields every record has, which rows do not store.
    fn computed(self) -> bool {
        matches!(self, Self::Id | Self::Created | Self::Updated | Self::Deleted | Self::Drawn(_))
    }
}

/// A field: its name in the API and what it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What an object is called and which fields it has; computed fields come first.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    /// The first three characters of its Salesforce ids; empty for HubSpot.
    pub(crate) prefix: &'static str,
    /// Fields returned where the caller names none (HubSpot).
    pub(crate) default: &'static [&'static str],
    pub(crate) fields: &'static [Field],
}

/// One record.
#[derive(Debug)]
pub(crate) struct Row {
    /// The number its id is made of; rows are in its order.
    pub(crate) key: u64,
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: Option<i64>,
    /// The true person it is of, for records of persons.
    pub(crate) person: Option<u32>,
    /// The record it belongs to (a ticket's contact), by id.
    pub(crate) parent: Option<String>,
    /// Values of the stored fields.
    pub(crate) values: Vec<Option<String>>,
}

/// All records of an object.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) object: &'static Object,
    pub(crate) rows: Vec<Row>,
    pub(super) computed: usize,
}

impl Table {
    pub(crate) fn new(object: &'static Object, mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| row.key);
        Self { object, rows, computed: object.fields.iter().filter(|f| f.kind.computed()).count() }
    }

    /// Position of a field, its name in any case.
    pub(crate) fn field(&self, name: &str) -> Option<usize> {
        self.object.fields.iter().position(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// A record's value of the field at a position, instants in ISO 8601.
    pub(crate) fn value<'a>(&self, row: &'a Row, field: usize) -> Option<Cow<'a, str>> {
        match self.object.fields[field].kind {
            Kind::Id => Some(Cow::Borrowed(&row.id)),
            Kind::Created => Some(clock::iso(row.created).into()),
            Kind::Updated => Some(clock::iso(row.updated).into()),
            Kind::Deleted => Some(Cow::Borrowed(if row.deleted.is_some() { "true" } else { "false" })),
            Kind::Drawn(drawn) => drawn.value(self.object.fields[field].name, row.key).map(Cow::Owned),
            _ => row.values[field - self.computed].as_deref().map(Cow::Borrowed),
        }
    }

    /// A record's value as an instant, without going through text where the field is computed.
    pub(crate) fn instant(&self, row: &Row, field: usize) -> Option<i64> {
        match self.object.fields[field].kind {
            Kind::Created => Some(row.created),
            Kind::Updated => Some(row.updated),
            _ => clock::parse(&self.value(row, field)?),
        }
    }

    /// The row of an id.
    pub(crate) fn find(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }
}
