//! What the server must know of a vendor: where it is served, whom it lets in, and how it refuses.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::{Shared, brevo, dynamics, ga4, hubspot, mailchimp, pipedrive, salesforce, shopify, stripe, zendesk, zoho};

/// A simulated vendor.
pub(crate) struct Vendor {
    /// Where it is served, `/hubspot` for instance.
    pub(crate) path: &'static str,
    /// Its routes, below that path.
    pub(crate) routes: fn() -> Router<Arc<Shared>>,
    /// An error in its form, of a status, a code and a message.
    pub(crate) error: fn(StatusCode, &str, &str) -> Response,
    /// The refusal of too many requests.
    pub(crate) too_many: fn() -> Response,
    /// The refusal of a token that has run out; where tokens are given out, that of the request is taken back.
    pub(crate) expired: fn(&Shared, &HeaderMap) -> Response,
    /// The refusal of a request without valid credentials.
    pub(crate) unauthorised: fn(&Shared, &Uri, &HeaderMap) -> Option<Response>,
    /// The limit headers of a request to that path, and the refusal where a limit is hit.
    pub(crate) limit: fn(&Shared, &str) -> (HeaderMap, Option<Response>),
    /// Where `bad_type` finds something to spoil.
    pub(crate) spoils: Spoils,
}

/// The members that a page's first record can be spoilt in.
pub(crate) struct Spoils {
    /// Members of an answer that hold its records.
    pub(crate) records: &'static [&'static str],
    /// Numbers of a record, or of its `properties`.
    pub(crate) numbers: &'static [&'static str],
    /// Dates and instants of it.
    pub(crate) dates: &'static [&'static str],
}

/// All vendors.
pub(crate) static VENDORS: &[&Vendor] = &[
    &hubspot::VENDOR,
    &salesforce::VENDOR,
    &zoho::VENDOR,
    &dynamics::VENDOR,
    &pipedrive::VENDOR,
    &zendesk::VENDOR,
    &stripe::VENDOR,
    &shopify::VENDOR,
    &ga4::VENDOR,
    &brevo::VENDOR,
    &mailchimp::VENDOR,
];

/// The vendor whose path it is.
pub(crate) fn of(path: &str) -> &'static Vendor {
    let served =
        |vendor: &&&Vendor| path.strip_prefix(vendor.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    VENDORS.iter().find(served).copied().unwrap_or(&hubspot::VENDOR)
}

/// No limit is told and none is kept.
pub(crate) fn unlimited(_: &Shared, _: &str) -> (HeaderMap, Option<Response>) {
    (HeaderMap::new(), None)
}
