//! Excel workbooks from outside: cells of every kind, sheets, positions, and files that are none.

#![expect(clippy::type_complexity, reason = "cases written out, with no eye on speed")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::{Cursor as Bytes, Write};
use std::path::Path;

use affluent_connect::files::{FileSource, FileStream};
use affluent_connect::{Cursor, Page, Source, SourceError, Window};
use affluent_spec::pipeline::{Contract, Dialect, Sheet};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const DOCUMENT: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
/// Shared strings: 0 is `name`, 1 `é & <ü>`.
const STRINGS: &str =
    "<si><t>name</t></si><si><r><t xml:space=\"preserve\">é &amp; </t></r><r><t>&lt;ü&gt;</t></r></si>";
/// Cell styles: 1 is a day, 2 an instant, 3 a length of time.
const STYLES: &str = "<numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"[h]:mm:ss\"/></numFmts>\
    <cellXfs count=\"4\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"22\"/><xf numFmtId=\"164\"/></cellXfs>";

/// A workbook of sheets, each its name and the XML of its rows.
fn workbook(sheets: &[(&str, &str)], of_1904: bool, strings: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Bytes::new(Vec::new()));
    let mut part = |name: &str, text: &str| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let numbered = || sheets.iter().enumerate().map(|(at, sheet)| (at + 1, sheet));
    let listed: String =
        numbered().map(|(n, (name, _))| format!("<sheet name=\"{name}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>")).collect();
    let related: String = numbered()
        .map(|(n, _)| {
            format!("<Relationship Id=\"rId{n}\" Type=\"{DOCUMENT}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>")
        })
        .collect();
    part("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>");
    part(
        "_rels/.rels",
        &format!(
            "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r\" Type=\"{DOCUMENT}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    part(
        "xl/workbook.xml",
        &format!(
            "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{DOCUMENT}\"><workbookPr date1904=\"{}\"/><sheets>{listed}</sheets></workbook>",
            u8::from(of_1904)
        ),
    );
    part(
        "xl/_rels/workbook.xml.rels",
        &format!(
            "<Relationships xmlns=\"{PACKAGE}\">{related}\
             <Relationship Id=\"s\" Type=\"{DOCUMENT}/styles\" Target=\"styles.xml\"/>\
             <Relationship Id=\"t\" Type=\"{DOCUMENT}/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
        ),
    );
    part("xl/styles.xml", &format!("<styleSheet xmlns=\"{MAIN}\">{STYLES}</styleSheet>"));
    part("xl/sharedStrings.xml", &format!("<sst xmlns=\"{MAIN}\">{strings}</sst>"));
    for (n, (_, rows)) in numbered() {
        part(
            &format!("xl/worksheets/sheet{n}.xml"),
            &format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        );
    }
    zip.finish().unwrap().into_inner()
}

fn stream(folder: &Path, file: &str, dialect: Dialect, columns: &[(&str, &str)]) -> FileStream {
    let columns = columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.parse().unwrap())).collect();
    FileStream {
        name: "case".to_owned(),
        paths: vec![folder.join(file).to_str().unwrap().to_owned()],
        dialect,
        columns: Some(columns),
        ..FileStream::default()
    }
}

async fn read(stream: FileStream, from: Option<Cursor>) -> Result<Vec<Page>, SourceError> {
    let source = FileSource::new("test", vec![stream]);
    let mut all = source.read("case", Window { from });
    let mut pages = Vec::new();
    while let Some(page) = all.next().await {
        pages.push(page?);
    }
    Ok(pages)
}

/// Rows as cells with ` | ` between, and refusals as position, column and reason.
fn shown(pages: &[Page], folder: &Path) -> (Vec<String>, Vec<String>) {
    let options = FormatOptions::new().with_null("∅");
    let mut rows = Vec::new();
    for page in pages {
        let fields = page.rows.schema();
        let columns: Vec<ArrayFormatter<'_>> = fields
            .fields()
            .iter()
            .zip(page.rows.columns())
            .filter(|(field, _)| !["_file", "_hash", "_deleted"].contains(&field.name().as_str()))
            .map(|(_, column)| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..page.rows.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" | "));
        }
    }
    let start = format!("{}/", folder.display());
    let refused = pages
        .iter()
        .flat_map(|page| &page.rejected)
        .map(|one| {
            format!("{} | {} | {}", one.position.replace(&start, ""), one.column.as_deref().unwrap_or("-"), one.reason)
        })
        .collect();
    (rows, refused)
}

