//! PostgreSQL: connection, catalogue, rows.
//!
//! All values are asked for as text, which PostgreSQL writes exactly, and go through the same decoding as any other text.
//! Everything happens in transactions, so that poolers in transaction mode serve as well.

use affluent_spec::ColumnType;
use affluent_spec::pipeline::Database;
use affluent_spec::types::TimestampFormat;
use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use secrecy::ExposeSecret;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Kind as TypeKind, Type};
use tokio_postgres::{Client, Column, Config, Error, NoTls};

use super::access::{Access, Tls};
use super::query::{Query, quoted};
use super::session::{After, CONNECT, Fail, Record, Session};
use super::shape::{Kind, Shape, SqlColumn, Target, decimal};
use super::tls;
use crate::error::SourceError;

/// How values are written, whatever the server's or the user's defaults. `local` ends with the transaction.
const MANNERS: &str = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; \
                       SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL extra_float_digits = 3; \
                       SET LOCAL idle_in_transaction_session_timeout = 0";

pub(super) struct Postgres {
    client: Client,
    place: String,
}

pub(super) async fn connect(access: &Access) -> Result<Postgres, Fail> {
    let mut config = Config::new();
    config
        .host(&access.host)
        .port(access.port)
        .dbname(&access.name)
        .user(&access.user)
        .application_name("affluent")
        .connect_timeout(CONNECT)
        .ssl_mode(match access.tls {
            Tls::Disable => SslMode::Disable,
            Tls::Prefer => SslMode::Prefer,
            Tls::Require | Tls::VerifyFull => SslMode::Require,
        });
    if let Some(password) = &access.password {
        config.password(password.expose_secret());
    }
    let place = access.place();
    let failed = |error: Error| explain(&place, &error);
    let client = if access.tls == Tls::Disable || access.host.starts_with('/') {
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        // Its end shows in the client's answers.
        tokio::spawn(async move { connection.await.ok() });
        client
    } else {
        let (client, connection) = config.connect(tls::Postgres::new(access)?).await.map_err(failed)?;
        tokio::spawn(async move { connection.await.ok() });
        client
    };
    Ok(Postgres { client, place })
}

#[async_trait]
impl Session for Postgres {
    async fn shape(&mut self, target: &Target) -> Result<Shape, Fail> {
        let (from, place) = match target {
            Target::Table { schema, name } => {
                let named = |part: &str| quoted(Database::Postgres, part);
                (format!("{}.{} AS t", named(schema), named(name)), format!("{schema}.{name}"))
            }
            Target::Query(sql) => (format!("({sql}) AS t"), "query".to_owned()),
        };
        let statement = match self.client.prepare(&format!("SELECT * FROM {from}")).await {
            Ok(statement) => statement,
            Err(error) => return Err(self.unknown(target, &error).await),
        };
        let columns = statement.columns().iter().map(column).collect();
        let unique = match target {
            Target::Table { schema, name } => self.unique(schema, name).await.map_err(|error| self.fail(&error))?,
            Target::Query(_) => Vec::new(),
        };
        Ok(Shape { place, from, columns, unique })
    }

    async fn snapshot(&mut self) -> Result<(), Fail> {
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {MANNERS}");
        self.client.batch_execute(&begin).await.map_err(|error| self.fail(&error))
    }

    async fn rows<'a>(&'a mut self, query: &'a Query) -> Result<BoxStream<'a, Result<Record, Fail>>, Fail> {
        let values = query.values.iter().map(|value| (value, Type::TEXT));
        let rows = self.client.query_typed_raw(&query.sql, values).await.map_err(|error| self.fail(&error))?;
        let place = &self.place;
        Ok(rows.map_ok(Record::Postgres).map_err(move |error| explain(place, &error)).boxed())
    }
}

impl Postgres {
    fn fail(&self, error: &Error) -> Fail {
        explain(&self.place, error)
    }

