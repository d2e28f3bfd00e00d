//! The HTTP engine against small servers that behave, and misbehave, as the vendors' do.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod auth;
mod bulk;
mod deletions;
mod faults;
mod hostile;
mod incremental;
mod library;
mod limits;
mod lists;
mod nested;
mod ordered;
mod paging;
mod raw;
mod sandbox;
mod tokens;
mod vendors;
mod world;
