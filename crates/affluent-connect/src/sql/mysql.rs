//! MySQL and MariaDB: connection, catalogue, rows.

use std::fmt::Write as _;
use std::time::Duration;

use affluent_spec::ColumnType;
use affluent_spec::pipeline::Database;
use affluent_spec::types::TimestampFormat;
use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use mysql_async::consts::{ColumnFlags, ColumnType as Wire};
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, DriverError, Error, OptsBuilder, Params, Row, SslOpts, Value};
use secrecy::ExposeSecret;

use super::access::{Access, Tls};
use super::postgres::no_table;
use super::query::{Query, quoted};
use super::session::{After, CONNECT, Fail, Record, Session};
use super::shape::{Kind, Shape, SqlColumn, Target, decimal};
use super::tls;
use crate::error::SourceError;

/// The number of the character set of bytes that are no text
/// (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_character_set.html>).
const BINARY: u16 = 63;
/// Modes in which reading and comparing a date of zeros is an error.
const STRICT: [&str; 6] =
    ["NO_ZERO_DATE", "NO_ZERO_IN_DATE", "STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL", ""];

pub(super) struct Mysql {
    conn: Conn,
    place: String,
    mariadb: bool,
}

pub(super) async fn connect(access: &Access) -> Result<Mysql, Fail> {
    let place = access.place();
    let failed = |error: Error| explain(&place, &error);
    let conn = match open(access, encryption(access)?).await {
        Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if access.tls == Tls::Prefer => {
            open(access, None).await
        }
        other => other,
    };
    let mut conn = conn.map_err(failed)?;
    let (mode, version): (String, String) =
        conn.query_first("SELECT @@SESSION.sql_mode, VERSION()").await.map_err(failed)?.unwrap_or_default();
    let modes: Vec<&str> =
        mode.split(',').filter(|mode| !STRICT.contains(mode)).chain(["ALLOW_INVALID_DATES"]).collect();
    conn.exec_drop("SET SESSION sql_mode = ?", (modes.join(","),)).await.map_err(failed)?;
    conn.query_drop("SET SESSION time_zone = '+00:00', SESSION net_write_timeout = 600").await.map_err(failed)?;
    conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.map_err(failed)?;
    Ok(Mysql { conn, place, mariadb: version.contains("MariaDB") })
}

