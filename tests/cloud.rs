//! The whole line on object stores, compared with the same on disk; files read from there; and what is said where it cannot be.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use affluent_connect::store::open;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use deltalake::logstore::object_store::ObjectStoreExt;
use deltalake::parquet::arrow::ArrowWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

use crate::lakes;
use crate::servers::{self, Store};
use crate::support;
use crate::world::{AS_OF, World};

pub(crate) fn trials() -> Vec<Trial> {
    let moto = || support::python(&["moto", "flask"]);
    let (needs, azurite) = ("python3 with moto[server]", "azurite-blob of npm's azurite");
    vec![
        support::where_there("cloud::the_line_on_s3", moto(), needs, |python| the_line(&servers::s3(&python)?)),
        support::where_there("cloud::the_line_on_azure", support::azurite(), azurite, |azurite| {
            the_line(&servers::azure(&azurite)?)
        }),
        support::where_there("cloud::files_read_from_s3", moto(), needs, |python| files(&servers::s3(&python)?)),
        support::where_there("cloud::thousands_of_files_each_once", moto(), needs, |python| {
            many(&servers::s3(&python)?)
        }),
        support::where_there("cloud::s3_refusals_are_told", moto(), needs, |python| refusals(&servers::s3(&python)?)),
        support::where_there("cloud::azure_refusals_are_told", support::azurite(), azurite, |azurite| {
            refusals(&servers::azure(&azurite)?)
        }),
        support::where_there("cloud::files_of_all_forms_from_s3", moto(), needs, |python| {
            forms(&servers::s3(&python)?, &FORMS)
        }),
        support::where_there("cloud::a_file_from_azure", support::azurite(), azurite, |azurite| {
            forms(&servers::azure(&azurite)?, &FORMS[..1])
        }),
    ]
}

fn the_line(store: &Store) -> Result<(), Failed> {
    let world = World::new(120)?;
    let disk = world.path("disk");
    world.load(&disk, 0)?;
    let url = format!("{}/crm/lake", store.root);
    let run = || {
        let mut run = world.run(&url, &["--run-id", "month-0", "--as-of", AS_OF[0], "--json"]);
        store.enter(&mut run);
        run
    };
    support::success(&mut run())?;
    let copied = |name: &str| -> Result<_, Failed> {
        let folder = world.path(name);
        lakes::copy(&url, &store.options, &folder)?;
        Ok(folder)
    };
    let first = copied("first")?;
    lakes::same(&lakes::read(&disk)?, &lakes::read(&first)?)?;
    support::success(&mut run())?;
    let second = copied("second")?;
    if lakes::versions(&first)? != lakes::versions(&second)? {
        return Err(Failed::from("the same run wrote again"));
    }
    let mut sql =
        support::affluent(&["sql", "select count(*) as people from gold.rfm", "--lake", &url, "--format", "csv"]);
    let told = support::success(store.enter(&mut sql))?;
    let people = lakes::read(&disk)?["gold/rfm"].len();
    if told.lines().eq(["people".to_owned(), people.to_string()]) {
        Ok(())
    } else {
        Err(Failed::from(format!("{people} people, told: {told}")))
    }
}

fn put(store: &Store, path: &str, body: &str) -> Result<(), Failed> {
    crate::world::request(store.addr(), "PUT", path, body).map(drop)
}

/// Puts an object in its owner's name.
fn put_again(store: &Store, url: &str, body: Vec<u8>) -> Result<(), Failed> {
    let opened = open(url, &store.options)?;
    Runtime::new()?.block_on(async { opened.store.put(&opened.path, body.into()).await })?;
    Ok(())
}

fn files(store: &Store) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    put(store, "/acme-lake/in/orders-1.csv", "order_id,amount\na,1.50\nb,2.50\n")?;
    put(store, "/acme-lake/in/orders-2.csv", "order_id,amount\nc,3.50\nd,134;137\n")?;
    let lake = folder.path().join("lake");
    extract(store, folder.path(), "s3://acme-lake/in/orders-*.csv", &lake.display().to_string())?;
    put(store, "/acme-lake/in/orders-3.csv", "order_id,amount\ne,5.50\n")?;
    extract(store, folder.path(), "s3://acme-lake/in/orders-*.csv", &lake.display().to_string())?;
    let rows = lakes::read(&lake)?;
    let (orders, refused) = (&rows["bronze/shop_orders"], &rows["_affluent/quarantine"]);
    let ids: Vec<_> = orders.iter().filter_map(|row| row.split("|order_id=").nth(1)).collect();
    if orders.len() != 4 || refused.len() != 1 {
        return Err(Failed::from(format!("4 good rows and 1 bad one, found {ids:?} and {refused:?}")));
    }
    Ok(())
}

/// The names of files that hold the same orders, each in its own form.
const FORMS: [&str; 4] = ["orders.csv.gz", "orders.csv", "orders.csv.zst", "orders.parquet"];

/// Orders as the bytes of a file of that name.
fn written(name: &str) -> Result<Vec<u8>, Failed> {
    const ORDERS: [(&str, &str); 3] = [("a", "1.50"), ("b", "2.50"), ("c", "-3.25")];
    let lines = ORDERS.iter().map(|(id, amount)| format!("{id},{amount}\n"));
    let csv = std::iter::once("order_id,amount\n".to_owned()).chain(lines).collect::<String>().into_bytes();
    Ok(match name.rsplit('.').next() {
        Some("csv") => csv,
        Some("gz") => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&csv)?;
            encoder.finish()?
        }
        Some("zst") => zstd::encode_all(&csv[..], 3)?,
        _ => {
            let ids: ArrayRef = Arc::new(StringArray::from_iter_values(ORDERS.map(|(id, _)| id)));
            let amounts: ArrayRef = Arc::new(StringArray::from_iter_values(ORDERS.map(|(_, amount)| amount)));
            let amounts = cast(&amounts, &DataType::Decimal128(12, 2))?;
            let rows = RecordBatch::try_from_iter([("order_id", ids), ("amount", amounts)])?;
            let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None)?;
            writer.write(&rows)?;
            writer.into_inner()?
        }
    })
}

