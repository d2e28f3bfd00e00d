//! Columns of an entity that are looked up in other streams, and how the versions of a stream's records are told apart.

use affluent_spec::pipeline::{EntityConfig, Lookup};
use affluent_spec::{Entity, bronze, suggest};
use indexmap::IndexMap;

use super::entities::{Input, Resolver, mappable};
use super::sources::{ConnectorKind, SourcePlan, StreamPlan};

/// The bronze columns that identify a record of a stream, and the one that orders its versions.
pub(super) fn versions(source: &SourcePlan, stream: &StreamPlan) -> (Vec<String>, Option<String>) {
    match &source.kind {
        ConnectorKind::Http(manifest) => manifest.stream(&stream.name).map_or_else(Default::default, |spec| {
            let key = spec.key.iter().map(|field| bronze::of_field(field)).collect();
            (key, spec.cursor.as_ref().map(|cursor| bronze::of_field(&cursor.field)))
        }),
        ConnectorKind::Files => (stream.options.key.0.clone(), None),
        ConnectorKind::Sql(_) => {
            let key = stream.options.key.iter().map(|column| bronze::of_field(column)).collect();
            (key, stream.options.cursor.as_deref().map(bronze::of_field))
        }
        ConnectorKind::Webhooks => super::webhooks::order(&stream.options),
    }
}

impl Resolver<'_> {
    pub(super) fn enrich(
        &mut self,
        name: &str,
        entity: &Entity,
        config: &EntityConfig,
    ) -> IndexMap<String, (Lookup, Input)> {
        let mut enrich = IndexMap::new();
        for (column, lookup) in &config.enrich {
            let at = ["silver", name, "enrich", column.as_str()];
            if entity.columns.contains_key(column.as_str()) {
                let message = format!("{name} has a column `{column}` already: give the looked-up one another name");
                self.problems.push(self.document.key_problem(&at, message));
            }
            for own in lookup.on.keys().filter(|own| !entity.columns.contains_key(own.as_str())) {
                let problem = self.document.problem(&at, format!("{name} has no column `{own}`"));
                self.problems.push(problem.with_hint_if(suggest::hint(own, mappable(entity))));
            }
            match self.stream(&lookup.from).map(|(source, stream)| (source.clone(), stream.clone())) {
                None => self.unknown_stream(&["silver", name, "enrich", column.as_str(), "from"], &lookup.from),
                Some((source, stream)) => {
                    if let Some(known) = &stream.columns {
                        for wanted in lookup.on.values().chain([&lookup.take]).filter(|wanted| !known.contains(wanted))
                        {
                            let problem =
                                self.document.problem(&at, format!("`{}` has no column `{wanted}`", lookup.from));
                            self.problems
                                .push(problem.with_hint_if(suggest::hint(wanted, known.iter().map(String::as_str))));
                        }
                    }
                    let (key, cursor) = versions(&source, &stream);
                    let (columns, link) = (IndexMap::new(), None);
                    let table = stream.table.clone();
                    let input = Input { stream: stream.id(), table, key, cursor, columns, link };
                    enrich.insert(column.to_string(), (lookup.clone(), input));
                }
            }
        }
        enrich
    }
}
