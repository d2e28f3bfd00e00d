//! The word lists worlds are made of: public facts (towns and their postcodes, common names, NAF codes), in order of use.

pub(crate) mod business;
pub(crate) mod names;
pub(crate) mod places;
