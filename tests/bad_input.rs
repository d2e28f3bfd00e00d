//! Bad input: what each file of `tests/bad_input` describes ends with a clear error or with rows in quarantine, never with a
//! panic and never with rows that nobody heard of. A new case is a new file there (see its README).

mod disks;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Output;

use affluent_spec::Document;
use flate2::Compression;
use flate2::write::GzEncoder;
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;

use crate::lakes;
use crate::support;
use crate::world::World;

/// One file of `tests/bad_input`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What is bad.
    why: String,
    /// Files that are there before the run.
    #[serde(default)]
    files: BTreeMap<String, Input>,
    /// The pipeline; `tests/bad_input/default.yaml.txt` unless given.
    pipeline: Option<String>,
    /// The arguments; extraction of the pipeline unless given.
    args: Option<Vec<String>>,
    /// The exit code.
    code: i32,
    /// What stderr (with stdout) must say.
    #[serde(default)]
    says: Vec<String>,
    /// Rows read, in bronze and in quarantine.
    rows: Option<[usize; 3]>,
    /// What the quarantine must say.
    #[serde(default)]
    quarantine: Vec<String>,
}

/// What a file holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Its text; `{long}` stands for two million letters.
    text: String,
    /// Each character is one byte of that number, so that bytes beyond UTF-8 can be written.
    #[serde(default)]
    bytes: bool,
    /// Compressed.
    #[serde(default)]
    gzip: bool,
    /// So many bytes are cut off at the end.
    #[serde(default)]
    cut: usize,
}

impl Input {
    fn content(&self) -> Result<Vec<u8>, Failed> {
        let text = self.text.replace("{long}", &"x".repeat(2_000_000));
        let mut content = if self.bytes { text.chars().map(|c| c as u8).collect() } else { text.into_bytes() };
        if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&content)?;
            content = encoder.finish()?;
        }
        content.truncate(content.len().saturating_sub(self.cut));
        Ok(content)
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let folder = support::root().join("tests/bad_input");
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    let name = |path: &Path| {
        format!("bad_input::{}", path.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_"))
    };
    let mut trials: Vec<Trial> = files.into_iter().map(|path| Trial::test(name(&path), move || case(&path))).collect();
    trials.extend([
        Trial::test("bad_input::the_cases_are_there", || {
            let cases = std::fs::read_dir(support::root().join("tests/bad_input"))?.count();
            if cases > 20 { Ok(()) } else { Err(Failed::from(format!("only {cases} files"))) }
        }),
        Trial::test("bad_input::a_wrong_token_is_told_and_not_shown", wrong_token),
    ]);
    trials.extend(disks::trials());
    trials
}

/// What the program told, which never is a panic.
fn told(output: &Output) -> Result<String, Failed> {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    if text.contains("panicked") || output.status.code().is_none_or(|code| code == 101) {
        return Err(Failed::from(format!("a panic ({}):\n{text}", output.status)));
    }
    Ok(text)
}

fn ended(output: &Output, code: i32, says: &[&str]) -> Result<String, Failed> {
    let text = told(output)?;
    let missing: Vec<&&str> = says.iter().filter(|part| !text.contains(**part)).collect();
    if output.status.code() == Some(code) && missing.is_empty() {
        return Ok(text);
    }
    Err(Failed::from(format!("ended with {} instead of {code}, not said: {missing:?}\n{text}", output.status)))
}

fn case(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let document = Document::parse(&path.display().to_string(), &text)?;
    let case: Case = serde_json::from_value(document.root.to_json())?;
    let folder = tempfile::tempdir()?;
    let pipeline = case.pipeline.clone().unwrap_or_else(|| include_str!("bad_input/default.yaml.txt").to_owned());
    std::fs::write(folder.path().join("pipeline.yaml"), pipeline)?;
    for (name, input) in &case.files {
        let file = folder.path().join(name);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, input.content()?)?;
    }
    let args = case
        .args
        .clone()
        .unwrap_or_else(|| ["run", "pipeline.yaml", "--stage", "extract", "--json"].map(str::to_owned).to_vec());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = support::output(support::affluent(&args).current_dir(folder.path()))?;
    let says: Vec<&str> = case.says.iter().map(String::as_str).collect();
    let told = ended(&output, case.code, &says).map_err(|error| Failed::from(format!("{}: {error:?}", case.why)))?;
    let lake = lakes::read(&folder.path().join("lake"))?;
    let rows = |table: &str| lake.get(table).map(Vec::as_slice).unwrap_or_default();
    if let Some([read, written, refused]) = case.rows {
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let stream = &report["streams"][0];
        let counted = (rows("bronze/shop_orders").len(), rows("_affluent/quarantine").len());
        let reported = ["read", "written", "quarantined"].map(|name| stream[name].as_u64().unwrap_or(0) as usize);
        let whole = case.code != 0 || reported == [read, written, refused];
        if counted != (written, refused) || !whole || (case.code == 0 && read != written + refused) {
            return Err(Failed::from(format!(
                "{}: {read} read, {written} written, {refused} refused; in the lake {counted:?}, reported {reported:?}\n{told}",
                case.why
            )));
        }
    }
    for part in &case.quarantine {
        if !rows("_affluent/quarantine").iter().any(|row| row.contains(part)) {
            return Err(Failed::from(format!(
                "{}: quarantine does not say `{part}`: {:?}",
                case.why,
                rows("_affluent/quarantine")
            )));
        }
    }
    Ok(())
}

fn wrong_token() -> Result<(), Failed> {
    let world = World::new(20)?;
    let lake = world.path("lake").display().to_string();
    for (variable, select, says) in [
        ("SANDBOX_HUBSPOT_TOKEN", "hubspot.contacts", "token"),
        ("SANDBOX_SALESFORCE_SECRET", "salesforce.contact", "client_secret"),
    ] {
        let mut run = world.run(&lake, &["--stage", "extract", "--select", select]);
        let text = ended(&support::output(run.env(variable, "sesame-open-123"))?, 4, &[select, says])?;
        if text.contains("sesame-open-123") {
            return Err(Failed::from(format!("the secret is shown: {text}")));
        }
        let mut run = world.run(&lake, &["--stage", "extract", "--select", select]);
        ended(&support::output(run.env_remove(variable))?, 4, &[variable])?;
    }
    Ok(())
}
