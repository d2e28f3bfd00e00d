//! What our manifests ask is valid for the vendor, by the word of others: parsers of its query language, its published `OpenAPI`,
//! its own client.
//!
//! The program loads twice from the sandbox, which keeps a journal; a judge in `vendors/` gives a verdict on each request. Each
//! judge is told wrong requests too, made of real ones by one change, and has to refuse them.

mod cases;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use affluent_sandbox::{
    Asked, BREVO_KEY, Config, DYNAMICS_CLIENT_SECRET, Edit, GA4_PRIVATE_KEY, MAILCHIMP_KEY, PIPEDRIVE_TOKEN,
    STRIPE_KEY, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN,
};
use libtest_mimic::{Failed, Trial};

use crate::support::{node, python, root, success, where_there};
use crate::world::{AS_OF, World};
use cases::{CASES, Case, Judge};

/// Three contacts that changed at one instant: with two records a page their ids stand in a query, quotes and all.
const QUOTED: [&str; 3] = [r#"003""#, r"003'O'Brien\", "003~"];
/// 2026-09-01T00:00:00Z.
const THEN: i64 = 1_788_220_800_000;

pub(crate) fn trials() -> Vec<Trial> {
    CASES.iter().map(trial).collect()
}

fn trial(case: &'static Case) -> Trial {
    let (judge, what) = match case.judge {
        Judge::Node(packages) => (node(packages), format!("node with {}", packages.join(" and "))),
        Judge::Python(package) => (python(&[package]).map(Command::new), format!("python3 with {package}")),
    };
    where_there(&format!("vendors::{}", case.vendor), judge, &what, move |judge| is_valid(case, judge))
}

fn is_valid(case: &Case, mut judge: Command) -> Result<(), Failed> {
    let world = world(case)?;
    let asked = loaded_twice(case, &world)?;
    let (right, wrong) = (right(case, &asked)?, wrong(case, &asked)?);
    let file = world.path("requests.json");
    std::fs::write(&file, serde_json::to_vec(&[&right[..], &wrong[..]].concat())?)?;
    judge.arg(root().join("tests/vendors").join(case.script)).args(case.arguments).arg(&file);
    let verdicts: Vec<Option<String>> = serde_json::from_str(&success(judge.env("PYTHONDONTWRITEBYTECODE", "1"))?)?;
    if verdicts.len() != right.len() + wrong.len() {
        return Err(format!("{} verdicts on {} requests", verdicts.len(), right.len() + wrong.len()).into());
    }
    let (of_right, of_wrong) = verdicts.split_at(right.len());
    for (request, verdict) in right.iter().zip(of_right) {
        if let Some(verdict) = verdict {
            return Err(
                format!("{} {}?{} {}\n{verdict}", request.method, request.path, request.query, request.body).into()
            );
        }
    }
    match case.wrong.iter().zip(of_wrong).find(|(_, verdict)| verdict.is_none()) {
        Some(((from, to), _)) => Err(format!("the judge takes `{to}` in the place of `{from}`").into()),
        None => Ok(()),
    }
}

/// A world of its own, whose manifest is ours but for smaller pages, so that there are next ones.
fn world(case: &Case) -> Result<World, Failed> {
    let config = Config { customers: 300, seed: 7, journal: true, ..Config::default() };
    let world = World::of(config, include_str!("vendors/pipeline.yaml"))?;
    let name = format!("{}.yaml", case.vendor);
    let mut manifest = std::fs::read_to_string(root().join("connectors").join(&name))?;
    for (ours, smaller) in case.smaller {
        if !manifest.contains(ours) {
            return Err(format!("`{ours}` is not in {name}").into());
        }
        manifest = manifest.replace(ours, smaller);
    }
    let mine = world.path("mine");
    std::fs::create_dir(&mine)?;
    std::fs::write(mine.join(name), manifest)?;
    if case.vendor == "salesforce" {
        world.edit(&QUOTED.map(|id| Edit {
            object: "Contact".into(),
            id: id.into(),
            at: THEN,
            set: [("LastName".into(), "O'Brien".into())].into(),
            delete: false,
        }))?;
    }
    Ok(world)
}

/// A first load and one a month later; the vendor's requests that are to be judged, each once.
fn loaded_twice(case: &Case, world: &World) -> Result<Vec<Asked>, Failed> {
    for (month, as_of) in (0..).zip(AS_OF) {
        if month > 0 {
            world.move_to(month)?;
        }
        load(world, &world.path("lake"), case.vendor, as_of)?;
    }
    let of_vendor = world.asked().into_iter().filter(|asked| asked.path.starts_with(&format!("/{}/", case.vendor)));
    let mut met = BTreeSet::new();
    let mut kept = Vec::new();
    for mut asked in of_vendor {
        if asked.status >= 400 {
            return Err(format!("the sandbox refuses {} {}?{}", asked.method, asked.path, asked.query).into());
        }
        if case.passed_over.iter().any(|end| asked.path.ends_with(end)) {
            continue;
        }
        let Some(path) = asked.path.strip_prefix(case.base).map(str::to_owned) else {
            return Err(format!("{} is not below {}", asked.path, case.base).into());
        };
        asked.path = path;
        if met.insert((asked.method.clone(), asked.path.clone(), asked.query.clone(), asked.body.clone())) {
            kept.push(asked);
        }
    }
    Ok(kept)
}

fn load(world: &World, lake: &Path, vendor: &str, as_of: &str) -> Result<(), Failed> {
    let streams = format!("{vendor}.*");
    let lake = lake.display().to_string();
    let mut run = world.run(&lake, &["--stage", "extract", "--select", &streams, "--as-of", as_of, "--run-id", as_of]);
    run.env("SANDBOX_ZOHO_SECRET", ZOHO_CLIENT_SECRET).env("SANDBOX_ZOHO_REFRESH_TOKEN", ZOHO_REFRESH_TOKEN);
    run.env("SANDBOX_DYNAMICS_SECRET", DYNAMICS_CLIENT_SECRET).env("SANDBOX_PIPEDRIVE_TOKEN", PIPEDRIVE_TOKEN);
    run.env("SANDBOX_STRIPE_KEY", STRIPE_KEY).env("SANDBOX_MAILCHIMP_KEY", MAILCHIMP_KEY);
    run.env("SANDBOX_BREVO_KEY", BREVO_KEY);
    success(run.env("SANDBOX_GA4_KEY", GA4_PRIVATE_KEY)).map(drop)
}

/// The requests as they were made; among them must be what the case is about.
fn right(case: &Case, asked: &[Asked]) -> Result<Vec<Asked>, Failed> {
    for part in case.met {
        if !asked.iter().any(|one| one.query.contains(part) || one.body.contains(part)) {
            return Err(format!("none of {} requests has `{part}`", asked.len()).into());
        }
    }
    Ok(asked.to_vec())
}

/// For each change of the case the first request that it can be made to, changed.
fn wrong(case: &Case, asked: &[Asked]) -> Result<Vec<Asked>, Failed> {
    let change = |(from, to): &(&str, &str)| {
        asked
            .iter()
            .find_map(|one| {
                let changed = Asked {
                    path: one.path.replace(from, to),
                    query: one.query.replace(from, to),
                    body: one.body.replace(from, to),
                    headers: one.headers.iter().map(|(name, value)| (name.replace(from, to), value.clone())).collect(),
                    ..one.clone()
                };
                (changed != *one).then_some(changed)
            })
            .ok_or_else(|| Failed::from(format!("no request has `{from}`")))
    };
    case.wrong.iter().map(change).collect()
}
