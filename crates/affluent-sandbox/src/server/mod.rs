//! The HTTP server: its configuration, its state, its routes, and how it starts and stops.

pub(crate) mod ask;
pub(crate) mod brevo;
pub(crate) mod changes;
pub(crate) mod control;
pub(crate) mod dynamics;
pub(crate) mod faults;
pub(crate) mod ga4;
pub(crate) mod guard;
pub(crate) mod hubspot;
pub(crate) mod journal;
pub(crate) mod limits;
pub(crate) mod mailchimp;
pub(crate) mod pipedrive;
pub(crate) mod reply;
pub(crate) mod salesforce;
pub(crate) mod shopify;
pub(crate) mod stripe;
pub(crate) mod tokens;
pub(crate) mod vendor;
pub(crate) mod zendesk;
pub(crate) mod zoho;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::serve::ListenerExt;
use axum::{Router, middleware};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Edit, SandboxError, World};
use faults::{ActiveFault, Fault};
use journal::Asked;
use limits::{Limits, Windows};

/// The private app token the HubSpot side takes.
pub const HUBSPOT_TOKEN: &str = "sandbox-hubspot";
/// The client id the Salesforce side takes.
pub const SALESFORCE_CLIENT_ID: &str = "sandbox";
/// The client secret the Salesforce side takes.
pub const SALESFORCE_CLIENT_SECRET: &str = "sandbox-secret";
/// The client id the Zoho side takes.
pub const ZOHO_CLIENT_ID: &str = "1000.SANDBOX";
/// The client secret the Zoho side takes.
pub const ZOHO_CLIENT_SECRET: &str = "sandbox-zoho";
/// The refresh token the Zoho side takes.
pub const ZOHO_REFRESH_TOKEN: &str = "1000.sandbox-refresh";
/// The client id the Dynamics side takes.
pub const DYNAMICS_CLIENT_ID: &str = "6f1b9f2e-0000-4000-8000-5a5d0b0c0001";
/// The client secret the Dynamics side takes.
pub const DYNAMICS_CLIENT_SECRET: &str = "sandbox-dynamics";
/// The API token the Pipedrive side takes.
pub const PIPEDRIVE_TOKEN: &str = "sandbox-pipedrive";
/// The agent whose API token the Zendesk side takes.
pub const ZENDESK_EMAIL: &str = "ana@sandbox.example";
/// The API token the Zendesk side takes.
pub const ZENDESK_TOKEN: &str = "sandbox-zendesk";
/// The secret key the Stripe side takes.
pub const STRIPE_KEY: &str = "sk_test_sandbox";
/// The access token the Shopify side takes.
pub const SHOPIFY_TOKEN: &str = "shpat_sandbox";
/// The property that the Google Analytics side has.
pub const GA4_PROPERTY: &str = "123456789";
/// The service account that the Google Analytics side knows.
pub const GA4_CLIENT_EMAIL: &str = "reader@sandbox.iam.gserviceaccount.example";
/// Its private key, which opens nothing but the sandbox.
pub const GA4_PRIVATE_KEY: &str = include_str!("ga4/sandbox-key.pem");
/// The API key the Brevo side takes.
pub const BREVO_KEY: &str = "xkeysib-sandbox";
/// The API key the Mailchimp side takes.
pub const MAILCHIMP_KEY: &str = "sandbox-us1";

/// How a sandbox is set up. The default: 10,000 customers, seed 1, month 0, a free port of 127.0.0.1, no fault, no limit.
#[derive(Debug, Clone)]
pub struct Config {
    /// True people in month 0.
    pub customers: u32,
    /// Other seeds make other people.
    pub seed: u64,
    /// Months passed since the first demo run.
    pub month: u32,
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Faults served from the start.
    pub faults: Vec<Fault>,
    /// The vendors' request limits, enforced where set.
    pub limits: Limits,
    /// Keep every answer and serve its bytes from memory when asked again: for benchmarks, where the server must not be
    /// what is measured. A first pass over the pages fills the memory.
    pub prerender: bool,
    /// Keep every request for [`Sandbox::asked`].
    pub journal: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            customers: 10_000,
            seed: 1,
            month: 0,
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            faults: Vec::new(),
            limits: Limits::default(),
            prerender: false,
            journal: false,
        }
    }
}

/// What all requests share.
pub(crate) struct Shared {
    world: RwLock<Arc<World>>,
    /// Worlds of other months, for feeds that tell what changed since.
    worlds: Mutex<BTreeMap<u32, Arc<World>>>,
    limits: Limits,
    prerender: bool,
    journal: bool,
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<Vec<ActiveFault>>,
    stats: Mutex<Stats>,
    windows: Mutex<Windows>,
    tokens: Mutex<tokens::Tokens>,
    locators: Mutex<salesforce::Locators>,
    jobs: Mutex<salesforce::Jobs>,
    pages: Mutex<HashMap<String, (axum::http::StatusCode, Bytes)>>,
}