async fn open(access: &Access, encryption: Option<SslOpts>) -> Result<Conn, Error> {
    let options = OptsBuilder::default()
        .ip_or_hostname(access.host.as_str())
        .tcp_port(access.port)
        .user(Some(access.user.as_str()))
        .pass(access.password.as_ref().map(ExposeSecret::expose_secret))
        .db_name(Some(access.name.as_str()))
        .prefer_socket(false)
        .tcp_keepalive(Some(Duration::from_mins(1)))
        .ssl_opts(encryption);
    match tokio::time::timeout(CONNECT, Conn::new(options)).await {
        Ok(conn) => conn,
        Err(_) => Err(Error::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
    }
}

fn encryption(access: &Access) -> Result<Option<SslOpts>, SourceError> {
    Ok(match access.tls {
        Tls::Disable => None,
        Tls::Prefer | Tls::Require => {
            tls::provider();
            Some(SslOpts::default().with_danger_accept_invalid_certs(true))
        }
        Tls::VerifyFull => {
            tls::provider();
            let certificates = tls::certificates(access)?;
            let roots = certificates.into_iter().map(|one| one.to_vec().into()).collect();
            Some(SslOpts::default().with_root_certs(roots))
        }
    })
}

#[async_trait]
impl Session for Mysql {
    async fn shape(&mut self, target: &Target) -> Result<Shape, Fail> {
        let (from, place) = match target {
            Target::Table { schema, name } => {
                let named = |part: &str| quoted(Database::Mysql, part);
                (format!("{}.{} AS t", named(schema), named(name)), format!("{schema}.{name}"))
            }
            Target::Query(sql) => (format!("({sql}) AS t"), "query".to_owned()),
        };
        let statement = match self.conn.prep(format!("SELECT * FROM {from}")).await {
            Ok(statement) => statement,
            Err(error) => return Err(self.unknown(target, &error).await),
        };
        let mut columns: Vec<SqlColumn> = statement.columns().iter().map(column).collect();
        self.conn.close(statement).await.map_err(|error| self.fail(&error))?;
        let mut unique = Vec::new();
        if let Target::Table { schema, name } = target {
            unique = self.unique(schema, name).await.map_err(|error| explain(&self.place, &error))?;
            if self.mariadb {
                self.json(schema, name, &mut columns).await.map_err(|error| explain(&self.place, &error))?;
            }
        }
        Ok(Shape { place, from, columns, unique })
    }

    async fn snapshot(&mut self) -> Result<(), Fail> {
        let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        self.conn.query_drop(begin).await.map_err(|error| explain(&self.place, &error))
    }

    async fn rows<'a>(&'a mut self, query: &'a Query) -> Result<BoxStream<'a, Result<Record, Fail>>, Fail> {
        let place = &self.place;
        let values = match &query.values[..] {
            [] => Params::Empty,
            values => Params::Positional(values.iter().map(|value| Value::Bytes(value.clone().into_bytes())).collect()),
        };
        let result = self.conn.exec_iter(query.sql.as_str(), values).await.map_err(|error| explain(place, &error))?;
        let rows = result.stream_and_drop::<Row>().await.map_err(|error| explain(place, &error))?;
        Ok(match rows {
            Some(rows) => rows.map_ok(Record::Mysql).map_err(move |error| explain(place, &error)).boxed(),
            None => futures::stream::empty().boxed(),
        })
    }
}

impl Mysql {
    fn fail(&self, error: &Error) -> Fail {
        explain(&self.place, error)
    }

    /// The unique keys over whole columns that are never null.
    async fn unique(&mut self, schema: &str, name: &str) -> Result<Vec<Vec<String>>, Error> {
        let sql =
            "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART IS NULL AND NULLABLE = '' FROM information_schema.STATISTICS
                   WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0
                   ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX";
        let parts: Vec<(String, Option<String>, bool)> = self.conn.exec(sql, (schema, name)).await?;
        let mut keys: Vec<(String, Vec<String>, bool)> = Vec::new();
        for (index, column, whole) in parts {
            let whole = whole && column.is_some();
            let column = column.unwrap_or_default();
            match keys.last_mut() {
                Some((last, columns, good)) if *last == index => {
                    columns.push(column);
                    *good &= whole;
                }
                _ => keys.push((index, vec![column], whole)),
            }
        }
        Ok(keys.into_iter().filter(|(_, _, good)| *good).map(|(_, columns, _)| columns).collect())
    }

    /// MariaDB's JSON is text with a check (<https://mariadb.com/kb/en/json-data-type/>).
    async fn json(&mut self, schema: &str, name: &str, columns: &mut [SqlColumn]) -> Result<(), Error> {
        let sql = "SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
                   WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?";
        let checks: Vec<String> = self.conn.exec(sql, (schema, name)).await?;
        for column in columns.iter_mut().filter(|column| column.ty == ColumnType::String) {
            let check = format!("json_valid({})", quoted(Database::Mysql, &column.name));
            if checks.contains(&check) {
                column.ty = ColumnType::Json;
                column.bind = None;
            }
        }
        Ok(())
    }

    /// Why a table or query cannot be read; for an unknown table those that are there.
    async fn unknown(&mut self, target: &Target, error: &Error) -> Fail {
        let mut fail = explain(&self.place, error);
        let (Target::Table { schema, name }, Error::Server(told)) = (target, error) else { return fail };
        if !matches!(told.code, 1146 | 1049) {
            return fail;
        }
        let sql = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY 1";
        let names: Vec<String> = self.conn.exec(sql, (schema.as_str(),)).await.unwrap_or_default();
        fail.error = no_table(&self.place, schema, name, &names);
        fail
    }
}

fn is_bytes(column: &Column) -> bool {
    use Wire::{
        MYSQL_TYPE_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_STRING, MYSQL_TYPE_TINY_BLOB,
        MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_VARCHAR, MYSQL_TYPE_VECTOR,
    };
    let texts = [
        MYSQL_TYPE_BLOB,
        MYSQL_TYPE_TINY_BLOB,
        MYSQL_TYPE_MEDIUM_BLOB,
        MYSQL_TYPE_LONG_BLOB,
        MYSQL_TYPE_STRING,
        MYSQL_TYPE_VAR_STRING,
        MYSQL_TYPE_VARCHAR,
    ];
    column.column_type() == MYSQL_TYPE_VECTOR
        || texts.contains(&column.column_type())
            && column.character_set() == BINARY
            && !column.flags().intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG)
}

