//! From a plan's source to something that can be read.

use std::path::Path;
use std::sync::Arc;

use affluent_connect::files::{FileSource, FileStream};
use affluent_connect::http::{HttpSource, Keeper, ResolvedSettings, read_secret};
use affluent_connect::sql::{Access, SqlSource, SqlStream};
use affluent_connect::store::StoreOptions;
use affluent_connect::webhooks::{KNOWN_SECONDS, WebhookSource, WebhookStream};
use affluent_connect::{Source, SourceError};
use affluent_spec::pipeline::{Signature, StreamOptions};
use affluent_spec::{Name, Secret, Setting};
use indexmap::IndexMap;

use crate::plan::{ConnectorKind, SourcePlan, StreamPlan};

/// Opens a source; no call is made yet. Relative paths start at `base`.
pub fn open(plan: &SourcePlan, base: &Path) -> Result<Arc<dyn Source>, SourceError> {
    match &plan.kind {
        ConnectorKind::Files => {
            let shared = match plan.with.get("path") {
                Some(Setting::Plain(serde_json::Value::String(path))) => vec![path.clone()],
                Some(Setting::Plain(serde_json::Value::Array(paths))) => {
                    paths.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect()
                }
                _ => Vec::new(),
            };
            let streams = plan.streams.iter().map(|stream| file_stream(stream, &shared)).collect();
            Ok(Arc::new(FileSource::below(&plan.name, streams, base, StoreOptions::new())))
        }
        ConnectorKind::Sql(database) => {
            let mut access = Access::resolve(&plan.name, *database, &settings(plan, base), &read_secret)?;
            access.ca = access.ca.map(|path| base.join(path));
            Ok(Arc::new(SqlSource::new(access, plan.streams.iter().map(sql_stream).collect())))
        }
        ConnectorKind::Webhooks => Ok(Arc::new(WebhookSource::new(&plan.name, webhook_streams(plan, base)))),
        ConnectorKind::Http(manifest) => {
            let with = settings(plan, base);
            let settings = ResolvedSettings::resolve(manifest, &with, &read_secret)?;
            let streams: IndexMap<Name, StreamOptions> = plan
                .streams
                .iter()
                .filter_map(|stream| Some((stream.name.parse().ok()?, stream.options.clone())))
                .collect();
            let source = HttpSource::new(manifest, &settings, &streams)?;
            Ok(Arc::new(source.keeping(Keeper::beside(base, &plan.name))))
        }
    }
}

fn settings(plan: &SourcePlan, base: &Path) -> IndexMap<String, Setting> {
    plan.with.iter().map(|(key, value)| (key.clone(), from_base(value, base))).collect()
}

/// A secret's file is found from the pipeline's folder.
fn from_base(setting: &Setting, base: &Path) -> Setting {
    match setting {
        Setting::Secret(secret) => Setting::Secret(secret_from(secret, base)),
        other @ Setting::Plain(_) => other.clone(),
    }
}

/// The secret with its file, if it has one, found from the pipeline's folder.
pub fn secret_from(secret: &Secret, base: &Path) -> Secret {
    match secret {
        Secret::File(path) => Secret::File(base.join(path).display().to_string()),
        other @ Secret::Env(_) => other.clone(),
    }
}

/// The streams of a source of webhooks. Their logs lie under `folder` of its settings, else in `webhooks/<source>` beside
/// the pipeline.
pub fn webhook_streams(plan: &SourcePlan, base: &Path) -> Vec<WebhookStream> {
    let folder = match plan.with.get("folder") {
        Some(Setting::Plain(serde_json::Value::String(folder))) => base.join(folder),
        _ => base.join("webhooks").join(&plan.name),
    };
    let stream = |stream: &StreamPlan| {
        let options = &stream.options;
        WebhookStream {
            name: stream.name.clone(),
            path: options.path.first().cloned().unwrap_or_default(),
            signature: options.signature.clone().unwrap_or(Signature::None),
            id: options.id.0.clone(),
            events: options.events.clone(),
            columns: options.columns.clone(),
            key: options.key.0.clone(),
            zone: options.timezone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or_default(),
            raw: options.raw.unwrap_or(true),
            known_seconds: options.lookback.map_or(KNOWN_SECONDS, |period| period.seconds),
            folder: folder.join(&stream.name),
        }
    };
    plan.streams.iter().map(stream).collect()
}

fn file_stream(plan: &StreamPlan, shared: &[String]) -> FileStream {
    let options = &plan.options;
    let paths = if options.path.is_empty() { shared } else { &options.path.0 };
    FileStream {
        name: plan.name.clone(),
        paths: paths.to_vec(),
        format: options.format,
        dialect: options.dialect.clone().unwrap_or_default(),
        columns: (!options.columns.is_empty()).then(|| options.columns.clone()),
        key: options.key.0.clone(),
        timezone: options.timezone.clone(),
        raw: options.raw,
        contract: options.contract,
    }
}

fn sql_stream(plan: &StreamPlan) -> SqlStream {
    let options = &plan.options;
    SqlStream {
        name: plan.name.clone(),
        table: options.table.clone(),
        query: options.query.clone(),
        key: options.key.0.clone(),
        cursor: options.cursor.clone(),
        lookback: options.lookback.map(|period| period.seconds),
        lookback_count: options.lookback_count,
        chunk: options.chunk,
        deletes: options.deletes.as_ref().map(|deletes| deletes.flag.clone()),
        columns: options.columns.clone(),
        timezone: options.timezone.clone(),
        raw: options.raw,
    }
}
