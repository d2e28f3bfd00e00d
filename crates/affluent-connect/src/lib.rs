//! Where data comes from: the [`Source`] trait and its kinds, each in a folder of its own.
//!
//! A source yields [`Page`]s of Arrow rows with the state ([`Cursor`]) that the next read goes on from. It never writes,
//! never knows a table, and never drops a record in silence: what does not fit its declared type is handed on as
//! [`Rejected`] beside the rows.

pub mod decode;
mod durable;
pub mod error;
pub mod files;
pub mod http;
pub mod page;
pub mod record;
pub mod schema;
pub mod sql;
pub mod store;
pub mod webhooks;

use async_trait::async_trait;
use futures::stream::BoxStream;

pub use error::SourceError;
pub use page::{Cursor, Overlap, Page, Rejected, Window};
pub use schema::StreamSchema;

/// Anything that streams of records can be read from.
#[async_trait]
pub trait Source: Send + Sync {
    /// The columns, key and cursor of `stream`; may ask the other side.
    async fn discover(&self, stream: &str) -> Result<StreamSchema, SourceError>;

    /// The same for a read that goes on from a cursor, which may hold what was found out before.
    async fn discover_from(&self, stream: &str, _cursor: Option<&Cursor>) -> Result<StreamSchema, SourceError> {
        self.discover(stream).await
    }

    /// The pages of `stream` from `window.from` on, in the order in which they are to be committed.
    fn read(&self, stream: &str, window: Window) -> BoxStream<'static, Result<Page, SourceError>>;

    /// Decodes records that were refused, as the stream is declared today; `cursor` is where the stream stands. Each of them
    /// is either among the page's rows or refused again, under its position and as it came.
    async fn replay(&self, stream: &str, cursor: Option<&Cursor>, refused: Vec<Rejected>) -> Result<Page, SourceError>;

    /// What a read that goes on from `cursor` may deliver a second time.
    fn overlap(&self, stream: &str, cursor: Option<&Cursor>) -> Overlap;

    /// One cheap call that proves that the other side answers and lets us in.
    async fn check(&self) -> Result<(), SourceError>;

    /// Whether what was read before can be read again. Where it cannot, bronze is the only copy and is never built anew.
    fn is_repeatable(&self) -> bool {
        true
    }
}