    /// The unique keys of a table that hold at every moment, over columns that are never null. A table that others inherit
    /// from has none: its keys do not speak of their rows.
    async fn unique(&self, schema: &str, name: &str) -> Result<Vec<Vec<String>>, Error> {
        let sql = "SELECT array_to_string(ARRAY(
                       SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place)
                       JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                       WHERE k.place <= i.indnkeyatts ORDER BY k.place), E'\\x1f')
                   FROM pg_catalog.pg_index i
                   JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $1 AND c.relname = $2
                     AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
                     AND NOT EXISTS (SELECT 1 FROM unnest(i.indkey) AS k(number)
                         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                         WHERE NOT a.attnotnull)
                     AND (c.relkind = 'p' OR NOT EXISTS (
                         SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid))
                   ORDER BY i.indisprimary DESC, i.indexrelid";
        let values = [(schema, Type::TEXT), (name, Type::TEXT)];
        let rows: Vec<_> = self.client.query_typed_raw(sql, values).await?.try_collect().await?;
        Ok(rows.iter().map(|row| row.get::<_, &str>(0).split('\u{1f}').map(str::to_owned).collect()).collect())
    }

    /// Why a table or query cannot be read; for an unknown table those that are there.
    async fn unknown(&self, target: &Target, error: &Error) -> Fail {
        let mut fail = self.fail(error);
        let Target::Table { schema, name } = target else { return fail };
        if error.code() != Some(&SqlState::UNDEFINED_TABLE) && error.code() != Some(&SqlState::INVALID_SCHEMA_NAME) {
            return fail;
        }
        let sql = "SELECT c.relname::text FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1";
        let mut names: Vec<String> = Vec::new();
        if let Ok(rows) = self.client.query_typed_raw(sql, [(schema, Type::TEXT)]).await
            && let Ok(rows) = rows.try_collect::<Vec<_>>().await
        {
            names = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
        }
        fail.error = no_table(&self.place, schema, name, &names);
        fail
    }
}

/// The error for a table that is not there.
pub(super) fn no_table(place: &str, schema: &str, name: &str, known: &[String]) -> SourceError {
    let hint = affluent_spec::suggest::hint(name, known.iter().map(String::as_str)).unwrap_or_else(|| {
        format!("`{schema}` holds no table that this user may see; another schema is named by `table: schema.table`")
    });
    SourceError::usage(place, format!("there is no table `{name}` in `{schema}`")).with_hint(hint)
}

fn column(column: &Column) -> SqlColumn {
    let quoted = format!("t.{}", quoted(Database::Postgres, column.name()));
    // Of a domain the server tells the type under it.
    let (base, modifier) = (column.type_(), column.type_modifier());
    let mut told = None;
    let mut select = format!("({quoted})::text");
    let mut bind = Some(format!("{{}}::text::{}", type_name(column.type_())));
    let (ty, kind) = match *base {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => (ColumnType::Integer, Some(Kind::Number)),
        Type::NUMERIC if modifier >= 4 => {
            // https://www.postgresql.org/docs/current/datatype-numeric.html: precision and an 11-bit signed scale.
            let (precision, scale) = ((modifier - 4) >> 16 & 0xffff, (((modifier - 4) & 0x7ff) ^ 1024) - 1024);
            let ty = decimal(precision.into(), scale.into());
            if ty == ColumnType::String {
                told = Some(format!("numeric({precision},{scale}) is wider than 38 digits and is kept as text"));
            }
            (ty, (scale == 0).then_some(Kind::Number))
        }
        Type::NUMERIC => {
            told = Some("numeric without precision is kept as text; `columns:` may say decimal(p,s)".to_owned());
            (ColumnType::String, None)
        }
        Type::MONEY => {
            select = format!("({quoted})::numeric::text");
            bind = Some("{}::text::numeric::money".to_owned());
            (ColumnType::Decimal { precision: 19, scale: 2 }, None)
        }
        Type::FLOAT4 | Type::FLOAT8 => (ColumnType::Number, None),
        Type::BOOL => (ColumnType::Boolean, None),
        Type::DATE => (ColumnType::Date(None), Some(Kind::Day)),
        Type::TIMESTAMP => (ColumnType::Timestamp(TimestampFormat::Iso), Some(Kind::Local)),
        Type::TIMESTAMPTZ => (ColumnType::Timestamp(TimestampFormat::Iso), Some(Kind::Instant)),
        Type::BYTEA => {
            select = format!("encode({quoted}, 'hex')");
            bind = Some("decode({}::text, 'hex')".to_owned());
            (ColumnType::String, None)
        }
        Type::JSON => {
            bind = None;
            (ColumnType::Json, None)
        }
        Type::JSONB => (ColumnType::Json, None),
        Type::XML | Type::POINT | Type::BOX | Type::POLYGON | Type::PATH | Type::LINE | Type::LSEG | Type::CIRCLE => {
            bind = None;
            (ColumnType::String, None)
        }
        _ if matches!(base.kind(), TypeKind::Array(_) | TypeKind::Composite(_)) => {
            select = format!("to_json({quoted})::text");
            bind = None;
            (ColumnType::Json, None)
        }
        _ => (ColumnType::String, None),
    };
    let (usual, odd) = match *base {
        Type::DATE | Type::TIMESTAMP | Type::TIMESTAMPTZ => (
            format!("{quoted} > '-infinity' AND {quoted} < 'infinity'"),
            format!("{quoted} IS NULL OR {quoted} = '-infinity' OR {quoted} = 'infinity'"),
        ),
        // NaN is above all numbers.
        Type::NUMERIC => (format!("{quoted} < 'NaN'"), format!("{quoted} IS NULL OR {quoted} >= 'NaN'")),
        _ => (format!("{quoted} IS NOT NULL"), format!("{quoted} IS NULL")),
    };
    SqlColumn { name: column.name().to_owned(), ty, quoted, select, bind, kind, usual, odd: Some(odd), told }
}