fn column(column: &Column) -> SqlColumn {
    let name = column.name_str().into_owned();
    let quoted = format!("t.{}", quoted(Database::Mysql, &name));
    let flags = column.flags();
    let unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
    let mut told = None;
    let mut select = quoted.clone();
    let signed = || Some(if unsigned { "CAST({} AS UNSIGNED)" } else { "CAST({} AS SIGNED)" });
    let (ty, kind, bind) = match column.column_type() {
        Wire::MYSQL_TYPE_TINY if column.column_length() == 1 && !unsigned => (ColumnType::Boolean, None, signed()),
        Wire::MYSQL_TYPE_LONGLONG if unsigned => {
            (ColumnType::Decimal { precision: 20, scale: 0 }, Some(Kind::Number), signed())
        }
        Wire::MYSQL_TYPE_TINY
        | Wire::MYSQL_TYPE_SHORT
        | Wire::MYSQL_TYPE_INT24
        | Wire::MYSQL_TYPE_LONG
        | Wire::MYSQL_TYPE_LONGLONG => (ColumnType::Integer, Some(Kind::Number), signed()),
        Wire::MYSQL_TYPE_YEAR => (ColumnType::Integer, Some(Kind::Number), Some("CAST({} AS UNSIGNED)")),
        Wire::MYSQL_TYPE_DECIMAL | Wire::MYSQL_TYPE_NEWDECIMAL => {
            let scale = i64::from(column.decimals());
            let precision = i64::from(column.column_length()) - i64::from(scale > 0) - i64::from(!unsigned);
            let ty = decimal(precision, scale);
            if ty == ColumnType::String {
                told = Some(format!("decimal({precision},{scale}) is wider than 38 digits and is kept as text"));
            }
            (ty, (scale == 0).then_some(Kind::Number), Some("CAST({} AS DECIMAL(65,30))"))
        }
        Wire::MYSQL_TYPE_FLOAT | Wire::MYSQL_TYPE_DOUBLE => (ColumnType::Number, None, None),
        Wire::MYSQL_TYPE_DATE | Wire::MYSQL_TYPE_NEWDATE => {
            (ColumnType::Date(None), Some(Kind::Day), Some("CAST({} AS DATE)"))
        }
        Wire::MYSQL_TYPE_DATETIME | Wire::MYSQL_TYPE_DATETIME2 => {
            (ColumnType::Timestamp(TimestampFormat::Iso), Some(Kind::Local), Some("CAST({} AS DATETIME(6))"))
        }
        Wire::MYSQL_TYPE_TIMESTAMP | Wire::MYSQL_TYPE_TIMESTAMP2 => (
            ColumnType::Timestamp(TimestampFormat::Iso),
            Some(Kind::Instant),
            Some("CAST(TRIM(TRAILING 'Z' FROM {}) AS DATETIME(6))"),
        ),
        Wire::MYSQL_TYPE_TIME | Wire::MYSQL_TYPE_TIME2 => (ColumnType::String, None, Some("CAST({} AS TIME(6))")),
        Wire::MYSQL_TYPE_JSON => (ColumnType::Json, None, None),
        Wire::MYSQL_TYPE_BIT if column.column_length() == 1 => (ColumnType::Boolean, None, None),
        Wire::MYSQL_TYPE_BIT => (ColumnType::String, None, None),
        Wire::MYSQL_TYPE_GEOMETRY => {
            select = format!("ST_AsText({quoted})");
            (ColumnType::String, None, None)
        }
        // They are ordered by their number and compared as text.
        _ if flags.intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG) => (ColumnType::String, None, None),
        _ if is_bytes(column) => (ColumnType::String, None, Some("UNHEX({})")),
        _ => (ColumnType::String, None, Some("{}")),
    };
    let nullable = !flags.contains(ColumnFlags::NOT_NULL_FLAG);
    let dated = matches!(kind, Some(Kind::Instant | Kind::Local | Kind::Day));
    // A date of zeros, which is none, comes before all others.
    let (usual, odd) = match (dated, nullable) {
        (true, _) => {
            (format!("{quoted} >= '0001-01-01'"), Some(format!("{quoted} IS NULL OR {quoted} < '0001-01-01'")))
        }
        (false, true) => (format!("{quoted} IS NOT NULL"), Some(format!("{quoted} IS NULL"))),
        (false, false) => (format!("{quoted} IS NOT NULL"), None),
    };
    SqlColumn { name, ty, quoted, select, bind: bind.map(str::to_owned), kind, usual, odd, told }
}

