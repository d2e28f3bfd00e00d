//! `affluent test`: the data tests and expectations of a pipeline against the tables that are published.

use affluent_engine::Lake;
use affluent_engine::marts::data_test::{Failure as Failed, of_expectations, of_model, run};
use affluent_spec::TableName;
use clap::Args;
use serde_json::json;

use crate::args::PipelineArgs;
use crate::failure::Failure;
use crate::{pipeline, stdout};

const EXAMPLES: &str = "Examples:
  affluent test pipeline.yaml
  affluent test pipeline.yaml --lake s3://acme-lake/crm --json

Exit code 3 where a test fails. Tests of severity `warn` are told and do not fail.";

/// Run the data tests and expectations of a pipeline against its published tables
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the tests.
pub(crate) async fn test(args: &TestArgs) -> Result<(), Failure> {
    let plan = pipeline::load(&args.pipeline)?;
    let lake = Lake::at(plan.lake.clone());
    let context = pipeline::session()?.over(&lake).await?;
    let mut suites: Vec<(TableName, Vec<_>)> =
        plan.models.iter().map(|model| (model.table.clone(), of_model(&model.file, &model.table))).collect();
    for (name, expectations) in &plan.expectations {
        let Ok(table) = name.parse::<TableName>() else { continue };
        suites.push((table.clone(), of_expectations(expectations, &table)));
    }
    let there = lake.tables().await?;
    let (mut tests, mut missing) = (0, Vec::new());
    let mut failures: Vec<(TableName, Failed)> = Vec::new();
    for (table, probes) in suites {
        if !there.contains(&table) {
            missing.push(table.to_string());
            continue;
        }
        tests += probes.len();
        failures.extend(run(&context, &probes).await?.into_iter().map(|failure| (table.clone(), failure)));
    }
    missing.sort();
    missing.dedup();
    let bad = failures.iter().any(|(_, failure)| !failure.warning);
    let failed = bad || !missing.is_empty();
    if args.json {
        let told: Vec<_> =
            failures.iter().map(|(table, failure)| json!({ "table": table.to_string(), "failure": failure })).collect();
        let status = if failed { "failed" } else { "ok" };
        stdout::json(
            &json!({ "status": status, "pipeline": plan.name, "tests": tests, "failures": told, "not_built": missing }),
        )?;
    } else {
        for (table, failure) in &failures {
            let kind = if failure.warning { "warning" } else { "failed" };
            stdout::line(&format!(
                "{kind}: {table}: {} ({} rows, the first: {})",
                failure.test, failure.rows, failure.example
            ))?;
        }
        stdout::line(&format!(
            "{tests} tests, {} failed",
            failures.iter().filter(|(_, failure)| !failure.warning).count()
        ))?;
    }
    let failure = if bad {
        Failure::tests("data tests failed")
    } else if failed {
        Failure::failed(format!("not built yet: {}", missing.join(", "))).hint("run the pipeline first")
    } else {
        return Ok(());
    };
    Err(failure.answered())
}
