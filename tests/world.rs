//! A small world to extract from: a sandbox of its own, shop files, and a pipeline over all of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use affluent_sandbox::{Asked, Config, Edit, Fault, HUBSPOT_TOKEN, SALESFORCE_CLIENT_SECRET, Sandbox, Truth, start};
use libtest_mimic::Failed;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support;

/// The end of each month's event time, exclusive: the sandbox's own "now".
pub(crate) const AS_OF: [&str; 2] = ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"];

/// The sandbox serves until this is dropped.
pub(crate) struct World {
    sandbox: Sandbox,
    folder: TempDir,
    _runtime: Runtime,
}

impl World {
    /// A world of `customers` in month 0, and a pipeline over all of it.
    pub(crate) fn new(customers: u32) -> Result<Self, Failed> {
        Self::read_by(customers, include_str!("world/pipeline.yaml"))
    }

    /// The same with another pipeline, in which `{sandbox}` stands for the server's URL.
    pub(crate) fn read_by(customers: u32, pipeline: &str) -> Result<Self, Failed> {
        Self::of(Config { customers, seed: 7, ..Config::default() }, pipeline)
    }

    /// The same over a sandbox set up so.
    pub(crate) fn of(config: Config, pipeline: &str) -> Result<Self, Failed> {
        let runtime = Runtime::new()?;
        let sandbox = runtime.block_on(start(config))?;
        let folder = tempfile::tempdir()?;
        let pipeline = pipeline.replace("{sandbox}", &sandbox.base_url());
        std::fs::write(folder.path().join("pipeline.yaml"), pipeline)?;
        let world = Self { sandbox, folder, _runtime: runtime };
        world.sandbox.world().write_shop(&world.shop())?;
        Ok(world)
    }

    /// A place in the world's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the shop's files lie.
    pub(crate) fn shop(&self) -> PathBuf {
        self.path("shop")
    }

    /// What is true now.
    pub(crate) fn truth(&self) -> Truth {
        self.sandbox.world().truth()
    }

    /// Lets months pass.
    pub(crate) fn move_to(&self, month: u32) -> Result<(), Failed> {
        request(self.sandbox.addr, "POST", "/_month", &format!("{{\"month\": {month}}}"))?;
        self.sandbox.world().write_shop(&self.shop())?;
        Ok(())
    }

    /// Changes records by hand.
    pub(crate) fn edit(&self, edits: &[Edit]) -> Result<(), Failed> {
        request(self.sandbox.addr, "POST", "/_edits", &serde_json::to_string(edits)?)?;
        Ok(())
    }

    /// The records of an object as they stand.
    pub(crate) fn records(&self, system: &str, object: &str) -> Result<Vec<serde_json::Value>, Failed> {
        Ok(serde_json::from_str(&request(self.sandbox.addr, "GET", &format!("/_records/{system}/{object}"), "")?)?)
    }

    /// Sets what goes wrong from now on.
    pub(crate) fn faults(&self, faults: &[Fault]) -> Result<(), Failed> {
        request(self.sandbox.addr, "POST", "/_faults", &serde_json::to_string(faults)?)?;
        Ok(())
    }

    /// What the sandbox counted: requests by path, faults by kind.
    pub(crate) fn stats(&self) -> Result<serde_json::Value, Failed> {
        Ok(serde_json::from_str(&request(self.sandbox.addr, "GET", "/_stats", "")?)?)
    }

    /// What vendors' APIs were asked, where the sandbox keeps a journal.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.sandbox.asked()
    }

    /// How many answers the sandbox has begun to hold back.
    pub(crate) fn held(&self) -> Result<u64, Failed> {
        Ok(self.stats()?["faults"]["slow"].as_u64().unwrap_or(0))
    }

    /// `affluent run` of the world's pipeline into `lake`.
    pub(crate) fn run(&self, lake: &str, more: &[&str]) -> Command {
        let pipeline = self.path("pipeline.yaml").display().to_string();
        let mut command = support::affluent(&["run", &pipeline, "--lake", lake]);
        command.args(more);
        command.env("SANDBOX_HUBSPOT_TOKEN", HUBSPOT_TOKEN).env("SANDBOX_SALESFORCE_SECRET", SALESFORCE_CLIENT_SECRET);
        command
    }

    /// One run of a month, undisturbed; what it answers.
    pub(crate) fn load(&self, lake: &Path, month: usize) -> Result<serde_json::Value, Failed> {
        let id = format!("month-{month}");
        let lake = lake.display().to_string();
        let answer = support::success(&mut self.run(&lake, &["--run-id", &id, "--as-of", AS_OF[month], "--json"]))?;
        Ok(serde_json::from_str(&answer)?)
    }
}

/// One plain HTTP request; the body of an answer of success.
pub(crate) fn request(addr: SocketAddr, method: &str, path: &str, body: &str) -> Result<String, Failed> {
    let mut stream = TcpStream::connect(addr)?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let good = head.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
    if good { Ok(body.to_owned()) } else { Err(Failed::from(format!("{method} {path}: {answer}"))) }
}
