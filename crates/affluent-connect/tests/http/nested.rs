//! Streams of streams, records within records, records in parts.

use affluent_connect::{Source, Window};
use arrow::array::AsArray;
use futures::StreamExt;

use crate::library::{Library, seven};
use crate::world::{Thing, minute, read, read_to_failure, thing};

async fn shelved() -> Library {
    let library = Library::of((1..=40).map(|id| thing(id, minute(id as i64))).collect()).await;
    let mut shelves = vec![("closed".to_owned(), vec![40]), ("a/b c".to_owned(), (31..=39).collect())];
    shelves.extend((0..15).map(|shelf| (format!("s{shelf}"), (shelf * 2 + 1..=shelf * 2 + 2).collect())));
    shelves.push(("empty".to_owned(), Vec::new()));
    library.shelf().shelves = shelves;
    library
}

#[tokio::test]
async fn every_record_of_the_parent_is_asked_for_in_its_order() {
    let library = shelved().await;
    let source = library.source();
    // The second page of parents is empty and not the last; a child's too.
    library.shelf().empty = Some(1);
    let got = read(&source, "shelved", None).await.unwrap();
    let expected: Vec<u64> = (31..=39).chain(1..=30).collect();
    assert_eq!((got.ids(), got.closed), (expected, true));
    // What is new is asked for of all of them, a lookback before the highest cursor of any.
    library.shelf().put(Thing { name: "changed".into(), ..thing(3, minute(50)) });
    library.shelf().things.push(thing(41, minute(36)));
    library.shelf().shelves[5].1.push(41);
    let new = read(&source, "shelved", got.cursor).await.unwrap();
    assert_eq!(new.ids(), [34, 35, 36, 37, 38, 39, 3, 41]);
    assert_eq!(new.cursor.unwrap().0["at"], "2023-11-14T23:03:20Z");
}

#[tokio::test]
async fn a_child_that_fails_ends_the_read_before_anything_is_stored() {
    let library = shelved().await;
    let source = library.source();
    library.shelf().broken = Some(12);
    let (got, error) = read_to_failure(&source, "shelved", None).await;
    assert_eq!((got.kept, got.cursor.as_ref()), (0, None));
    assert!(error.to_string().contains("broken"), "{error}");
    assert_eq!(read(&source, "shelved", got.cursor).await.unwrap().ids().len(), 39);
}

#[tokio::test]
async fn elements_of_records_become_records() {
    let library = Library::of(seven()).await;
    let got = read(&library.source(), "lines", None).await.unwrap();
    assert_eq!(got.ids(), (1..=7).collect::<Vec<u64>>());
    // Each line has the cursor of its order.
    let cursors: Vec<i64> = got.things.iter().map(|thing| thing.changed).collect();
    assert_eq!(cursors, [1, 1, 3, 3, 5, 5, 7].map(minute));
    assert_eq!(got.things[3].name, "thing 4");
    assert_eq!(got.cursor.unwrap().0["at"], "2023-11-14T22:20:20Z");
    assert_eq!(got.rejected.len(), 1);
    assert!(got.rejected[0].reason.contains("a record is an object, this is text"), "{:?}", got.rejected);
}

#[tokio::test]
async fn names_in_parts_make_whole_records() {
    let library = Library::of(seven()).await;
    let source = library.source();
    // A record changes between the parts of the first page, which is then asked for again.
    library.shelf().hook = Some(Box::new(|number, shelf| {
        if number == 2 {
            shelf.put(Thing { name: "changed".into(), ..thing(2, minute(9)) });
        }
    }));
    let mut pages = source.read("wide", Window::default());
    let mut rows = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.rejected.is_empty(), "{:?}", page.rejected);
        let text = |name: &str| {
            let column =
                arrow::compute::cast(page.rows.column_by_name(name).unwrap(), &arrow::datatypes::DataType::Utf8);
            column.unwrap().as_string::<i32>().iter().map(|text| text.unwrap_or("").to_owned()).collect::<Vec<String>>()
        };
        let columns = ["id", "properties_name", "properties_a", "properties_b"].map(text);
        rows.extend((0..page.rows.num_rows()).map(|row| columns.clone().map(|column| column[row].clone()).join(" ")));
    }
    let expected: Vec<String> = (1..=7)
        .map(|id| {
            let name = if id == 2 { "changed".to_owned() } else { format!("thing {id}") };
            format!("{id} {name} {0}.5000000000 b{0}", id - 1)
        })
        .collect();
    assert_eq!(rows, expected);
    // Three pages of three parts each, and the first page once more.
    assert_eq!(library.shelf().log.len(), 12);
}
