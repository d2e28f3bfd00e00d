//! The commands that tell and write nothing: `plan`, `schema`, `completions`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use affluent_spec::model::ModelFile;
use affluent_spec::{Document, shape};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::{AS_OF, Shop, untouched};
use crate::support::{affluent, expect, fails, has, output, python, root, success, where_there};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("commands::plan_tells_what_a_run_would_do_and_writes_nothing", plan),
        Trial::test("commands::schemas_take_every_file_that_is_there", schemas),
        where_there(
            "commands::schemas_are_json_schema_to_others",
            python(&["jsonschema"]),
            "python3 with jsonschema",
            |python| schemas_by_python(&python),
        ),
        Trial::test("commands::completions_know_every_command", completions),
    ]
}

/// Why each step would do something, by its name.
fn planned(shop: &Shop, more: &[&str]) -> Result<BTreeMap<String, Value>, Failed> {
    let plan = super::json(&mut shop.call(&[&["plan", "pipeline.yaml", "--json"], more].concat()))?;
    let steps = plan["steps"].as_array().cloned().unwrap_or_default();
    Ok(steps
        .into_iter()
        .map(|step| (step["name"].as_str().unwrap_or_default().to_owned(), step["because"].clone()))
        .collect())
}

const STEPS: [&str; 5] = ["shop.orders", "silver.persons", "silver.orders", "gold.rfm", "gold.rfm_segments"];

fn plan() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let as_of = ["--as-of", AS_OF];
    let first = untouched(&shop, "files after a plan of what is not there", || planned(&shop, &as_of))?;
    for step in STEPS {
        let because = first.get(step).ok_or_else(|| format!("{step} is not in the plan"))?;
        has(&because.to_string(), &["new"])?;
    }
    let only = planned(&shop, &["--select", "gold.*"])?;
    // A model that is read is built too.
    expect("steps that were selected", &only.into_keys().all(|step| step.starts_with("gold.")), &true)?;

    shop.load(&[])?;
    untouched(&shop, "files after plans", || {
        let due = |more: &[&str]| -> Result<Vec<String>, Failed> {
            let steps = planned(&shop, more)?.into_iter().filter(|(_, because)| *because != json!([]));
            Ok(steps.map(|(step, because)| format!("{step}: {because}")).collect())
        };
        expect("due after a load", &due(&as_of)?, &vec![r#"shop.orders: ["stream"]"#.to_owned()])?;
        let later = planned(&shop, &["--as-of", "2026-11-02"])?;
        has(&later["gold.rfm"].to_string(), &["as_of"])?;
        let told = success(&mut shop.call(&["plan", "pipeline.yaml", "--as-of", AS_OF]))?;
        has(&told, &["read what is new since 1 files, the last orders-1.csv", "nothing to do while bronze.shop_orders"])
    })?;
    shop.change("channel: channel,", "channel: upper(channel),")?;
    untouched(&shop, "files after a plan of a change", || {
        let told = success(&mut shop.call(&["plan", "pipeline.yaml", "--as-of", AS_OF]))?;
        has(&told, &["build again: its definition changed", "after silver.orders"])
    })?;
    // And so it is.
    let done = shop.load(&[])?;
    let unchanged = |entity: &Value| entity["unchanged"] == true;
    let built: Vec<&Value> =
        done["stages"][1]["entities"].as_array().into_iter().flatten().filter(|e| !unchanged(e)).collect();
    expect("built again", &built.iter().map(|entity| &entity["entity"]).collect::<Vec<_>>(), &vec![&json!("orders")])?;
    expect("channels", &shop.ask("select distinct channel from silver.orders order by 1")?.as_str(), &"SHOP\nWEB")
}

/// The files of each format that the repository has, as they are read.
fn written() -> Result<BTreeMap<&'static str, Vec<Document>>, Failed> {
    let yaml = |folder: &str| -> Result<Vec<PathBuf>, Failed> { all(&root().join(folder), "yaml") };
    let pipelines = [yaml("pipelines")?, yaml("examples")?, yaml("tests/data")?].concat();
    let read = |path: &PathBuf| -> Result<Document, Failed> {
        Ok(Document::parse(&path.display().to_string(), &std::fs::read_to_string(path)?)?)
    };
    let of = |paths: &[PathBuf]| paths.iter().map(read).collect::<Result<Vec<_>, _>>();
    let mut models = Vec::new();
    for path in all(&root().join("sql/gold"), "sql")? {
        let text = std::fs::read_to_string(&path)?;
        let file = ModelFile::read(&path.display().to_string(), &text);
        models.push(file.map_err(|problems| format!("{problems:?}"))?.document);
    }
    Ok([("pipeline", of(&pipelines)?), ("connector", of(&yaml("connectors")?)?), ("model", models)].into())
}

