//! The whole line over small CSV files, worked out by hand: the cases of `tests/lines`, each a test of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use affluent_engine::marts::model_case::{differences, records};
use affluent_spec::Document;
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use serde_json::Value;

use crate::lakes;
use crate::support::{affluent, output, root, success};

/// One file of `tests/lines`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows.
    why: String,
    /// The pipeline; its lake is `./lake`.
    pipeline: String,
    /// Runs, one after the other.
    steps: Vec<Step>,
}

/// One run over what has come by then.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Files that are new.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The bound of event time.
    as_of: String,
    /// The exit code.
    #[serde(default)]
    code: i32,
    /// What stderr must say.
    #[serde(default)]
    says: Vec<String>,
    /// What the JSON answer must report of a stream, an entity (`silver.orders`) or a model, by its name.
    #[serde(default)]
    reports: BTreeMap<String, Value>,
    /// Tables whose version and rows must be those of before the run.
    #[serde(default)]
    kept: Vec<String>,
    /// Table, or anything else that can stand after `from`, → its rows as CSV; only the columns named are compared.
    #[serde(default)]
    expect: BTreeMap<String, String>,
}

pub(crate) fn trials() -> Vec<Trial> {
    let entries = std::fs::read_dir(root().join("tests/lines")).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut cases: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    cases.sort();
    let name = |path: &Path| format!("lines::{}", path.file_stem().unwrap_or_default().to_string_lossy());
    let mut trials: Vec<Trial> = cases.into_iter().map(|path| Trial::test(name(&path), move || case(&path))).collect();
    trials.push(Trial::test("lines::the_cases_are_there", || {
        let cases = std::fs::read_dir(root().join("tests/lines"))?.count();
        if cases > 5 { Ok(()) } else { Err(Failed::from(format!("only {cases} files"))) }
    }));
    trials
}

fn case(path: &Path) -> Result<(), Failed> {
    let document = Document::parse(&path.display().to_string(), &std::fs::read_to_string(path)?)?;
    let case: Case = serde_json::from_value(document.root.to_json())?;
    let line = Line { folder: tempfile::tempdir()? };
    std::fs::write(line.path("pipeline.yaml"), &case.pipeline)?;
    for (at, step) in case.steps.iter().enumerate() {
        let number = at + 1;
        line.step(number, step).map_err(|error| Failed::from(format!("{}, run {number}: {error:?}", case.why)))?;
    }
    match case.steps.as_slice() {
        [_, .., last] if last.code == 0 => {
            line.is_that_of_one_run(&last.as_of).map_err(|error| Failed::from(format!("{}: {error:?}", case.why)))
        }
        _ => Ok(()),
    }
}

/// The folder of a case: pipeline, files and lake.
struct Line {
    folder: tempfile::TempDir,
}

