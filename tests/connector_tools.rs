//! The tools of those who write a manifest: written, checked, read, recorded and tested, against the sandbox.

use std::path::Path;
use std::process::Command;

use affluent_sandbox::{Config, Fault, FaultKind, HUBSPOT_TOKEN, Sandbox, start};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{affluent, fails, has, success};
use crate::world::request;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("connector_tools::a_new_manifest_is_checked_and_read", first_manifest),
        Trial::test("connector_tools::a_manifest_is_drawn_from_an_answer", drawn),
        Trial::test("connector_tools::replies_are_recorded_masked_and_tested", recorded),
        Trial::test("connector_tools::faults_are_told", faults),
        Trial::test("connector_tools::a_source_in_rust", rust_source),
    ]
}

struct Bench {
    sandbox: Sandbox,
    folder: TempDir,
    _runtime: Runtime,
}

impl Bench {
    fn new(faults: Vec<Fault>) -> Result<Self, Failed> {
        let runtime = Runtime::new()?;
        let sandbox = runtime.block_on(start(Config { customers: 300, seed: 7, faults, ..Config::default() }))?;
        Ok(Self { sandbox, folder: tempfile::tempdir()?, _runtime: runtime })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn url(&self) -> String {
        format!("url={}/hubspot", self.sandbox.base_url())
    }

    /// A new manifest called shop, in `mine`.
    fn shop(&self) -> Result<String, Failed> {
        success(&mut tool(&["new", "shop", "--connectors", &self.path("mine")]))?;
        Ok(self.path("mine/shop.yaml"))
    }
}

/// `affluent connectors ...` with the sandbox's token in `SHOP_TOKEN`, which the manifests called shop find by themselves.
fn tool(arguments: &[&str]) -> Command {
    let mut command = affluent(&["connectors"]);
    command.args(arguments).env("SHOP_TOKEN", HUBSPOT_TOKEN).env_remove("HUBSPOT_TOKEN");
    command
}

fn first_manifest() -> Result<(), Failed> {
    let bench = Bench::new(Vec::new())?;
    let shop = bench.shop()?;
    let twice = fails(&mut tool(&["new", "shop", "--connectors", &bench.path("mine")]), 2)?;
    has(&twice, &["is there already"])?;
    has(&success(&mut tool(&["--connectors", &bench.path("mine")]))?, &["shop", "Contacts of shop", "hubspot"])?;
    has(&success(&mut tool(&["show", &shop]))?, &["token", "contacts", "feeds persons"])?;
    let url = bench.url();
    let checked = success(&mut tool(&["check", &shop, "--with", &url]))?;
    has(&checked, &["no fault in 1 stream;", "the server lets us in"])?;
    let unasked = success(tool(&["check", &shop, "--with", &url]).env_remove("SHOP_TOKEN"))?;
    has(&unasked, &["was not asked, since `token` is not given"])?;

    // By its name from the folder, too; one page is asked for, and the next request is told and not made.
    let read = success(&mut tool(&[
        "read",
        "shop",
        "contacts",
        "--connectors",
        &bench.path("mine"),
        "--with",
        &url,
        "--limit",
        "3",
    ]))?;
    has(
        &read,
        &[
            "properties_email",
            "timestamp",
            "read by 1 request, 0 refused",
            "next request: GET http://127.0.0.1:",
            "after=",
        ],
    )?;
    let json = success(&mut tool(&["read", &shop, "contacts", "--with", &url, "--limit", "3", "--json"]))?;
    let json: Value = serde_json::from_str(&json)?;
    if json["rows"].as_array().map(Vec::len) != Some(3) || json["requests"] != 1 || json["types"]["id"] != "string" {
        return Err(format!("{json}").into());
    }
    if read.contains(HUBSPOT_TOKEN) || json.to_string().contains(HUBSPOT_TOKEN) {
        return Err("the token is shown".into());
    }
    let all = success(&mut tool(&["read", &shop, "contacts", "--with", &url, "--limit", "0", "--json"]))?;
    let all: Value = serde_json::from_str(&all)?;
    let rows = all["rows"].as_array().map_or(0, Vec::len);
    let there = request(bench.sandbox.addr, "GET", "/_records/hubspot/contacts", "")?;
    let there = serde_json::from_str::<Vec<Value>>(&there)?.len();
    if there < 200 || rows != there || all["ended"] != true || !all["next"].is_null() {
        return Err(format!("{rows} rows, ended {}, next {}", all["ended"], all["next"]).into());
    }
    Ok(())
}

fn drawn() -> Result<(), Failed> {
    let bench = Bench::new(Vec::new())?;
    let list = format!("{}/hubspot/crm/v3/objects/contacts?limit=20", bench.sandbox.base_url());
    let refused = fails(&mut tool(&["new", "shop", "--from-url", &list, "--connectors", &bench.path("drawn")]), 4)?;
    has(&refused, &["401", "--token env:NAME"])?;
    success(&mut tool(&[
        "new",
        "shop",
        "--from-url",
        &list,
        "--token",
        "env:SHOP_TOKEN",
        "--connectors",
        &bench.path("drawn"),
    ]))?;
    let shop = bench.path("drawn/shop.yaml");
    let read = success(&mut tool(&["read", &shop, "contacts", "--limit", "30"]))?;
    has(&read, &["properties_email", "read by 2 requests", "next request"])
}

/// E-mail addresses, phones and last names of the world must be nowhere in the files.
fn recorded() -> Result<(), Failed> {
    let busy = Fault::new("/hubspot/crm", FaultKind::TooMany).every(3).times(2);
    let bench = Bench::new(vec![busy])?;
    let shop = bench.shop()?;
    let (url, replies) = (bench.url(), bench.path("replies"));
    let read = tool(&["read", &shop, "contacts", "--with", &url, "--limit", "250", "--record", &replies, "--json"])
        .output()?;
    let json: Value =
        serde_json::from_slice(&read.stdout).map_err(|_| String::from_utf8_lossy(&read.stderr).into_owned())?;
    let written = everything(Path::new(&replies))?;
    let mut looked_for = 0;
    for row in json["rows"].as_array().into_iter().flatten() {
        for column in ["properties_email", "properties_phone"] {
            let Some(value) = row[column].as_str().filter(|value| value.len() > 5) else { continue };
            looked_for += 1;
            if written.contains(value) {
                return Err(format!("{column} {value} is in the recording").into());
            }
        }
    }
    if looked_for < 100 || written.contains(HUBSPOT_TOKEN) {
        return Err(format!("{looked_for} values looked for, token shown: {}", written.contains(HUBSPOT_TOKEN)).into());
    }
    has(&success(&mut tool(&["test", &shop, "--replies", &replies]))?, &["rows as recorded in 1 stream"])?;

    // A change of the manifest that changes rows, or requests, is found.
    let text = std::fs::read_to_string(&shop)?;
    for (from, to, told) in [
        ("properties.phone: string", "properties.phone: integer", "was recorded as"),
        ("from: paging.next.after", "from: paging.next.later", "was recorded as"),
        ("limit: 100", "limit: 50", "asked for what was not recorded"),
    ] {
        let changed = bench.path("mine/changed.yaml");
        std::fs::write(&changed, text.replace(from, to))?;
        let stderr = fails(&mut tool(&["test", &changed, "--replies", &replies]), 3)?;
        has(&stderr, &[told])?;
    }
    let none = fails(&mut tool(&["test", "hubspot", "--replies", &replies]), 2)?;
    has(&none, &["nothing of `hubspot` is recorded here"])
}

fn everything(folder: &Path) -> Result<String, Failed> {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder)? {
        all += &std::fs::read_to_string(entry?.path())?;
    }
    Ok(all)
}

