//! What can be derived from a value by rule or by a small table.

mod age;
mod department;
mod employer;
mod free_mail;
mod headcount;

pub use age::{age, age_band};
pub use department::{Department, fr_department, fr_region};
pub use employer::Employers;
pub use free_mail::free_mail_domain;
pub use headcount::headcount_band;
