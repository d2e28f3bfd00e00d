//! The file source from outside: cases in `files/*.json` (files, stream options, what comes out), and what a case cannot say.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use affluent_connect::files::{FileSource, FileStream};
use affluent_connect::{Cursor, Page, Source, SourceError, Window};
use affluent_spec::pipeline::StreamOptions;
use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use proptest::prelude::*;
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Name → content.
    files: BTreeMap<String, String>,
    stream: StreamOptions,
    /// Rows, each as its cells (null as ∅) with ` | ` between, without `_file`, `_hash` and `_deleted`.
    #[serde(default)]
    rows: Vec<String>,
    /// Refused records: position, column and reason with ` | ` between.
    #[serde(default)]
    rejected: Vec<String>,
    error: Option<String>,
    hint: Option<String>,
}

fn stream(folder: &Path, options: StreamOptions) -> FileStream {
    let paths: Vec<String> = options.path.iter().map(|path| folder.join(path).to_str().unwrap().to_owned()).collect();
    FileStream {
        name: "case".to_owned(),
        paths,
        format: options.format,
        dialect: options.dialect.unwrap_or_default(),
        columns: (!options.columns.is_empty()).then_some(options.columns),
        key: options.key.iter().cloned().collect(),
        timezone: options.timezone,
        raw: options.raw,
        contract: options.contract,
    }
}

fn options(json: serde_json::Value) -> StreamOptions {
    serde_json::from_value(json).unwrap()
}

async fn read(stream: FileStream, from: Option<Cursor>) -> (Vec<Page>, Option<SourceError>) {
    let source = FileSource::new("test", vec![stream]);
    let mut pages = Vec::new();
    let mut all = source.read("case", Window { from });
    while let Some(page) = all.next().await {
        match page {
            Ok(page) => pages.push(page),
            Err(error) => return (pages, Some(error)),
        }
    }
    (pages, None)
}

fn shown(batch: &RecordBatch) -> Vec<String> {
    let format = FormatOptions::new().with_null("∅");
    let schema = batch.schema();
    let kept: Vec<_> = (0..batch.num_columns())
        .filter(|at| !["_file", "_hash", "_deleted"].contains(&schema.field(*at).name().as_str()))
        .map(|at| ArrayFormatter::try_new(batch.column(at), &format).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| kept.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" | "))
        .collect()
}

fn rows(pages: &[Page]) -> Vec<String> {
    pages.iter().flat_map(|page| shown(&page.rows)).collect()
}

fn last_cursor(pages: &[Page]) -> Option<Cursor> {
    pages.iter().rev().find_map(|page| page.cursor.clone())
}

#[tokio::test]
async fn cases() {
    let mut count = 0;
    let mut names: Vec<_> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    for name in names.iter().filter(|name| name.extension().is_some_and(|extension| extension == "json")) {
        let case: Case = serde_json::from_str(&fs::read_to_string(name).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", name.display()));
        let folder = TempDir::new().unwrap();
        let place = folder.path().to_str().unwrap().to_owned() + "/";
        for (file, content) in &case.files {
            fs::write(folder.path().join(file), content).unwrap();
        }
        let (pages, error) = read(stream(folder.path(), case.stream), None).await;
        let relative = |text: &str| text.replace(&place, "");
        let label = name.file_stem().unwrap().display();
        assert_eq!(error.as_ref().map(|error| relative(&error.to_string())), case.error, "{label}: error");
        if let Some(hint) = &case.hint {
            assert_eq!(error.and_then(|error| error.hint().map(relative)).as_ref(), Some(hint), "{label}: hint");
        }
        assert_eq!(rows(&pages), case.rows, "{label}: rows");
        let rejected: Vec<String> = pages
            .iter()
            .flat_map(|page| &page.rejected)
            .map(|rejected| {
                format!(
                    "{} | {} | {}",
                    relative(&rejected.position),
                    rejected.column.as_deref().unwrap_or("∅"),
                    rejected.reason
                )
            })
            .collect();
        assert_eq!(rejected, case.rejected, "{label}: rejected");
        count += 1;
    }
    assert!(count >= 20, "{count} cases");
}

#[tokio::test]
async fn a_file_is_loaded_once_a_new_one_is_added_and_a_changed_one_is_told() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let orders =
        || stream(folder.path(), options(serde_json::json!({ "path": "o-*.csv", "columns": { "id": "integer" } })));
    fs::write(path("o-1.csv"), "id\n1\n2\n").unwrap();
    fs::write(path("o-2.csv"), "id\n3\n").unwrap();
    let (first, _) = read(orders(), None).await;
    assert_eq!((rows(&first).len(), first.len()), (3, 1), "small files share a page");
    let cursor = last_cursor(&first);

    let (second, error) = read(orders(), cursor.clone()).await;
    assert!(second.is_empty() && error.is_none(), "nothing new is an empty stream");

    fs::write(path("o-3.csv"), "id\n4\n").unwrap();
    fs::write(path("o-1.csv"), "id\n1\n2\n").unwrap();
    let (third, error) = read(orders(), cursor).await;
    assert_eq!((rows(&third), error), (vec!["4 | 1".to_owned()], None), "a file that is only touched is not changed");

    fs::write(path("o-1.csv"), "id\n1\n9\n").unwrap();
    let (_, error) = read(orders(), last_cursor(&third)).await;
    assert!(
        error.as_ref().is_some_and(|error| error.to_string().contains("was changed after it was loaded")),
        "{error:?}"
    );
    assert!(error.is_some_and(|error| error.hint().is_some_and(|hint| hint.contains("--full-refresh"))));
}

