//! Rows a second from file to Arrow pages: 1 M orders of six columns as CSV, NDJSON and packed CSV.
//!
//! `cargo bench -p affluent-connect --bench decode`; the number of orders may be given as an argument.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run says why and ends")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use affluent_connect::files::{FileSource, FileStream};
use affluent_connect::{Source, Window};
use affluent_spec::ColumnType;
use futures::StreamExt;
use indexmap::IndexMap;

const COLUMNS: [(&str, &str); 6] = [
    ("order_id", "integer"),
    ("customer_id", "string"),
    ("ordered_at", "timestamp"),
    ("amount", "decimal(12,2)"),
    ("currency", "string"),
    ("channel", "string"),
];

fn main() {
    let orders: u64 = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder for the files");
    write(folder.path(), orders).expect("room for the files");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    for name in ["orders.csv", "orders.ndjson", "orders.csv.gz"] {
        let best =
            (0..3).map(|_| runtime.block_on(read(&folder.path().join(name), orders))).fold(f64::INFINITY, f64::min);
        println!("{name:15} {orders} rows  {best:.3} s  {:.0} rows/s", orders as f64 / best);
    }
}

fn write(folder: &Path, orders: u64) -> std::io::Result<()> {
    let (mut csv, mut ndjson) =
        (String::from("order_id,customer_id,ordered_at,amount,currency,channel\n"), String::new());
    for id in 0..orders {
        let (customer, cents) = (id * 7919 % 100_003, id * 104_729 % 50_000);
        let at = format!("2026-{:02}-{:02}T{:02}:{:02}:00Z", id % 12 + 1, id % 28 + 1, id % 24, id % 60);
        let channel = ["web", "shop", "phone"][(id % 3) as usize];
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let _ = writeln!(csv, "{id},C{customer:06},{at},{amount},EUR,{channel}");
        let _ = writeln!(
            ndjson,
            "{{\"order_id\":{id},\"customer_id\":\"C{customer:06}\",\"ordered_at\":\"{at}\",\"amount\":{amount},\"currency\":\"EUR\",\"channel\":\"{channel}\"}}"
        );
    }
    fs::write(folder.join("orders.csv"), &csv)?;
    fs::write(folder.join("orders.ndjson"), ndjson)?;
    let mut packed =
        flate2::write::GzEncoder::new(fs::File::create(folder.join("orders.csv.gz"))?, flate2::Compression::fast());
    packed.write_all(csv.as_bytes())?;
    packed.finish()?;
    Ok(())
}

async fn read(path: &Path, orders: u64) -> f64 {
    let columns: IndexMap<String, ColumnType> =
        COLUMNS.iter().map(|(name, ty)| ((*name).to_owned(), ty.parse().expect("a type"))).collect();
    let stream = FileStream {
        name: "orders".to_owned(),
        paths: vec![path.display().to_string()],
        columns: Some(columns),
        raw: Some(false),
        ..FileStream::default()
    };
    let source = FileSource::new("bench", vec![stream]);
    let begin = Instant::now();
    let mut pages = source.read("orders", Window::default());
    let mut rows = 0;
    while let Some(page) = pages.next().await {
        rows += page.expect("a page").rows.num_rows() as u64;
    }
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(rows, orders, "every order is read");
    seconds
}
