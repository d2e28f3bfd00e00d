//! Silver entities of a plan: which streams feed them, by which expressions, and whom their facts belong to.

use std::path::Path;

use affluent_match::{Decision, Preference};
use affluent_spec::pipeline::{Comparison, EntityConfig, Feed, Lookup, MapValue, Mapping, Match, PersonLink};
use affluent_spec::{Document, Entity, Pipeline, Problem, TableName, suggest};
use indexmap::IndexMap;

use super::expression::{Fault, over_columns};
use super::lookups::versions;
use super::sources::{ConnectorKind, SourcePlan, StreamPlan};
use crate::catalog::Catalog;
use crate::sql::literal;

/// One silver entity.
#[derive(Debug, Clone)]
pub struct EntityPlan {
    /// Its canonical definition.
    pub entity: Entity,
    /// What it is made of.
    pub kind: Kind,
    /// The streams that feed it.
    pub inputs: Vec<Input>,
    /// Columns looked up in other streams, by name; the stream of each, of which nothing is mapped.
    pub enrich: IndexMap<String, (Lookup, Input)>,
}

/// Kinds of entities.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a plan holds a dozen of them")]
pub enum Kind {
    /// Rows as they come: events, orders, reference tables.
    Facts,
    /// Records that are matched into golden records.
    Golden {
        /// How.
        matching: Match,
        /// Which value wins, by column; `default` for the rest.
        survivorship: IndexMap<String, Vec<Preference>>,
        /// Pairs that people decided on.
        decisions: Vec<Decision>,
    },
}

/// One stream that feeds an entity.
#[derive(Debug, Clone)]
pub struct Input {
    /// `source.stream`.
    pub stream: String,
    /// Its bronze table.
    pub table: TableName,
    /// The bronze columns that identify a record; empty where each row is one.
    pub key: Vec<String>,
    /// The bronze column that orders versions.
    pub cursor: Option<String>,
    /// Entity column → SQL expression over bronze columns.
    pub columns: IndexMap<String, String>,
    /// Whom its rows belong to.
    pub link: Option<Link>,
}

/// The person of a fact.
#[derive(Debug, Clone)]
pub enum Link {
    /// A record of `of`, whose key is the value of `id`.
    Points {
        /// `source.stream`.
        of: String,
        /// Expression.
        id: String,
    },
    /// A person record of its own.
    Makes(Made),
}

/// A person record made from facts.
#[derive(Debug, Clone)]
pub struct Made {
    /// Expression that tells these persons apart: the id, else the e-mail, else all columns.
    pub id: String,
    /// Column of persons → expression.
    pub columns: IndexMap<String, String>,
}

impl EntityPlan {
    /// Its name.
    pub fn name(&self) -> &str {
        self.entity.entity.as_str()
    }

    /// The tables it builds.
    pub fn tables(&self) -> Vec<TableName> {
        let own = TableName::silver(self.name());
        match &self.kind {
            Kind::Facts => vec![own],
            Kind::Golden { .. } => vec![own, TableName::silver(&records_of(self.name()))],
        }
    }
}

/// The table of an entity's records: `persons` has `person_records`, `companies` has `company_records`.
pub fn records_of(entity: &str) -> String {
    if entity == "companies" { "company_records".to_owned() } else { "person_records".to_owned() }
}

/// The entities whose records are matched.
const GOLDEN: [&str; 2] = ["persons", "companies"];
/// Built by the engine beside their entity, never from a mapping.
const DERIVED: [&str; 2] = ["person_records", "company_records"];