fn type_name(ty: &Type) -> String {
    format!("{}.{}", quoted(Database::Postgres, ty.schema()), quoted(Database::Postgres, ty.name()))
}

/// What an error means (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn explain(place: &str, error: &Error) -> Fail {
    let Some(told) = error.as_db_error() else {
        return unanswered(place, error);
    };
    let code = told.code().code();
    let message = format!("{} (SQLSTATE {code})", told.message());
    let (error, after) = match code {
        "28P01" | "28000" => (
            SourceError::credentials(place, message)
                .with_hint("check user and password, and that pg_hba.conf lets this host in"),
            After::End,
        ),
        "42501" => (
            SourceError::credentials(place, message)
                .with_hint("GRANT USAGE on the schema and SELECT on the table to this user"),
            After::End,
        ),
        "3D000" => (SourceError::usage(place, message).with_hint("check `database`"), After::End),
        "57014" => (
            SourceError::temporary(place, message)
                .with_hint("raise the user's statement_timeout, lower `chunk`, or index the cursor and the key"),
            After::Smaller,
        ),
        // Shut down, starting, too many connections, a standby that had to give way, deadlock.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300" | "40001" | "40P01" => {
            (SourceError::temporary(place, message), After::Reconnect)
        }
        _ if code.starts_with("08") => (SourceError::temporary(place, message), After::Reconnect),
        _ if code.starts_with("42") => (
            SourceError::usage(place, message).with_hint("check `table`, `query`, `cursor` and `key` of the stream"),
            After::End,
        ),
        _ => (SourceError::failed(place, message).with_hint(told.hint().unwrap_or_default()), After::End),
    };
    Fail { error, after }
}

/// An error that is not the server's answer: the network, encryption, the protocol.
fn unanswered(place: &str, error: &Error) -> Fail {
    let mut what = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        what = format!("{what}: {inner}");
        cause = inner.source();
    }
    if what.contains("certificate") {
        let error = SourceError::failed(place, what)
            .with_hint("`ca` names a PEM file to trust, `tls: require` encrypts without looking at the certificate");
        return Fail { error, after: After::End };
    }
    if what.contains("password missing") {
        let error = SourceError::credentials(place, what).with_hint("give `password: { env: NAME }` under `with:`");
        return Fail { error, after: After::End };
    }
    if what.contains("server does not support TLS") {
        let error =
            SourceError::failed(place, what).with_hint("`tls: prefer` takes a connection without encryption too");
        return Fail { error, after: After::End };
    }
    let hint = "check host and port, and that the server is up";
    Fail { error: SourceError::temporary(place, what).with_hint(hint), after: After::Reconnect }
}