/// Types over files: those of a first load hold what all have, and stay what they are; a file that is loaded is not opened again.
#[tokio::test]
async fn types_hold_what_all_files_have_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let all = || stream(folder.path(), options(serde_json::json!({ "path": "*.ndjson", "raw": false })));
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("a.ndjson", "{\"amount\": 1, \"note\": null}\n");
    file("b.ndjson", "{\"amount\": 12.5, \"note\": true}\n");
    let (first, error) = read(all(), None).await;
    assert_eq!((rows(&first), error), (["1.0 | ∅ | 1", "12.5 | true | 1"].map(str::to_owned).to_vec(), None));
    let cursor = last_cursor(&first);
    // The first file is gone, and with it the only whole number: the type stays.
    fs::remove_file(folder.path().join("a.ndjson")).unwrap();
    let (none, error) = read(all(), cursor.clone()).await;
    assert_eq!((rows(&none), error), (vec![], None));
    file(
        "c.ndjson",
        "{\"amount\": 3, \"note\": \"text\", \"more\": 1}\n{\"amount\": 4, \"note\": false, \"more\": 2.5}\n",
    );
    let (third, error) = read(all(), cursor.clone()).await;
    assert_eq!((rows(&third), error), (vec!["4.0 | false | 2.5 | 2".to_owned()], None));
    assert_eq!(third[0].rejected.len(), 1);
    let source = FileSource::new("test", vec![all()]);
    let names = |schema: affluent_connect::StreamSchema| -> Vec<String> {
        schema.columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect()
    };
    let known = source.discover_from("case", last_cursor(&third).as_ref()).await.unwrap();
    assert_eq!(names(known), ["amount number", "note boolean", "more number"]);
}

/// A file that was only touched is hashed once more, and known by its new time from then on.
#[tokio::test]
async fn a_touched_file_is_known_by_its_new_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "id\n1\n").unwrap();
    let all = || stream(folder.path(), options(serde_json::json!({ "path": "*.csv" })));
    let (first, _) = read(all(), None).await;
    let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
    fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let (touched, error) = read(all(), last_cursor(&first)).await;
    assert_eq!((rows(&touched), error), (vec![], None));
    let cursor = last_cursor(&touched);
    assert_ne!(cursor, last_cursor(&first));
    assert!(cursor.is_some());
    assert!(read(all(), cursor).await.0.is_empty(), "nothing is to be told");
}

