//! Matching files by themselves, explaining pairs, and what a pipeline keeps of its matching from run to run.

use std::fmt::Write as _;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support::{affluent, output, success};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("matching::files_are_matched_measured_and_explained", files),
        Trial::test("matching::settings_written_are_settings_read", settings),
        Trial::test("matching::several_files_share_no_ids", several),
        Trial::test("matching::faults_are_told", faults),
        Trial::test("matching::a_pipeline_keeps_its_log_queue_and_report", pipeline),
    ]
}

fn need(holds: bool, what: impl Into<String>) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(Failed::from(what.into())) }
}

fn json(text: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_str(text.trim())?)
}

const FEBRL: &str = "examples/febrl/febrl3.csv";

/// A truth file of FEBRL 3: the person is the number in the id.
fn truth(folder: &Path) -> Result<String, Failed> {
    let text = std::fs::read_to_string(crate::support::root().join(FEBRL))?;
    let mut rows = "rec_id,truth\n".to_owned();
    for line in text.lines().skip(1) {
        let id = line.split(',').next().unwrap_or_default().trim();
        writeln!(rows, "{id},{}", id.split('-').nth(1).unwrap_or_default())?;
    }
    let path = folder.join("truth.csv");
    std::fs::write(&path, rows)?;
    Ok(path.display().to_string())
}

fn files() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("out.parquet").display().to_string();
    let truth = truth(folder.path())?;
    let found =
        success(&mut affluent(&["match", FEBRL, "--id", "rec_id", "--out", &out, "--evaluate", &truth, "--json"]))?;
    let found = json(&found)?;
    let quality = &found["quality"];
    need(quality["f1"].as_f64() > Some(0.995) && quality["b_cubed_f1"].as_f64() > Some(0.995), found.to_string())?;
    need(quality["blocking_recall"].as_f64() > Some(0.99), quality.to_string())?;
    need(quality["curve"].as_array().is_some_and(|curve| curve.len() > 5), quality.to_string())?;
    need(found["records"] == 5_000 && Path::new(&out).exists(), found.to_string())?;
    let report = success(&mut affluent(&["match", FEBRL, "--id", "rec_id", "--evaluate", &truth]))?;
    for part in ["5,000 records are", "soc_sec_id", "B-cubed", "blocking finds", "compared where equal"] {
        need(report.contains(part), format!("{part}: {report}"))?;
    }
    let html = folder.path().join("why.html").display().to_string();
    let pair = ["explain", "rec-552-org", "rec-552-dup-0", "--files", FEBRL, "--id", "rec_id", "--html", &html];
    let why = success(&mut affluent(&pair))?;
    need(why.contains("any two records") && why.contains("together") && why.contains('█'), why)?;
    need(std::fs::read_to_string(&html)?.contains("<svg"), "the page has no picture")
}

fn settings() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("match.yaml").display().to_string();
    let first = folder.path().join("first.csv").display().to_string();
    let second = folder.path().join("second.csv").display().to_string();
    success(&mut affluent(&["match", FEBRL, "--id", "rec_id", "--config", &config, "--out", &first]))?;
    let text = std::fs::read_to_string(&config)?;
    need(text.contains("kind: person_name") && text.contains("street: [street_number, address_1]"), text.clone())?;
    success(&mut affluent(&["match", FEBRL, "--config", &config, "--out", &second]))?;
    need(std::fs::read(&first)? == std::fs::read(&second)?, "the settings written give another result")?;
    std::fs::write(&config, text.replace("threshold: auto", "threshold: often"))?;
    let refused = output(&mut affluent(&["match", FEBRL, "--config", &config]))?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    need(refused.status.code() == Some(2) && told.contains("match.yaml") && told.contains("threshold"), told)
}

fn several() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| -> Result<String, Failed> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let mut crm = "id,first_name,last_name,email,born\n".to_owned();
    let mut shop = "id;prénom;nom;courriel\n".to_owned();
    let given = ["Anne", "Paul", "Zoé", "Hugo", "Lucie", "Karim", "Elsa", "Marc"];
    let family = ["Durand", "Petit", "Moreau", "Garnier", "Faure", "Kessler", "Nguyen"];
    for n in 0..40 {
        let (given, family) = (given[n % 8], family[n % 7]);
        writeln!(crm, "{n},{given},{family},{given}.{family}{n}@mail.fr,19{}-0{}-1{}", 50 + n, 1 + n % 9, n % 9)?;
        writeln!(shop, "{n};{};{family};{given}.{family}{n}@mail.fr", given.to_uppercase())?;
    }
    let (crm, shop) = (write("crm.csv", &crm)?, write("shop.csv", &shop)?);
    let out = folder.path().join("out.csv").display().to_string();
    let found = json(&success(&mut affluent(&["match", &crm, &shop, "--id", "id", "--out", &out, "--json"]))?)?;
    need(found["records"] == 80, found.to_string())?;
    let text = std::fs::read_to_string(&out)?;
    need(text.starts_with("id,file,entity_id,probability\n"), text.clone())?;
    let entity = |file: &str, id: &str| {
        let head = format!("{id},{file},");
        text.lines()
            .find_map(|line| line.strip_prefix(&head))
            .and_then(|rest| rest.split(',').next())
            .map(str::to_owned)
    };
    let together = (0..40).filter(|n| entity("crm", &n.to_string()) == entity("shop", &n.to_string())).count();
    need(together >= 38, format!("{together} of 40\n{text}"))
}

