//! Webhooks in a plan: what is wrong with their options, and their columns.

use affluent_connect::webhooks::{EVENT_ID, HEALTH, RECEIVED_AT};
use affluent_spec::pipeline::{Signature, StreamOptions};
use affluent_spec::{Document, Problem, bronze, suggest};
use indexmap::IndexMap;

use super::sources::{ConnectorKind, SourcePlan};

/// The settings of a source of webhooks.
pub(super) const SETTINGS: [&str; 1] = ["folder"];

/// The key of what events tell of, and the column that orders them.
pub(super) fn order(options: &StreamOptions) -> (Vec<String>, Option<String>) {
    let key = if options.key.is_empty() { vec![EVENT_ID.to_owned()] } else { options.key.0.clone() };
    (key, Some(RECEIVED_AT.to_owned()))
}

/// The columns of a stream of webhooks, and the faults of its options.
pub(super) fn columns(
    at: &[&str; 4],
    options: &StreamOptions,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let below = |keys: &[&'static str]| -> Vec<&str> { at.iter().copied().chain(keys.iter().copied()).collect() };
    match options.path.0.as_slice() {
        [path] => {
            let good = path.starts_with('/') && !path.contains(['?', '#', ' ']) && path.is_ascii();
            if !good || path == HEALTH {
                let what = if good { "is the receiver's own" } else { "is not the path of an address" };
                let problem = document.problem(&below(&["path"]), format!("`{path}` {what}"));
                problems.push(problem.with_hint("write the path that events are sent to, as in /hubspot"));
            }
        }
        [] => problems.push(
            document
                .key_problem(at, "`path` is missing: nothing says where its events are sent to")
                .with_hint("path: /hubspot"),
        ),
        [..] => problems.push(document.problem(&below(&["path"]), "one path is expected here")),
    }
    match &options.signature {
        None => problems.push(
            document.key_problem(at, "`signature` is missing: nothing proves who sends its events").with_hint(
                "signature: { hubspot_v3: ... }, { stripe: ... } or { hmac: ... }; `none` lets anybody send",
            ),
        ),
        Some(Signature::HubspotV3(of)) => {
            let whole = url::Url::parse(&of.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !whole {
                let problem = document
                    .problem(&below(&["signature", "hubspot_v3", "url"]), format!("`{}` is not an address", of.url));
                problems.push(problem.with_hint("write the public address as HubSpot knows it: https://..."));
            }
        }
        Some(Signature::Hmac(of)) => {
            let token = |sign: char| sign.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(sign);
            if of.header.is_empty() || !of.header.chars().all(token) {
                let at = below(&["signature", "hmac", "header"]);
                problems.push(document.problem(&at, format!("`{}` is not the name of a header", of.header)));
            }
        }
        Some(Signature::Stripe(_) | Signature::None) => {}
    }
    for (key, given) in [("format", options.format.is_some()), ("dialect", options.dialect.is_some())] {
        if given {
            problems.push(document.key_problem(&below(&[key]), format!("`{key}` is for files, not for webhooks")));
        }
    }
    let mut columns: Vec<String> = options.columns.keys().map(|field| bronze::of_field(field)).collect();
    columns.extend([EVENT_ID, RECEIVED_AT].map(str::to_owned));
    for key in options.key.iter().filter(|key| !columns.contains(key)) {
        problems.push(
            document
                .problem(&below(&["key"]), format!("the key `{key}` is not among the columns"))
                .with_hint_if(suggest::hint(key, columns.iter().map(String::as_str))),
        );
    }
    if options.raw.unwrap_or(true) {
        columns.push("_raw".to_owned());
    }
    columns
}

/// Options that mean something for webhooks alone.
pub(super) fn not_for_others(
    at: &[&str; 4],
    options: &StreamOptions,
    document: &Document,
    problems: &mut Vec<Problem>,
) {
    for (key, given) in [
        ("signature", options.signature.is_some()),
        ("id", !options.id.is_empty()),
        ("events", options.events.is_some()),
    ] {
        if given {
            let place = [at[0], at[1], at[2], at[3], key];
            problems.push(document.key_problem(&place, format!("`{key}` is for `connector: webhooks` alone")));
        }
    }
}

/// One server takes the events of all sources: a path leads to one stream.
pub(super) fn distinct_paths(sources: &[SourcePlan], document: &Document, problems: &mut Vec<Problem>) {
    let mut taken: IndexMap<&str, String> = IndexMap::new();
    for source in sources.iter().filter(|source| matches!(source.kind, ConnectorKind::Webhooks)) {
        for stream in &source.streams {
            let Some(path) = stream.options.path.first() else { continue };
            if let Some(other) = taken.insert(path, stream.id()) {
                let at = ["sources", source.name.as_str(), "streams", stream.name.as_str(), "path"];
                problems.push(document.problem(&at, format!("`{other}` takes the events of `{path}` already")));
            }
        }
    }
}
