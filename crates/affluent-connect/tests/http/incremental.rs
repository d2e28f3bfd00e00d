//! What is new: nothing lost and nothing doubled, whatever changes while pages are read.

use affluent_connect::{Overlap, Source, Window};
use futures::StreamExt;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::{Thing, World, minute, read, read_some, source_of, thing};

fn sorted(mut things: Vec<Thing>) -> Vec<Thing> {
    things.sort_by_key(|thing| (thing.id, thing.changed));
    things
}

#[tokio::test]
async fn asks_for_what_is_new_with_a_lookback() {
    let world = World::of((1..=7).map(|id| thing(id, minute(id as i64))).collect()).await;
    for stream in ["things", "soql", "events"] {
        let source = world.source();
        world.state().things.truncate(7);
        let first = read(&source, stream, None).await.unwrap();
        assert_eq!(first.ids().len(), 7, "{stream}");
        let cursor = first.cursor.unwrap();
        assert_eq!(cursor.0["at"], "2023-11-14T22:20:20Z", "{stream}");
        let Overlap::Since { column, since } = source.overlap(stream, Some(&cursor)) else { unreachable!() };
        assert_eq!((column.as_str(), since.timestamp_millis()), ("properties_changed", minute(2)));
        // One late by four minutes, one new, one too late to be found.
        world.state().things.extend([thing(8, minute(3)), thing(9, minute(20)), thing(10, minute(1))]);
        let second = read(&source, stream, Some(cursor)).await.unwrap();
        let mut ids = second.ids();
        ids.sort_unstable();
        assert_eq!(ids, [2, 3, 4, 5, 6, 7, 8, 9], "{stream}");
        assert_eq!(second.cursor.unwrap().0["at"], "2023-11-14T22:33:20Z", "{stream}");
    }
}

#[tokio::test]
async fn the_state_never_goes_back() {
    let world = World::of(vec![thing(1, minute(10))]).await;
    for stream in ["things", "soql", "events"] {
        let source = world.source();
        let cursor = read(&source, stream, None).await.unwrap().cursor;
        let things = std::mem::take(&mut world.state().things);
        let again = read(&source, stream, cursor.clone()).await.unwrap();
        assert_eq!((again.ids(), again.cursor), (vec![], cursor), "{stream}");
        world.state().things = things;
    }
}

/// More than the cap of 10,000, and more of one cursor than fit a page, which the server gives in no useful order.
#[tokio::test]
async fn a_search_past_the_cap_finds_each_record_once() {
    let mut things = vec![thing(0, minute(0))];
    things.extend((1..=12_000).map(|id| thing(id, minute(10) + if id % 3 == 0 { 0 } else { id as i64 })));
    let world = World::of(vec![things[0].clone()]).await;
    let source = world.source();
    let cursor = read(&source, "things", None).await.unwrap().cursor;
    world.state().things.clone_from(&things);
    let got = read(&source, "things", cursor).await.unwrap();
    assert!(got.rejected.is_empty());
    assert_eq!(sorted(got.things), things);
}

#[tokio::test]
async fn equal_cursors_across_a_page_border_are_neither_lost_nor_doubled() {
    for equal in 1..=14 {
        let things: Vec<Thing> =
            (1..=14).map(|id| thing(id, minute(if id <= equal { 5 } else { id as i64 + 5 }))).collect();
        let world = World::of(things.clone()).await;
        let got = read(&world.source(), "soql", None).await.unwrap();
        assert_eq!(sorted(got.things), things, "{equal}");
    }
}

/// Before each request the record that would come next changes, and so moves to the end.
#[tokio::test]
async fn records_that_change_while_pages_are_read_are_met_again() {
    for stream in ["soql", "things"] {
        let count: u64 = if stream == "soql" { 40 } else { 1000 };
        let world = World::of(vec![thing(1, minute(0))]).await;
        let source = world.source();
        let cursor = read(&source, stream, None).await.unwrap().cursor;
        world.state().things = (1..=count).map(|id| thing(id, minute(id as i64))).collect();
        world.state().log.clear();
        world.state().hook = Some(Box::new(move |number, things| {
            let index = number * 3 % things.len();
            let changed = &mut things[index];
            if number < 6 {
                changed.changed = minute(5_000 + number as i64);
                changed.name = format!("changed {number}");
            }
        }));
        let got = read(&source, stream, cursor).await.unwrap();
        world.state().hook = None;
        for thing in &world.state().things {
            assert!(got.things.contains(thing), "{stream}: {thing:?} is lost");
        }
    }
}