fn sheet(sheet: Option<Sheet>) -> Dialect {
    Dialect { sheet, ..Dialect::default() }
}

const KINDS: &str = "<row r=\"2\"><c r=\"B2\" t=\"s\"><v>0</v></c><c r=\"C2\" t=\"inlineStr\"><is><t>Amount</t></is></c>\
    <c r=\"D2\" t=\"inlineStr\"><is><t>day</t></is></c><c r=\"E2\" t=\"inlineStr\"><is><t>at</t></is></c>\
    <c r=\"F2\" t=\"inlineStr\"><is><t>yes</t></is></c><c r=\"G2\" t=\"inlineStr\"><is><t>gap</t></is></c></row>\
    <row r=\"3\"><c r=\"B3\" t=\"s\"><v>1</v></c><c r=\"C3\"><v>0.30000000000000004</v></c><c r=\"D3\" s=\"1\"><v>45943</v></c>\
    <c r=\"E3\" s=\"2\"><v>45943.541</v></c><c r=\"F3\" t=\"b\"><v>1</v></c><c r=\"G3\" s=\"3\"><v>1.5</v></c></row>\
    <row r=\"4\"/>\
    <row r=\"5\"><c r=\"B5\" t=\"str\"><f>\"a\"&amp;\"b\"</f><v>ab</v></c><c r=\"C5\"><f>1/4</f><v>0.25</v></c></row>\
    <row r=\"7\"><c r=\"B7\" t=\"inlineStr\"><is><t>x</t></is></c><c r=\"C7\" t=\"e\"><v>#DIV/0!</v></c></row>\
    <row r=\"8\"><c r=\"C8\"><f>A1*2</f></c></row>\
    <row r=\"9\"><c r=\"B9\" t=\"inlineStr\"><is><t>y</t></is></c><c r=\"D9\" s=\"2\"><v>45943.5</v></c></row>";
const TYPES: [(&str, &str); 6] = [
    ("name", "string"),
    ("amount", "decimal(12,2)"),
    ("day", "date"),
    ("at", "timestamp"),
    ("yes", "boolean"),
    ("gap", "string"),
];

#[tokio::test]
async fn cells_keep_what_excel_shows_and_faults_say_where_they_are() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.xlsx"), workbook(&[("Notes", ""), ("Sheet 1", KINDS)], false, STRINGS))
        .unwrap();
    for which in [Sheet::Name("Sheet 1".to_owned()), Sheet::Number(2)] {
        let stream = stream(folder.path(), "a.xlsx", sheet(Some(which)), &TYPES);
        let pages = read(stream.clone(), None).await.unwrap();
        let (rows, refused) = shown(&pages, folder.path());
        assert_eq!(
            rows,
            [
                "é & <ü> | 0.30 | 2025-10-13 | 2025-10-13T12:59:02.400Z | true | 36:00:00 | 1",
                "ab | 0.25 | ∅ | ∅ | ∅ | ∅ | 2"
            ]
        );
        assert_eq!(refused.len(), 3, "{refused:#?}");
        assert_eq!(refused[0], "a.xlsx:Sheet 1!C7 | amount | the cell holds the error #DIV/0!");
        assert!(
            refused[1].starts_with("a.xlsx:Sheet 1!C8 | amount | the file holds no result of the formula"),
            "{refused:#?}"
        );
        assert!(refused[2].starts_with("a.xlsx:Sheet 1!D9 | day | `2025-10-13 12:00:00` is not a day"), "{refused:#?}");

        // With the day declared as an instant, that one row fits; the file is not read a second time.
        let cursor = pages.last().unwrap().cursor.clone();
        assert!(read(stream.clone(), cursor.clone()).await.unwrap().iter().all(|page| page.rows.num_rows() == 0));
        let mut wider = stream;
        wider.columns.as_mut().unwrap().insert("day".to_owned(), "timestamp".parse().unwrap());
        let rejected = pages.into_iter().flat_map(|page| page.rejected).collect();
        let page = FileSource::new("test", vec![wider]).replay("case", cursor.as_ref(), rejected).await.unwrap();
        let (rows, refused) = shown(&[page], folder.path());
        assert_eq!(rows, ["y | ∅ | 2025-10-13T12:00:00Z | ∅ | ∅ | ∅ | 5"]);
        assert_eq!(refused.len(), 2);
    }
}