/// The files below `folder` with that extension.
fn all(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failed> {
    let found = super::files(folder)?.into_keys();
    Ok(found.filter(|path| path.extension().is_some_and(|found| found == extension)).collect())
}

fn schema(format: &str) -> Result<Value, Failed> {
    super::json(&mut affluent(&["schema", format]))
}

fn schemas() -> Result<(), Failed> {
    for (format, documents) in written()? {
        let schema = schema(format)?;
        let draft = schema["$schema"].as_str().unwrap_or_default();
        has(draft, &["https://json-schema.org/draft/2020-12/schema"])?;
        expect(format, &(documents.len() >= 4), &true)?;
        for document in &documents {
            let faults = shape::check(&schema, document);
            expect(&document.file, &faults, &Vec::new())?;
        }
        let slip = Document::parse("slip.yaml", &format!("{format}: a\nnonsense: 1\n"))?;
        let told: Vec<String> = shape::check(&schema, &slip).into_iter().map(|problem| problem.message).collect();
        has(&told.join("\n"), &["unknown key `nonsense`"])?;
    }
    expect("the schema without a name", &super::json(&mut affluent(&["schema"]))?, &schema("pipeline")?)?;
    has(&fails(&mut affluent(&["schema", "pipline"]), 2)?, &["pipeline", "connector", "model"])
}

/// Another program that knows JSON Schema takes the schemas for what they are, and the files for what fits.
fn schemas_by_python(python: &Path) -> Result<(), Failed> {
    const CHECK: &str = "
import json, sys, jsonschema
for schema, documents, slip in json.load(sys.stdin):
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name, document in documents:
        for error in validator.iter_errors(document):
            sys.exit(f'{name}: {list(error.absolute_path)}: {error.message[:500]}')
    assert not validator.is_valid(slip), slip
    print(len(documents))
";
    let mut given = Vec::new();
    for (format, documents) in written()? {
        let documents: Vec<Value> =
            documents.iter().map(|document| json!([document.file, document.root.to_json()])).collect();
        given.push(json!([schema(format)?, documents, { format: "a", "nonsense": 1 }]));
    }
    let mut command = Command::new(python);
    command.args(["-c", CHECK]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(serde_json::to_string(&given)?.as_bytes())?;
    }
    let ended = child.wait_with_output()?;
    if ended.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ended.stderr).into_owned().into()) }
}

/// The command that a line of the help begins with; a line that goes on with a description has none.
fn command_of(line: &str) -> Option<&str> {
    line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split_whitespace().next()
}

fn completions() -> Result<(), Failed> {
    let help = success(&mut affluent(&["--help"]))?;
    let (_, listed) = help.split_once("Commands:\n").ok_or("no commands in the help")?;
    let commands: Vec<&str> = listed.lines().take_while(|line| !line.is_empty()).filter_map(command_of).collect();
    has(&commands.join(" "), &["init check plan run", "maintain", "completions"])?;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = success(&mut affluent(&["completions", shell]))?;
        has(&script, &commands).map_err(|error| Failed::from(format!("{shell}: {error:?}")))?;
        has(&script, &["full-refresh"])?;
    }
    let bash = success(&mut affluent(&["completions", "bash"]))?;
    // The shell itself takes it, and completes by it.
    let script = format!(
        "{bash}\nCOMP_WORDS=(affluent qua); COMP_CWORD=1; _affluent affluent qua affluent; echo \"${{COMPREPLY[@]}}\""
    );
    let completed = output(Command::new("bash").args(["-c", &script]))?;
    expect("`affluent qua` and a tab", &String::from_utf8_lossy(&completed.stdout).trim(), &"quarantine")?;
    has(&fails(&mut affluent(&["completions", "csh"]), 2)?, &["bash", "zsh"])
}
