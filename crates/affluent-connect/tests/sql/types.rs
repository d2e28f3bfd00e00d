//! Every type of the databases: kept as it is, or refused with the reason.

use std::sync::Arc;

use affluent_connect::Source;
use affluent_connect::sql::{SqlSource, SqlStream};

use crate::bronze::Bronze;
use crate::server::Server;

fn stream(name: &str) -> SqlStream {
    SqlStream { name: name.to_owned(), timezone: Some("Europe/Paris".to_owned()), ..SqlStream::default() }
}

/// Column, type and value of the first row, a line each.
async fn first_row(server: &Server, name: &str, table: &str) -> Vec<String> {
    let source = server.source(name, stream(table));
    let schema = source.discover(table).await.unwrap();
    let mut bronze = Bronze::default();
    bronze.load(&source, table, usize::MAX).await.unwrap();
    assert_eq!(bronze.refusals(), Vec::<String>::new());
    let batch = bronze.batch().slice(0, 1);
    let rows = crate::bronze::shown(&batch, false);
    let cells = rows[0].split(" | ");
    schema.columns.iter().zip(cells).map(|(column, cell)| format!("{} {} {cell}", column.name, column.ty)).collect()
}

pub(crate) async fn postgres_keeps_every_type(server: Arc<Server>, name: String) {
    let columns = [
        ("id", "bigserial PRIMARY KEY", "9223372036854775807", "integer 9223372036854775807"),
        ("small", "smallint", "-32768", "integer -32768"),
        ("plain", "integer", "2147483647", "integer 2147483647"),
        ("exact", "numeric(12,2)", "1234567890.12", "decimal(12,2) 1234567890.12"),
        (
            "widest",
            "numeric(38,10)",
            "1234567890123456789012345678.0123456789",
            "decimal(38,10) 1234567890123456789012345678.0123456789",
        ),
        (
            "wider",
            "numeric(50,0)",
            "12345678901234567890123456789012345678901234567890",
            "string 12345678901234567890123456789012345678901234567890",
        ),
        (
            "free",
            "numeric",
            "0.10000000000000000000000000000000000000000001",
            "string 0.10000000000000000000000000000000000000000001",
        ),
        ("thousands", "numeric(3,-3)", "123000", "decimal(6,0) 123000"),
        ("price", "money", "'-1234.56'", "decimal(19,2) -1234.56"),
        ("single", "real", "0.1", "number 0.1"),
        ("double_", "double precision", "0.1", "number 0.1"),
        ("yes", "boolean", "true", "boolean true"),
        ("words", "text", "E' é\\n''\"\\\\'", "string  é\n'\"\\"),
        ("none", "text", "NULL", "string ∅"),
        ("blank", "varchar(10)", "''", "string "),
        ("padded", "char(4)", "'ab'", "string ab"),
        ("raw", "bytea", "'\\x00ff10'", "string 00ff10"),
        ("day", "date", "'0001-01-01'", "date 0001-01-01"),
        ("clock", "time", "'23:59:59.123456'", "string 23:59:59.123456"),
        ("zoned_clock", "timetz", "'23:59:59+05'", "string 23:59:59+05"),
        ("local", "timestamp", "'2026-07-01 12:00:00.000001'", "timestamp 2026-07-01T10:00:00.000001Z"),
        ("instant", "timestamptz", "'2026-07-01 12:00:00+05:30'", "timestamp 2026-07-01T06:30:00Z"),
        ("gap", "interval", "'1 year 2 days 03:04:05.6'", "string P1Y2DT3H4M5.6S"),
        ("who", "uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "string a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("doc", "json", "'{\"b\":1, \"a\":[1.10]}'", "json {\"b\":1, \"a\":[1.10]}"),
        ("docb", "jsonb", "'{\"b\":1, \"a\":null}'", "json {\"a\": null, \"b\": 1}"),
        ("list", "integer[]", "'{1,NULL,3}'", "json [1,null,3]"),
        ("names", "text[]", "ARRAY['a,\"b', 'c']", "json [\"a,\\\"b\",\"c\"]"),
        ("mood", "mood", "'so so'", "string so so"),
        ("moods", "mood[]", "'{fine}'", "json [\"fine\"]"),
        ("pair", "pair", "ROW(1,'x')", "json {\"n\":1,\"t\":\"x\"}"),
        ("code", "code", "'AB'", "string AB"),
        ("amount", "amount", "'12.50'", "decimal(10,2) 12.50"),
        ("bits", "bit(4)", "B'0101'", "string 0101"),
        ("more_bits", "varbit", "B'1'", "string 1"),
        ("net", "inet", "'10.0.0.1/8'", "string 10.0.0.1/8"),
        ("span", "int4range", "'[1,5)'", "string [1,5)"),
        ("spot", "point", "'(1,2)'", "string (1,2)"),
        ("page", "xml", "'<a/>'", "string <a/>"),
        ("Mixed Case", "integer", "1", "integer 1"),
    ];
    let declared: Vec<String> = columns.iter().map(|(name, ty, ..)| format!("\"{name}\" {ty}")).collect();
    let values: Vec<&str> = columns.iter().map(|(_, _, value, _)| *value).collect();
    server
        .run(
            &name,
            &format!(
                "CREATE TYPE mood AS ENUM ('so so', 'fine'); CREATE TYPE pair AS (n int, t text);
                 CREATE DOMAIN code AS char(2) CHECK (VALUE ~ '[A-Z]+'); CREATE DOMAIN amount AS numeric(10,2);
                 CREATE TABLE kinds ({}); INSERT INTO kinds VALUES ({})",
                declared.join(", "),
                values.join(", ")
            ),
        )
        .await;
    let expected: Vec<String> =
        columns.iter().map(|(name, _, _, expected)| format!("{} {expected}", name.replace(' ', "_"))).collect();
    let found = first_row(&server, &name, "kinds").await;
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
    SqlSource::new(server.access(&name, &[("user", "scram")]), vec![stream("kinds")]).check().await.unwrap();
}

pub(crate) async fn postgres_refuses_what_no_type_holds(server: Arc<Server>, name: String) {
    server
        .run(
            &name,
            "CREATE TABLE odd (id int PRIMARY KEY, n numeric(10,2), f float8, d date, t timestamptz, l timestamp);
             INSERT INTO odd VALUES (1, 'NaN'), (2, 1.5), (9, 9);
             INSERT INTO odd (id, f) VALUES (3, 'Infinity'); INSERT INTO odd (id, d) VALUES (4, 'infinity');
             INSERT INTO odd (id, t) VALUES (5, '-infinity'); INSERT INTO odd (id, d) VALUES (6, '0044-03-15 BC');
             INSERT INTO odd (id, l) VALUES (7, '12026-01-01'); INSERT INTO odd (id, l) VALUES (8, '2026-03-29 02:30')",
        )
        .await;
    let source = server.source(&name, stream("odd"));
    let mut bronze = Bronze::default();
    bronze.load(&source, "odd", usize::MAX).await.unwrap();
    assert_eq!(bronze.rows(), ["2 | 1.50 | ∅ | ∅ | ∅ | ∅", "9 | 9.00 | ∅ | ∅ | ∅ | ∅"]);
    let refusals = bronze.refusals();
    let columns: Vec<&str> = refusals.iter().map(|line| line.split(" | ").nth(1).unwrap()).collect();
    assert_eq!(columns, ["n", "f", "d", "t", "d", "l", "l"], "{refusals:#?}");
    assert!(refusals[0].starts_with("public.odd:id=1 | n | `NaN` is not a decimal(10,2)"), "{refusals:#?}");
    assert!(refusals[6].contains("does not exist in Europe/Paris"), "{refusals:#?}");

    // Declared otherwise, what was refused is taken.
    let mut text = stream("odd");
    text.columns.insert("n".to_owned(), "string".parse().unwrap());
    let mended = server.source(&name, text);
    let page = mended.replay("odd", None, bronze.rejected.clone()).await.unwrap();
    assert_eq!(crate::bronze::shown(&page.rows, false), ["1 | NaN | ∅ | ∅ | ∅ | ∅"]);
    assert_eq!(page.rejected.len(), 6);
    assert_eq!(page.rejected[0].position, "public.odd:id=3");
}

pub(crate) async fn mysql_keeps_every_type(server: Arc<Server>, name: String) {
    let columns = [
        ("id", "bigint unsigned PRIMARY KEY", "18446744073709551615", "decimal(20,0) 18446744073709551615"),
        ("tiny", "tinyint", "-128", "integer -128"),
        ("tiny_u", "tinyint unsigned", "255", "integer 255"),
        ("yes", "boolean", "1", "boolean true"),
        ("medium", "mediumint", "-8388608", "integer -8388608"),
        ("plain_u", "int unsigned", "4294967295", "integer 4294967295"),
        ("big", "bigint", "-9223372036854775808", "integer -9223372036854775808"),
        ("exact", "decimal(12,2)", "-1234567890.12", "decimal(12,2) -1234567890.12"),
        ("exact_u", "decimal(5,0) unsigned", "12345", "decimal(5,0) 12345"),
        (
            "widest",
            "decimal(38,10)",
            "1234567890123456789012345678.0123456789",
            "decimal(38,10) 1234567890123456789012345678.0123456789",
        ),
        (
            "wider",
            "decimal(50,2)",
            "123456789012345678901234567890123456789012345678.90",
            "string 123456789012345678901234567890123456789012345678.90",
        ),
        ("single", "float", "0.1", "number 0.1"),
        ("double_", "double", "1e300", "number 1e300"),
        ("words", "text", "' é\\n''\"\\\\😀'", "string  é\n'\"\\😀"),
        ("old_words", "varchar(10) character set latin1", "'é'", "string é"),
        ("none", "text", "NULL", "string ∅"),
        ("blank", "varchar(10)", "''", "string "),
        ("padded", "char(4)", "'ab'", "string ab"),
        ("raw", "varbinary(10)", "x'00ff10'", "string 00ff10"),
        ("raw4", "binary(4)", "x'00ff'", "string 00ff0000"),
        ("lob", "longblob", "x'ff'", "string ff"),
        ("day", "date", "'9999-12-31'", "date 9999-12-31"),
        ("clock", "time(6)", "'-838:59:58.123456'", "string -838:59:58.123456"),
        ("local", "datetime(6)", "'2026-07-01 12:00:00.000001'", "timestamp 2026-07-01T10:00:00.000001Z"),
        ("whole", "datetime", "'2026-01-01 00:00:00'", "timestamp 2025-12-31T23:00:00Z"),
        ("instant", "timestamp(3) NULL", "'2026-07-01 12:00:00.5'", "timestamp 2026-07-01T10:00:00.500Z"),
        ("year_", "year", "2155", "integer 2155"),
        ("mood", "enum('so so','fine')", "'so so'", "string so so"),
        ("moods", "set('a','b','c')", "'a,c'", "string a,c"),
        ("bits", "bit(10)", "b'0101'", "string 0000000101"),
        ("bit_", "bit(1)", "b'1'", "boolean true"),
        ("doc", "json", "'{\"b\":1, \"a\":[1.10]}'", "json {\"b\":1, \"a\":[1.10]}"),
        ("who", "uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "string a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("spot", "point", "ST_GeomFromText('POINT(1 2)')", "string POINT(1 2)"),
        ("Mixed Case", "int", "1", "integer 1"),
    ];
    let declared: Vec<String> = columns.iter().map(|(name, ty, ..)| format!("`{name}` {ty}")).collect();
    let values: Vec<&str> = columns.iter().map(|(_, _, value, _)| *value).collect();
    server
        .run(
            &name,
            &format!("CREATE TABLE kinds ({});\nINSERT INTO kinds VALUES ({})", declared.join(", "), values.join(", ")),
        )
        .await;
    let expected: Vec<String> =
        columns.iter().map(|(name, _, _, expected)| format!("{} {expected}", name.replace(' ', "_"))).collect();
    let found = first_row(&server, &name, "kinds").await;
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

pub(crate) async fn mysql_refuses_what_no_type_holds(server: Arc<Server>, name: String) {
    server
        .run(
            &name,
            "SET sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE odd (id int PRIMARY KEY, d date, t datetime, s timestamp NULL, b tinyint(1));
INSERT INTO odd (id, d) VALUES (1, '0000-00-00'), (2, '2026-01-31'), (3, '2026-02-31'), (4, '2026-00-10');
INSERT INTO odd (id, t) VALUES (5, '0000-00-00 00:00:00');
INSERT INTO odd (id, s) VALUES (6, 0);
INSERT INTO odd (id, b) VALUES (7, 2)",
        )
        .await;
    let source = server.source(&name, stream("odd"));
    let mut bronze = Bronze::default();
    bronze.load(&source, "odd", usize::MAX).await.unwrap();
    assert_eq!(bronze.rows(), ["2 | 2026-01-31 | ∅ | ∅ | ∅"]);
    let refusals = bronze.refusals();
    let columns: Vec<&str> = refusals.iter().map(|line| line.split(" | ").nth(1).unwrap()).collect();
    assert_eq!(columns, ["d", "d", "d", "t", "s", "b"], "{refusals:#?}");
    assert!(refusals[0].starts_with(&format!("{name}.odd:id=1 | d | `0000-00-00` is not a day")), "{refusals:#?}");
    assert!(bronze.rejected[0].raw.contains("\"d\":\"0000-00-00\""), "{:?}", bronze.rejected[0]);
}
