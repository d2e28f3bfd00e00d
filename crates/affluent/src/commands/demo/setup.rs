//! The demo's month and its plan: the embedded pipeline with the sandbox's addresses and credentials in it.

use std::path::{Path, PathBuf};

use affluent_engine::{Catalog, Lake, Plan, Session};
use affluent_sandbox::{HUBSPOT_TOKEN, SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET, Sandbox};
use affluent_spec::{OneOrMany, Secret, Setting};

use crate::failure::Failure;
use crate::pipeline;

const PIPELINE: &str = include_str!("../../../../../pipelines/demo.yaml");

/// The customers of a lake's demo runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) seed: u64,
    pub(super) customers: u32,
}

impl Series {
    /// The run of a month.
    pub(super) fn run_id(self, month: u32) -> String {
        format!("demo-{}-{}-month-{month}", self.seed, self.customers)
    }

    /// The flags that name it, nothing for the default one.
    pub(super) fn flags(self) -> String {
        let default = affluent_sandbox::Config::default();
        let customers = (self.customers != default.customers).then(|| format!(" --customers {}", self.customers));
        let seed = (self.seed != default.seed).then(|| format!(" --seed {}", self.seed));
        customers.into_iter().chain(seed).collect()
    }

    /// The series and month of a run, where it is one of the demo.
    fn parse(run_id: &str) -> Option<(Self, u32)> {
        let parts: Vec<&str> = run_id.split('-').collect();
        match parts[..] {
            ["demo", seed, customers, "month", month] => {
                Some((Self { seed: seed.parse().ok()?, customers: customers.parse().ok()? }, month.parse().ok()?))
            }
            _ => None,
        }
    }
}

/// The month to run: the number of those that this lake has seen the end of.
pub(super) async fn month(lake: &Lake, session: &Session, series: Series) -> Result<u32, Failure> {
    let history = affluent_engine::run::history(lake, session).await?;
    let runs: Vec<(Series, Option<u32>)> = history
        .iter()
        .filter(|run| run.pipeline == "demo")
        .filter_map(|run| {
            let (series, month) = Series::parse(&run.run_id)?;
            Some((series, (run.stage == "marts" && run.status == "ok").then_some(month)))
        })
        .collect();
    if let Some((other, _)) = runs.iter().find(|(found, _)| *found != series) {
        return Err(Failure::usage(format!(
            "{} holds the demo's {} customers of seed {}",
            lake.root(),
            other.customers,
            other.seed
        ))
        .hint(format!("go on with --customers {} --seed {}, or name another --lake", other.customers, other.seed)));
    }
    Ok(runs.iter().filter_map(|(_, month)| *month).max().map_or(0, |last| last + 1))
}

/// The demo's plan over this sandbox; its shop's files are written here.
pub(super) fn plan(lake: &Lake, sandbox: &Sandbox, series: Series) -> Result<Plan, Failure> {
    let folder = folder(lake, series);
    let shop = folder.join("shop");
    sandbox.world().write_shop(&shop)?;
    let secrets = folder.join("secrets");
    std::fs::create_dir_all(&secrets)?;
    let secret = |name: &str, value: &str| -> Result<Setting, Failure> {
        let path = secrets.join(name);
        std::fs::write(&path, value)?;
        Ok(Setting::Secret(Secret::File(path.display().to_string())))
    };
    let plain = |value: String| Setting::Plain(value.into());
    let mut plan =
        pipeline::resolve("pipelines/demo.yaml", PIPELINE, Catalog::builtin()?, &folder, Some(lake.url().as_str()))?;
    let url = sandbox.base_url();
    for source in &mut plan.sources {
        let given = match source.name.as_str() {
            "hubspot" => {
                vec![("base_url", plain(format!("{url}/hubspot"))), ("token", secret("hubspot_token", HUBSPOT_TOKEN)?)]
            }
            "salesforce" => vec![
                ("domain", plain(format!("{url}/salesforce"))),
                ("client_id", plain(SALESFORCE_CLIENT_ID.to_owned())),
                ("client_secret", secret("salesforce_secret", SALESFORCE_CLIENT_SECRET)?),
            ],
            _ => Vec::new(),
        };
        source.with.extend(given.into_iter().map(|(name, value)| (name.to_owned(), value)));
        for stream in &mut source.streams {
            let moved = stream.options.path.iter().map(|path| below(&shop, path)).collect();
            stream.options.path = OneOrMany(moved);
        }
    }
    Ok(plan)
}

/// The same file, in `shop`.
fn below(shop: &Path, path: &str) -> String {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    shop.join(name).display().to_string()
}

/// Where shop files and the sandbox's credentials lie: in the lake, or beside it where the lake is no folder.
fn folder(lake: &Lake, series: Series) -> PathBuf {
    match lake.url().to_file_path() {
        Ok(path) => path.join("_demo"),
        Err(()) => std::env::temp_dir().join(format!("affluent-demo-{}-{}", series.seed, series.customers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_tells_its_series_and_month() {
        let series = Series { seed: 7, customers: 500 };
        assert_eq!(Series::parse(&series.run_id(3)), Some((series, 3)));
        for other in ["demo", "demo-1-2", "2026-11-21", "demo-x-500-month-1", "demo-1-500-month-"] {
            assert_eq!(Series::parse(other), None, "{other}");
        }
    }

    #[test]
    fn files_keep_their_names_in_the_shop() {
        assert_eq!(below(Path::new("/s"), "../lake/_demo/shop/orders-*.csv.gz"), "/s/orders-*.csv.gz");
        assert_eq!(below(Path::new("/s"), "a.csv"), "/s/a.csv");
    }
}
