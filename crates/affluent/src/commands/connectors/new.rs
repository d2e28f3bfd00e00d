//! `affluent connectors new`: a first manifest, commented, that runs as it is.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use affluent_connect::http::{probe, read_secret};
use affluent_spec::{Name, Secret};
use clap::Args;

use super::infer::{Shape, shape};
use crate::failure::Failure;
use crate::stdout;

const TEMPLATE: &str = include_str!("../../templates/connector.yaml");

const EXAMPLES: &str = "Examples:
  affluent connectors new shop --connectors mine
  affluent connectors new shop --from-url https://api.shop.example/v1/customers --token env:SHOP_TOKEN --connectors mine";

/// Write a first manifest: one over the sandbox, or one drawn from an answer of an API
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct NewArgs {
    /// The connector's name: a lower-case letter, then letters, digits and `_`
    name: Name,
    /// Ask this address (GET) and draw the stream from its answer
    #[arg(long, value_name = "URL")]
    from_url: Option<String>,
    /// A token to ask with, as `env:NAME` or `file:PATH` (Authorization: Bearer)
    #[arg(long, value_name = "SECRET", requires = "from_url", value_parser = secret)]
    token: Option<Secret>,
}

fn secret(text: &str) -> Result<Secret, String> {
    match text.split_once(':') {
        Some(("env", name)) => Ok(Secret::Env(name.to_owned())),
        Some(("file", path)) => Ok(Secret::File(path.to_owned())),
        _ => Err("a secret is never written out: give env:NAME or file:PATH".to_owned()),
    }
}

/// Writes the file; one that is there is never overwritten.
pub(super) async fn new(args: &NewArgs, folder: Option<&Path>) -> Result<(), Failure> {
    let path: PathBuf = folder.unwrap_or(Path::new(".")).join(format!("{}.yaml", args.name));
    if path.exists() {
        return Err(
            Failure::usage(format!("{} is there already", path.display())).hint("give another name or --connectors")
        );
    }
    let (text, stream) = match &args.from_url {
        None => (TEMPLATE.replace("{name}", args.name.as_str()), "contacts".to_owned()),
        Some(url) => drawn(args, url).await?,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, text)?;
    let variable = format!("{}_TOKEN", args.name).to_uppercase();
    stdout::line(&format!(
        "{path} is written. With the token in ${variable}:\n  affluent connectors check {path}\n  \
         affluent connectors read {path} {stream} --limit 10",
        path = path.display()
    ))
}

