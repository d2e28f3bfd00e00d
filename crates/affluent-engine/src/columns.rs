//! The columns that the product itself gives to tables, by their names.

pub use affluent_connect::schema::{DELETED, FILE, HASH, RAW, ROW};

/// Bronze: the instant a row was loaded.
pub const EXTRACTED_AT: &str = "_extracted_at";
/// Bronze: the run that loaded it.
pub const RUN_ID: &str = "_run_id";
/// Bronze: the stream it comes from, `source.stream`.
pub const STREAM: &str = "_source";

/// Silver: identifies a row, `source.stream:key`.
pub const RECORD_ID: &str = "record_id";
/// Silver: where a row comes from, `source.stream`.
pub const SOURCE: &str = "source";
/// Silver: the person record that a fact belongs to.
pub const PERSON_RECORD_ID: &str = "person_record_id";
/// Silver: the person that a fact belongs to.
pub const PERSON_ID: &str = "person_id";
/// Golden records: how many records went into the row.
pub const RECORDS: &str = "records";
/// Golden records: which record each value comes from, as JSON.
pub const PROVENANCE: &str = "provenance";
/// Records: the values that could not be used, each with its reason.
pub const INVALID: &str = "invalid";
