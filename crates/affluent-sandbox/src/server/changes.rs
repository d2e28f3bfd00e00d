//! Change feeds: what differs between the world as it was and as it is, in the order of the changes.

use std::collections::HashMap;

use super::Shared;
use crate::world::{Document, World};

/// A place in a feed: the month whose records are known already, the month that is read, and how many are passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// None: nothing is known.
    pub(crate) from: Option<u32>,
    pub(crate) at: u32,
    pub(crate) passed: usize,
}

impl Place {
    /// The place of a reader who knows the records of that month, if any.
    pub(crate) fn after(shared: &Shared, from: Option<u32>) -> Self {
        Self { from, at: shared.world().month(), passed: 0 }
    }

    /// The token of the place.
    pub(crate) fn token(self) -> String {
        let from = self.from.map_or("n".to_owned(), |month| month.to_string());
        format!("{from}-{}-{:x}", self.at, self.passed)
    }

    /// The place of a token.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('-');
        let from = match parts.next()? {
            "n" => None,
            month => Some(month.parse().ok()?),
        };
        let at = parts.next()?.parse().ok()?;
        let passed = usize::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(Self { from, at, passed })
    }
}

/// The documents of a collection that are new or differ, by (change, key).
pub(crate) fn changed<'a>(
    world: &'a World,
    known: Option<&World>,
    store: &str,
    collection: &str,
) -> Option<Vec<&'a Document>> {
    let now = world.documents(store, collection)?;
    let before: HashMap<u64, &Document> = known
        .and_then(|world| world.documents(store, collection))
        .unwrap_or_default()
        .iter()
        .map(|document| (document.key, document))
        .collect();
    let mut found: Vec<_> = now.iter().filter(|document| before.get(&document.key) != Some(document)).collect();
    found.sort_by_key(|document| (document.updated, document.key));
    Some(found)
}
