//! Bounded memory: a file ten times larger than the limit loads, is transformed and ends in the marts, and the process never
//! holds more than the limit and a fixed allowance. The limit is small unless `AFFLUENT_TEST_MEMORY_LIMIT` says another one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use crate::support;

/// The limit unless another is given, scaled down so that a development build is done in a minute.
const LIMIT: &str = "64MiB";
/// What the program may take beside that limit: its own pages, and what is on its way to files. About 160 MiB are measured.
const BESIDE: u64 = 192 * MIB;
/// What it may take beside another limit, with which more is on its way at a time.
const BESIDE_ANOTHER: u64 = 256 * MIB;
const MIB: u64 = 1024 * 1024;
/// Orders to a MiB of the limit, with which the file is more than ten times as large.
const ORDERS_PER_MIB: u64 = 12_500;
/// How often each customer buys.
const ORDERS_EACH: u64 = 20;

pub(crate) fn trials() -> Vec<Trial> {
    let status = Path::new("/proc/self/status").exists().then_some(());
    vec![support::where_there("memory::a_file_ten_times_the_limit", status, "/proc", |()| ten_times_the_limit())]
}

/// The limit as the command line takes it, its bytes, and those that the program may take.
fn limit() -> Result<(String, u64, u64), Failed> {
    let given = std::env::var("AFFLUENT_TEST_MEMORY_LIMIT").ok();
    let beside = if given.is_some() { BESIDE_ANOTHER } else { BESIDE };
    let text = given.unwrap_or_else(|| LIMIT.to_owned());
    let units = [("MiB", MIB), ("GiB", 1024 * MIB), ("MB", 1_000_000), ("GB", 1_000_000_000)];
    let bytes = units.iter().find_map(|(unit, bytes)| Some(text.strip_suffix(unit)?.parse::<u64>().ok()? * bytes));
    let bytes =
        bytes.ok_or_else(|| Failed::from(format!("AFFLUENT_TEST_MEMORY_LIMIT: `{text}` is no size as in 512MB")))?;
    Ok((text, bytes, bytes + beside))
}

fn ten_times_the_limit() -> Result<(), Failed> {
    let (words, limit, allowed) = limit()?;
    let customers = limit.div_ceil(MIB) * ORDERS_PER_MIB / ORDERS_EACH;
    let orders = customers * ORDERS_EACH;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("orders.csv");
    write_orders(&file, orders, customers)?;
    let bytes = file.metadata()?.len();
    if bytes < 10 * limit {
        return Err(Failed::from(format!("the file has only {bytes} bytes")));
    }
    let pipeline = folder.path().join("pipeline.yaml");
    std::fs::write(&pipeline, include_str!("memory/pipeline.yaml"))?;
    let lake = folder.path().join("lake");
    let (pipeline, at) = (pipeline.display().to_string(), lake.display().to_string());
    let mut told = vec![format!("{bytes} bytes under {words}")];
    let mut broken = false;
    for stage in ["extract", "transform", "marts"] {
        let mut run = support::affluent(&["run", &pipeline, "--lake", &at, "--stage", stage, "--memory-limit", &words]);
        run.args(["--run-id", "one", "--as-of", "2026-01-01T00:00:00Z", "-q"]).env("TMPDIR", folder.path());
        let child = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let (peak, output) = peak(child)?;
        told.push(format!("{stage} {} MiB", peak / MIB));
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Failed::from(format!("{stage} ended with {}: {stderr}; peaks: {told:?}", output.status)));
        }
        broken |= peak > allowed;
    }
    eprintln!("memory: {}", told.join(", "));
    if broken {
        return Err(Failed::from(format!("more than {} MiB were taken: {}", allowed / MIB, told.join(", "))));
    }
    // Every row has come through, and each customer has as many orders as were written.
    let query = "select (select count(distinct order_id) from bronze.shop_orders) as ids, \
                 (select count(*) from bronze.shop_orders) as bronze, (select count(*) from silver.orders) as silver, \
                 (select count(*) from gold.rfm) as people, \
                 (select min(frequency) from gold.rfm) as least, (select max(frequency) from gold.rfm) as most";
    let mut sql = support::affluent(&["sql", query, "--lake", &at, "--format", "csv", "--memory-limit", &words]);
    let answer = support::success(sql.env("TMPDIR", folder.path()))?;
    let expected =
        [orders, orders, orders, customers, ORDERS_EACH, ORDERS_EACH].map(|count| count.to_string()).join(",");
    if answer.lines().nth(1) == Some(expected.as_str()) {
        Ok(())
    } else {
        Err(Failed::from(format!("{expected} expected, found: {answer}")))
    }
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
fn write_orders(path: &Path, orders: u64, customers: u64) -> Result<(), Failed> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "order_id,customer_id,ordered_on,amount,note")?;
    for order in 0..orders {
        let day = order * 7_919 % 1_080;
        let (year, month, date) = (2023 + day / 360, day % 360 / 30 + 1, day % 28 + 1);
        write!(
            file,
            "o{order},c{},{year}-{month:02}-{date:02},{}.{:02},",
            order % customers,
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
