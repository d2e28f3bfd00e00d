//! What Stripe recorded: customers, the charges and refunds of the shop's orders, products, prices, and events.
//!
//! The objects have the members of <https://docs.stripe.com/api>, those that a reader of customer data meets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::clock::{DAY, SECOND};
use crate::draw::Draw;

use super::World;
use super::accounts::{Account, Sale, accounts, sales};
use super::catalogue::{Product, products};
use super::list::{Entry, List};
use super::people::Address;

/// The lists of the API by the last part of their path.
#[derive(Debug)]
pub(crate) struct Stripe {
    lists: [(&'static str, List); 6],
}

/// How long events can be listed: <https://docs.stripe.com/api/events/list>.
const EVENTS_KEPT: i64 = 30 * DAY;

impl Stripe {
    pub(crate) fn of(world: &World) -> Self {
        let sales = sales(world);
        let products = products(world);
        let customers = List::new(accounts(world, "stripe").iter().map(customer).collect());
        let charges = List::new(sales.iter().map(|sale| charge(world, sale)).collect());
        let refunds = List::new(sales.iter().flat_map(refunds).collect());
        let prices = List::new(products.iter().map(price).collect());
        let products = List::new(products.iter().map(product).collect());
        let events = events(
            world,
            &[
                ("customer", &customers),
                ("charge", &charges),
                ("refund", &refunds),
                ("product", &products),
                ("price", &prices),
            ],
        );
        Self {
            lists: [
                ("customers", customers),
                ("charges", charges),
                ("refunds", refunds),
                ("products", products),
                ("prices", prices),
                ("events", events),
            ],
        }
    }

    pub(crate) fn lists(&self) -> &[(&'static str, List)] {
        &self.lists
    }

    /// The ids of the charges that were not refused.
    pub(crate) fn charged(&self) -> BTreeSet<String> {
        let [_, (_, charges), ..] = &self.lists;
        charges.live().filter(|entry| entry.body()["status"] != "failed").map(|entry| entry.id.clone()).collect()
    }
}

fn seconds(instant: i64) -> i64 {
    instant.div_euclid(SECOND)
}

fn customer_id(account: u64) -> String {
    format!("cus_Q{account:013x}")
}

fn charge_id(sale: u64) -> String {
    format!("ch_3Q{sale:022x}")
}

fn address(of: &Address) -> Value {
    json!({
        "city": of.town, "country": of.country, "line1": of.street, "line2": null, "postal_code": of.postcode,
        "state": null,
    })
}

fn customer(account: &Account<'_>) -> Entry {
    let history = account.history;
    let id = customer_id(account.key);
    let body = json!({
        "id": id, "object": "customer", "address": address(&account.identity.address), "balance": 0,
        "created": seconds(history.created), "currency": "eur", "default_source": null, "delinquent": false,
        "description": null, "email": account.email, "invoice_prefix": format!("{:08X}", account.key), "livemode": false,
        "metadata": { "visits": history.touches.to_string() }, "name": account.name, "phone": account.identity.mobile,
        "preferred_locales": ["fr-FR"], "shipping": null, "tax_exempt": "none", "test_clock": null,
    });
    let person = Some(account.person.number);
    Entry { deleted: history.deleted, person, ..Entry::new(id, history.created, history.updated, &body) }
}

fn charge(world: &World, sale: &Sale) -> Entry {
    let order = &sale.order;
    let id = charge_id(sale.key);
    let refunded = sale.refunded();
    // Stripe keeps what was tried and refused.
    let failed = refunded == 0 && Draw::of(world.size.seed, &format!("refused {}", order.id), &[]).chance(0.02);
    let paid = if failed { 0 } else { order.amount };
    let body = json!({
        "id": id, "object": "charge", "amount": order.amount, "amount_captured": paid, "amount_refunded": refunded,
        "balance_transaction": (!failed).then(|| format!("txn_3Q{:022x}", sale.key)),
        "billing_details": {
            "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": order.email, "name": order.name, "phone": null,
        },
        "captured": !failed, "created": seconds(sale.written), "currency": order.currency.to_lowercase(),
        "customer": customer_id(sale.account), "description": format!("Order {}", order.id), "disputed": false,
        "failure_code": failed.then_some("card_declined"),
        "failure_message": failed.then_some("Your card was declined."),
        "livemode": false, "metadata": { "order_id": order.id, "channel": order.channel }, "paid": !failed,
        "payment_intent": format!("pi_3Q{:022x}", sale.key), "payment_method": format!("pm_1Q{:022x}", sale.account),
        "receipt_email": order.email, "refunded": refunded == order.amount,
        "status": if failed { "failed" } else { "succeeded" },
    });
    Entry::new(id, sale.written, sale.touched(), &body)
}

fn refunds(sale: &Sale) -> impl Iterator<Item = Entry> {
    sale.refunds.iter().map(|(refund, at)| {
        let id = format!("re_3Q{:022x}", sale.key);
        let body = json!({
            "id": id, "object": "refund", "amount": -refund.amount, "balance_transaction": format!("txn_4Q{:022x}", sale.key),
            "charge": charge_id(sale.key), "created": seconds(*at), "currency": refund.currency.to_lowercase(),
            "metadata": {}, "payment_intent": format!("pi_3Q{:022x}", sale.key), "reason": "requested_by_customer",
            "receipt_number": null, "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
        });
        Entry::new(id, *at, *at, &body)
    })
}

fn product_id(product: &Product) -> String {
    format!("prod_Q{:013x}", product.number)
}

fn price_id(product: &Product) -> String {
    format!("price_1Q{:022x}", product.number)
}

fn product(product: &Product) -> Entry {
    let (id, history) = (product_id(product), product.history);
    let body = json!({
        "id": id, "object": "product", "active": history.touches < 3, "created": seconds(history.created),
        "default_price": price_id(product), "description": null, "images": [], "livemode": false,
        "marketing_features": [], "metadata": { "sku": product.sku }, "name": product.name, "package_dimensions": null,
        "shippable": true, "statement_descriptor": null, "tax_code": null, "type": "good", "unit_label": null,
        "updated": seconds(history.updated), "url": null,
    });
    Entry { deleted: history.deleted, ..Entry::new(id, history.created, history.updated, &body) }
}

/// Prices are never deleted, only no longer active.
fn price(product: &Product) -> Entry {
    let (id, history) = (price_id(product), product.history);
    let amount = product.shown_price();
    let body = json!({
        "id": id, "object": "price", "active": history.deleted.is_none(), "billing_scheme": "per_unit",
        "created": seconds(history.created), "currency": "eur", "livemode": false, "lookup_key": null, "metadata": {},
        "nickname": null, "product": product_id(product), "recurring": null, "tax_behavior": "exclusive", "type": "one_time",
        "unit_amount": amount, "unit_amount_decimal": amount.to_string(),
    });
    Entry::new(id, history.created, history.updated, &body)
}

/// What happened to the objects in the last thirty days, each with the object as it is now.
fn events(world: &World, lists: &[(&str, &List)]) -> List {
    let from = world.now() - EVENTS_KEPT;
    let mut events = Vec::new();
    for (object, list) in lists {
        for entry in list.all() {
            let change =
                (entry.updated != entry.created && entry.deleted != Some(entry.updated)).then_some(entry.updated);
            let happened = [("created", Some(entry.created)), ("updated", change), ("deleted", entry.deleted)];
            for (what, at) in happened {
                let Some(at) = at.filter(|at| *at >= from) else { continue };
                let what = if *object == "charge" && what == "created" { "succeeded" } else { what };
                events.push(event(&format!("{object}.{what}"), at, entry));
            }
        }
    }
    List::new(events)
}

fn event(kind: &str, at: i64, entry: &Entry) -> Entry {
    let mut draw = Draw::of(0, &format!("{kind} {}", entry.id), &[at]);
    let id = format!("evt_1Q{:016x}{:06x}", draw.bits(), draw.bits() >> 40);
    let body = json!({
        "id": id, "object": "event", "api_version": "2024-06-20", "created": seconds(at), "data": { "object": entry.body() },
        "livemode": false, "pending_webhooks": 0, "request": { "id": null, "idempotency_key": null }, "type": kind,
    });
    Entry::new(id, at, at, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_changes_what_it_says_it_changes() {
        let (before, after) = (World::new(1, 600, 0), World::new(1, 600, 1));
        let floor = before.now() - 35 * DAY;
        for ((name, old), (_, new)) in Stripe::of(&before).lists().iter().zip(Stripe::of(&after).lists()) {
            assert!(new.all().iter().all(|entry| entry.created < after.now() && entry.updated < after.now()), "{name}");
            let changed = new.all().iter().filter(|entry| {
                let known = old.position(&entry.id).map(|at| old.all()[at].body());
                known != Some(entry.body())
            });
            match *name {
                // Whatever is new or differs was made within the month, or the 30 days of lookback before it.
                "charges" | "refunds" | "events" => {
                    let changed: Vec<_> = changed.collect();
                    assert!(!changed.is_empty() && changed.iter().all(|entry| entry.created >= floor), "{name}");
                }
                _ => assert!(changed.count() < new.all().len() / 2, "{name}"),
            }
        }
    }
}
