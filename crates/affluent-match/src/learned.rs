//! What a run learned, in a form that can be kept: the next run goes on with it instead of training anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compare::Comparison;
use crate::field::Kind;
use crate::household::Household;
use crate::score::{Group, Model};
use crate::settings::Rule;

/// The chances of every level, what depends on what, and the blocking rules, as a run learned them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    fields: Vec<(String, Kind)>,
    m: Vec<Vec<f64>>,
    u: Vec<Vec<f64>>,
    prevalence: f64,
    groups: Vec<KeptGroup>,
    household: [f64; 8],
    without_twins: bool,
    /// The blocking rules in their order; none where every pair was compared.
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KeptGroup {
    mask: u64,
    moves: bool,
    strangers: BTreeMap<u64, f64>,
    matches: BTreeMap<u64, f64>,
}

fn fields(comparisons: &[Comparison]) -> Vec<(String, Kind)> {
    comparisons.iter().map(|comparison| (comparison.field.name.clone(), comparison.field.kind)).collect()
}

impl Learned {
    pub(crate) fn new(comparisons: &[Comparison], model: &Model, rules: Vec<Rule>) -> Self {
        let group = |group: &Group| KeptGroup {
            mask: group.mask,
            moves: group.moves,
            strangers: group.correction.iter().map(|(&pattern, &bits)| (pattern, bits)).collect(),
            matches: group.in_matches.iter().map(|(&pattern, &bits)| (pattern, bits)).collect(),
        };
        Self {
            fields: fields(comparisons),
            m: model.m.clone(),
            u: model.u.clone(),
            prevalence: model.prevalence,
            groups: model.groups.iter().map(group).collect(),
            household: model.household.correction,
            without_twins: model.without_twins,
            rules,
        }
    }

    /// The model, where the comparisons are those it was learned for.
    pub(crate) fn model(&self, comparisons: &[Comparison]) -> Option<Model> {
        let levels = |chances: &[Vec<f64>]| {
            chances.len() == comparisons.len()
                && chances.iter().zip(comparisons).all(|(levels, c)| levels.len() == c.levels.len())
        };
        if self.fields != fields(comparisons) || !levels(&self.m) || !levels(&self.u) {
            return None;
        }
        let group = |group: &KeptGroup| Group {
            mask: group.mask,
            moves: group.moves,
            correction: group.strangers.iter().map(|(&pattern, &bits)| (pattern, bits)).collect(),
            in_matches: group.matches.iter().map(|(&pattern, &bits)| (pattern, bits)).collect(),
        };
        let mut household = Household::new(comparisons);
        household.correction = self.household;
        Some(Model {
            m: self.m.clone(),
            u: self.u.clone(),
            prevalence: self.prevalence,
            groups: self.groups.iter().map(group).collect(),
            household,
            without_twins: self.without_twins,
        })
    }
}
