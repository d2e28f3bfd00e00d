//! The engine: Source → bronze → silver → gold, each step a plan over Delta tables and one commit for each table.

pub mod catalog;
pub mod columns;
pub mod context;
pub mod day;
pub mod error;
pub mod extract;
pub mod lake;
pub mod marts;
pub mod matching;
pub mod plan;
pub mod quarantine;
pub mod run;
pub mod session;
pub mod sql;
pub mod transform;
pub mod udf;

pub use catalog::Catalog;
pub use context::Run;
pub use error::Error;
pub use lake::Lake;
pub use plan::Plan;
pub use session::Session;
