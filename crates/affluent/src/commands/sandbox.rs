//! `affluent sandbox`: the simulated CRMs, served until stopped.

use std::net::SocketAddr;
use std::path::PathBuf;

use affluent_sandbox::{
    BREVO_KEY, Config, DYNAMICS_CLIENT_ID, DYNAMICS_CLIENT_SECRET, Fault, GA4_CLIENT_EMAIL, GA4_PROPERTY,
    HUBSPOT_TOKEN, Limits, MAILCHIMP_KEY, PIPEDRIVE_TOKEN, SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET,
    SHOPIFY_TOKEN, STRIPE_KEY, ZENDESK_EMAIL, ZENDESK_TOKEN, ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN,
};
use clap::Args;
use serde::de::DeserializeOwned;

use super::Context;
use crate::failure::Failure;
use crate::{stdout, text};

const EXAMPLES: &str = "Examples:
  affluent sandbox --port 8080
  affluent sandbox --customers 2000 --fault '{\"path\": \"/hubspot\", \"kind\": \"429\", \"every\": 5}'

  affluent sandbox --limits '{\"hubspot_per_10s\": 190}'

Kinds of faults: 429, 429_no_retry_after, request_limit, 500, 503, cut, expired_token, slow, bad_type, empty_page, short_page.";

/// Serve the simulated CRMs on 127.0.0.1 and write the shop's files, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SandboxArgs {
    /// True people in month 0
    #[arg(long, default_value_t = Config::default().customers, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    customers: u32,
    /// Other seeds make other people
    #[arg(long, default_value_t = Config::default().seed, value_name = "S")]
    seed: u64,
    /// Months passed since the start
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=240))]
    month: u32,
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where the shop's files are written
    #[arg(long, default_value = "lake/_demo/shop", value_name = "DIR")]
    shop: PathBuf,
    /// Keep each page once it is rendered, to measure clients rather than the server
    #[arg(long)]
    prerender: bool,
    /// Limits to enforce, as JSON
    #[arg(long, value_name = "JSON", value_parser = json::<Limits>)]
    limits: Option<Limits>,
    /// A fault to serve, as JSON; may be given several times
    #[arg(long, value_name = "JSON", value_parser = json::<Fault>)]
    fault: Vec<Fault>,
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Serves until stopped.
pub(crate) async fn sandbox(args: &SandboxArgs, context: &Context) -> Result<(), Failure> {
    let config = Config {
        customers: args.customers,
        seed: args.seed,
        month: args.month,
        addr: SocketAddr::from(([127, 0, 0, 1], args.port)),
        faults: args.fault.clone(),
        limits: args.limits.unwrap_or_default(),
        prerender: args.prerender,
        ..Config::default()
    };
    let sandbox = affluent_sandbox::start(config).await?;
    let files = sandbox.world().write_shop(&args.shop)?;
    let url = sandbox.base_url();
    let customers = text::number(args.customers.into());
    stdout::line(&format!(
        "Sandbox CRMs over {customers} customers, seed {}, month {}: {url}\n{} shop files in {}\n\n\
         export SANDBOX_HUBSPOT_URL={url}/hubspot\n\
         export SANDBOX_HUBSPOT_TOKEN={HUBSPOT_TOKEN}\n\
         export SANDBOX_SALESFORCE_URL={url}/salesforce\n\
         export SANDBOX_SALESFORCE_CLIENT_ID={SALESFORCE_CLIENT_ID}\n\
         export SANDBOX_SALESFORCE_CLIENT_SECRET={SALESFORCE_CLIENT_SECRET}\n\
         export SANDBOX_STRIPE_URL={url}/stripe SANDBOX_STRIPE_KEY={STRIPE_KEY}\n\
         export SANDBOX_SHOPIFY_URL={url}/shopify SANDBOX_SHOPIFY_TOKEN={SHOPIFY_TOKEN}\n\
         export SANDBOX_BREVO_URL={url}/brevo SANDBOX_BREVO_KEY={BREVO_KEY}\n\
         export SANDBOX_MAILCHIMP_URL={url}/mailchimp SANDBOX_MAILCHIMP_KEY={MAILCHIMP_KEY}\n\
         export SANDBOX_GA4_URL={url}/ga4 SANDBOX_GA4_PROPERTY={GA4_PROPERTY} SANDBOX_GA4_CLIENT_EMAIL={GA4_CLIENT_EMAIL}\n\
         export SANDBOX_ZOHO_URL={url}/zoho SANDBOX_ZOHO_CLIENT_ID={ZOHO_CLIENT_ID}\n\
         export SANDBOX_ZOHO_CLIENT_SECRET={ZOHO_CLIENT_SECRET} SANDBOX_ZOHO_REFRESH_TOKEN={ZOHO_REFRESH_TOKEN}\n\
         export SANDBOX_DYNAMICS_URL={url}/dynamics SANDBOX_DYNAMICS_CLIENT_ID={DYNAMICS_CLIENT_ID}\n\
         export SANDBOX_DYNAMICS_CLIENT_SECRET={DYNAMICS_CLIENT_SECRET}\n\
         export SANDBOX_PIPEDRIVE_URL={url}/pipedrive SANDBOX_PIPEDRIVE_TOKEN={PIPEDRIVE_TOKEN}\n\
         export SANDBOX_ZENDESK_URL={url}/zendesk SANDBOX_ZENDESK_EMAIL={ZENDESK_EMAIL} SANDBOX_ZENDESK_TOKEN={ZENDESK_TOKEN}\n\
         export SANDBOX_GA4_PRIVATE_KEY=\"$(curl -s {url}/_ga4_key)\"\n\n\
         pipelines/demo.yaml reads these. Ctrl-C stops.",
        args.seed,
        args.month,
        files.len(),
        args.shop.display()
    ))?;
    context.stop.cancelled().await;
    sandbox.stop().await;
    Ok(())
}