fn faults() -> Result<(), Failed> {
    let bench = Bench::new(Vec::new())?;
    let shop = bench.shop()?;
    let text = std::fs::read_to_string(&shop)?;
    for (from, to, told) in [
        ("records: results", "recrods: results", "unknown key `recrods`"),
        ("phone: properties.phone", "fone: properties.phone", "persons has no column `fone`"),
        ("email: properties.email", "email: lower(properties.mail)", "properties.mail"),
        ("      persons:", "      person:", "there is no silver entity `person`"),
    ] {
        let changed = bench.path("mine/changed.yaml");
        std::fs::write(&changed, text.replace(from, to))?;
        let stderr = fails(&mut tool(&["check", &changed]), 2)?;
        has(&stderr, &[told, "changed.yaml:"])?;
    }
    let url = bench.url();
    for (arguments, code, told) in [
        (vec!["read", shop.as_str(), "contcats", "--with", url.as_str()], 2, "did you mean `contacts`"),
        (vec!["read", "shopp", "contacts"], 2, "there is no connector `shopp`"),
        (vec!["read", shop.as_str(), "contacts", "--with", "token=plain"], 2, "is a secret"),
        (vec!["check", shop.as_str(), "--with", url.as_str(), "--with", "token=env:WRONG"], 4, "the token is refused"),
        (vec!["test", shop.as_str(), "--replies", "nowhere"], 2, "--record"),
    ] {
        let stderr = fails(tool(&arguments).env("WRONG", "wrong"), code)?;
        has(&stderr, &[told])?;
    }
    Ok(())
}

/// The example of a source in Rust runs as its README says, and a second run loads nothing twice.
fn rust_source() -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    let lake = lake.path();
    let runtime = Runtime::new()?;
    let log = lake.join("access.log");
    std::fs::write(&log, "1767225600 ada /offers\n1767225601 bob /basket\nno time\n")?;
    let read = || runtime.block_on(rust_source::load(&log, lake));
    let first = read().map_err(|error| error.to_string())?;
    std::fs::write(&log, "1767225600 ada /offers\n1767225601 bob /basket\nno time\n1767225602 ada /basket\n")?;
    let second = read().map_err(|error| error.to_string())?;
    if (first.written, first.quarantined, second.written, second.quarantined) != (2, 1, 1, 0) {
        return Err(format!("{first:?}\n{second:?}").into());
    }
    let sql = "select count(*), count(distinct visitor) from bronze.web_visits";
    let rows = success(&mut affluent(&["sql", sql, "--lake", &lake.display().to_string(), "--format", "csv"]))?;
    has(&rows, &["3,2"])
}
