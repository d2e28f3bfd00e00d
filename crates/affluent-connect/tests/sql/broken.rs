//! Connections that are lost, and what users get wrong.

use std::sync::Arc;

use affluent_connect::error::Class;
use affluent_connect::sql::{SqlSource, SqlStream};
use affluent_connect::{Source, Window};
use affluent_spec::pipeline::Database;
use futures::StreamExt;

use crate::bronze::{Bronze, shown};
use crate::server::Server;

fn stream(name: &str) -> SqlStream {
    SqlStream { name: name.to_owned(), chunk: Some(10), ..SqlStream::default() }
}

pub(crate) async fn a_lost_connection_is_taken_up_behind_the_last_row(server: Arc<Server>, name: String) {
    let rows: Vec<String> = (1..=95).map(|id| format!("({id})")).collect();
    server
        .run(
            &name,
            &format!("CREATE TABLE things (id int PRIMARY KEY);\nINSERT INTO things VALUES {}", rows.join(", ")),
        )
        .await;
    for cursor in [None, Some("id".to_owned())] {
        let source = server.source(&name, SqlStream { cursor, ..stream("things") });
        let mut pages = source.read("things", Window::default());
        let mut seen = Vec::new();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            seen.extend(shown(&page.unwrap().rows, false));
            count += 1;
            if count % 3 == 0 {
                server.cut(&name).await;
            }
        }
        assert_eq!(seen, (1..=95).map(|id| id.to_string()).collect::<Vec<_>>());
    }
}

pub(crate) async fn what_is_wrong_is_told(server: Arc<Server>, name: String) {
    server.run(&name, "CREATE TABLE customers (id int PRIMARY KEY, f double precision, name varchar(10))").await;
    let here = ("database", name.as_str());
    let by = |cursor: &str| SqlStream { cursor: Some(cursor.to_owned()), ..stream("customers") };
    for (with, stream, class, what, hint) in [
        (vec![here, ("password", "wrong")], stream("customers"), Class::Credentials, "tester", "user and password"),
        (vec![here, ("user", "nobody")], stream("customers"), Class::Credentials, "nobody", "user and password"),
        (vec![("database", "nowhere")], stream("customers"), Class::Usage, "nowhere", "`database`"),
        (vec![here], stream("custmers"), Class::Usage, "no table `custmers`", "did you mean `customers`?"),
        (vec![here], by("updated"), Class::Usage, "the cursor `updated` is not a column", "known: id, f, name"),
        (vec![here], by("f"), Class::Usage, "the cursor `f` is number", "a timestamp, a date or a whole number"),
        (
            vec![here],
            SqlStream { key: vec!["ID".to_owned()], ..stream("customers") },
            Class::Usage,
            "the key `ID`",
            "`id`",
        ),
        (vec![here], SqlStream { query: Some("SELEC 1".to_owned()), ..stream("q") }, Class::Usage, "syntax", "`query`"),
        (
            vec![here],
            SqlStream {
                query: Some("SELECT id AS \"a b\", 1 AS a_b FROM customers".replace('"', quote(&server))),
                ..stream("q")
            },
            Class::Usage,
            "two columns would be called `a_b`",
            "rename",
        ),
        (vec![here, ("tls", "verify-full")], stream("customers"), Class::Failed, "", "`tls:"),
        (vec![here, ("port", "1")], stream("customers"), Class::Temporary, "", "host and port"),
    ] {
        let told = SqlSource::new(server.access(&name, &with), vec![stream]).check().await.unwrap_err();
        assert_eq!(told.class(), class, "{told:?}");
        assert!(told.to_string().contains(what), "{told}");
        assert!(told.hint().is_some_and(|told| told.contains(hint)), "{told:?}");
        assert!(!format!("{told:?}").contains(crate::server::PASSWORD), "{told:?}");
    }
}

fn quote(server: &Server) -> &'static str {
    match server.database {
        Database::Postgres => "\"",
        Database::Mysql => "`",
    }
}

pub(crate) async fn names_and_values_are_never_part_of_a_query(server: Arc<Server>, name: String) {
    let q = quote(&server);
    let odd = "a\"b`c'; DROP TABLE x; --";
    let written = odd.replace(q, &q.repeat(2));
    let rows: Vec<String> = (0..25).map(|n| format!("('it''s {n:02} \"; DROP TABLE x; --', {n})")).collect();
    // The statement that makes the table must not be cut at the semicolon in its name, which stands at no line's end.
    server
        .run(
            &name,
            &format!(
                "CREATE TABLE {q}{written}{q} ({q}{written}{q} varchar(60) PRIMARY KEY, v int);\nINSERT INTO {q}{written}{q} VALUES {}",
                rows.join(", ")
            ),
        )
        .await;
    let source = server.source(&name, SqlStream { table: Some(odd.to_owned()), ..stream("x") });
    let mut bronze = Bronze::default();
    bronze.load(&source, "x", usize::MAX).await.unwrap();
    assert_eq!(bronze.rows().len(), 25);
}
