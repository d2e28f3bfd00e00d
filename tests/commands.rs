//! Every command as its user calls it, over one small lake: what it prints, how it ends, and what it leaves.

mod describe;
mod exits;
mod first_steps;
mod flags;
mod history;
mod maintain;
mod sql;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

use crate::lakes::{self, Rows};
use crate::support::{affluent, expect, success};

pub(crate) fn trials() -> Vec<Trial> {
    let rooms = [
        describe::trials(),
        exits::trials(),
        first_steps::trials(),
        flags::trials(),
        history::trials(),
        maintain::trials(),
        sql::trials(),
    ];
    rooms.into_iter().flatten().collect()
}

/// The end of event time of all runs that must build the same.
const AS_OF: &str = "2026-11-01";

/// Seven orders of four people, and in line 5 one whose amount is none.
const ORDERS: &str = "order_id,ordered_at,email,name,amount,channel
1,2026-08-01T08:00:00Z,ada@mail.fr,Ada Petit,40.00,web
2,2026-08-03T09:30:00Z,bob@mail.fr,Bob Roux,25.50,shop
3,2026-09-10T10:00:00Z,ada@mail.fr,Ada Petit,60.00,web
4,2026-09-11T10:00:00Z,cleo@mail.fr,Cleo Faure,12;5,shop
5,2026-09-20T18:45:00Z,cleo@mail.fr,Cleo Faure,80.00,web
6,2026-10-02T07:10:00Z,dan@mail.fr,Dan Leroy,15.00,shop
7,2026-10-20T12:00:00Z,bob@mail.fr,Bob Roux,33.00,web
8,2026-10-25T12:00:00Z,ada@mail.fr,Ada Petit,20.00,shop
";

/// Two more, one of somebody new.
const MORE: &str = "order_id,ordered_at,email,name,amount,channel
9,2026-10-28T12:00:00Z,eve@mail.fr,Eve Girard,99.00,web
10,2026-10-29T12:00:00Z,bob@mail.fr,Bob Roux,1.00,web
";

/// A folder with a pipeline over files of orders; its lake is made by the first load.
struct Shop {
    folder: TempDir,
}

impl Shop {
    /// Nothing loaded yet.
    fn new() -> Result<Self, Failed> {
        let shop = Self { folder: tempfile::tempdir()? };
        shop.write("pipeline.yaml", include_str!("commands/shop.yaml"))?;
        shop.write("orders-1.csv", ORDERS)?;
        Ok(shop)
    }

    /// Loaded once.
    fn loaded() -> Result<Self, Failed> {
        let shop = Self::new()?;
        shop.load(&[])?;
        Ok(shop)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failed> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, text)?)
    }

    /// Writes the pipeline with `from` replaced by `to`.
    fn change(&self, from: &str, to: &str) -> Result<(), Failed> {
        let text = std::fs::read_to_string(self.path("pipeline.yaml"))?;
        if !text.contains(from) {
            return Err(format!("`{from}` is not in the pipeline").into());
        }
        self.write("pipeline.yaml", &text.replace(from, to))
    }

    /// The program in this folder.
    fn call(&self, arguments: &[&str]) -> Command {
        let mut command = affluent(arguments);
        command.current_dir(self.folder.path()).env_remove("AFFLUENT_LAKE");
        command
    }

    /// `affluent run` of the whole line, or of what `more` says.
    fn run(&self, more: &[&str]) -> Command {
        self.call(&[&["run", "pipeline.yaml", "--as-of", AS_OF], more].concat())
    }

    /// The same, which must end well; what it answers.
    fn load(&self, more: &[&str]) -> Result<Value, Failed> {
        json(&mut self.run(&[&["--json", "-q"], more].concat()))
    }

    fn lake(&self) -> PathBuf {
        self.path("lake")
    }

    fn rows(&self) -> Result<Rows, Failed> {
        lakes::read(&self.lake())
    }

    /// Commits of each table but the run log.
    fn versions(&self) -> Result<BTreeMap<String, usize>, Failed> {
        let mut versions = lakes::versions(&self.lake())?;
        versions.remove(lakes::RUN_LOG);
        Ok(versions)
    }

    /// The rows of a query as CSV, without the header.
    fn ask(&self, query: &str) -> Result<String, Failed> {
        let text = success(&mut self.call(&["sql", query, "--format", "csv"]))?;
        Ok(text.lines().skip(1).collect::<Vec<_>>().join("\n"))
    }
}

/// What a command that must end well answers with `--json`.
fn json(command: &mut Command) -> Result<Value, Failed> {
    Ok(serde_json::from_str(&success(command)?)?)
}

/// Every file below `folder`, with its size and when it was written.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, (u64, SystemTime)>, Failed> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_dir() {
                left.push(entry.path());
            } else {
                found.insert(entry.path(), (about.len(), about.modified()?));
            }
        }
    }
    Ok(found)
}

/// `act` must leave every file of the shop as it was.
fn untouched<T>(shop: &Shop, what: &str, act: impl FnOnce() -> Result<T, Failed>) -> Result<T, Failed> {
    let before = files(shop.folder.path())?;
    let done = act()?;
    expect(what, &files(shop.folder.path())?, &before)?;
    Ok(done)
}
