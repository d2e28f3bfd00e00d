//! Bounded memory: a file ten times larger than the limit loads, is transformed and ends in the marts, and the process never
//! holds more than the limit and 256 MiB.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use crate::lakes;
use crate::support;

/// The limit, scaled down so that a development build is done in a minute; the file is ten times larger.
const LIMIT: u64 = 64 * 1024 * 1024;
const ALLOWED: u64 = LIMIT + 256 * 1024 * 1024;
const ORDERS: u64 = 800_000;
const CUSTOMERS: u64 = 40_000;

pub(crate) fn trials() -> Vec<Trial> {
    let status = Path::new("/proc/self/status").exists().then_some(());
    vec![support::where_there("memory::a_file_ten_times_the_limit", status, "/proc", |()| ten_times_the_limit())]
}

fn ten_times_the_limit() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("orders.csv");
    write_orders(&file)?;
    let bytes = file.metadata()?.len();
    if bytes < 10 * LIMIT {
        return Err(Failed::from(format!("the file has only {bytes} bytes")));
    }
    let pipeline = folder.path().join("pipeline.yaml");
    std::fs::write(&pipeline, include_str!("memory/pipeline.yaml"))?;
    let lake = folder.path().join("lake");
    let (pipeline, at) = (pipeline.display().to_string(), lake.display().to_string());
    let mut told = Vec::new();
    let mut broken = false;
    for stage in ["extract", "transform", "marts"] {
        let mut run =
            support::affluent(&["run", &pipeline, "--lake", &at, "--stage", stage, "--memory-limit", "64MiB"]);
        run.args(["--run-id", "one", "--as-of", "2026-01-01T00:00:00Z", "-q"]).env("TMPDIR", folder.path());
        let child = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let (peak, output) = peak(child)?;
        told.push(format!("{stage} {} MiB", peak / 1024 / 1024));
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Failed::from(format!("{stage} ended with {}: {stderr}; peaks: {told:?}", output.status)));
        }
        broken |= peak > ALLOWED;
    }
    if broken {
        return Err(Failed::from(format!("more than {} MiB were taken: {}", ALLOWED / 1024 / 1024, told.join(", "))));
    }
    let people = lakes::read(&lake)?["gold/rfm"].len() as u64;
    if people == CUSTOMERS { Ok(()) } else { Err(Failed::from(format!("{people} people of {CUSTOMERS}"))) }
}

/// The most memory that a process held at once, in bytes, and how it ended.
fn peak(mut child: Child) -> Result<(u64, std::process::Output), Failed> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        // A process that ends just now has no such line any more.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((peak, child.wait_with_output()?))
}

/// Orders with long notes, spread over three years, every customer with as many as any other.
fn write_orders(path: &Path) -> Result<(), Failed> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "order_id,customer_id,ordered_on,amount,note")?;
    for order in 0..ORDERS {
        let day = order * 7_919 % 1_080;
        let (year, month, date) = (2023 + day / 360, day % 360 / 30 + 1, day % 28 + 1);
        write!(
            file,
            "o{order},c{},{year}-{month:02}-{date:02},{}.{:02},",
            order % CUSTOMERS,
            order % 190,
            order % 100
        )?;
        for word in 0..50_u64 {
            write!(file, "{:016x} ", (order * 50 + word).wrapping_mul(0x9e37_79b9_7f4a_7c15))?;
        }
        writeln!(file)?;
    }
    file.flush()?;
    Ok(())
}