#[tokio::test]
async fn a_gzip_that_breaks_off_fails_and_what_was_whole_before_it_stays() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.csv"), "id\n1\n").unwrap();
    let text: String = std::iter::once("id\n".to_owned()).chain((0..50_000).map(|id| format!("{id}\n"))).collect();
    let packed = gzip(text.as_bytes());
    fs::write(folder.path().join("b.csv.gz"), &packed[..packed.len() / 2]).unwrap();
    let both = stream(
        folder.path(),
        options(serde_json::json!({ "path": ["a.csv", "b.csv.gz"], "columns": { "id": "integer" } })),
    );
    let (pages, error) = read(both, None).await;
    let message = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("b.csv.gz: the gzip data breaks off after record "), "{message}");
    let cursor = last_cursor(&pages).unwrap().0;
    assert_eq!(cursor["files"].as_object().unwrap().len(), 1, "only the whole file is in the cursor");
    assert_eq!(shown(&pages[0].rows), ["1 | 1"]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn packed_and_encoded_files_give_the_same_rows() {
    let folder = TempDir::new().unwrap();
    let text = "id,name\n1,René\n2,Zoë\n";
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let members = [gzip(&text.as_bytes()[..10]), gzip(&text.as_bytes()[10..])].concat();
    for (name, bytes, encoding) in [
        ("plain.csv", text.as_bytes().to_vec(), "utf-8"),
        ("mark.csv", ["\u{feff}", text].concat().into_bytes(), "utf-8"),
        ("members.csv.gz", members, "utf-8"),
        ("packed.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap(), "utf-8"),
        ("latin.csv", latin.to_vec(), "windows-1252"),
        ("latin.csv.gz", gzip(&latin), "iso-8859-1"),
        ("wide.csv", utf16, "utf-8"),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        let one = options(serde_json::json!({ "path": name, "dialect": { "encoding": encoding } }));
        let (pages, error) = read(stream(folder.path(), one), None).await;
        assert_eq!((rows(&pages), error), (vec!["1 | René | 1".to_owned(), "2 | Zoë | 2".to_owned()], None), "{name}");
    }
    fs::write(folder.path().join("not.csv.gz"), text).unwrap();
    let (_, error) = read(stream(folder.path(), options(serde_json::json!({ "path": "not.csv.gz" }))), None).await;
    assert!(error.is_some_and(|error| error.to_string().contains("is not gzip data, as its name says")));
}

#[tokio::test]
async fn bytes_that_are_no_utf8_refuse_their_row_only() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("x.csv"), b"id,name\n1,Ren\xe9\n2,Zo\n").unwrap();
    let (pages, error) = read(stream(folder.path(), options(serde_json::json!({ "path": "x.csv" }))), None).await;
    assert_eq!((rows(&pages), error), (vec!["2 | Zo | 2".to_owned()], None));
    let rejected = &pages[0].rejected[0];
    assert!(rejected.position.ends_with("x.csv:2"), "{}", rejected.position);
    assert!(
        rejected.reason.starts_with("is not valid UTF-8 at byte 4") && rejected.reason.contains("windows-1252"),
        "{}",
        rejected.reason
    );
}

#[tokio::test]
async fn a_large_field_is_taken_and_a_huge_one_refused() {
    let folder = TempDir::new().unwrap();
    let (large, huge) = ("x".repeat(2 << 20), "y".repeat(17 << 20));
    fs::write(folder.path().join("x.csv"), format!("id,name\n1,{large}\n2,\"{huge}\"\n3,c\n")).unwrap();
    fs::write(
        folder.path().join("x.ndjson"),
        format!("{{\"name\":\"{large}\"}}\n{{\"name\":\"{huge}\"}}\n{{\"name\":\"c\"}}\n"),
    )
    .unwrap();
    fs::write(
        folder.path().join("x.json"),
        format!("[{{\"name\":\"{large}\"}},{{\"name\":\"{huge}\"}},{{\"name\":\"c\"}}]"),
    )
    .unwrap();
    for name in ["x.csv", "x.ndjson", "x.json"] {
        let one = options(serde_json::json!({ "path": name, "columns": { "name": "string" } }));
        let (pages, error) = read(stream(folder.path(), one), None).await;
        let lengths: Vec<usize> = rows(&pages).iter().map(|row| row.split(" | ").next().unwrap().len()).collect();
        assert_eq!((lengths, error), (vec![2 << 20, 1], None), "{name}");
        let rejected: Vec<&str> =
            pages.iter().flat_map(|page| &page.rejected).map(|rejected| rejected.reason.as_str()).collect();
        assert_eq!(rejected, ["is longer than 16 MiB"], "{name}");
    }
}

