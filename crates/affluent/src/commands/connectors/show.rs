//! The list of connectors, and the streams and settings of one.

use std::path::Path;

use affluent_engine::Catalog;
use affluent_spec::connector::Connector;

use super::target::{self, FILES};
use crate::failure::Failure;
use crate::{stdout, text};

/// Lists all.
pub(super) fn list(catalog: &Catalog) -> Result<(), Failure> {
    let mut rows = vec![
        vec![FILES.to_owned(), "CSV, blank-separated, JSON, NDJSON and Parquet files".to_owned()],
        vec!["webhooks".to_owned(), "events that vendors send, kept by `affluent receive`".to_owned()],
    ];
    for (name, connector) in &catalog.connectors {
        rows.push(vec![name.clone(), connector.description.clone().unwrap_or_default()]);
    }
    stdout::line(&text::columns(&rows, &[]))
}

/// Shows one.
pub(super) fn show(name: &str, folder: Option<&Path>) -> Result<(), Failure> {
    match name {
        FILES => stdout::line(
            "files: CSV, blank-separated, JSON, NDJSON and Parquet files (gz, zst), local or in an object store\n\n\
             settings\n  path  a file, a glob, or a URL (s3://, az://, gs://); several as a list\n\n\
             streams  yours to name, each with path, format, dialect, key, columns, timezone",
        ),
        "webhooks" => stdout::line(
            "webhooks: events that vendors send, kept by `affluent receive` and landed by `affluent run`\n\n\
             settings\n  folder  where events wait for bronze, on a local disk; webhooks/<source> unless given\n\n\
             streams  yours to name, each with path, signature, id, events, columns, key",
        ),
        name => describe(&target::find(name, folder)?.manifest),
    }
}

fn describe(connector: &Connector) -> Result<(), Failure> {
    let mut lines = vec![format!("{}: {}", connector.connector, connector.description.as_deref().unwrap_or_default())];
    lines.extend(connector.docs.clone());
    lines.push("\nsettings".to_owned());
    let settings: Vec<Vec<String>> = connector
        .settings
        .iter()
        .map(|(name, spec)| {
            let need = match (&spec.default, spec.secret) {
                (Some(default), _) => format!("default {default}"),
                (None, true) => "secret".to_owned(),
                (None, false) => "required".to_owned(),
            };
            vec![format!("  {name}"), need, spec.description.clone().unwrap_or_default()]
        })
        .collect();
    lines.push(text::columns(&settings, &[]));
    lines.push("\nstreams".to_owned());
    let streams: Vec<Vec<String>> = connector
        .streams
        .iter()
        .map(|(name, stream)| {
            let silver: Vec<&str> = stream.silver.keys().map(affluent_spec::Name::as_str).collect();
            let feeds = if silver.is_empty() { String::new() } else { format!("feeds {}", silver.join(", ")) };
            vec![format!("  {name}"), stream.description.clone().unwrap_or_default(), feeds]
        })
        .collect();
    lines.push(text::columns(&streams, &[]));
    stdout::line(&lines.join("\n"))
}
