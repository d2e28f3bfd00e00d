//! Extraction over HTTP: records a second from pages that the sandbox serves from memory.
//!
//! `cargo bench -p affluent-connect --bench http`. The server runs in the same process and on the same cores, so the
//! figures are the floor of what the client does.

use std::time::Instant;

use affluent_connect::http::{HttpSource, ResolvedSettings};
use affluent_connect::{Source, Window};
use affluent_sandbox::{Config, HUBSPOT_TOKEN, SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET, Sandbox};
use affluent_spec::connector::Connector;
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Secret, Setting};
use futures::StreamExt;
use indexmap::IndexMap;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

fn source(sandbox: &Sandbox, connector: &str) -> Result<HttpSource, Failure> {
    let (file, text) = affluent_spec::connector::builtin_of(connector).ok_or("there is no such manifest")?;
    let manifest = affluent_spec::read::<Connector>(file, text).map_err(|problems| problems[0].to_string())?.value;
    let base_url = sandbox.base_url();
    let with = if connector == "hubspot" {
        json!({
            "base_url": format!("{base_url}/hubspot"), "token": { "env": "HUBSPOT" },
            "requests_per_10s": 0, "searches_per_second": 0,
        })
    } else {
        json!({
            "domain": format!("{base_url}/salesforce"), "client_id": SALESFORCE_CLIENT_ID,
            "client_secret": { "env": "SALESFORCE" }, "requests_per_second": 0,
        })
    };
    let with: IndexMap<String, Setting> = serde_json::from_value(with)?;
    let settings = ResolvedSettings::resolve(&manifest, &with, &|secret| match secret {
        Secret::Env(name) if name == "HUBSPOT" => Ok(HUBSPOT_TOKEN.to_owned().into()),
        _ => Ok(SALESFORCE_CLIENT_SECRET.to_owned().into()),
    })?;
    let streams = manifest.streams.keys().map(|name| (name.clone(), StreamOptions::default())).collect();
    Ok(HttpSource::new(&manifest, &settings, &streams)?)
}

async fn read(source: &HttpSource, stream: &str) -> Result<(usize, u32), Failure> {
    let mut pages = source.read(stream, Window::default());
    let (mut rows, mut requests) = (0, 0);
    while let Some(page) = pages.next().await {
        let page = page?;
        rows += page.rows.num_rows();
        requests += page.requests;
    }
    Ok((rows, requests))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let customers = std::env::var("CUSTOMERS").ok().and_then(|text| text.parse().ok()).unwrap_or(50_000);
    let sandbox = affluent_sandbox::start(Config { customers, prerender: true, ..Config::default() }).await?;
    let streams =
        [("hubspot", "contacts"), ("hubspot", "email_events"), ("salesforce", "contact"), ("salesforce", "account")];
    for (connector, stream) in streams {
        let source = source(&sandbox, connector)?;
        read(&source, stream).await?;
        let started = Instant::now();
        let (rows, requests) = read(&source, stream).await?;
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{stream:14} {rows:>9} rows {requests:>6} requests {seconds:>7.3} s {:>9.0} rows/s",
            rows as f64 / seconds
        );
    }
    sandbox.stop().await;
    Ok(())
}