#[tokio::test]
async fn the_calendar_of_1904_and_columns_by_their_values() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.xlsx"), workbook(&[("S", KINDS)], true, STRINGS)).unwrap();
    let mut found = stream(folder.path(), "a.xlsx", Dialect::default(), &[]);
    found.columns = None;
    let schema = FileSource::new("test", vec![found.clone()]).discover("case").await.unwrap();
    let types: Vec<String> = schema.columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect();
    assert_eq!(types, ["name string", "amount number", "day timestamp", "at timestamp", "yes boolean", "gap string"]);
    let (rows, _) = shown(&read(found, None).await.unwrap(), folder.path());
    assert!(rows[0].contains("2029-10-14T00:00:00Z | 2029-10-14T12:59:02.400Z"), "{rows:?}");
}

#[tokio::test]
async fn rows_without_a_header_and_rows_to_skip() {
    let folder = TempDir::new().unwrap();
    let rows = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>Export of today</t></is></c></row>\
                <row r=\"3\"><c r=\"A3\"><v>1</v></c><c r=\"B3\" t=\"inlineStr\"><is><t>1.234,5</t></is></c></row>\
                <row r=\"4\"><c r=\"A4\"><v>2</v></c><c r=\"B4\"><v>1234.5</v></c></row>";
    std::fs::write(folder.path().join("a.xlsx"), workbook(&[("S", rows)], false, STRINGS)).unwrap();
    let dialect = Dialect { header: false, skip_lines: 1, decimal_comma: true, ..Dialect::default() };
    let declared = stream(folder.path(), "a.xlsx", dialect, &[("id", "integer"), ("amount", "decimal(10,2)")]);
    let (rows, refused) = shown(&read(declared, None).await.unwrap(), folder.path());
    assert_eq!((rows, refused), (vec!["1 | 1234.50 | 1".to_owned(), "2 | 1234.50 | 2".to_owned()], vec![]));
}

#[tokio::test]
async fn what_is_no_workbook_is_told() {
    let folder = TempDir::new().unwrap();
    let whole = workbook(&[("Sheet1", KINDS)], false, STRINGS);
    // Told by the directory of the container: the size as unpacked stands 22 bytes before the name.
    let mut bomb = whole.clone();
    let name = b"xl/sharedStrings.xml";
    let at = bomb.windows(name.len()).rposition(|window| window == name).unwrap();
    bomb[at - 22..at - 18].copy_from_slice(&(513_u32 << 20).to_le_bytes());
    let cases: [(&str, &[u8], Option<Sheet>, &str, &str); 6] = [
        ("cut.xlsx", &whole[..whole.len() / 2], None, "is not a whole Excel workbook", "save it as .xlsx"),
        ("csv.xlsx", b"id,name\n1,a\n", None, "is not a whole Excel workbook", "save it as .xlsx"),
        (
            "secret.xlsx",
            &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
            None,
            "protected by a password",
            "without a password",
        ),
        ("a.xlsx", &whole, Some(Sheet::Name("Sheet2".to_owned())), "there is no sheet `Sheet2`", "Sheet1"),
        ("a.xlsx", &whole, Some(Sheet::Number(2)), "there is no sheet `2`", "Sheet1"),
        ("bomb.xlsx", &bomb, None, "holds 513 MiB of texts", "in parts"),
    ];
    for (name, bytes, which, what, hint) in cases {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let error = read(stream(folder.path(), name, sheet(which), &TYPES), None).await.unwrap_err();
        assert!(error.to_string().contains(what), "{name}: {error}");
        assert!(error.hint().is_some_and(|told| told.contains(hint)), "{name}: {error:?}");
    }
    let frozen =
        FileStream { contract: Contract::Freeze, ..stream(folder.path(), "a.xlsx", Dialect::default(), &TYPES[..2]) };
    let error = read(frozen, None).await.unwrap_err();
    assert!(error.to_string().contains("columns that the contract does not know: day, at, yes, gap"), "{error}");
}
