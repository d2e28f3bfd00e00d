//! Orders and refunds of the shop, at the pace of each customer: many buy once, a few very often.

use crate::clock::{self, DAY, HOUR, MINUTE, SECOND};
use crate::draw::Draw;

use super::Size;
use super::people::Person;
use super::records::{presence, shop_email, shop_name};

/// One row of an order file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) at: i64,
    pub(crate) refund: bool,
    /// Cents; negative for a refund.
    pub(crate) amount: i64,
    pub(crate) margin: i64,
    pub(crate) currency: &'static str,
    pub(crate) channel: &'static str,
    /// The window of the file it stands in.
    pub(crate) loaded: i32,
}

/// The orders of one person that files up to this month hold.
pub(crate) fn orders_of(size: Size, person: &Person) -> Vec<Order> {
    let mut orders = Vec::new();
    let accounts = presence(size.seed, person).shop;
    for slot in 0..accounts {
        let mut draw = Draw::of(size.seed, "shopper", &[i64::from(person.number), i64::from(slot)]);
        let pace = draw.normal(-1.75, 1.0).exp() * if person.firm.is_some() { 1.6 } else { 1.0 };
        let basket = draw.normal(3.9, 0.7).exp();
        let lifetime = 2 + (-(1.0 - draw.unit()).ln() * 26.0) as i32;
        let home = match person.origin.address.country {
            "GB" => "GBP",
            "US" => "USD",
            _ => "EUR",
        };
        let account = Account {
            email: shop_email(size.seed, person, slot),
            name: shop_name(size.seed, person, slot),
            home,
            favourite: draw.weighted(&[("web", 0.6), ("store", 0.22), ("app", 0.15), ("phone", 0.03)]),
            basket,
        };
        let first = clock::window_of(person.since).max(clock::FIRST_WINDOW);
        for window in first..=(first + lifetime).min(size.month) {
            // The first window of a customer always has an order: it is what made them a customer.
            let key = [i64::from(person.number), i64::from(slot), i64::from(window)];
            let mut draw = Draw::of(size.seed, "orders", &key);
            let season = if [10, 11].contains(&window.rem_euclid(12)) { 1.0 } else { 0.92 };
            let count = draw.poisson(pace * season).max(usize::from(window == first)).min(9);
            for nth in 0..count {
                order(&mut draw, size, person, slot, (window, nth), &account, &mut orders);
            }
        }
    }
    orders.retain(|order| order.loaded <= size.month);
    orders
}

struct Account {
    email: String,
    name: String,
    home: &'static str,
    favourite: &'static str,
    basket: f64,
}

fn order(
    draw: &mut Draw,
    size: Size,
    person: &Person,
    slot: u8,
    (window, nth): (i32, usize),
    account: &Account,
    into: &mut Vec<Order>,
) {
    let (start, end) = (clock::now(window - 1).max(person.since), clock::now(window));
    let day = draw.range(start, end) / DAY * DAY;
    let hour = draw.normal(15.0, 4.0).clamp(0.0, 22.9);
    let at = (day + (hour * HOUR as f64) as i64 + draw.range(0, MINUTE)).clamp(start, end - SECOND) / SECOND * SECOND;
    let amount = ((account.basket * draw.normal(0.0, 0.5).exp() * 100.0).clamp(150.0, 5_000_000.0)) as i64;
    let margin = (amount as f64 * (0.18 + 0.27 * draw.unit())) as i64;
    let loaded = if draw.chance(0.02) { window + 1 } else { window };
    let id = format!("SO{:06}{slot}-{}-{}", person.number, clock::label(window).replace('-', ""), nth + 1);
    let order = Order {
        id,
        email: account.email.clone(),
        name: account.name.clone(),
        at,
        refund: false,
        amount,
        margin,
        currency: if draw.chance(0.015) { draw.pick(&["USD", "GBP"]) } else { account.home },
        channel: if draw.chance(0.8) { account.favourite } else { draw.pick(&["web", "store", "app"]) },
        loaded,
    };
    if draw.chance(0.045) {
        let share = if draw.chance(0.6) { 1.0 } else { 0.2 + 0.6 * draw.unit() };
        let at = at + draw.range(2 * DAY, 30 * DAY);
        let loaded = clock::window_of(at).max(loaded);
        if at < clock::now(size.month) {
            into.push(Order {
                id: format!("{}-R", order.id),
                at: at / SECOND * SECOND,
                refund: true,
                amount: -((amount as f64 * share) as i64),
                margin: -((margin as f64 * share) as i64),
                loaded,
                ..order.clone()
            });
        }
    }
    into.push(order);
}