/// A manifest drawn from the answer at `url`, and its stream.
async fn drawn(args: &NewArgs, url: &str) -> Result<(String, String), Failure> {
    let token = match &args.token {
        Some(secret) => Some(read_secret(secret).map_err(|what| Failure { code: 4, ..Failure::usage(what) })?),
        None => None,
    };
    let fault = |what: String| Failure::failed(format!("{url}: {what}"));
    let answer = probe(url, token).await.map_err(|error| {
        let hint = error.hint().map(str::to_owned);
        Failure { hint, code: error.class().exit_code(), ..Failure::failed(error.to_string()) }
    })?;
    let answer: serde_json::Value =
        serde_json::from_slice(&answer).map_err(|error| fault(format!("the answer is no JSON: {error}")))?;
    let shape = shape(&answer).ok_or_else(|| {
        fault("the answer holds no array of objects".to_owned())
            .hint("give the address of a list, as the vendor's documentation shows it")
    })?;
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Some((format!("{scheme}://{host}"), format!("/{path}"))).filter(|_| !host.is_empty())
    });
    let Some((base, target)) = parts else { return Err(Failure::usage(format!("`{url}` is no address"))) };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let stream = plain.to_lowercase().parse::<Name>().map_or_else(|_| "records".to_owned(), |name| name.to_string());
    Ok((manifest(args.name.as_str(), &base, path, query, &stream, &shape), stream))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn manifest(name: &str, base: &str, path: &str, query: &str, stream: &str, shape: &Shape) -> String {
    let mut out = format!(
        "# {name}, drawn from one answer of GET {path}: what it could not show is said in comments. connectors/README.md has all words.\n\
         connector: {name}\n\
         description: {stream} of {name}\n\
         settings:\n  \
         url: {{ type: url, default: {}, description: \"the API's address\" }}\n  \
         token: {{ type: string, secret: true, description: \"where the vendor shows it to you\" }}\n\
         http:\n  base_url: url\n  auth: {{ bearer: token }}\n  \
         # The vendor's limits, so that they are never met: limits: [{{ requests: 100, per: 10s }}]\n  \
         # Any cheap request that needs the token.\n  check: {{ get: {} }}\n\
         streams:\n  {stream}:\n    get: {}\n",
        quoted(base),
        quoted(path),
        quoted(path)
    );
    // Writing to a string cannot fail.
    if !query.is_empty() {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)))
            .collect();
        let _ = writeln!(out, "    query: {{ {} }}", pairs.join(", "));
    }
    if let Some(records) = &shape.records {
        let _ = writeln!(out, "    records: {}", quoted(records));
    }
    let _ = match &shape.next {
        Some((path, true)) => writeln!(out, "    next: {{ url: {} }}", quoted(path)),
        Some((path, false)) => {
            let param = path.rsplit('.').next().unwrap_or(path).trim_start_matches("next_").to_owned();
            writeln!(
                out,
                "    # The parameter that takes the token is a guess: look it up.\n    next: {{ token: {{ from: {}, param: {} }} }}",
                quoted(path),
                quoted(&param)
            )
        }
        None => writeln!(
            out,
            "    # No next page is named in the answer. Is it the only one? Then this is right; else add `next:`."
        ),
    };
    let _ = match &shape.key {
        Some(key) => writeln!(out, "    key: [{}]", quoted(key)),
        None => {
            let first = shape.fields.first().map_or("id", |(field, _)| field.as_str());
            writeln!(out, "    # Which fields identify a record? This is a guess.\n    key: [{}]", quoted(first))
        }
    };
    if let Some(cursor) = &shape.cursor {
        let _ = writeln!(
            out,
            "    # Orders the versions of a record. To ask for changes only, add the parameter that takes it:\n    \
             # query: {{ updated_since: {{ since: rfc3339 }} }}\n    cursor: {{ field: {} }}",
            quoted(cursor)
        );
    }
    out.push_str("    # How are deleted records told? deletes: { flag: ... } or { query: { ... } }\n    fields:\n");
    for (field, ty) in &shape.fields {
        let (ty, note) = if ty.is_empty() { ("string", "   # was null in the answer") } else { (*ty, "") };
        let _ = writeln!(out, "      {}: {ty}{note}", quoted(field));
    }
    out
}

#[cfg(test)]
mod tests {
    use affluent_spec::connector::{Connector, faults};

    use super::*;

    fn sound(text: &str) -> Connector {
        let read = affluent_spec::read::<Connector>("new.yaml", text)
            .unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
        assert_eq!(faults(&read), Vec::new(), "{text}");
        read.value
    }

    #[test]
    fn what_is_written_has_no_fault() {
        assert_eq!(sound(&TEMPLATE.replace("{name}", "shop")).connector.as_str(), "shop");
        for answer in [
            serde_json::json!({ "data": [{ "id": 1, "updated_at": "2026-01-01T00:00:00Z", "x": null }], "next_cursor": "b" }),
            serde_json::json!({ "value": [{ "id": 1 }], "@odata.nextLink": "https://a/b?c" }),
            serde_json::json!([{ "a": 1.5 }]),
        ] {
            let shape = shape(&answer).unwrap();
            let text =
                manifest("shop", "https://api.shop.example", "/v1/customers", "limit=5&sort=a", "customers", &shape);
            assert_eq!(sound(&text).streams["customers"].fields.len(), shape.fields.len());
        }
    }
}
