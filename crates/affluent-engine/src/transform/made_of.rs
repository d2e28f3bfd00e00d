//! What an entity is made of: the tables it reads, and a fingerprint of the plan that makes it.

use affluent_spec::TableName;
use chrono::{DateTime, Utc};

use super::employers::table as employers;
use super::records::makers;
use crate::day;
use crate::lake::fingerprint;
use crate::plan::{EntityPlan, Kind, Plan, records_of};

/// The exchange rates that money is converted by.
pub(super) fn rates() -> TableName {
    TableName::silver("exchange_rates")
}

/// The tables that building `entity` reads, where they are there.
pub(crate) fn tables(plan: &Plan, entity: &EntityPlan) -> Vec<TableName> {
    let mut tables: Vec<TableName> = entity.inputs.iter().map(|input| input.table.clone()).collect();
    tables.extend(entity.enrich.values().map(|(_, input)| input.table.clone()));
    let columns = || entity.entity.columns.values();
    match &entity.kind {
        Kind::Facts => {
            tables.extend(columns().any(|column| column.money).then(rates));
            tables.extend(columns().any(|column| column.person).then(|| TableName::silver(&records_of("persons"))));
        }
        Kind::Golden { .. } if entity.name() == "persons" => {
            tables.extend(makers(plan).map(|(input, _)| input.table.clone()));
            tables.push(employers());
        }
        Kind::Golden { .. } => {}
    }
    tables.sort();
    tables.dedup();
    tables
}

/// Tells whether the plan of an entity is that of another day: ages and the like are those of `as_of`'s day.
pub(crate) fn plan_of(plan: &Plan, entity: &EntityPlan, as_of: DateTime<Utc>) -> String {
    let here = (&plan.timezone, &plan.country, &plan.currency);
    let recipe = match &entity.kind {
        Kind::Facts => format!("{entity:?}\n{here:?}"),
        Kind::Golden { .. } => {
            let made: Vec<_> = makers(plan).map(|(input, made)| (&input.stream, made)).collect();
            format!("{entity:?}\n{made:?}\n{here:?}\n{}", day::of(as_of, plan.timezone))
        }
    };
    fingerprint(&recipe)
}
