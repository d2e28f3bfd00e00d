//! `affluent explain`: why two records are taken for one entity or for two, as a waterfall of weights.

mod picture;

use std::path::PathBuf;

use affluent_engine::Session;
use affluent_engine::matching::{self, Explained};
use affluent_match::Step;
use clap::Args;
use serde_json::json;

use super::matching::SettingsArgs;
use crate::args::LakeArgs;
use crate::failure::Failure;
use crate::text::columns;
use crate::{pipeline, stdout};

const EXAMPLES: &str = "Examples:
  affluent explain hubspot.contacts:17 shop.customers:4 --lake ./lake
  affluent explain rec-1-org rec-1-dup-0 --files people.csv --id rec_id --html why.html

Weights are in bits: each bit doubles the odds that both are one. They add up to the last line.";

/// Tell why two records are taken for one person or company, or for two
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// A record, by its id
    left: String,
    /// Another
    right: String,
    #[command(flatten)]
    lake: LakeArgs,
    /// Files that hold the records, matched as `affluent match` does, in the place of a lake
    #[arg(long, value_name = "FILE", num_args = 1..)]
    files: Vec<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Also draw it, as a page that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// Explains a pair.
pub(crate) async fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    let (left, right) = (&args.left, &args.right);
    let found = if args.files.is_empty() {
        let (lake, _) = pipeline::existing(pipeline::lake_at(&args.lake.lake)?).await?;
        matching::explain_lake(&lake, &Session::new(None)?, left, right).await?
    } else {
        matching::explain_files(&args.settings.asked(&args.files)?, left, right).await?
    };
    if let Some(path) = &args.html {
        std::fs::write(path, picture::page(left, right, &found))
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    }
    if args.json {
        let step = |step: &Step| json!({ "name": step.name, "left": step.left, "right": step.right, "level": step.level, "bits": step.bits });
        let one = &found.explanation;
        return stdout::json(&json!({
            "status": "ok", "left": left, "right": right, "prior": one.prior, "steps": one.steps.iter().map(step).collect::<Vec<_>>(),
            "bits": one.bits, "probability": one.probability, "left_entity": found.entities.0, "right_entity": found.entities.1,
        }));
    }
    stdout::line(&waterfall(left, right, &found))
}

/// Characters that the longest bar takes.
const WIDTH: f64 = 40.0;

/// The weights one below the other, each beginning where the one before ends.
fn waterfall(left: &str, right: &str, found: &Explained) -> String {
    let one = &found.explanation;
    let mut rows = vec![["", left, right, "", "bits", ""].map(str::to_owned).to_vec()];
    let (low, high) = span(one.prior, &one.steps);
    let column = |bits: f64| ((bits - low) / (high - low) * WIDTH).round() as usize;
    let bar = |from: f64, to: f64| {
        let (start, end) = (column(from.min(to)), column(from.max(to)));
        let mark = if to >= from { "█" } else { "░" };
        format!("{}{}", " ".repeat(start), mark.repeat((end - start).max(1)))
    };
    let mut row = |cells: [&str; 4], bits: f64, picture: String| {
        let [name, left, right, level] = cells.map(short);
        rows.push(vec![name, left, right, level, format!("{bits:+.2}"), picture]);
    };
    row(["any two records", "", "", ""], one.prior, bar(0.0, one.prior));
    let mut sum = one.prior;
    for step in &one.steps {
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let cells = [step.name.as_str(), &value(&step.left), &value(&step.right), step.level];
        row(cells, step.bits, bar(sum, sum + step.bits));
        sum += step.bits;
    }
    row(["together", "", "", ""], one.bits, bar(0.0, one.bits));
    format!("{}\n\n{}", columns(&rows, &[4]), verdict(found))
}

/// The lowest and the highest sum on the way, zero included.
fn span(prior: f64, steps: &[Step]) -> (f64, f64) {
    let mut sum = prior;
    let (mut low, mut high) = (prior.min(0.0), prior.max(0.0));
    for step in steps {
        sum += step.bits;
        low = low.min(sum);
        high = high.max(sum);
    }
    (low, if high > low { high } else { low + 1.0 })
}

/// The outcome in a sentence.
fn verdict(found: &Explained) -> String {
    let (probability, bits) = (found.explanation.probability, found.explanation.bits);
    // Near certainty the odds against it say more.
    let chance =
        if probability > 0.9995 { format!("all but {:.0e}", (-bits).exp2()) } else { format!("{probability:.3}") };
    let stands = match &found.entities {
        (Some(left), Some(right)) if left == right => format!("; both are {left}"),
        (Some(left), Some(right)) => {
            format!("; they are {left} and {right}, as all records of both taken together tell")
        }
        _ => String::new(),
    };
    format!("probability that both are one, by these two records alone: {chance}{stands}")
}

fn short(text: &str) -> String {
    const MOST: usize = 32;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use affluent_engine::matching::Explained;
    use affluent_match::{Explanation, Step};

    use super::{picture, waterfall};

    fn explained() -> Explained {
        let step = |name: &str, left: Option<&str>, level: &'static str, bits: f64| Step {
            name: name.to_owned(),
            left: left.map(str::to_owned),
            right: left.map(str::to_owned),
            level,
            bits,
        };
        let steps = vec![
            step("last_name", Some("<durand & fils>"), "exact", 12.0),
            step("birth_on", None, "missing", 0.0),
            step("phone", Some("1"), "different", -2.0),
        ];
        let explanation = Explanation { prior: -8.0, steps, bits: 2.0, probability: 0.8 };
        Explained { explanation, entities: (Some("p1".to_owned()), Some("p2".to_owned())) }
    }

    #[test]
    fn bars_begin_where_the_one_before_ends() {
        let text = waterfall("crm:1", "shop:2", &explained());
        let lines: Vec<&str> = text.lines().collect();
        let bar = |line: &str| {
            let at = line.chars().position(|c| c == '█' || c == '░').unwrap();
            (at, at + line.chars().filter(|&c| c == '█' || c == '░').count())
        };
        let (prior, name, phone) = (bar(lines[1]), bar(lines[2]), bar(lines[4]));
        assert_eq!((name.0, name.1), (prior.0, phone.1), "{text}");
        assert!(lines[5].contains("+2.00") && text.ends_with("all records of both taken together tell"));
    }

    #[test]
    fn the_page_holds_every_step_and_no_markup_of_the_data() {
        let page = picture::page("crm:1", "shop:2", &explained());
        assert!(page.contains("&lt;durand &amp; fils&gt;") && !page.contains("<durand"));
        assert_eq!(page.matches("<rect").count(), 5);
        assert!(
            !page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org").count()
        );
    }
}