/// Counters of what was asked and which faults were served.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub(crate) struct Stats {
    pub(crate) requests: BTreeMap<String, u64>,
    pub(crate) faults: BTreeMap<String, u64>,
    /// Requests refused for the sake of a limit.
    pub(crate) limited: u64,
}

/// A lock whose holder panicked still guards whole values here.
pub(crate) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn world(&self) -> Arc<World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The world as it was, or will be, in that month.
    pub(crate) fn world_at(&self, month: u32) -> Arc<World> {
        let world = self.world();
        if world.month() == month {
            return world;
        }
        let make = || Arc::new(World::new(world.seed(), world.customers(), month));
        hold(&self.worlds).entry(month).or_insert_with(make).clone()
    }

    pub(crate) fn move_to(&self, month: u32) {
        self.change(|world| World::new(world.seed(), world.customers(), month).edited(world.edits().to_vec()));
    }

    /// Makes more edits.
    pub(crate) fn edit(&self, more: Vec<Edit>) {
        self.change(|world| {
            let edits = world.edits().iter().cloned().chain(more).collect();
            World::new(world.seed(), world.customers(), world.month()).edited(edits)
        });
    }

    fn change(&self, next: impl FnOnce(&World) -> World) {
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        *world = Arc::new(next(&world));
        drop(world);
        hold(&self.pages).clear();
    }
}

/// An answer is sent as soon as it is written: held back for fuller packets, a page would wait 40 ms for the client's ACK.
fn at_once(connection: &mut tokio::net::TcpStream) {
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!("answers of this connection may be late: {error}");
    }
}

/// A running sandbox. Dropping it stops the server at once; [`Sandbox::stop`] lets answers under way finish.
pub struct Sandbox {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    shutdown: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// `http://127.0.0.1:PORT`; add `/hubspot` or `/salesforce`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The world it shows now.
    pub fn world(&self) -> Arc<World> {
        self.shared.world()
    }

    /// What vendors' APIs were asked up to now, in the order of answers; empty unless [`Config::journal`] is set.
    pub fn asked(&self) -> Vec<Asked> {
        hold(&self.shared.asked).clone()
    }

    /// Stops listening and waits, at most two seconds, for answers under way.
    pub async fn stop(mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            // Nobody listening means that the server has ended already.
            let _ = shutdown.send(());
        }
        // Past the wait the drop below aborts what is left.
        let _ = tokio::time::timeout(Duration::from_secs(2), &mut self.task).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a sandbox; it serves when this returns.
pub async fn start(config: Config) -> Result<Sandbox, SandboxError> {
    let listen_error = |source| SandboxError::Listen { addr: config.addr, source };
    let listener = tokio::net::TcpListener::bind(config.addr).await.map_err(listen_error)?;
    let addr = listener.local_addr().map_err(listen_error)?;
    let shared = Arc::new(Shared {
        world: RwLock::new(Arc::new(World::new(config.seed, config.customers, config.month))),
        limits: config.limits,
        prerender: config.prerender,
        journal: config.journal,
        asked: Mutex::default(),
        worlds: Mutex::default(),
        faults: Mutex::new(config.faults.into_iter().map(ActiveFault::from).collect()),
        stats: Mutex::default(),
        windows: Mutex::default(),
        tokens: Mutex::default(),
        locators: Mutex::default(),
        jobs: Mutex::default(),
        pages: Mutex::default(),
    });
    let (shutdown, ask) = oneshot::channel::<()>();
    let routes = routes(&shared);
    let task = tokio::spawn(async move {
        let ended = async move {
            // A dropped sender ends the server too.
            let _ = ask.await;
        };
        if let Err(error) = axum::serve(listener.tap_io(at_once), routes).with_graceful_shutdown(ended).await {
            tracing::warn!(%error, "the sandbox server ended");
        }
    });
    Ok(Sandbox { addr, shared, shutdown: Some(shutdown), task })
}

fn routes(shared: &Arc<Shared>) -> Router {
    vendor::VENDORS
        .iter()
        .fold(Router::new(), |routes, vendor| routes.nest(vendor.path, (vendor.routes)()))
        // `nextRecordsUrl` is a path from the host's root; a client that resolves it as a URL ends here.
        .nest("/services", salesforce::routes())
        .merge(control::routes())
        .fallback(reply::no_route)
        .layer(middleware::from_fn_with_state(shared.clone(), guard::guard))
        .layer(middleware::from_fn_with_state(shared.clone(), journal::journal))
        .with_state(shared.clone())
}