fn faults() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("people.csv");
    std::fs::write(&path, "id,first_name,last_name\n1,Anne,Durand\n1,Paul,Petit\n,Zoé,Moreau\n")?;
    let path = path.display().to_string();
    for (arguments, part) in [
        (vec!["match", &path], "--id"),
        (vec!["match", &path, "--id", "first_nam"], "first_name"),
        (vec!["match", &path, "--id", "id"], "stands twice"),
        (vec!["match", "nowhere.csv", "--id", "id"], "nowhere.csv"),
        (vec!["explain", "rec-0-org", "nobody", "--files", FEBRL, "--id", "rec_id"], "ids look like"),
    ] {
        let found = output(&mut affluent(&arguments))?;
        let told = String::from_utf8_lossy(&found.stderr).into_owned();
        let code = found.status.code();
        need(
            code.is_some_and(|code| code == 1 || code == 2) && told.contains(part),
            format!("{arguments:?} {code:?} {told}"),
        )?;
        need(told.contains("hint:") && !told.contains("panicked"), told)?;
    }
    Ok(())
}

/// Persons from one file that grows; names far enough apart that nobody is in doubt but two.
fn pipeline() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let row =
        |id: &str, given: &str, family: &str, mail: &str, born: &str| format!("{id},{given},{family},{mail},{born}\n");
    let mut people = "id,first_name,last_name,email,birth_on\n".to_owned();
    let given = ["Anne", "Paul", "Zoé", "Hugo", "Lucie", "Karim", "Elsa", "Marc", "Nadia", "Oscar", "Rose"];
    let family = ["Durand", "Petit", "Moreau", "Garnier", "Faure", "Kessler", "Nguyen", "Lopez", "Zimmer"];
    for n in 0..99_usize {
        let mail = format!("{}.{n}@mail.fr", family[n % 9].to_lowercase());
        let born = format!("19{}-{:02}-{:02}", 40 + n * 37 % 60, 1 + n * 5 % 12, 1 + n * 11 % 28);
        people += &row(&format!("a{n:02}"), given[n % 11], family[n % 9], &mail, &born);
        people += &row(&format!("b{n:02}"), given[n % 11], family[n % 9], &mail, if n % 3 == 0 { "" } else { &born });
    }
    people += &row("x1", "Victor", "Roussel", "", "1961-03-04");
    people += &row("x2", "Victor", "Roussel", "", "");
    std::fs::write(at("people.csv"), &people)?;
    std::fs::write(at("decisions.csv"), "left_record,right_record,decision\n")?;
    let yaml = "
pipeline: people
lake: ./lake
sources:
  crm:
    connector: files
    with: { path: people.csv }
    streams: { people: { key: [id] } }
silver:
  persons:
    from: crm.people
    map: { first_name: first_name, last_name: last_name, email: email, birth_on: birth_on }
    match: { decisions: decisions.csv }
";
    std::fs::write(at("pipeline.yaml"), yaml)?;
    let pipeline = at("pipeline.yaml");
    let lake = at("lake");
    let run = |id: &str| success(&mut affluent(&["run", &pipeline, "-q", "--run-id", id]));
    let ask = |query: &str| success(&mut affluent(&["sql", query, "--lake", &lake, "--format", "csv"]));
    run("one")?;
    let entity = |record: &str| -> Result<String, Failed> {
        let found =
            ask(&format!("select person_id from silver.person_records where record_id = 'crm.people:{record}'"))?;
        Ok(found.lines().nth(1).unwrap_or_default().to_owned())
    };
    let reports = ask("select entity, records, learned is not null as learned from _affluent.match_reports")?;
    need(reports.lines().nth(1) == Some("persons,200,true"), reports)?;
    let created = ask("select count(*) from silver.identity_log where event = 'created'")?;
    let persons = ask("select count(*) from silver.persons")?;
    need(created.lines().nth(1) == persons.lines().nth(1), format!("{created} {persons}"))?;
    need(
        ask("select left_record, right_record, decision from silver.review_queue")?
            .starts_with("left_record,right_record,decision"),
        "no queue",
    )?;
    let why = success(&mut affluent(&["explain", "crm.people:x1", "crm.people:x2", "--lake", &lake]))?;
    need(why.contains("victor") && why.contains("birth_on"), why)?;

    // What people decide holds in the next run, told in the log; the old id leads on to the new.
    let (first, second) = (entity("a01")?, entity("a02")?);
    need(first != second, "two people")?;
    std::fs::write(
        at("decisions.csv"),
        "left_record,right_record,decision\ncrm.people:a01,crm.people:a02,same\ncrm.people:a03,crm.people:b03,different\n",
    )?;
    run("two")?;
    need(entity("a01")? == entity("a02")? && entity("a03")? != entity("b03")?, "decisions are not followed")?;
    let merged = ask("select from_id, to_id from silver.identity_log where event = 'merged'")?;
    let (kept, gone) = if entity("a01")? == first { (&first, &second) } else { (&second, &first) };
    need(merged.lines().nth(1) == Some(format!("{gone},{kept}").as_str()), merged)?;
    need(
        ask("select count(*) from silver.identity_log where event = 'split'")?.lines().nth(1) == Some("1"),
        "no split",
    )?;
    // The same again says nothing new.
    let before = ask("select count(*) from silver.identity_log")?;
    run("three")?;
    need(ask("select count(*) from silver.identity_log")? == before, "the log grows without news")?;
    // A decision about nothing is a fault of the pipeline, with its place.
    std::fs::write(at("decisions.csv"), "left_record,right_record,decision\na,b,perhaps\n")?;
    let refused = output(&mut affluent(&["check", &pipeline]))?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    need(refused.status.code() == Some(2) && told.contains("decisions.csv:2") && told.contains("perhaps"), told)
}
