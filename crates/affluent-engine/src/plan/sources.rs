//! Sources and streams of a plan: connector, settings and options, all known to exist.

use std::sync::Arc;

use affluent_spec::connector::{Connector, SettingType};
use affluent_spec::pipeline::{Contract, Database, StreamOptions};
use affluent_spec::{Document, Pipeline, Problem, Setting, TableName, bronze, suggest};
use indexmap::IndexMap;

use super::webhooks;
use crate::catalog::Catalog;

/// A source with everything that reading from it takes.
#[derive(Debug, Clone)]
pub struct SourcePlan {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ConnectorKind,
    /// Its settings as written.
    pub with: IndexMap<String, Setting>,
    /// Its streams.
    pub streams: Vec<StreamPlan>,
}

/// Kinds of connectors.
#[derive(Debug, Clone)]
pub enum ConnectorKind {
    /// Files, local or in an object store.
    Files,
    /// Tables of a SQL database.
    Sql(Database),
    /// An API, by its manifest.
    Http(Arc<Connector>),
    /// Events that `affluent receive` keeps.
    Webhooks,
}

/// One stream.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// The pipeline whose table it is; none for a table that any pipeline may go on with.
    pub pipeline: Option<String>,
    /// Its source's name.
    pub source: String,
    /// Its own name.
    pub name: String,
    /// Its bronze table.
    pub table: TableName,
    /// The user's options.
    pub options: StreamOptions,
    /// Its columns in bronze, where they are known without asking.
    pub columns: Option<Vec<String>>,
}

impl StreamPlan {
    /// `source.stream`.
    pub fn id(&self) -> String {
        format!("{}.{}", self.source, self.name)
    }

    /// Whether new columns may be added.
    pub fn frozen(&self) -> bool {
        self.options.contract == Contract::Freeze
    }
}

pub(super) fn resolve(
    pipeline: &Pipeline,
    document: &Document,
    catalog: &Catalog,
    problems: &mut Vec<Problem>,
) -> Vec<SourcePlan> {
    let mut tables: IndexMap<TableName, String> = IndexMap::new();
    let mut sources = Vec::new();
    for (name, source) in &pipeline.sources {
        let at = |rest: &[&'static str]| -> Vec<String> {
            ["sources", name.as_str()].iter().chain(rest).map(|part| (*part).to_owned()).collect()
        };
        let connector = source.connector.as_str();
        let kind = match (connector, Database::of_connector(connector), catalog.connectors.get(connector)) {
            ("files", ..) => ConnectorKind::Files,
            ("webhooks", ..) => ConnectorKind::Webhooks,
            (_, Some(database), _) => ConnectorKind::Sql(database),
            (_, _, Some(manifest)) => ConnectorKind::Http(manifest.clone()),
            (faulty, ..) if catalog.is_faulty(faulty) => continue,
            (unknown, ..) => {
                let own = ["files", "webhooks", Database::Postgres.connector(), Database::Mysql.connector()];
                let known = own.into_iter().chain(catalog.connectors.keys().map(String::as_str));
                problems.push(
                    document
                        .problem(&path(&at(&["connector"])), format!("unknown connector `{unknown}`"))
                        .with_hint_if(suggest::hint(unknown, known)),
                );
                continue;
            }
        };
        settings(name.as_str(), &kind, &source.with, document, problems);
        let mut streams = Vec::new();
        for (stream, options) in &source.streams {
            let table = TableName::bronze(name.as_str(), stream.as_str());
            let id = format!("{name}.{stream}");
            if let Some(other) = tables.insert(table.clone(), id.clone()) {
                let message = format!("`{id}` and `{other}` would share the table {table}");
                let problem = document.key_problem(&["sources", name.as_str(), "streams", stream.as_str()], message);
                problems.push(problem.with_hint("rename one of the sources"));
            }
            let columns = columns(name.as_str(), stream.as_str(), &kind, options, source, document, problems);
            streams.push(StreamPlan {
                pipeline: Some(pipeline.pipeline.to_string()),
                source: name.to_string(),
                name: stream.to_string(),
                table,
                options: options.clone(),
                columns,
            });
        }
        if source.streams.is_empty() {
            problems.push(document.problem(&path(&at(&["streams"])), "no stream is taken from this source"));
        }
        sources.push(SourcePlan { name: name.to_string(), kind, with: source.with.clone(), streams });
    }
    webhooks::distinct_paths(&sources, document, problems);
    sources
}

fn path(parts: &[String]) -> Vec<&str> {
    parts.iter().map(String::as_str).collect()
}

const FILE_SETTINGS: [&str; 1] = ["path"];

