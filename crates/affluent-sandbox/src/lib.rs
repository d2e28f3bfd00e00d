//! CRM, shop, payment, mailing and analytics APIs simulated on loopback, over generated customers whose truth is known.
//!
//! A HubSpot-style API under `/hubspot`, a Salesforce-style one under `/salesforce`, others likewise, and shop files, all over one
//! [`World`]: a pure function of (seed, customers, month). Used by the demo, by tests, and by whoever wants to try
//! without credentials. The reference, with a vendor page per behaviour, is the crate's README.

mod clock;
mod data;
mod draw;
mod server;
mod world;

use std::path::PathBuf;

pub use server::faults::{Fault, FaultKind};
pub use server::journal::Asked;
pub use server::limits::Limits;
pub use server::{
    BREVO_KEY, Config, DYNAMICS_CLIENT_ID, DYNAMICS_CLIENT_SECRET, GA4_CLIENT_EMAIL, GA4_PRIVATE_KEY, GA4_PROPERTY,
    HUBSPOT_TOKEN, MAILCHIMP_KEY, PIPEDRIVE_TOKEN, SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET, SHOPIFY_TOKEN,
    STRIPE_KEY, Sandbox, ZENDESK_EMAIL, ZENDESK_TOKEN, ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN, start,
};
pub use world::{Edit, RecordCounts, RecordTruth, ShopFile, Truth, VendorTruth, World};

/// Why the sandbox could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address cannot be listened on; another process may hold its port, and port 0 takes a free one.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: std::net::SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of the shop cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or its directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}
