//! What Shopify recorded: customers, orders with lines and refunds, products with variants, and the events of deletions.
//!
//! The resources have the members of <https://shopify.dev/docs/api/admin-rest>, those that a reader of customer data meets.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Europe::Paris;
use serde_json::{Value, json};

use crate::clock::{self, SECOND};
use crate::draw::Draw;

use super::World;
use super::accounts::{Account, Sale, accounts, sales};
use super::catalogue::{Product, products};
use super::list::{Entry, List};

/// The lists of the API by their name in paths.
#[derive(Debug)]
pub(crate) struct Shopify {
    lists: [(&'static str, List); 4],
}

impl Shopify {
    pub(crate) fn of(world: &World) -> Self {
        let products = products(world);
        let customers = List::new(accounts(world, "shopify").iter().map(customer).collect());
        let orders = List::new(sales(world).iter().map(|sale| order(world, sale, &products)).collect());
        let products = List::new(products.iter().map(product).collect());
        let events = List::new([("Order", &orders), ("Product", &products)].into_iter().flat_map(destroyed).collect());
        Self { lists: [("customers", customers), ("orders", orders), ("products", products), ("events", events)] }
    }

    pub(crate) fn lists(&self) -> &[(&'static str, List)] {
        &self.lists
    }

    /// The ids of what lies within live orders and products.
    pub(crate) fn inner_keys(&self) -> BTreeMap<String, BTreeSet<String>> {
        let [_, (_, orders), (_, products), _] = &self.lists;
        let inside = |list: &List, pointers: &[&str]| {
            let ids = |records: &Value| -> Vec<String> {
                records.as_array().into_iter().flatten().map(|record| record["id"].to_string()).collect()
            };
            let of = |body: Value| match pointers {
                [outer, inner] => {
                    body[*outer].as_array().into_iter().flatten().flat_map(|one| ids(&one[*inner])).collect()
                }
                _ => ids(&body[pointers[0]]),
            };
            list.live().flat_map(|entry| of(entry.body())).collect()
        };
        BTreeMap::from([
            ("order_lines".to_owned(), inside(orders, &["line_items"])),
            ("refund_transactions".to_owned(), inside(orders, &["refunds", "transactions"])),
            ("product_variants".to_owned(), inside(products, &["variants"])),
        ])
    }
}

/// `2026-10-31T23:58:12+01:00`: instants come in the shop's time zone.
fn local(instant: i64) -> String {
    clock::utc(instant).with_timezone(&Paris).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn customer_id(account: u64) -> u64 {
    6_700_000_000_000 + account
}

fn customer(account: &Account<'_>) -> Entry {
    // A customer with orders cannot be deleted, and no list tells of the others that were.
    let (history, home) = (account.history, &account.identity.address);
    let id = customer_id(account.key);
    let (first, last) = account.name.split_once(' ').unwrap_or(("", &account.name));
    let consent = if history.touches % 2 == 0 { "subscribed" } else { "unsubscribed" };
    let body = json!({
        "id": id, "email": account.email, "created_at": local(history.created), "updated_at": local(history.updated),
        "first_name": first, "last_name": last, "state": "disabled", "note": null, "verified_email": true,
        "multipass_identifier": null, "tax_exempt": false, "phone": account.identity.mobile, "tags": "", "currency": "EUR",
        "email_marketing_consent": { "state": consent, "opt_in_level": "single_opt_in", "consent_updated_at": null },
        "default_address": {
            "id": id + 1, "customer_id": id, "first_name": first, "last_name": last, "company": null,
            "address1": home.street, "address2": null, "city": home.town, "province": null, "country_code": home.country,
            "zip": home.postcode, "phone": null, "default": true,
        },
        "admin_graphql_api_id": format!("gid://shopify/Customer/{id}"),
    });
    Entry { person: Some(account.person.number), ..Entry::new(id.to_string(), history.created, history.updated, &body) }
}

fn order_id(sale: u64) -> u64 {
    5_000_000_000_000 + sale
}

fn order(world: &World, sale: &Sale, products: &[Product]) -> Entry {
    let bought = &sale.order;
    let id = order_id(sale.key);
    // Orders are closed once they are sent, and a few are taken out by hand.
    let closed = sale.fate(world, "closed", 0.9, (2, 20));
    let deleted = sale.fate(world, "destroyed", 0.003, (25, 40));
    let updated = sale.touched().max(closed.unwrap_or(0)).max(deleted.unwrap_or(0));
    let refunded = sale.refunded();
    // Prices include a VAT of 20 %.
    let tax = bought.amount / 6;
    let paid = match refunded {
        0 => "paid",
        all if all == bought.amount => "refunded",
        _ => "partially_refunded",
    };
    let source = match bought.channel {
        "store" => "pos",
        "phone" => "shopify_draft_order",
        "app" => "580111",
        _ => "web",
    };
    let body = json!({
        "id": id, "admin_graphql_api_id": format!("gid://shopify/Order/{id}"), "name": format!("#{}", sale.key),
        "order_number": sale.key, "email": bought.email, "phone": null, "created_at": local(sale.written),
        "processed_at": local(bought.at), "updated_at": local(updated), "closed_at": closed.map(local), "cancelled_at": null,
        "cancel_reason": null, "confirmed": true, "test": false, "currency": bought.currency,
        "presentment_currency": bought.currency, "financial_status": paid,
        "fulfillment_status": closed.map(|_| "fulfilled"), "source_name": source, "tags": "",
        "subtotal_price": money(bought.amount), "total_discounts": "0.00", "total_tax": money(tax), "taxes_included": true,
        "total_price": money(bought.amount), "current_total_price": money(bought.amount - refunded),
        "customer": { "id": customer_id(sale.account), "email": bought.email },
        "line_items": lines(world, sale, products), "refunds": sale.refunds.iter().map(|refund| self::refund(sale, refund)).collect::<Vec<_>>(),
    });
    Entry { deleted, ..Entry::new(id.to_string(), sale.written, updated, &body) }
}

/// One to three products whose prices add up to the order's amount.
fn lines(world: &World, sale: &Sale, products: &[Product]) -> Vec<Value> {
    let mut draw = Draw::of(world.size.seed, &format!("lines {}", sale.order.id), &[]);
    let count = 1 + draw.below(3) as i64;
    let share = sale.order.amount / count;
    (0..count)
        .map(|nth| {
            let product = &products[draw.below(products.len())];
            let price = if nth == 0 { sale.order.amount - share * (count - 1) } else { share };
            let id = order_id(sale.key) * 4 + nth as u64;
            json!({
                "id": id, "admin_graphql_api_id": format!("gid://shopify/LineItem/{id}"), "product_id": product_id(product),
                "variant_id": product_id(product) + 1, "sku": product.sku, "name": product.name, "title": product.name,
                "vendor": "Affluent", "quantity": 1, "price": money(price), "total_discount": "0.00",
                "gift_card": false, "taxable": true, "fulfillment_status": null,
            })
        })
        .collect()
}

fn refund(sale: &Sale, (refund, at): &(super::orders::Order, i64)) -> Value {
    let id = 900_000_000_000 + sale.key;
    let (first, order) = (-refund.amount / 2, order_id(sale.key));
    // Paid by two means, given back on two means.
    let split = sale.key % 10 == 3;
    let parts = if split { vec![first, -refund.amount - first] } else { vec![-refund.amount] };
    let transaction = |(nth, amount): (u64, i64)| {
        let id = (3_000_000_000_000 + sale.key) * 2 + nth;
        json!({
            "id": id, "order_id": order, "kind": "refund", "gateway": if nth == 0 { "shopify_payments" } else { "gift_card" },
            "status": "success", "message": null, "created_at": local(*at), "processed_at": local(*at), "test": false,
            "amount": money(amount), "currency": refund.currency, "parent_id": id - 1,
            "admin_graphql_api_id": format!("gid://shopify/OrderTransaction/{id}"),
        })
    };
    json!({
        "id": id, "admin_graphql_api_id": format!("gid://shopify/Refund/{id}"), "order_id": order, "created_at": local(*at),
        "processed_at": local(*at), "note": null, "restock": true, "user_id": null, "refund_line_items": [],
        "order_adjustments": [], "transactions": (0..).zip(parts).map(transaction).collect::<Vec<_>>(),
    })
}

fn product_id(product: &Product) -> u64 {
    7_000_000_000_000 + product.number * 2
}

fn product(product: &Product) -> Entry {
    let (id, history) = (product_id(product), product.history);
    let body = json!({
        "id": id, "admin_graphql_api_id": format!("gid://shopify/Product/{id}"), "title": product.name, "body_html": null,
        "vendor": "Affluent", "product_type": "", "handle": product.sku.to_lowercase(), "created_at": local(history.created),
        "updated_at": local(history.updated), "published_at": local(history.created), "status": "active", "tags": "",
        "variants": [{
            "id": id + 1, "product_id": id, "title": "Default Title", "price": money(product.shown_price()), "sku": product.sku,
            "position": 1, "taxable": true, "inventory_quantity": 10 + history.touches,
            "created_at": local(history.created), "updated_at": local(history.updated),
        }],
    });
    Entry { deleted: history.deleted, ..Entry::new(id.to_string(), history.created, history.updated, &body) }
}

/// <https://shopify.dev/docs/api/admin-rest/latest/resources/event>
fn destroyed((subject, list): (&'static str, &List)) -> impl Iterator<Item = Entry> {
    list.all().iter().filter_map(move |entry| {
        let at = entry.deleted? / SECOND * SECOND;
        let subject_id: u64 = entry.id.parse().ok()?;
        let id = 164_000_000_000_000 + subject_id;
        let body = json!({
            "id": id, "subject_id": subject_id, "created_at": local(at), "subject_type": subject, "verb": "destroy",
            "arguments": [], "body": null, "message": format!("{subject} was deleted."), "author": "Shopify",
            "description": format!("{subject} was deleted."), "path": null,
        });
        Some(Entry::new(id.to_string(), at, at, &body))
    })
}