fn settings(
    source: &str,
    kind: &ConnectorKind,
    with: &IndexMap<String, Setting>,
    document: &Document,
    problems: &mut Vec<Problem>,
) {
    let known: Vec<&str> = match kind {
        ConnectorKind::Files => FILE_SETTINGS.to_vec(),
        ConnectorKind::Sql(_) => Database::SETTINGS.to_vec(),
        ConnectorKind::Webhooks => webhooks::SETTINGS.to_vec(),
        ConnectorKind::Http(manifest) => manifest.settings.keys().map(affluent_spec::Name::as_str).collect(),
    };
    for (key, value) in with {
        let at = ["sources", source, "with", key.as_str()];
        if !known.contains(&key.as_str()) {
            let problem = document.key_problem(&at, format!("this connector has no setting `{key}`"));
            problems.push(problem.with_hint_if(suggest::hint(key, known.iter().copied())));
            continue;
        }
        let (secret, whole) = match kind {
            ConnectorKind::Files | ConnectorKind::Webhooks => continue,
            ConnectorKind::Sql(_) => (Database::SECRETS.contains(&key.as_str()), key == "port"),
            ConnectorKind::Http(manifest) => {
                let spec = &manifest.settings[key.as_str()];
                (spec.secret, spec.ty == SettingType::Integer)
            }
        };
        match value {
            Setting::Plain(_) if secret => problems.push(
                document
                    .problem(&at, format!("`{key}` is a secret and must not stand in the file"))
                    .with_hint(format!("write {key}: {{ env: {}_{} }}", source.to_uppercase(), key.to_uppercase())),
            ),
            Setting::Plain(value) if whole && !value.is_i64() => {
                problems.push(document.problem(&at, format!("`{key}` is a whole number")));
            }
            _ => {}
        }
    }
    if matches!(kind, ConnectorKind::Sql(_)) && !with.contains_key("url") {
        for key in ["host", "database", "user"].into_iter().filter(|key| !with.contains_key(*key)) {
            let problem = document.key_problem(&["sources", source], format!("the setting `{key}` is missing"));
            problems.push(problem.with_hint(
                "with: { host: db.example, database: erp, user: reader, password: { env: NAME } }, or { url: { env: NAME } }",
            ));
        }
    }
    if let ConnectorKind::Http(manifest) = kind {
        for (key, spec) in &manifest.settings {
            if spec.default.is_none() && !with.contains_key(key.as_str()) {
                let value = if spec.secret { "{ env: NAME }" } else { "..." };
                let problem = document.key_problem(&["sources", source], format!("the setting `{key}` is missing"));
                let meaning = spec.description.as_deref().unwrap_or_default();
                problems.push(problem.with_hint(format!("with: {{ {key}: {value} }}  ({meaning})")));
            }
        }
    }
}

/// The bronze columns of a stream, and faults of its options.
fn columns(
    source: &str,
    stream: &str,
    kind: &ConnectorKind,
    options: &StreamOptions,
    config: &affluent_spec::pipeline::Source,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Option<Vec<String>> {
    let at = ["sources", source, "streams", stream];
    let below = |key: &'static str| [at[0], at[1], at[2], at[3], key];
    let declared: Vec<String> = options.columns.keys().map(|field| bronze::of_field(field)).collect();
    if let Some(zone) = &options.timezone
        && zone.parse::<chrono_tz::Tz>().is_err()
    {
        let problem = document.problem(&below("timezone"), format!("`{zone}` is not a time zone"));
        problems.push(problem.with_hint("write an IANA name, as in Europe/Paris"));
    }
    if !matches!(kind, ConnectorKind::Webhooks) {
        webhooks::not_for_others(&at, options, document, problems);
    }
    let of_sql = [
        ("table", options.table.is_some()),
        ("query", options.query.is_some()),
        ("cursor", options.cursor.is_some()),
        ("lookback_count", options.lookback_count.is_some()),
        ("chunk", options.chunk.is_some()),
        ("deletes", options.deletes.is_some()),
    ];
    if !matches!(kind, ConnectorKind::Sql(_)) {
        for (key, _) in of_sql.into_iter().filter(|(_, given)| *given) {
            problems.push(document.key_problem(&below(key), format!("`{key}` is for SQL databases")));
        }
    }
    let of_files = [
        ("path", !options.path.is_empty()),
        ("format", options.format.is_some()),
        ("dialect", options.dialect.is_some()),
    ];
    match kind {
        ConnectorKind::Sql(_) => {
            for (key, _) in of_files.into_iter().filter(|(_, given)| *given) {
                problems.push(document.key_problem(&below(key), format!("`{key}` is for files, not for a database")));
            }
            if options.table.is_some() && options.query.is_some() {
                let problem = document.key_problem(&below("query"), "`table` and `query` exclude each other");
                problems.push(problem.with_hint("keep the one to read from"));
            }
            None
        }
        ConnectorKind::Webhooks => Some(webhooks::columns(&at, options, document, problems)),
        ConnectorKind::Files => {
            if options.path.is_empty() && !config.with.contains_key("path") {
                let problem = document.key_problem(&at, "no path is given for this stream");
                problems.push(
                    problem.with_hint("write with: { path: data/*.csv } for the source, or path: for the stream"),
                );
            }
            if options.lookback.is_some() {
                let problem =
                    document.key_problem(&below("lookback"), "files have no lookback: each is loaded once, by name");
                problems.push(problem);
            }
            for key in options.key.iter().filter(|key| !declared.is_empty() && !declared.contains(key)) {
                problems.push(
                    document
                        .problem(&below("key"), format!("the key `{key}` is not among the columns"))
                        .with_hint_if(suggest::hint(key, declared.iter().map(String::as_str))),
                );
            }
            let located = ["_file", "_row"].map(str::to_owned);
            (!declared.is_empty()).then(|| declared.into_iter().chain(located).collect())
        }
        ConnectorKind::Http(manifest) => {
            let Some(spec) = manifest.stream(stream) else {
                let known = manifest.streams.keys().map(affluent_spec::Name::as_str);
                problems.push(
                    document
                        .key_problem(&at, format!("unknown stream `{stream}` of connector `{}`", manifest.connector))
                        .with_hint_if(suggest::hint(stream, known)),
                );
                return None;
            };
            let key = ("key", !options.key.is_empty());
            for (key, _) in of_files.into_iter().chain([key]).filter(|(_, given)| *given) {
                problems.push(document.key_problem(&below(key), format!("`{key}` is for files, not for an API")));
            }
            Some(
                spec.fields
                    .keys()
                    .map(|field| bronze::of_field(field))
                    .chain(declared)
                    .chain(["_raw".to_owned()])
                    .collect(),
            )
        }
    }
}