/// Records as they stand in a file, and what is in their second cell.
const NOTES: [(&str, &str); 5] = [
    ("plain", "plain"),
    ("\"two\nlines\"", "two\nlines"),
    ("5\" nail", "5\" nail"),
    ("\"say \"\"x\"\" \n\"\"\"", "say \"x\" \n\""),
    ("\"\"", ""),
];

#[tokio::test]
async fn long_files_are_cut_where_records_end() {
    let folder = TempDir::new().unwrap();
    for (name, kinds) in [
        ("simple", vec![0]),
        ("quoted", vec![0, 1, 3, 4]),
        // A quote inside of a cell looks like one that opens: what is cut by it is read again.
        ("stray", vec![1, 2, 3]),
        ("one stray", vec![1; 200_001].into_iter().chain([2]).collect()),
    ] {
        let padding = "x".repeat(30);
        let mut text = String::from("id,note,padding\n");
        let mut expected = Vec::new();
        let mut line = 2;
        for id in 0..300_000 {
            let (written, note) = NOTES[kinds[id % kinds.len()]];
            text.extend([&id.to_string(), ",", written, ",", &padding, "\n"]);
            line += 1 + written.matches('\n').count();
            expected.push(format!("{id} | {note} | {}", id + 1));
        }
        text.push_str("no record\n1,2,3\n");
        expected.push("1 | 2 | 300002".to_owned());
        assert!(text.len() > 12 << 20, "several blocks");
        fs::write(folder.path().join("x.csv"), text).unwrap();
        let one = options(serde_json::json!({ "path": "x.csv", "columns": { "id": "integer", "note": "string" } }));
        let (pages, error) = read(stream(folder.path(), one), None).await;
        assert_eq!(error, None, "{name}");
        let found = rows(&pages);
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!((found.len(), differs), (expected.len(), None), "{name}");
        let rejected: Vec<_> = pages.iter().flat_map(|page| &page.rejected).collect();
        assert_eq!(rejected.len(), 1, "{name}");
        assert!(rejected[0].position.ends_with(&format!("x.csv:{line}")), "{name}: {} {line}", rejected[0].position);
    }
}

#[tokio::test]
async fn a_quote_never_closed_is_told_where_it_opens() {
    let folder = TempDir::new().unwrap();
    let lines: String = (0..900_000).map(|id| format!("{id},note\n")).collect();
    fs::write(folder.path().join("x.csv"), format!("id,note\n{lines}7,\"open\n{lines}")).unwrap();
    let (_, error) = read(stream(folder.path(), options(serde_json::json!({ "path": "x.csv" }))), None).await;
    let error = error.unwrap().to_string();
    assert!(error.contains("a quote opened in the record of line 900002 is never closed"), "{error}");
}

#[tokio::test]
async fn a_read_that_goes_on_inside_a_file_gives_the_rest_and_no_more() {
    let folder = TempDir::new().unwrap();
    let total = 1_300_000;
    let text: String = std::iter::once("id\n".to_owned()).chain((0..total).map(|id| format!("{id}\n"))).collect();
    fs::write(folder.path().join("x.csv"), text).unwrap();
    let one = || stream(folder.path(), options(serde_json::json!({ "path": "x.csv", "columns": { "id": "integer" } })));
    let (pages, error) = read(one(), None).await;
    assert_eq!(error, None);
    let middle = pages.iter().position(|page| page.cursor.is_some()).unwrap();
    let before: usize = pages[..=middle].iter().map(|page| page.rows.num_rows()).sum();
    assert!(middle + 1 < pages.len() && before < total, "a slice closes inside the file");
    let (rest, _) = read(one(), pages[middle].cursor.clone()).await;
    assert_eq!(rest.iter().map(|page| page.rows.num_rows()).sum::<usize>(), total - before);
    assert_eq!(shown(&rest[0].rows)[0], format!("{before} | {}", before + 1));
    assert_eq!(last_cursor(&rest), last_cursor(&pages), "both come to the same state");
}

