//! Silver → gold: each model written out of readers' sight, tested there, then published by one commit.

mod build;
pub mod data_test;
pub mod model_case;

pub(crate) use build::plan_of;
pub use build::{ModelReport, ModelStatus, build_all};
