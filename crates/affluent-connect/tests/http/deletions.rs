//! A list of its own of what was deleted.

use crate::library::{Library, seven};
use crate::world::{Thing, minute, read, read_to_failure, thing};

fn gone(things: &[Thing]) -> Vec<(u64, i64)> {
    things.iter().filter(|thing| thing.gone).map(|thing| (thing.id, thing.changed)).collect()
}

#[tokio::test]
async fn what_was_deleted_since_the_last_read_is_told() {
    let library = Library::of(seven()).await;
    let source = library.source();
    let now = chrono::Utc::now().timestamp_millis();
    // What went before the first read was never there.
    library.shelf().put(Thing { gone: true, ..thing(6, minute(1)) });
    let first = read(&source, "told", None).await.unwrap();
    assert_eq!((first.ids(), gone(&first.things)), (vec![1, 2, 3, 4, 5, 7], vec![]));
    assert!(!library.shelf().log.iter().any(|asked| asked.starts_with("/deleted")));
    let cursor = first.cursor.unwrap();

    for id in 1..=4 {
        library.shelf().put(Thing { gone: true, ..thing(id, now + id as i64) });
    }
    // The list of what changed is read and stored, the one of what was deleted is not: it is asked for again.
    library.shelf().log.clear();
    library.shelf().broken = Some(3);
    let (cut, _) = read_to_failure(&source, "told", Some(cursor.clone())).await;
    library.shelf().broken = None;
    assert_eq!(cut.cursor.as_ref().map(|cut| &cut.0["gone"]), Some(&cursor.0["gone"]));
    let second = read(&source, "told", cut.cursor).await.unwrap();
    assert_eq!(gone(&second.things), (1..=4).map(|id| (id, now + id as i64)).collect::<Vec<_>>());
    assert!(second.closed && second.rejected.is_empty());
    let cursor = second.cursor.unwrap();
    // The next one begins a lookback before the last.
    library.shelf().log.clear();
    read(&source, "told", Some(cursor)).await.unwrap();
    let asked = library.shelf().log.iter().find(|asked| asked.starts_with("/deleted")).cloned().unwrap();
    let since: i64 = asked.split('"').find_map(|part| part.parse().ok()).unwrap();
    assert!((now - 310_000..now).contains(&since), "{asked}");
}
