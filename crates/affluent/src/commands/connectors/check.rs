//! `affluent connectors check`: the faults of a manifest, and with credentials whether the server lets us in.

use std::path::Path;

use affluent_connect::Source;
use affluent_engine::Catalog;
use affluent_engine::plan::expression;
use affluent_spec::pipeline::MapValue;
use affluent_spec::{Problem, bronze, suggest};
use clap::Args;
use indexmap::IndexMap;

use super::target::{self, Target, With, told};
use crate::failure::Failure;
use crate::{stdout, text};

const EXAMPLES: &str = "Examples:
  affluent connectors check mine/shop.yaml
  affluent connectors check mine/shop.yaml --with token=env:SHOP_TOKEN
  affluent connectors check hubspot                    with the token in HUBSPOT_TOKEN";

/// Tell all faults of a manifest, and with its settings make its check call
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// A connector's name, or the path of a manifest
    name: String,
    #[command(flatten)]
    with: With,
}

/// Checks shape, meaning and mappings, then the check call.
pub(super) async fn check(args: &CheckArgs, folder: Option<&Path>) -> Result<(), Failure> {
    let target = target::find(&args.name, folder)?;
    let problems = mappings(&target, &Catalog::builtin()?);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let manifest = &target.manifest;
    let missing = args.with.missing(manifest);
    let asked = if missing.is_empty() {
        let settings = args.with.resolve(manifest)?;
        let source = target::open(manifest, &settings, &IndexMap::new())?;
        source.check().await.map_err(|error| told(manifest, error))?;
        "the server lets us in".to_owned()
    } else {
        format!("the server was not asked, since `{}` is not given (--with)", missing.join("`, `"))
    };
    let streams = text::count(manifest.streams.len() as u64, "stream");
    stdout::line(&format!("{}: no fault in {streams}; {asked}", args.name))
}

/// Silver columns that there are not, and expressions that are none or name fields that the stream does not have.
fn mappings(target: &Target, catalog: &Catalog) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (stream, spec) in &target.manifest.streams {
        let fields = spec.fields.keys().map(|field| bronze::of_field(field)).chain(["_raw".to_owned()]);
        let fields: Vec<String> = fields.collect();
        for (entity, mapping) in &spec.silver {
            let at = ["streams", stream.as_str(), "silver", entity.as_str()];
            let mut say = |path: &[&str], message: String, hint: Option<String>| {
                let problem = match &target.document {
                    Some(document) => document.key_problem(path, message),
                    None => Problem::of_file(format!("{}: {}", target.manifest.connector, path.join(".")), message),
                };
                problems.push(problem.with_hint_if(hint));
            };
            let Some(known) = catalog.entities.get(entity.as_str()) else {
                let hint = suggest::hint(entity.as_str(), catalog.entities.keys().map(String::as_str));
                say(&at, format!("there is no silver entity `{entity}`"), hint);
                continue;
            };
            for (column, value) in &mapping.columns {
                let path = [at[0], at[1], at[2], at[3], column.as_str()];
                if !known.columns.contains_key(column) {
                    let hint = suggest::hint(column, known.columns.keys().map(String::as_str));
                    say(&path, format!("{entity} has no column `{column}`"), hint);
                }
                if let MapValue::Expression(text) = value
                    && let Err(fault) = expression::over_columns(text, Some(&fields))
                {
                    say(&path, fault.message, fault.hint);
                }
            }
        }
    }
    problems
}
