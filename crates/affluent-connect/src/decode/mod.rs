//! From text and JSON to typed Arrow columns, exactly: no digit lost, no value silently turned into null.
//!
//! A value that does not fit its declared type refuses the whole row, with the reason. What counts as nothing: in JSON a
//! missing field and `null`; in CSV an empty cell. Empty text is kept apart from nothing where the format can tell: `""` in
//! JSON and a quoted empty cell of a text column stay empty text. For the other types empty text is null, since none of
//! their values is written so and APIs send it for cleared fields. `NA`, `N/A` and `null` as text stay text.

mod cells;
mod instant;
mod json;
mod number;
pub(crate) mod path;
mod rows;

pub(crate) use instant::instant;
pub(crate) use json::DEPTH;

pub use cells::{Cells, Mismatch};
pub use json::{JsonDecoder, JsonField};
pub use rows::{RowEnd, RowOptions, Rows};
