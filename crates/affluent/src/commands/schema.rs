//! `affluent schema`: the formats as JSON Schema, so that editors complete them.

use affluent_spec::{Connector, ModelHeader, Pipeline, json_schema};
use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::stdout;

const EXAMPLES: &str = "Examples:
  affluent schema pipeline > pipeline.schema.json
and at the top of pipeline.yaml, for editors with the YAML language server:
  # yaml-language-server: $schema=pipeline.schema.json";

/// Print the JSON Schema of a format, for an editor to complete and check it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArgs {
    /// Which format
    #[arg(value_enum, default_value = "pipeline")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Pipeline files.
    Pipeline,
    /// Connector manifests.
    Connector,
    /// Headers of SQL models.
    Model,
}

/// Prints a schema.
pub(crate) fn schema(args: &SchemaArgs) -> Result<(), Failure> {
    let schema = match args.format {
        Format::Pipeline => json_schema::<Pipeline>(),
        Format::Connector => json_schema::<Connector>(),
        Format::Model => json_schema::<ModelHeader>(),
    };
    stdout::line(&serde_json::to_string_pretty(&schema)?)
}
