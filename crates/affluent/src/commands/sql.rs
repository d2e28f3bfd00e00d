//! `affluent sql`: queries over the tables of a lake, and nothing but queries.

use std::sync::Arc;

use affluent_engine::Error;
use affluent_engine::plan::{query_failure, query_problem};
use affluent_spec::{TableName, suggest};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::Args;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::SessionContext;

use crate::args::LakeArgs;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::{pipeline, stdout};

const EXAMPLES: &str = "Examples:
  affluent sql \"select segment, count(*) from gold.rfm group by 1\"
  affluent sql \"show tables\" --lake s3://acme-lake/crm
  affluent sql \"select * from gold.kpis\" --format csv > kpis.csv

Tables are bronze.<source>_<stream>, silver.<entity>, gold.<model>, _affluent.runs and _affluent.quarantine; a name without a
schema is one of gold.";

/// Query the lake; statements that would change something are refused
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SqlArgs {
    /// One query; - reads it from stdin
    #[arg(allow_hyphen_values = true)]
    query: String,
    #[command(flatten)]
    lake: LakeArgs,
    /// How the rows are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Memory to stay near, as in 512MB or 2GiB
    #[arg(long, value_name = "SIZE", value_parser = crate::size::parse)]
    memory_limit: Option<usize>,
}

/// Runs a query.
pub(crate) async fn sql(args: &SqlArgs) -> Result<(), Failure> {
    let query = if args.query == "-" { std::io::read_to_string(std::io::stdin())? } else { args.query.clone() };
    let (lake, tables) = pipeline::existing(pipeline::lake_at(&args.lake.lake)?).await?;
    let context = affluent_engine::Session::new(args.memory_limit)?.over(&lake).await?;
    let (schema, batches) = asked(&context, &query).await.map_err(|error| told(&query, error, &tables))?;
    output::write(args.format, &schema, &batches)
}

/// The columns and rows of a query; anything else is refused.
async fn asked(context: &SessionContext, query: &str) -> Result<(SchemaRef, Vec<RecordBatch>), DataFusionError> {
    let queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(query, queries).await?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    Ok((schema, frame.collect().await?))
}

/// A query's failure in the user's words.
fn told(query: &str, error: DataFusionError, tables: &[TableName]) -> Failure {
    let root = error.find_root();
    let message = root.strip_backtrace();
    if let Some(kind) =
        ["DDL", "DML", "Statement"].iter().find(|kind| message.contains(&format!("{kind} not supported")))
    {
        let what = if *kind == "Statement" { "statements other than queries" } else { "statements that change tables" };
        return Failure::usage(format!("{what} are refused: the lake is written by `affluent run` alone"))
            .hint("write one `select`, `with`, `show` or `explain`");
    }
    if let Some(name) = unknown_table(&message) {
        let known: Vec<String> = tables.iter().map(ToString::to_string).collect();
        if known.contains(&name) {
            return Failure::failed(format!("{name} cannot be read, see above"));
        }
        let failure = Failure::usage(format!("there is no table `{name}` in this lake"));
        let hint = suggest::hint(&name, known.iter().map(String::as_str));
        return failure.hint(hint.unwrap_or_else(|| "`show tables` lists what there is".to_owned()));
    }
    for (sign, what) in [
        ("single SQL statement", "there are several statements: one query is answered at a time"),
        ("No SQL statements", "there is no query"),
    ] {
        if message.contains(sign) {
            return Failure::usage(what).hint("write one `select`, `with`, `show` or `explain`");
        }
    }
    match root {
        DataFusionError::Plan(_)
        | DataFusionError::SQL(..)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Internal(_) => {
            Failure { report: true, ..Failure::usage(query_problem(query, &error).to_string()) }
        }
        _ => match Error::from(error) {
            Error::Query(message) => Error::Model(Box::new(query_failure(query, &message))).into(),
            other => other.into(),
        },
    }
}

fn unknown_table(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("table '")?;
    let (name, after) = rest.split_once('\'')?;
    let name = name.strip_prefix("lake.").unwrap_or(name);
    after.trim_start().starts_with("not found").then(|| name.to_owned())
}

/// The rows of a query that a command asks for itself.
pub(crate) async fn rows(context: &SessionContext, query: &str) -> Result<Vec<RecordBatch>, Failure> {
    Ok(asked(context, query).await?.1)
}

/// Writes rows that were asked for.
pub(crate) async fn show(context: &SessionContext, query: &str, format: Format, empty: &str) -> Result<(), Failure> {
    let (schema, batches) = asked(context, query).await?;
    if format == Format::Table && batches.iter().all(|batch| batch.num_rows() == 0) {
        return stdout::line(empty);
    }
    output::write(format, &schema, &batches)
}