/// A page whose last record is not its highest would pass over what lies between.
#[tokio::test]
async fn a_page_that_is_not_in_the_order_asked_for_is_refused() {
    for (stream, count) in [("soql", 14), ("things", 500)] {
        // In the order of cursors, and of ids where these are equal.
        for changed in [|id: u64| minute(id as i64 + 5), |_: u64| minute(5)] {
            let world = World::of(vec![thing(1, minute(0))]).await;
            let source = world.source();
            let cursor = read(&source, stream, None).await.unwrap().cursor;
            world.state().things = (1..=count).map(|id| thing(id, changed(id))).collect();
            world.state().bent = true;
            let bent = read(&source, stream, cursor.clone()).await.unwrap_err();
            assert!(bent.to_string().contains("not in the order asked for"), "{stream}: {bent}");
            world.state().bent = false;
            let got = read(&source, stream, cursor).await.unwrap();
            assert_eq!(got.things.len() as u64, count, "{stream}");
        }
    }
}

#[tokio::test]
async fn deleted_records_are_flagged() {
    let mut things: Vec<Thing> = (1..=6).map(|id| thing(id, minute(id as i64))).collect();
    things[3].gone = true;
    let world = World::of(things.clone()).await;
    assert_eq!(read(&world.source(), "soql", None).await.unwrap().things, things);
}

#[tokio::test]
async fn an_ordered_read_goes_on_where_it_was_cut_off() {
    let things: Vec<Thing> = (1..=40).map(|id| thing(id, minute(10 * id as i64))).collect();
    let world = World::of(things.clone()).await;
    let source = world.source();
    let first = read_some(&source, "soql", None, 1).await.unwrap();
    assert!(first.closed);
    let read_before = first.ids().len() as u64;
    let rest = read(&source, "soql", first.cursor).await.unwrap();
    // The lookback reaches the last record again.
    assert_eq!(rest.ids(), (read_before..=40).collect::<Vec<u64>>());
}

/// In a list without order, a change met late in it does not vouch for the pages passed before.
#[tokio::test]
async fn the_state_after_an_unordered_list_is_no_later_than_its_beginning() {
    let future = chrono::Utc::now().timestamp_millis() + 3_600_000;
    let world = World::of(vec![thing(1, minute(1)), thing(2, future)]).await;
    for (stream, clamped) in [("unordered", true), ("events", false)] {
        let cursor = read(&world.source(), stream, None).await.unwrap().cursor.unwrap();
        let at: chrono::DateTime<chrono::Utc> = cursor.0["at"].as_str().unwrap().parse().unwrap();
        assert_eq!(at <= chrono::Utc::now(), clamped, "{stream}");
    }
}

/// Of the elements of arrays, as reports have them.
#[tokio::test]
async fn a_cursor_among_the_elements_of_an_array_moves_the_state() {
    let server = MockServer::start().await;
    let rows = r#"{"rows":[{"cells":[{"value":"2026-05-01"},{"value":"a"}]},{"cells":[{"value":"2026-05-03"},{"value":"b"}]}]}"#;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(rows)).mount(&server).await;
    let manifest = "
connector: report
settings: { token: { type: string, secret: true }, base_url: { type: url } }
http: { base_url: base_url, auth: { bearer: token }, check: { get: /me } }
streams:
  days:
    get: /days
    query: { since: { since: date } }
    records: rows
    key: [cells.0.value, cells.1.value]
    cursor: { field: cells.0.value, lookback: 1d }
    fields: { cells.0.value: timestamp, cells.1.value: string }
";
    let source = source_of(manifest, &server.uri());
    let pages: Vec<_> = source.read("days", Window::default()).collect().await;
    let cursor = pages.into_iter().filter_map(|page| page.unwrap().cursor).next_back();
    assert_eq!(cursor.as_ref().map(|cursor| &cursor.0["at"]), Some(&"2026-05-03T00:00:00Z".into()));
    let pages: Vec<_> = source.read("days", Window { from: cursor }).collect().await;
    assert!(pages.iter().all(Result::is_ok));
    let asked = server.received_requests().await.unwrap();
    assert_eq!((asked[0].url.query(), asked[1].url.query()), (None, Some("since=2026-05-02")));
}
