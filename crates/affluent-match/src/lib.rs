//! From scattered records to people and companies: normalise, enrich, compare, block, train, cluster, survive.
//!
//! Pure functions on strings and slices. No I/O, no async, no Arrow, no SQL: whoever calls decides where records come
//! from and where results go. The method is in the crate's README.

pub mod enrich;
pub mod normalise;

mod attach;
mod between;
mod block;
mod canonical;
mod cluster;
mod compare;
mod curve;
mod error;
mod evaluate;
mod explain;
mod field;
mod fold;
mod household;
mod ids;
mod known;
mod learned;
mod link;
mod recognise;
mod records;
mod report;
mod review;
mod score;
mod settings;
mod strangers;
mod survive;
mod train;

pub use canonical::{Canonical, canonical};
pub use curve::{CurvePoint, curve};
pub use error::MatchError;
pub use evaluate::{Evaluation, evaluate};
pub use explain::{Explanation, Step, explain};
pub use field::{Field, Kind};
pub use fold::fold;
pub use ids::{IdentityEvent, settle_ids};
pub use known::{Decision, Known};
pub use learned::Learned;
pub use link::{Matched, candidates, link, link_knowing, scored};
pub use recognise::{Role, Sample, Subject, recognise};
pub use records::Records;
pub use report::{ComparisonReport, LevelReport, Report, RuleReport};
pub use review::Doubt;
pub use settings::{Block, Part, Rule, Settings, Threshold};
pub use survive::{Candidate, Preference, Survivor, survive};
