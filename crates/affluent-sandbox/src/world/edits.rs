//! Changes made by hand on top of what the months bring: records made, changed and deleted when a test says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Row, Table};

/// One change of one record, as somebody at the CRM would make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The object by its name in the API: `contacts` at HubSpot, `Contact` at Salesforce.
    pub object: String,
    /// The record's id; one that is not there is made.
    pub id: String,
    /// When, in milliseconds since 1970-01-01T00:00:00Z: what the record says of its last change from then on.
    pub at: i64,
    /// New values by field; the others stay.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Deletes the record; it comes back by a later edit.
    #[serde(default)]
    pub delete: bool,
}

/// The table with the edits of its object made, in their order.
pub(super) fn made(mut table: Table, edits: &[Edit]) -> Table {
    for edit in edits.iter().filter(|edit| edit.object == table.object.name) {
        let at = match table.rows.iter().position(|row| row.id == edit.id) {
            Some(at) => at,
            None => {
                table.rows.push(fresh(&table, edit));
                table.rows.len() - 1
            }
        };
        let row = &mut table.rows[at];
        row.updated = edit.at;
        row.deleted = edit.delete.then_some(edit.at);
        for (field, value) in &edit.set {
            if let Some(stored) = table.object.fields.iter().position(|known| known.name == *field)
                && let Some(place) = stored.checked_sub(table.computed)
            {
                row.values[place] = Some(value.clone());
            }
        }
    }
    Table::new(table.object, table.rows)
}

fn fresh(table: &Table, edit: &Edit) -> Row {
    let last = table.rows.iter().map(|row| row.key).max().unwrap_or_default();
    Row {
        key: edit.id.parse().unwrap_or(last + 1),
        id: edit.id.clone(),
        created: edit.at,
        updated: edit.at,
        deleted: None,
        person: None,
        parent: None,
        values: vec![None; table.object.fields.len() - table.computed],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;

    #[test]
    fn records_are_made_changed_and_deleted() {
        let edit = |id: &str, at, name: Option<&str>, delete| Edit {
            object: "contacts".to_owned(),
            id: id.to_owned(),
            at,
            set: name.map(|name| ("lastname".to_owned(), name.to_owned())).into_iter().collect(),
            delete,
        };
        let plain = World::new(1, 20, 0);
        let first = plain.hubspot("contacts").unwrap().rows[0].id.clone();
        let edits = vec![
            edit("7", 10, Some("New"), false),
            edit(&first, 20, Some("Changed"), false),
            edit("7", 30, None, true),
        ];
        let world = World::new(1, 20, 0).edited(edits);
        let (table, before) = (world.hubspot("contacts").unwrap(), plain.hubspot("contacts").unwrap());
        assert_eq!(table.rows.len(), before.rows.len() + 1);
        let name = table.field("lastname").unwrap();
        let shown = |id: &str| {
            let row = table.find(id).unwrap();
            (table.value(row, name).unwrap().into_owned(), row.updated, row.deleted)
        };
        assert_eq!(shown("7"), ("New".to_owned(), 30, Some(30)));
        assert_eq!(shown(&first), ("Changed".to_owned(), 20, None));
        assert!(table.rows.is_sorted_by_key(|row| row.key));
    }
}