/// The text of a value, null, or why it has none.
pub(super) fn text<'a>(row: &'a Row, at: usize, room: &'a mut String) -> Result<Option<&'a str>, String> {
    let columns = row.columns_ref();
    let (Some(value), Some(column)) = (row.as_ref(at), columns.get(at)) else { return Ok(None) };
    room.clear();
    // Writing to a text cannot fail.
    let _: Result<(), std::fmt::Error> = match value {
        Value::NULL => return Ok(None),
        Value::Bytes(bytes) if column.column_type() == Wire::MYSQL_TYPE_BIT => {
            let bits = column.column_length() as usize;
            let all = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
            let skip = (bytes.len() * 8).saturating_sub(bits);
            room.extend(all.skip(skip).map(|bit| if bit == 1 { '1' } else { '0' }));
            Ok(())
        }
        Value::Bytes(bytes) if is_bytes(column) => bytes.iter().try_for_each(|byte| write!(room, "{byte:02x}")),
        Value::Bytes(bytes) => {
            return std::str::from_utf8(bytes).map(Some).map_err(|_| "is not valid UTF-8".to_owned());
        }
        Value::Int(number) => write!(room, "{number}"),
        Value::UInt(number) => write!(room, "{number}"),
        Value::Float(number) => write!(room, "{number}"),
        Value::Double(number) => write!(room, "{number}"),
        Value::Date(year, month, day, ..)
            if matches!(column.column_type(), Wire::MYSQL_TYPE_DATE | Wire::MYSQL_TYPE_NEWDATE) =>
        {
            write!(room, "{year:04}-{month:02}-{day:02}")
        }
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let zone = match column.column_type() {
                Wire::MYSQL_TYPE_TIMESTAMP | Wire::MYSQL_TYPE_TIMESTAMP2 => "Z",
                _ => "",
            };
            write!(room, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
                .and_then(|()| if *micros > 0 { write!(room, ".{micros:06}{zone}") } else { room.write_str(zone) })
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = days * 24 + u32::from(*hours);
            write!(room, "{sign}{hours:02}:{minutes:02}:{seconds:02}")
                .and_then(|()| if *micros > 0 { write!(room, ".{micros:06}") } else { Ok(()) })
        }
    };
    Ok(Some(room.as_str()))
}

/// What an error means (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>).
fn explain(place: &str, error: &Error) -> Fail {
    let end = |error: SourceError| Fail { error, after: After::End };
    let told = match error {
        Error::Server(told) => told,
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            return end(SourceError::failed(place, "the server does not encrypt")
                .with_hint("`tls: prefer` takes a connection without encryption too"));
        }
        other => {
            let what = other.to_string();
            if what.contains("ertificate") {
                return end(SourceError::failed(place, what).with_hint(
                    "`ca` names a PEM file to trust, `tls: require` encrypts without looking at the certificate",
                ));
            }
            let error = SourceError::temporary(place, what).with_hint("check host and port, and that the server is up");
            return Fail { error, after: After::Reconnect };
        }
    };
    let message = format!("{} (error {})", told.message, told.code);
    match told.code {
        1045 | 1698 | 1130 | 1251 => end(SourceError::credentials(place, message)
            .with_hint("check user and password, and that the user may come from this host")),
        1044 | 1142 | 1143 | 1227 => {
            end(SourceError::credentials(place, message)
                .with_hint("GRANT SELECT on the database or table to this user"))
        }
        1049 => end(SourceError::usage(place, message).with_hint("check `database`")),
        1054 | 1064 | 1146 | 1060 | 1248 => {
            end(SourceError::usage(place, message)
                .with_hint("check `table`, `query`, `cursor` and `key` of the stream"))
        }
        // max_execution_time of MySQL, max_statement_time of MariaDB.
        3024 | 1969 => Fail {
            error: SourceError::temporary(place, message)
                .with_hint("raise the user's limit of time, lower `chunk`, or index the cursor and the key"),
            after: After::Smaller,
        },
        // Too many connections, shut down, lock and deadlock, killed.
        1040 | 1053 | 1203 | 1205 | 1213 | 1226 | 1317 | 1927 | 4031 => {
            Fail { error: SourceError::temporary(place, message), after: After::Reconnect }
        }
        _ => end(SourceError::failed(place, message)),
    }
}
