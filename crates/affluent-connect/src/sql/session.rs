//! A connection to a database, whichever it is: what can be asked of it and how it fails.

use std::time::Duration;

use affluent_spec::pipeline::Database;
use async_trait::async_trait;
use futures::stream::BoxStream;

use super::access::Access;
use super::query::Query;
use super::shape::{Shape, Target};
use super::{mysql, postgres};
use crate::error::SourceError;

/// Tries in all before an error that may pass is handed on.
const TRIES: u32 = 5;
/// The longest wait for a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(15);

/// What a failure means for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It ends the read.
    End,
    /// A new connection may go on.
    Reconnect,
    /// The server let the query run no longer; a smaller one may pass.
    Smaller,
}

/// Why a question was not answered.
#[derive(Debug, Clone)]
pub(super) struct Fail {
    pub(super) error: SourceError,
    pub(super) after: After,
}

impl From<SourceError> for Fail {
    fn from(error: SourceError) -> Self {
        Self { error, after: After::End }
    }
}

impl From<Fail> for SourceError {
    fn from(fail: Fail) -> Self {
        fail.error
    }
}

/// A row as the database sent it.
#[derive(Debug)]
pub(super) enum Record {
    /// Of PostgreSQL, all columns text.
    Postgres(tokio_postgres::Row),
    /// Of MySQL.
    Mysql(mysql_async::Row),
}

impl Record {
    /// The text of a column, null, or why it has none; `room` may be used for it.
    pub(super) fn text<'a>(&'a self, at: usize, room: &'a mut String) -> Result<Option<&'a str>, String> {
        match self {
            Self::Postgres(row) => row.try_get(at).map_err(|error| error.to_string()),
            Self::Mysql(row) => mysql::text(row, at, room),
        }
    }
}

/// An open connection.
#[async_trait]
pub(super) trait Session: Send {
    /// The columns and unique keys of a table or query.
    async fn shape(&mut self, target: &Target) -> Result<Shape, Fail>;

    /// Fixes what is seen from now on: the state of the database at this moment.
    async fn snapshot(&mut self) -> Result<(), Fail>;

    /// The rows of a query as they come.
    async fn rows<'a>(&'a mut self, query: &'a Query) -> Result<BoxStream<'a, Result<Record, Fail>>, Fail>;
}

/// Opens a connection; what may pass is tried again.
pub(super) async fn connect(access: &Access) -> Result<Box<dyn Session>, SourceError> {
    let mut tried = 0;
    loop {
        let opened: Result<Box<dyn Session>, Fail> = match access.database {
            Database::Postgres => postgres::connect(access).await.map(|session| Box::new(session) as _),
            Database::Mysql => mysql::connect(access).await.map(|session| Box::new(session) as _),
        };
        match opened {
            Ok(session) => return Ok(session),
            Err(fail) => wait(fail, &mut tried).await?,
        }
    }
}

/// Waits before the next try, a little longer each time; hands the failure on where another try is of no use.
pub(super) async fn wait(fail: Fail, tried: &mut u32) -> Result<(), SourceError> {
    *tried += 1;
    if fail.after == After::End || *tried >= TRIES {
        return Err(fail.error);
    }
    tracing::warn!(tries = *tried, "{}; it is tried again", fail.error);
    tokio::time::sleep(Duration::from_millis(250 << *tried)).await;
    Ok(())
}
