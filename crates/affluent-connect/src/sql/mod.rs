//! SQL databases as a source: PostgreSQL, MySQL and MariaDB, tables, views and queries of one's own.
//!
//! With a cursor column only what is new is read, in the order of (cursor, key); without one the whole table in the order of
//! its key. A table with a unique key is read by chunks, each a query that begins behind the last row of the one before: a
//! connection that is lost goes on from there, and so does the next run after a kill. All chunks of a read see one snapshot.
//! Values are taken as text, exactly as the database writes them, into the columns that hold them.

mod access;
mod mysql;
mod plan;
mod postgres;
mod query;
mod read;
mod rows;
mod session;
mod shape;
mod state;
mod tls;

use std::sync::Arc;

use affluent_spec::pipeline::Database;
use affluent_spec::{ColumnType, bronze};
use async_trait::async_trait;
use chrono_tz::Tz;
use futures::stream::BoxStream;
use indexmap::IndexMap;

use crate::Source;
use crate::error::SourceError;
use crate::page::{Cursor, Overlap, Page, Rejected, Window};
use crate::schema::StreamSchema;
use plan::Plan;
use rows::{Builder, Texts, kept};
use session::{Session, connect};
use shape::{Target, table};
use state::State;

pub use access::{Access, Tls};

/// What a SQL stream is.
#[derive(Debug, Clone, Default)]
pub struct SqlStream {
    /// Its name; that of its table, unless `table` or `query` is given.
    pub name: String,
    /// The table or view, with its schema before a dot.
    pub table: Option<String>,
    /// A SELECT in place of a table.
    pub query: Option<String>,
    /// The columns that identify a record; the database's own key unless given.
    pub key: Vec<String>,
    /// The column that moves on when a record changes.
    pub cursor: Option<String>,
    /// Seconds before the highest cursor where each read begins.
    pub lookback: Option<u64>,
    /// The same where the cursor is a number.
    pub lookback_count: Option<u64>,
    /// Records in a chunk.
    pub chunk: Option<u32>,
    /// The column that tells a deleted record.
    pub deletes: Option<String>,
    /// Types that take the place of those that the database's bring.
    pub columns: IndexMap<String, ColumnType>,
    /// The time zone of instants without an offset; UTC unless given.
    pub timezone: Option<String>,
    /// Keep the row as JSON in `_raw`.
    pub raw: Option<bool>,
}

/// Streams of a SQL database.
#[derive(Debug, Clone)]
pub struct SqlSource {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    access: Access,
    streams: Vec<SqlStream>,
}

impl SqlSource {
    /// These streams of a database. No call is made yet.
    pub fn new(access: Access, streams: Vec<SqlStream>) -> Self {
        Self { inner: Arc::new(Inner { access, streams }) }
    }

    /// A stream's plan as the database is now.
    async fn planned(&self, stream: &str) -> Result<Plan, SourceError> {
        let stream = self.inner.stream(stream)?;
        let mut session = connect(&self.inner.access).await?;
        self.inner.plan(session.as_mut(), stream).await
    }
}

impl Inner {
    fn stream(&self, name: &str) -> Result<&SqlStream, SourceError> {
        self.streams.iter().find(|stream| stream.name == name).ok_or_else(|| {
            SourceError::no_stream(self.access.place(), name, self.streams.iter().map(|stream| stream.name.as_str()))
        })
    }

    async fn plan(&self, session: &mut dyn Session, stream: &SqlStream) -> Result<Plan, SourceError> {
        let schema = match self.access.database {
            Database::Postgres => &self.access.schema,
            Database::Mysql => &self.access.name,
        };
        let target = match &stream.query {
            Some(query) => Target::Query(query.trim().trim_end_matches(';').to_owned()),
            None => table(stream.table.as_ref().unwrap_or(&stream.name), schema)
                .map_err(|what| SourceError::usage(&stream.name, what))?,
        };
        let mut shape = session.shape(&target).await?;
        if stream.query.is_some() {
            stream.name.clone_into(&mut shape.place);
        }
        Plan::new(stream, shape)
    }
}

#[async_trait]
impl Source for SqlSource {
    async fn discover(&self, stream: &str) -> Result<StreamSchema, SourceError> {
        Ok(self.planned(stream).await?.schema())
    }

    fn read(&self, stream: &str, window: Window) -> BoxStream<'static, Result<Page, SourceError>> {
        match self.inner.stream(stream) {
            Ok(stream) => read::read(Arc::clone(&self.inner), stream.clone(), window),
            Err(error) => Box::pin(futures::stream::iter([Err(error)])),
        }
    }

    async fn replay(&self, stream: &str, _: Option<&Cursor>, refused: Vec<Rejected>) -> Result<Page, SourceError> {
        let plan = self.planned(stream).await?;
        let mut rows = Builder::new(&plan, false);
        let mut again = Vec::new();
        for record in refused {
            match kept(&plan, &record.raw) {
                Some(texts) => rows.push(&plan, Texts::Kept(&texts), Some(&record.position)),
                None => again.push(Rejected { reason: "it was not kept as a row of a database".to_owned(), ..record }),
            }
        }
        let mut page = rows.page(None);
        page.rejected.extend(again);
        Ok(page)
    }

    fn overlap(&self, stream: &str, cursor: Option<&Cursor>) -> Overlap {
        let Ok(stream) = self.inner.stream(stream) else { return Overlap::All };
        let Some(column) = &stream.cursor else { return Overlap::All };
        let Some(cursor) = cursor else { return Overlap::None };
        // What is wrong with a cursor is told when it is read from.
        let Ok(state) = State::stored(cursor) else { return Overlap::All };
        let zone = stream.timezone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let lookback = plan::lookback(stream, state.by.as_ref().map(|by| by.kind), zone);
        state.overlap(&bronze::of_field(column), zone, lookback)
    }

    async fn check(&self) -> Result<(), SourceError> {
        let mut session = connect(&self.inner.access).await?;
        for stream in &self.inner.streams {
            for remark in self.inner.plan(session.as_mut(), stream).await?.remarks() {
                tracing::warn!(stream = %stream.name, "{remark}");
            }
        }
        Ok(())
    }
}