#[tokio::test]
async fn parquet_keeps_its_types_or_takes_the_declared_ones() {
    use arrow::array::{ArrayRef, Float64Array, Int32Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;
    let folder = TempDir::new().unwrap();
    let columns: [(&str, ArrayRef); 4] = [
        ("Id", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("amount", Arc::new(StringArray::from(vec![Some("1.50"), Some("134;137"), None]))),
        ("rate", Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5]))),
        (
            "tags",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
                Some(vec![Some(1), None]),
                None,
                Some(vec![]),
            ])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(folder.path().join("x.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let (pages, error) = read(stream(folder.path(), options(serde_json::json!({ "path": "x.parquet" }))), None).await;
    assert_eq!(error, None);
    assert_eq!(rows(&pages), ["1 | 1.50 | 0.5 | [1,null] | 1", "2 | 134;137 | 1.5 | ∅ | 2", "3 | ∅ | 2.5 | [] | 3"]);

    let declared = serde_json::json!({ "path": "x.parquet", "columns": { "id": "integer", "amount": "decimal(6,2)", "rate": "decimal(4,1)" } });
    let (pages, error) = read(stream(folder.path(), options(declared)), None).await;
    assert_eq!(error, None);
    assert_eq!(rows(&pages), ["1 | 1.50 | 0.5 | 1", "3 | ∅ | 2.5 | 3"]);
    let rejected = &pages[0].rejected[0];
    assert_eq!(
        (rejected.column.as_deref(), rejected.reason.as_str()),
        (Some("amount"), "`134;137` is not a decimal(6,2)")
    );
    assert!(rejected.raw.contains("\"amount\":\"134;137\""), "{}", rejected.raw);

    let whole = fs::read(folder.path().join("x.parquet")).unwrap();
    fs::write(folder.path().join("half.parquet"), &whole[..whole.len() / 2]).unwrap();
    let (_, error) = read(stream(folder.path(), options(serde_json::json!({ "path": "half.parquet" }))), None).await;
    assert!(error.is_some_and(|error| error.to_string().contains("is not a whole Parquet file")));
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("orders-2026.csv"), "id\n1\n").unwrap();
    for (path, message, hint) in [
        ("order-2026.csv", "there is no such file", "did you mean `orders-2026.csv`?"),
        ("o*.json", "no file matches", "orders-2026.csv"),
        (".", "is a folder, not a file", "*.csv"),
        ("none/x.csv", "there is no such file", "is not there either"),
        ("[.csv", "is not a glob", ""),
    ] {
        let (_, error) = read(stream(folder.path(), options(serde_json::json!({ "path": path }))), None).await;
        let error = error.unwrap_or_else(|| panic!("{path} is read"));
        assert!(error.to_string().contains(message), "{path}: {error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{path}: {:?}", error.hint());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn csv_reads_back_what_a_writer_wrote(table in prop::collection::vec((any::<String>(), any::<String>(), any::<i64>()), 1..20), quote_all: bool) {
        let folder = TempDir::new().unwrap();
        let style = if quote_all { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = csv::WriterBuilder::new().quote_style(style).from_path(folder.path().join("x.csv")).unwrap();
        writer.write_record(["a", "b", "n"]).unwrap();
        for (a, b, n) in &table {
            writer.write_record([a, b, &n.to_string()]).unwrap();
        }
        writer.flush().unwrap();
        let one = stream(folder.path(), options(serde_json::json!({ "path": "x.csv", "columns": { "a": "string", "b": "string", "n": "integer" } })));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (pages, error) = runtime.block_on(read(one, None));
        prop_assert_eq!(error, None);
        let text = |at: usize| -> Vec<Option<String>> {
            pages.iter().flat_map(|page| {
                let column = page.rows.column(at).clone();
                let column = column.as_any().downcast_ref::<arrow::array::StringArray>().unwrap().clone();
                (0..column.len()).map(move |row| column.is_valid(row).then(|| column.value(row).to_owned())).collect::<Vec<_>>()
            }).collect()
        };
        let written = |value: &String| (quote_all || !value.is_empty()).then(|| value.clone());
        prop_assert_eq!(text(0), table.iter().map(|row| written(&row.0)).collect::<Vec<_>>());
        prop_assert_eq!(text(1), table.iter().map(|row| written(&row.1)).collect::<Vec<_>>());
    }
}
