//! Source → bronze: each stream's new records appended, data and cursor in one commit.

mod overlap;
mod replay;
mod slice;
mod sources;
mod stream;

pub use replay::{Replayed, replay};
pub use sources::{open, secret_from, webhook_streams};
pub use stream::{StreamReport, extract};