/// A file of each form is read from a store into the rows that it gives when it is read from disk, once.
fn forms(store: &Store, names: &[&str]) -> Result<(), Failed> {
    for name in names {
        let folder = tempfile::tempdir()?;
        let lake = |name: &str| folder.path().join(name);
        std::fs::write(folder.path().join(name), written(name)?)?;
        put_again(store, &format!("{}/forms/{name}", store.root), written(name)?)?;
        extract(store, folder.path(), name, &lake("disk").display().to_string())?;
        let there = format!("{}/forms/{name}", store.root);
        for _ in 0..2 {
            extract(store, folder.path(), &there, &lake("store").display().to_string())?;
        }
        let rows = |name: &str| lakes::read_without(&lake(name), &["_file", "_hash"]);
        let (disk, found) = (rows("disk")?, rows("store")?);
        lakes::same(&disk, &found)?;
        let ids: Vec<_> = found["bronze/shop_orders"].iter().map(|row| row.split('|').collect::<Vec<_>>()).collect();
        let holds = |at: usize, cell: &str| ids.get(at).is_some_and(|row| row.contains(&cell));
        if ids.len() != 3 || !holds(0, "amount=1.50") || !holds(1, "order_id=b") || !holds(2, "amount=-3.25") {
            return Err(Failed::from(format!("{there}: {ids:?}")));
        }
    }
    Ok(())
}

/// More objects than a store lists at a time, loaded once each: one put again as it was is known, a changed one is told.
fn many(store: &Store) -> Result<(), Failed> {
    const FILES: usize = 2_300;
    let body = |number: usize| format!("order_id,amount\n{number:04},1.50\n");
    std::thread::scope(|scope| {
        let shares = (0..8).map(|share| {
            scope.spawn(move || {
                (share..FILES).step_by(8).try_for_each(|number| {
                    put(store, &format!("/acme-lake/many/orders-{number:04}.csv"), &body(number))
                })
            })
        });
        let shares: Vec<_> = shares.collect();
        shares.into_iter().try_for_each(|share| share.join().map_err(|_| Failed::from("a thread broke off"))?)
    })?;
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake").display().to_string();
    let files = "s3://acme-lake/many/orders-*.csv";
    let count = || -> Result<usize, Failed> { Ok(lakes::read(Path::new(&lake))?["bronze/shop_orders"].len()) };
    extract(store, folder.path(), files, &lake)?;
    let first = count()?;
    // What is there already only its owner may replace.
    put_again(store, "s3://acme-lake/many/orders-0007.csv", body(7).into_bytes())?;
    put(store, &format!("/acme-lake/many/orders-{FILES}.csv"), &body(FILES))?;
    extract(store, folder.path(), files, &lake)?;
    let second = count()?;
    put_again(store, "s3://acme-lake/many/orders-0007.csv", body(8).into_bytes())?;
    let output = support::output(store.enter(&mut extract_command(folder.path(), files, &lake)?))?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let changed =
        output.status.code() == Some(1) && told.contains("orders-0007.csv: the file was changed after it was loaded");
    if (first, second, count()?) == (FILES, FILES + 1, FILES + 1) && changed {
        Ok(())
    } else {
        Err(Failed::from(format!("{first} rows, then {second}; of the change was told:\n{told}")))
    }
}

fn pipeline(folder: &Path, files: &str) -> Result<String, Failed> {
    let path = folder.join("pipeline.yaml");
    std::fs::write(&path, include_str!("cloud/files.yaml").replace("{files}", files))?;
    Ok(path.display().to_string())
}

fn extract_command(folder: &Path, files: &str, lake: &str) -> Result<Command, Failed> {
    Ok(support::affluent(&["run", &pipeline(folder, files)?, "--lake", lake, "--stage", "extract"]))
}

fn extract(store: &Store, folder: &Path, files: &str, lake: &str) -> Result<(), Failed> {
    support::success(store.enter(&mut extract_command(folder, files, lake)?)).map(drop)
}

/// What is asked of the store, what it must say, and the exit code.
fn refusals(store: &Store) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let local = folder.path().join("lake").display().to_string();
    std::fs::write(folder.path().join("orders.csv"), "order_id,amount\na,1.50\n")?;
    let scheme = store.root.split("://").next().unwrap_or_default();
    let nowhere = format!("{scheme}://no-such-bucket");
    let (lake, files, none) =
        (format!("{nowhere}/lake"), format!("{nowhere}/orders-*.csv"), format!("{}/none.csv", store.root));
    let cases = [
        ("a lake in no bucket", "orders.csv", lake.as_str(), 1, "no-such-bucket", "there is no such bucket"),
        ("files in no bucket", &files, &local, 1, "no-such-bucket", "there is no such bucket"),
        ("a file that is not there", &none, &local, 1, "none.csv", "is not there"),
    ];
    let mut wrong = Vec::new();
    for (what, files, lake, code, place, says) in cases {
        let output = support::output(store.enter(&mut extract_command(folder.path(), files, lake)?))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(code)
            || !stderr.contains(place)
            || !stderr.contains(says)
            || stderr.contains("panicked")
        {
            wrong.push(format!("{what}: {} instead of {code}, `{place}` and `{says}`:\n{stderr}", output.status));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failed::from(wrong.join("\n"))) }
}