pub(super) fn resolve(
    pipeline: &Pipeline,
    document: &Document,
    catalog: &Catalog,
    sources: &[SourcePlan],
    base: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<EntityPlan> {
    let mut plans = Vec::new();
    let mut resolver = Resolver { pipeline, document, catalog, sources, base, problems };
    for (name, config) in &pipeline.silver {
        if let Some(plan) = resolver.entity(name.as_str(), config) {
            plans.push(plan);
        }
    }
    // Rates before money, companies before the persons that belong to them, persons before their facts.
    plans.sort_by_key(|plan| match plan.name() {
        "exchange_rates" => 0,
        "companies" => 1,
        "persons" => 2,
        _ => 3,
    });
    plans
}

/// What the entities of a pipeline are resolved with; faults are gathered on the way.
pub(super) struct Resolver<'a> {
    pipeline: &'a Pipeline,
    pub(super) document: &'a Document,
    catalog: &'a Catalog,
    pub(super) sources: &'a [SourcePlan],
    /// The folder of the pipeline file.
    pub(super) base: &'a Path,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Resolver<'_> {
    fn entity(&mut self, name: &str, config: &EntityConfig) -> Option<EntityPlan> {
        let at = ["silver", name];
        let known = || self.catalog.entities.keys().map(String::as_str).filter(|name| !DERIVED.contains(name));
        let Some(entity) = self.catalog.entities.get(name).filter(|_| !DERIVED.contains(&name)) else {
            let hint = suggest::hint(name, known());
            let problem =
                self.document.key_problem(&at, format!("there is no silver entity `{name}`")).with_hint_if(hint);
            self.problems.push(problem);
            return None;
        };
        let golden = GOLDEN.contains(&name);
        if config.from.is_empty() {
            let problem = self.document.key_problem(&at, format!("`{name}` is made from nothing"));
            self.problems.push(problem.with_hint("write from: source.stream"));
        }
        let mut inputs = Vec::new();
        for (index, feed) in config.from.iter().enumerate() {
            let Some(input) = self.input(name, entity, config, index, feed) else { continue };
            if inputs.iter().any(|other: &Input| other.stream == input.stream) {
                let at = ["silver", name, "from", &index.to_string()];
                let message = format!("`{}` is named twice: each of its rows would be in `{name}` twice", input.stream);
                self.problems.push(self.document.problem(&at, message));
                continue;
            }
            inputs.push(input);
        }
        if !golden {
            for (key, given) in
                [("match", config.matching.is_some()), ("survivorship", !config.survivorship.is_empty())]
            {
                if given {
                    let message = format!("`{key}` is for persons and companies, not for {name}");
                    self.problems.push(self.document.key_problem(&["silver", name, key], message));
                }
            }
        }
        let kind = if golden {
            let matching = config.matching.clone().unwrap_or(Match::Compare(Comparison::default()));
            let mut decisions = Vec::new();
            if let Match::Compare(comparison) = &matching {
                self.comparison(name, entity, comparison);
                decisions = self.decisions(name, comparison);
            }
            let survivorship = self.survivorship(name, entity, &config.survivorship);
            Kind::Golden { matching, survivorship, decisions }
        } else {
            Kind::Facts
        };
        let enrich = self.enrich(name, entity, config);
        Some(EntityPlan { entity: entity.clone(), kind, inputs, enrich })
    }

    pub(super) fn stream(&self, id: &str) -> Option<(&SourcePlan, &StreamPlan)> {
        let (source, stream) = id.split_once('.')?;
        let source = self.sources.iter().find(|known| known.name == source)?;
        Some((source, source.streams.iter().find(|known| known.name == stream)?))
    }

    fn streams(&self) -> Vec<String> {
        self.sources.iter().flat_map(|source| source.streams.iter().map(StreamPlan::id)).collect()
    }

    pub(super) fn unknown_stream(&mut self, path: &[&str], id: &str) {
        let known = self.streams();
        let problem = self.document.problem(path, format!("no source of this pipeline has the stream `{id}`"));
        self.problems.push(problem.with_hint_if(suggest::hint(id, known.iter().map(String::as_str))));
    }

    fn input(
        &mut self,
        name: &str,
        entity: &Entity,
        config: &EntityConfig,
        index: usize,
        feed: &Feed,
    ) -> Option<Input> {
        let number = index.to_string();
        let listed = ["silver", name, "from", number.as_str()];
        // Facts that make persons enter matching anyway; naming them says so.
        if name == "persons" && self.pipeline.silver.contains_key(feed.stream.as_str()) {
            return None;
        }
        let Some((source, stream)) = self.stream(&feed.stream) else {
            self.unknown_stream(&listed, &feed.stream);
            return None;
        };
        let (source, stream) = (source.clone(), stream.clone());
        let default = match &source.kind {
            ConnectorKind::Http(manifest) => manifest.silver(&source.name, &stream.name).shift_remove(name),
            ConnectorKind::Files | ConnectorKind::Sql(_) | ConnectorKind::Webhooks => None,
        };
        let from_map = ["silver", name, "map"];
        let own = ["silver", name, "from", number.as_str(), "map"];
        let (mapping, path): (Mapping, &[&str]) = match (&feed.map, &config.map, default) {
            (Some(map), _, _) => (map.clone(), &own),
            (None, _, Some(map)) if config.map.is_none() || config.from.len() > 1 => (map, &listed),
            (None, Some(map), _) => (map.clone(), &from_map),
            (None, None, Some(map)) => (map, &listed),
            (None, None, None) => {
                let problem =
                    self.document.problem(&listed, format!("nothing says how `{}` becomes {name}", feed.stream));
                self.problems.push(problem.with_hint("add map: { column: expression, ... }"));
                return None;
            }
        };
        let columns = self.mapping(name, entity, &mapping, &stream, path);
        let link = self.link(name, entity, mapping.person.as_ref(), &stream, path);
        let (key, cursor) = versions(&source, &stream);
        if matches!(source.kind, ConnectorKind::Sql(_)) && key.is_empty() {
            let id = stream.id();
            let problem = self.document.problem(&listed, format!("`{id}` has no key to tell its records by"));
            self.problems.push(problem.with_hint("declare the table's primary key at the stream: key: [id]"));
        }
        Some(Input { stream: stream.id(), table: stream.table, key, cursor, columns, link })
    }

    fn fault(&mut self, path: &[&str], fault: Fault) {
        let problem = self.document.problem(path, fault.message).with_hint_if(fault.hint);
        self.problems.push(problem);
    }

    fn mapping(
        &mut self,
        name: &str,
        entity: &Entity,
        mapping: &Mapping,
        stream: &StreamPlan,
        path: &[&str],
    ) -> IndexMap<String, String> {
        let mut columns = IndexMap::new();
        for (column, value) in &mapping.columns {
            let at: Vec<&str> = path.iter().copied().chain([column.as_str()]).collect();
            match entity.columns.get(column) {
                None => {
                    let known = mappable(entity);
                    let problem = self.document.key_problem(&at, format!("{name} has no column `{column}`"));
                    self.problems.push(problem.with_hint_if(suggest::hint(column, known)));
                    continue;
                }
                Some(found) if found.person || found.derived.is_some() => {
                    let problem = self.document.key_problem(&at, format!("`{column}` is computed, never mapped"));
                    let hint = if found.person {
                        "say whose it is by person: { email: ... }"
                    } else {
                        "map the instant it derives from"
                    };
                    self.problems.push(problem.with_hint(hint));
                    continue;
                }
                Some(_) => {}
            }
            match value {
                MapValue::Expression(text) => match over_columns(text, stream.columns.as_deref()) {
                    Ok(sql) => {
                        columns.insert(column.clone(), sql);
                    }
                    Err(fault) => self.fault(&at, fault),
                },
                MapValue::Constant(constant) => {
                    columns.insert(column.clone(), literal(&constant.value));
                }
            }
        }
        for (column, _) in
            entity.columns.iter().filter(|(_, spec)| spec.required && spec.derived.is_none() && !spec.person)
        {
            let by_engine = ["person_id", "company_id", "probability"].contains(&column.as_str());
            if !columns.contains_key(column) && !mapping.columns.contains_key(column) && !by_engine {
                let problem =
                    self.document.problem(path, format!("nothing fills `{column}`, which every row of {name} needs"));
                self.problems.push(problem);
            }
        }
        columns
    }

    fn link(
        &mut self,
        name: &str,
        entity: &Entity,
        link: Option<&PersonLink>,
        stream: &StreamPlan,
        path: &[&str],
    ) -> Option<Link> {
        let link = link?;
        let at: Vec<&str> = path.iter().copied().chain(["person"]).collect();
        if !entity.columns.values().any(|column| column.person) {
            let message = format!("rows of {name} belong to nobody");
            self.problems.push(self.document.key_problem(&at, message));
            return None;
        }
        let mut columns = IndexMap::new();
        for (column, text) in &link.columns {
            let below: Vec<&str> = at.iter().copied().chain([column.as_str()]).collect();
            let persons = self.catalog.entities.get("persons");
            if column != "id" && persons.is_some_and(|persons| !persons.columns.contains_key(column)) {
                let known = persons.map(mappable).unwrap_or_default();
                let problem = self.document.key_problem(&below, format!("persons has no column `{column}`"));
                self.problems.push(problem.with_hint_if(suggest::hint(column, known)));
                continue;
            }
            match over_columns(text, stream.columns.as_deref()) {
                Ok(sql) => {
                    columns.insert(column.clone(), sql);
                }
                Err(fault) => self.fault(&below, fault),
            }
        }
        let id = columns.shift_remove("id");
        match (&link.of, id) {
            (Some(of), Some(id)) => {
                if self.stream(of).is_none() {
                    // A stream that is not extracted leaves these facts without a person; the user should know.
                    let path: Vec<&str> = at.iter().copied().chain(["of"]).collect();
                    self.unknown_stream(&path, of);
                }
                Some(Link::Points { of: of.clone(), id })
            }
            (Some(_), None) => {
                let problem = self.document.problem(&at, "`of` needs the `id` of the record");
                self.problems.push(problem.with_hint("person: { of: crm.contacts, id: contact_id }"));
                None
            }
            (None, Some(id)) => Some(Link::Makes(Made { id, columns })),
            (None, None) => {
                let id = columns.get("email").cloned().or_else(|| match columns.len() {
                    0 => None,
                    1 => columns.values().next().cloned(),
                    _ => {
                        let parts: Vec<String> =
                            columns.values().map(|sql| format!("cast({sql} as varchar)")).collect();
                        Some(format!("concat_ws('|', {})", parts.join(", ")))
                    }
                })?;
                Some(Link::Makes(Made { id, columns }))
            }
        }
    }
}

/// The columns of an entity that a mapping may fill.
pub(super) fn mappable(entity: &Entity) -> Vec<&str> {
    entity
        .columns
        .iter()
        .filter(|(_, column)| !column.person && column.derived.is_none())
        .map(|(name, _)| name.as_str())
        .collect()
}