impl Line {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, lake: &str, run_id: &str, as_of: &str) -> std::process::Command {
        let (pipeline, lake) = (self.path("pipeline.yaml").display().to_string(), self.path(lake));
        let lake = lake.display().to_string();
        affluent(&["run", &pipeline, "--lake", &lake, "--run-id", run_id, "--as-of", as_of, "--json"])
    }

    fn step(&self, number: usize, step: &Step) -> Result<(), Failed> {
        for (name, text) in &step.files {
            let file = self.path(name);
            if file.exists() {
                return Err(Failed::from(format!("{name} is there: what comes later has another name")));
            }
            std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
            std::fs::write(file, text)?;
        }
        let before = self.tables()?;
        let run_id = format!("run-{number}");
        let ended = output(&mut self.run("lake", &run_id, &step.as_of))?;
        let stderr = String::from_utf8_lossy(&ended.stderr);
        if ended.status.code() != Some(step.code) {
            return Err(Failed::from(format!("ended with {} instead of {}:\n{stderr}", ended.status, step.code)));
        }
        if let Some(part) = step.says.iter().find(|part| !stderr.contains(part.as_str())) {
            return Err(Failed::from(format!("`{part}` is not said:\n{stderr}")));
        }
        let answer: Value = serde_json::from_slice(&ended.stdout)?;
        let reports = reports(&answer);
        let mut wrong = Vec::new();
        for (name, expected) in &step.reports {
            let found = reports.get(name).copied().unwrap_or(&Value::Null);
            if !says(found, expected) {
                wrong.push(format!("{name}: reported is {found}, not {expected}"));
            }
        }
        let after = self.tables()?;
        for table in &step.kept {
            let name = table.replace('.', "/");
            if !before.contains_key(&name) || before.get(&name) != after.get(&name) {
                wrong.push(format!("{table} changed: {:?}\n    to {:?}", before.get(&name), after.get(&name)));
            }
        }
        for (table, expected) in &step.expect {
            wrong.extend(self.rows_differ(table, expected)?.into_iter().map(|what| format!("{table}: {what}")));
        }
        wrong.extend(self.inputs_differ(&run_id, &answer, &reports)?);
        if wrong.is_empty() { Ok(()) } else { Err(Failed::from(format!("\n  {}", wrong.join("\n  ")))) }
    }

    /// `schema/table` → commits and rows.
    fn tables(&self) -> Result<BTreeMap<String, (usize, Vec<String>)>, Failed> {
        let lake = self.path("lake");
        let (versions, mut rows) = (lakes::versions(&lake)?, lakes::read(&lake)?);
        Ok(versions
            .into_iter()
            .map(|(name, commits)| (name.clone(), (commits, rows.remove(&name).unwrap_or_default())))
            .collect())
    }

    fn rows_differ(&self, table: &str, expected: &str) -> Result<Vec<String>, Failed> {
        let (header, wanted) = records(expected)?;
        let (_, found) = records(&self.ask(&format!("select {} from {table}", header.join(", ")), "csv")?)?;
        Ok(differences(&wanted, found))
    }

    fn ask(&self, query: &str, format: &str) -> Result<String, Failed> {
        let lake = self.path("lake").display().to_string();
        success(&mut affluent(&["sql", query, "--lake", &lake, "--format", format]))
    }

    /// What silver and gold were made from: the versions that lie there, told in the answer and in the run log alike.
    fn inputs_differ(
        &self,
        run_id: &str,
        answer: &Value,
        reports: &BTreeMap<String, &Value>,
    ) -> Result<Vec<String>, Failed> {
        let query = format!("select report from _affluent.runs where run_id = '{run_id}' order by started_at");
        let logged: Vec<BTreeMap<String, String>> = serde_json::from_str(&self.ask(&query, "json")?)?;
        let logged: Vec<Value> =
            logged.iter().map(|row| serde_json::from_str(&row["report"])).collect::<Result<_, _>>()?;
        let mut wrong = Vec::new();
        if Some(&logged) != answer["stages"].as_array() {
            wrong.push(format!("the run log says {logged:?}, the answer {}", answer["stages"]));
        }
        let commits = lakes::versions(&self.path("lake"))?;
        for (name, report) in
            reports.iter().filter(|(name, _)| name.starts_with("silver.") || name.starts_with("gold."))
        {
            let Some(inputs) = report["inputs"].as_object() else {
                wrong.push(format!("{name} does not tell its inputs: {report}"));
                continue;
            };
            if inputs.is_empty() && name.starts_with("silver.") {
                wrong.push(format!("{name} is made from nothing"));
            }
            for (table, version) in inputs {
                let there = commits.get(&table.replace('.', "/")).map(|commits| *commits as u64 - 1);
                if version.as_u64() != there {
                    wrong.push(format!("{name} was made from version {version} of {table}, which is at {there:?}"));
                }
            }
        }
        Ok(wrong)
    }

    /// A lake that followed holds what one loaded at the end holds.
    fn is_that_of_one_run(&self, as_of: &str) -> Result<(), Failed> {
        success(&mut self.run("fresh", "fresh", as_of))?;
        let made = |lake: &str| lakes::read(&self.path(lake)).map(lakes::made);
        lakes::same(&made("fresh")?, &made("lake")?)
    }
}

/// Streams, entities and models of a run by their names.
fn reports(answer: &Value) -> BTreeMap<String, &Value> {
    let mut reports = BTreeMap::new();
    for stage in answer["stages"].as_array().into_iter().flatten() {
        for (list, name, prefix) in
            [("streams", "stream", ""), ("entities", "entity", "silver."), ("models", "model", "")]
        {
            for report in stage[list].as_array().into_iter().flatten() {
                reports.insert(format!("{prefix}{}", report[name].as_str().unwrap_or_default()), report);
            }
        }
    }
    reports
}

/// Whether a report says what is expected: of objects the keys named, of texts a part, all else as it is.
fn says(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(key, value)| says(found.get(key).unwrap_or(&Value::Null), value))
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| says(found, expected))
        }
        (Value::String(found), Value::String(expected)) => found.contains(expected.as_str()),
        (found, expected) => found == expected,
    }
}
