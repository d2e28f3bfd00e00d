//! `affluent match`: which records of files are one person or company, without a pipeline.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use affluent_engine::matching::{self, Asked, Outcome};
use affluent_spec::pipeline::MatchEntity;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::text::{bar, columns, count, number};
use crate::{size, stdout};

const EXAMPLES: &str = "Examples:
  affluent match people.csv --id rec_id --out people.parquet
  affluent match crm.csv shop.parquet --id customer_id --out matched.csv --config match.yaml
  affluent match people.csv --id rec_id --evaluate truth.csv

Columns are recognised by their names and by what is in them. The settings used are written to the file of --config where
there is none yet (else beside --out), to be edited and used the next time.";

/// Find the records of CSV, JSON or Parquet files that are one person or company
#[derive(Debug, Args)]
#[command(name = "match", after_help = EXAMPLES)]
pub(crate) struct MatchArgs {
    /// The files; with several, a record is known by file and id, as in crm:17
    #[arg(required = true)]
    files: Vec<String>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Write the id, the entity and the probability of each record to this file, Parquet or CSV
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the pairs most in doubt to this CSV file, to be decided on and named by --decisions
    #[arg(long, value_name = "FILE")]
    review: Option<PathBuf>,
    /// Measure the result against a file with the true entity of each record
    #[arg(long, value_name = "FILE")]
    evaluate: Option<PathBuf>,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// How files are matched.
#[derive(Debug, Clone, Args)]
pub(crate) struct SettingsArgs {
    /// The column that identifies a record in its file
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// The settings; where there is no such file yet, those used are written to it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What the records are of, where the columns do not tell
    #[arg(long, value_enum)]
    entity: Option<EntityArg>,
    /// The country of phone numbers and postcodes whose record names none, as in FR
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// A CSV file of decided pairs: columns `left_record`, `right_record` and `decision` (same or different)
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EntityArg {
    /// Persons.
    Persons,
    /// Companies.
    Companies,
}

impl SettingsArgs {
    /// What the engine is asked for these files.
    pub(crate) fn asked(&self, files: &[String]) -> Result<Asked, Failure> {
        let config = match &self.config {
            Some(path) if path.exists() => Some(matching::read_config(path)?),
            _ => None,
        };
        Ok(Asked {
            files: files.to_vec(),
            id: self.id.clone(),
            config,
            entity: self.entity.map(|entity| match entity {
                EntityArg::Persons => MatchEntity::Persons,
                EntityArg::Companies => MatchEntity::Companies,
            }),
            country: self.country.clone(),
            decisions: self.decisions.clone(),
            truth: None,
        })
    }
}

/// Matches files.
pub(crate) async fn matching(args: &MatchArgs) -> Result<(), Failure> {
    let asked = Asked { truth: args.evaluate.clone(), ..args.settings.asked(&args.files)? };
    let outcome = matching::match_files(&asked).await?;
    if let Some(path) = &args.out {
        matching::write(path, &outcome)?;
    }
    if let Some(path) = &args.review {
        review(path, &outcome)?;
    }
    let config = match (&args.settings.config, &args.out) {
        (Some(path), _) if path.exists() => None,
        (Some(path), _) => Some(path.clone()),
        (None, Some(out)) => Some(out.with_extension("match.yaml")),
        (None, None) => None,
    };
    if let Some(path) = &config {
        std::fs::write(path, matching::written(&outcome.config))
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    }
    if args.json {
        return stdout::json(&as_json(&outcome, args.out.as_deref(), config.as_deref()));
    }
    stdout::line(&report(&outcome))?;
    let mut written = Vec::new();
    written.extend(args.out.as_ref().map(|path| format!("{} has the entity of each record", path.display())));
    written.extend(args.review.as_ref().map(|path| format!("{} has the pairs most in doubt", path.display())));
    written.extend(config.map(|path| format!("{} has the settings, to be edited", path.display())));
    if written.is_empty() { Ok(()) } else { stdout::line(&format!("\n{}", written.join("\n"))) }
}

/// The pairs most in doubt, as a file that `--decisions` reads once it is filled in.
fn review(path: &Path, outcome: &Outcome) -> Result<(), Failure> {
    let failed = |error: csv::Error| Failure::failed(format!("{}: {error}", path.display()));
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    let records = &outcome.records;
    let mut head = vec![
        "decision".to_owned(),
        "probability".to_owned(),
        "joined".to_owned(),
        "left_record".to_owned(),
        "right_record".to_owned(),
    ];
    head.extend(
        records.fields().iter().flat_map(|field| ["left", "right"].map(|side| format!("{side}_{}", field.name))),
    );
    writer.write_record(&head).map_err(failed)?;
    for doubt in &outcome.matched.doubts {
        let mut row = vec![
            String::new(),
            format!("{:.3}", doubt.probability),
            doubt.joined.to_string(),
            records.ids()[doubt.left].clone(),
            records.ids()[doubt.right].clone(),
        ];
        for field in 0..records.fields().len() {
            row.extend([doubt.left, doubt.right].map(|at| records.value(at, field).unwrap_or_default().to_owned()));
        }
        writer.write_record(&row).map_err(failed)?;
    }
    Ok(writer.flush()?)
}

/// What was found, for people. Writing to a string cannot fail.
fn report(outcome: &Outcome) -> String {
    let report = &outcome.matched.report;
    let entities: usize = report.cluster_sizes.iter().map(|(_, clusters)| clusters).sum();
    let mut text = format!(
        "{} are of {} {}; the largest has {}\n",
        count(report.records as u64, "record"),
        number(entities as u64),
        match outcome.config.entity {
            MatchEntity::Persons => "persons",
            MatchEntity::Companies => "companies",
        },
        count(report.largest_cluster as u64, "record"),
    );
    let _ = writeln!(
        text,
        "{} compared, {} from a probability of {} on; read in {:.1} s, matched in {:.1} s",
        count(report.pairs, "pair"),
        number(report.matching_pairs),
        report.threshold,
        outcome.seconds.0,
        outcome.seconds.1,
    );
    let _ = write!(text, "\n{}\n", columns(&columns_found(outcome), &[3]));
    if !outcome.unused.is_empty() {
        let _ = writeln!(text, "not compared: {}", outcome.unused.join(", "));
    }
    let _ = write!(text, "\n{}\n", columns(&rules(outcome), &[1, 2]));
    let _ = write!(text, "\n{}\n", columns(&sizes(outcome), &[0, 1]));
    if let Some(peak) = size::peak() {
        let _ = write!(text, "\nmemory at its peak: {} MiB\n", number(peak / 1024 / 1024));
    }
    for (column, times, example) in &outcome.invalid {
        let _ = writeln!(text, "{column}: {} as it should not be, as in {example}", count(*times, "value"));
    }
    for refused in outcome.refused.iter().take(5) {
        let _ = writeln!(text, "not read: {}: {}", refused.position, refused.reason);
    }
    if outcome.refused.len() > 5 {
        let _ = writeln!(text, "not read: {} more", number(outcome.refused.len() as u64 - 5));
    }
    if report.decisions_unused > 0 {
        let unused = count(report.decisions_unused as u64, "decision");
        let _ = writeln!(text, "{unused} not followed: of records that are not there, or contradicting others");
    }
    if let Some(measured) = &outcome.measured {
        text.push_str(&quality(measured));
    }
    text.trim_end().to_owned()
}

fn columns_found(outcome: &Outcome) -> Vec<Vec<String>> {
    let mut rows = vec![["field", "kind", "says most", "filled"].map(str::to_owned).to_vec()];
    let coverage = outcome.records.coverage();
    for (field, share) in outcome.records.fields().iter().zip(coverage) {
        let learned = outcome.matched.report.comparisons.iter().find(|one| one.field == field.name);
        let best = learned
            .and_then(|one| one.levels.first())
            .map_or(String::new(), |level| format!("{:+.1} bits", level.weight));
        let kind =
            serde_json::to_value(field.kind).ok().and_then(|kind| kind.as_str().map(|word| word.replace('_', " ")));
        rows.push(vec![field.name.clone(), kind.unwrap_or_default(), best, format!("{:.0} %", share * 100.0)]);
    }
    rows
}

fn rules(outcome: &Outcome) -> Vec<Vec<String>> {
    let mut rows = vec![["compared where equal", "pairs", "left out of large blocks"].map(str::to_owned).to_vec()];
    for rule in &outcome.matched.report.rules {
        rows.push(vec![rule.rule.clone(), number(rule.pairs), number(rule.pairs_left_out)]);
    }
    rows
}

fn sizes(outcome: &Outcome) -> Vec<Vec<String>> {
    let sizes = &outcome.matched.report.cluster_sizes;
    let most = sizes.iter().map(|(_, clusters)| *clusters as u64).max().unwrap_or(0);
    let mut rows = vec![["records", "entities", ""].map(str::to_owned).to_vec()];
    for (size, clusters) in sizes.iter().take(12) {
        let clusters = *clusters as u64;
        rows.push(vec![number(*size as u64), number(clusters), bar(clusters, most, 40)]);
    }
    if sizes.len() > 12 {
        let rest: usize = sizes[12..].iter().map(|(_, clusters)| clusters).sum();
        rows.push(vec!["more".to_owned(), number(rest as u64), String::new()]);
    }
    rows
}

fn quality(measured: &matching::Measured) -> String {
    let quality = &measured.quality;
    let figures = |name: &str, values: [f64; 3]| {
        std::iter::once(name.to_owned()).chain(values.map(|value| format!("{value:.4}"))).collect::<Vec<_>>()
    };
    let pairwise = [quality.pairwise_precision, quality.pairwise_recall, quality.pairwise_f1];
    let b_cubed = [quality.b_cubed_precision, quality.b_cubed_recall, quality.b_cubed_f1];
    let head = ["", "precision", "recall", "F1"].map(str::to_owned).to_vec();
    let table = columns(&[head, figures("pairs", pairwise), figures("B-cubed", b_cubed)], &[1, 2, 3]);
    let mut curve = vec![["pairs from", "precision", "recall"].map(str::to_owned).to_vec()];
    curve.extend(measured.curve.iter().map(|point| {
        vec![format!("{:.2}", point.probability), format!("{:.4}", point.precision), format!("{:.4}", point.recall)]
    }));
    format!(
        "\nagainst the truth of {} with {}:\n{table}\nblocking finds {:.4} of the true pairs\n\n{}\n",
        count(measured.records as u64, "record"),
        count(measured.pairs, "true pair"),
        measured.blocking_recall,
        columns(&curve, &[0, 1, 2])
    )
}

fn as_json(outcome: &Outcome, out: Option<&Path>, config: Option<&Path>) -> Value {
    let report = &outcome.matched.report;
    let level = |level: &affluent_match::LevelReport| json!({ "level": level.level, "m": level.m, "u": level.u, "weight": level.weight });
    let comparison = |one: &affluent_match::ComparisonReport| json!({ "field": one.field, "levels": one.levels.iter().map(level).collect::<Vec<_>>() });
    let rule = |rule: &affluent_match::RuleReport| {
        json!({ "rule": rule.rule, "pairs": rule.pairs, "largest_block": rule.largest_block, "capped_blocks": rule.capped_blocks,
                "pairs_left_out": rule.pairs_left_out })
    };
    json!({
        "status": "ok", "records": report.records, "pairs": report.pairs, "threshold": report.threshold,
        "entities": report.cluster_sizes.iter().map(|(_, clusters)| clusters).sum::<usize>(),
        "matching_pairs": report.matching_pairs, "largest": report.largest_cluster, "cluster_sizes": report.cluster_sizes,
        "histogram": report.histogram, "rules": report.rules.iter().map(rule).collect::<Vec<_>>(),
        "comparisons": report.comparisons.iter().map(comparison).collect::<Vec<_>>(),
        "columns": matching::kinds(&matching::settings(&outcome.config, &outcome.records)), "not_compared": outcome.unused,
        "doubts": outcome.matched.doubts.len(), "refused": outcome.refused.len(), "decisions_unused": report.decisions_unused,
        "seconds_reading": outcome.seconds.0, "seconds_matching": outcome.seconds.1, "peak_bytes": size::peak(),
        "quality": outcome.measured, "out": out, "config": config,
    })
}
