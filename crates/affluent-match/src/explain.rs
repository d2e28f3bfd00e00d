//! Why two records are taken for one entity or for two: every piece of evidence in bits, from the prior to the sum.

use crate::compare::levels::{EXACT, NEUTRAL};
use crate::compare::name::GIVEN_DIFFERENT;
use crate::compare::{Comparer, level_at};
use crate::error::MatchError;
use crate::field::{Kind, PLACE};
use crate::known::{Known, Rulings};
use crate::link::learn;
use crate::records::Records;
use crate::score::{ID_CLOSE, Scorer, probability};
use crate::settings::Settings;

/// The evidence about two records; its bits add up.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Log-odds of any two records before they are looked at.
    pub prior: f64,
    /// What each comparison says, in the order they are made, and what is set off against it.
    pub steps: Vec<Step>,
    /// Log-odds of the pair in bits, the sum.
    pub bits: f64,
    /// Probability that they are one entity.
    pub probability: f64,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The field, or what is set off.
    pub name: String,
    /// The values as they are compared; none where there is none, or where this is no comparison.
    pub left: Option<String>,
    /// Of the other record.
    pub right: Option<String>,
    /// What comparing them gave.
    pub level: &'static str,
    /// Evidence in bits, for a match above 0.
    pub bits: f64,
}

/// Explains the pair of records at these places (as pushed). Trains as [`crate::link`] does unless `known` has what was learned.
pub fn explain(
    records: &Records,
    settings: &Settings,
    known: &Known<'_>,
    left: usize,
    right: usize,
) -> Result<Explanation, MatchError> {
    settings.check()?;
    let (columns, order) = records.in_id_order();
    let rulings = Rulings::new(records, &order, known.decisions, &settings.duplicate_free);
    let mut comparer = Comparer::new(records, &columns, &settings.compare)?;
    let model = learn(&mut comparer, settings, known, &rulings)?.model;
    let place = |pushed: usize| order.iter().position(|&at| at as usize == pushed).unwrap_or(0);
    let (a, b) = (place(left), place(right));
    let mut scorer = Scorer::new(&mut comparer, &model);
    let pattern = scorer.comparer.compare(a, b);
    let bits = scorer.score_pattern(pattern, a);
    let for_namesakes = scorer.for_namesakes(pattern, a);
    let Comparer { comparisons, columns, .. } = &*scorer.comparer;
    let weight = model.weigh(comparisons, pattern);
    let level_of = |kind: Kind| comparisons.iter().position(|c| c.field.kind == kind).map(|at| level_at(pattern, at));
    let same_id = comparisons
        .iter()
        .enumerate()
        .any(|(at, c)| c.field.kind == Kind::Id && matches!(level_at(pattern, at), EXACT | ID_CLOSE));
    let other_person = level_of(Kind::GivenName) == Some(GIVEN_DIFFERENT)
        && !same_id
        && !(model.without_twins && level_of(Kind::Date) == Some(EXACT));
    let mut steps = Vec::new();
    for (at, comparison) in comparisons.iter().enumerate() {
        let level = level_at(pattern, at);
        let mut evidence = model.evidence(comparison, at, level);
        if other_person && comparison.field.kind.is_household() {
            evidence = evidence.min(0.0);
        }
        if weight.adjusts(at) {
            evidence += comparison.frequencies.adjustment(columns[comparison.index][a]);
        }
        let value = |record: usize| {
            let value = columns[comparison.index][record];
            (value != crate::records::NULL).then(|| records.text(comparison.index, value).to_owned())
        };
        let both = value(a).is_some() && value(b).is_some();
        let level = match level {
            NEUTRAL if both => "of no account",
            NEUTRAL => "missing",
            level => comparison.levels[usize::from(level) - 1].name,
        };
        steps.push(Step {
            name: comparison.field.name.clone(),
            left: value(a),
            right: value(b),
            level,
            bits: evidence,
        });
    }
    let mut set_off = |name: &str, level: &'static str, bits: f64| {
        if bits != 0.0 {
            steps.push(Step { name: name.to_owned(), left: None, right: None, level, bits });
        }
    };
    if !other_person {
        for group in &model.groups {
            let (strangers, matches) = group.parts_of(pattern);
            let names: Vec<&str> = comparisons
                .iter()
                .enumerate()
                .filter(|&(at, _)| group.mask >> (4 * at) & 15 != 0 && level_at(pattern, at) != NEUTRAL)
                .map(|(_, comparison)| comparison.field.name.as_str())
                .collect();
            let names = names.join(" + ");
            let is_place = comparisons
                .iter()
                .enumerate()
                .any(|(at, c)| group.mask >> (4 * at) & 15 != 0 && c.field.kind.group() == Some(PLACE));
            set_off(&names, "agree together by chance", strangers);
            set_off(&names, if is_place { "change together" } else { "differ together" }, matches);
        }
        set_off(
            "household",
            "shared by who lives together",
            model.household.correction[model.household.agreeing(pattern).0],
        );
    }
    set_off("full name", "borne by others too", for_namesakes);
    let prior = (model.prevalence / (1.0 - model.prevalence)).log2();
    Ok(Explanation { prior, steps, bits, probability: probability(bits) })
}

#[cfg(test)]
mod tests {
    use super::explain;
    use crate::known::Known;
    use crate::{Field, Kind, Records, Settings};

    #[test]
    fn the_steps_add_up_to_the_score() {
        let fields = [
            ("given", Kind::GivenName),
            ("family", Kind::FamilyName),
            ("born", Kind::Date),
            ("street", Kind::Street),
            ("city", Kind::City),
        ];
        let mut records = Records::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        let (given, family) = (["anne", "paul", "lucie", "hugo", "zoe"], ["durand", "petit", "moreau", "garnier"]);
        for n in 0..60_usize {
            let person = n / 2;
            let born = format!("19{}-{:02}-{:02}", 40 + person * 37 % 60, 1 + person % 12, 1 + person * 11 % 28);
            let street = format!("{} rue haute", 1 + person * 7);
            let family = if n % 7 == 3 { "" } else { family[person % 4] };
            let city = if n % 5 == 0 { "lyon" } else { "metz" };
            let values = [given[person % 5], family, &born, &street, city].map(Some);
            records.push(&format!("r{n:02}"), "a", &values).unwrap();
        }
        let settings = Settings::of(records.fields().to_vec());
        for (left, right) in [(0, 1), (2, 3), (0, 10), (8, 9), (1, 8), (4, 44)] {
            let found = explain(&records, &settings, &Known::default(), left, right).unwrap();
            let sum = found.prior + found.steps.iter().map(|step| step.bits).sum::<f64>();
            assert!((sum - found.bits).abs() < 1e-9, "{left} {right}: {sum} {found:#?}");
            assert_eq!(found.steps[0].left.as_deref(), records.value(left, 0));
            let other = explain(&records, &settings, &Known::default(), right, left).unwrap();
            assert!((other.bits - found.bits).abs() < 1e-9);
        }
    }
}
