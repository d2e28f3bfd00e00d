//! The shop's files: one gzip'd CSV of orders per month of load, exchange rates and campaign costs beside them.
//! A file once written never changes: a later month adds files only.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use chrono::NaiveDate;
use chrono_tz::Europe::Paris;

use crate::SandboxError;
use crate::clock;
use crate::draw::Draw;

use super::World;
use super::campaigns;
use super::orders::{Order, orders_of};

/// A file of the shop, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ShopFile {
    /// Its name in the directory.
    pub name: String,
    /// Rows below the header, bad ones included.
    pub rows: usize,
    /// Rows no reader can take: a date that does not exist, an amount that is no number, a wrong count of columns.
    pub bad_rows: usize,
}

const HEADER: &str = "order_id,customer_email,customer_name,ordered_at,kind,amount,margin,currency,channel\n";

impl World {
    /// Writes the shop's files for all months up to this one: `orders-YYYY-MM.csv.gz`, `exchange_rates-YYYY-MM.csv`
    /// (`rate`: euros per unit), `campaign_costs-YYYY-MM.csv`. A file that is there with the same content is left alone.
    pub fn write_shop(&self, dir: &Path) -> Result<Vec<ShopFile>, SandboxError> {
        std::fs::create_dir_all(dir).map_err(|source| SandboxError::Write { path: dir.to_owned(), source })?;
        let mut files = Vec::new();
        for (file, content) in self.shop_files() {
            let path = dir.join(&file.name);
            let write = || -> std::io::Result<()> {
                let bytes = if path.extension().is_some_and(|ext| ext == "gz") {
                    gzip(content.as_bytes())?
                } else {
                    content.into_bytes()
                };
                if std::fs::read(&path).is_ok_and(|there| there == bytes) {
                    return Ok(());
                }
                // Written aside and renamed, so that no reader meets half a file.
                let aside = dir.join(format!(".{}.part", file.name));
                std::fs::write(&aside, bytes)?;
                std::fs::rename(&aside, &path)
            };
            write().map_err(|source| SandboxError::Write { path: path.clone(), source })?;
            files.push(file);
        }
        Ok(files)
    }

    /// The files with their content, oldest first.
    pub(crate) fn shop_files(&self) -> Vec<(ShopFile, String)> {
        let mut by_window: Vec<Vec<Order>> = Vec::new();
        by_window.resize_with((self.size.month - clock::FIRST_WINDOW + 1) as usize, Vec::new);
        for order in self.people().iter().flat_map(|person| orders_of(self.size, person)) {
            by_window[(order.loaded - clock::FIRST_WINDOW).max(0) as usize].push(order);
        }
        let mut files = Vec::new();
        for (window, orders) in (clock::FIRST_WINDOW..).zip(by_window) {
            files.push(order_file(window, orders));
            if window >= 0 {
                files.push(rate_file(self.size.seed, window));
                files.push(cost_file(self, window));
            }
        }
        files
    }
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(4));
    encoder.write_all(content)?;
    encoder.finish()
}

fn cents(amount: i64) -> String {
    format!("{}{}.{:02}", if amount < 0 { "-" } else { "" }, amount.abs() / 100, amount.abs() % 100)
}

/// The kinds of bad rows of a window: three in all until the first "now", then one a month in turn.
fn bad_kind(window: i32) -> Option<i32> {
    match window {
        -31 => Some(0),
        -16 => Some(1),
        0 => Some(2),
        later if later > 0 => Some(later.rem_euclid(3)),
        _ => None,
    }
}

fn order_file(window: i32, mut orders: Vec<Order>) -> (ShopFile, String) {
    orders.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut content = String::with_capacity(orders.len() * 110 + 200);
    content.push_str(HEADER);
    for order in &orders {
        let Order { id, email, currency, channel, .. } = order;
        let (name, at) = (quoted(&order.name), clock::utc(order.at).with_timezone(&Paris).to_rfc3339());
        let kind = if order.refund { "refund" } else { "order" };
        let (amount, margin) = (cents(order.amount), cents(order.margin));
        // Writing to a String cannot fail.
        let _ = writeln!(content, "{id},{email},{name},{at},{kind},{amount},{margin},{currency},{channel}");
    }
    let mut bad_rows = 0;
    if let Some(kind) = bad_kind(window) {
        let label = clock::label(window);
        let at = format!("{label}-12T10:00:00+01:00");
        let row = match kind {
            0 => format!("SOX-{label},jean.untel@example.fr,Jean Untel,31/02/2024,order,59.90,17.20,EUR,web\n"),
            1 => format!("SOX-{label},jean.untel@example.fr,Jean Untel,{at},order,134;137,17.20,EUR,web\n"),
            _ => format!("SOX-{label},jean.untel@example.fr,Jean Untel,{at},order,59.90,EUR\n"),
        };
        // After the first rows: a reader that only samples the start, or gives up at the end, is found out either way.
        let at = content.match_indices('\n').nth(orders.len() / 2).map_or(content.len(), |(i, _)| i + 1);
        content.insert_str(at, &row);
        bad_rows = 1;
    }
    let name = format!("orders-{}.csv.gz", clock::label(window));
    (ShopFile { name, rows: orders.len() + bad_rows, bad_rows }, content)
}

/// A field, quoted where CSV needs it (RFC 4180).
fn quoted(field: &str) -> std::borrow::Cow<'_, str> {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")).into() } else { field.into() }
}

/// Daily rates: those of all days until the first "now" in the first file, then those of one month each.
fn rate_file(seed: u64, window: i32) -> (ShopFile, String) {
    let end = clock::month_start(window);
    let start = clock::month_start(if window == 0 { clock::FIRST_WINDOW - 1 } else { window - 1 });
    let mut content = "currency,rate_on,rate\n".to_owned();
    let mut rows = 0;
    for day in start.iter_days().take_while(|day| *day < end) {
        for (currency, level) in [("EUR", 1.0), ("USD", 0.905), ("GBP", 1.165)] {
            let rate = if currency == "EUR" { 1.0 } else { level + drift(seed, currency, day) };
            let _ = writeln!(content, "{currency},{day},{rate:.5}");
            rows += 1;
        }
    }
    let name = format!("exchange_rates-{}.csv", clock::label(window));
    (ShopFile { name, rows, bad_rows: 0 }, content)
}

/// A slow wave with a little noise each day.
fn drift(seed: u64, currency: &str, day: NaiveDate) -> f64 {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    let mut draw = Draw::of(seed, currency, &[days]);
    0.03 * (days as f64 / 97.0).sin() + draw.normal(0.0, 0.003)
}

fn cost_file(world: &World, window: i32) -> (ShopFile, String) {
    let mut content = "campaign_id,name,channel,cost,cost_currency,started_on\n".to_owned();
    let mut rows = 0;
    for campaign in campaigns::campaigns(world.size) {
        if campaign.window == window || (window == 0 && campaign.window < 0) {
            let day = clock::day(campaign.start);
            let (id, name, channel) = (campaign.id(), &campaign.name, campaign.channel);
            let _ = writeln!(content, "{id},{name},{channel},{}.00,{},{day}", campaign.cost, campaign.currency);
            rows += 1;
        }
    }
    let name = format!("campaign_costs-{}.csv", clock::label(window));
    (ShopFile { name, rows, bad_rows: 0 }, content)
}
