//! The sandbox asked over HTTP, as a connector asks it.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod brevo;
mod control;
mod dynamics;
mod faults;
mod ga4;
mod hubspot;
mod hubspot_work;
mod mailchimp;
mod pipedrive;
mod salesforce;
mod salesforce_jobs;
mod shopify;
mod stripe;
mod support;
mod vendors;
mod zendesk;
mod zoho;
