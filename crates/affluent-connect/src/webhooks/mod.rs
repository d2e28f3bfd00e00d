//! Webhooks: events that vendors send, kept on disk before they are answered, and read from there as a source.
//!
//! [`receive`] is a server: it checks each request's signature, appends the body to the stream's [`log`] and answers when the
//! disk has it. [`WebhookSource`] reads the log: its cursor is a place in it, an event is known by its id for a while, and
//! segments go once they are committed.

mod limits;
mod log;
mod serve;
mod signature;
mod source;
mod writer;

use std::path::PathBuf;

use affluent_spec::ColumnType;
use affluent_spec::pipeline::Signature;
use chrono_tz::Tz;
use indexmap::IndexMap;

pub use limits::Limits;
pub use serve::{Receiver, receive};
pub use source::WebhookSource;

/// The column that tells an event from all others: the values of its `id`, or a hash of its text.
pub const EVENT_ID: &str = "_event_id";
/// The column with the instant at which an event was received.
pub const RECEIVED_AT: &str = "_received_at";
/// The path that answers whether the receiver is well.
pub const HEALTH: &str = "/health";
/// For how long an event that is sent again is known again, unless a stream says otherwise. The longest retries that the
/// vendors document end within it: Stripe's take up to three days (<https://docs.stripe.com/webhooks#retries>).
pub const KNOWN_SECONDS: u64 = 3 * 86_400;

/// One stream of events.
#[derive(Debug, Clone)]
pub struct WebhookStream {
    /// Its name.
    pub name: String,
    /// The path that its events are sent to.
    pub path: String,
    /// How a request proves who sent it.
    pub signature: Signature,
    /// The members that tell an event from all others, dotted; none: its whole text does.
    pub id: Vec<String>,
    /// The path of the array of events in a body; without it a body that is an array holds several, another holds one.
    pub events: Option<String>,
    /// The columns taken from each event, by path.
    pub columns: IndexMap<String, ColumnType>,
    /// The columns that identify what an event tells of; none: the event itself.
    pub key: Vec<String>,
    /// The time zone of instants without an offset.
    pub zone: Tz,
    /// Keep each event whole in `_raw`.
    pub raw: bool,
    /// For how many seconds an event that is sent again is known again.
    pub known_seconds: u64,
    /// The folder of its log.
    pub folder: PathBuf,
}
