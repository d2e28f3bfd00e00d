//! The customers of an online shop and what they bought there, as shop systems and payment services see it.

use crate::clock::{self, DAY};
use crate::draw::Draw;

use super::World;
use super::orders::{Order, orders_of};
use super::people::{Identity, Person};
use super::records::{self, History, presence, shop_email, shop_name};

/// A customer's account.
pub(crate) struct Account<'a> {
    pub(crate) person: &'a Person,
    /// The number its id is made of.
    pub(crate) key: u64,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) history: History,
    /// What the account knows of the person.
    pub(crate) identity: Identity,
}

/// The accounts that a system keeps; each system sees the changes of lives at other times.
pub(crate) fn accounts<'a>(world: &'a World, system: &str) -> Vec<Account<'a>> {
    let size = world.size;
    let salt = Draw::of(0, system, &[]).bits() as i64;
    let slots = world.people().iter().flat_map(|p| (0..presence(size.seed, p).shop).map(move |slot| (p, slot)));
    slots
        .map(|(person, slot)| {
            let changes: Vec<i32> = person.life.iter().map(|e| e.window).collect();
            let key = [salt, i64::from(person.number), i64::from(slot)];
            let history = records::history(size.seed, &key, person.entry, person.since, &changes, size.month);
            Account {
                person,
                key: account_key(person.number, slot),
                email: shop_email(size.seed, person, slot),
                name: shop_name(size.seed, person, slot),
                identity: person.identity(history.version),
                history,
            }
        })
        .collect()
}

fn account_key(person: u32, slot: u8) -> u64 {
    u64::from(person) * 4 + u64::from(slot)
}

/// An order that was placed, with the refunds of it that are known by now.
pub(crate) struct Sale {
    pub(crate) order: Order,
    /// The account's key.
    pub(crate) account: u64,
    /// The number its id is made of.
    pub(crate) key: u64,
    /// When the system wrote it down: late orders come into it in a later window.
    pub(crate) written: i64,
    /// Each with when the system wrote it down.
    pub(crate) refunds: Vec<(Order, i64)>,
}

impl Sale {
    /// Cents given back by now.
    pub(crate) fn refunded(&self) -> i64 {
        -self.refunds.iter().map(|(refund, _)| refund.amount).sum::<i64>()
    }

    /// When something of it was last written down.
    pub(crate) fn touched(&self) -> i64 {
        self.refunds.iter().map(|(_, at)| *at).fold(self.written, i64::max)
    }

    /// Something that happens to few orders, some days after they were written down, once its time has come.
    pub(crate) fn fate(&self, world: &World, what: &str, share: f64, days: (i64, i64)) -> Option<i64> {
        let mut draw = Draw::of(world.size.seed, &format!("{what} {}", self.order.id), &[]);
        let hit = draw.chance(share);
        let at = self.written + draw.range(days.0 * DAY, days.1 * DAY) / clock::SECOND * clock::SECOND;
        (hit && at < world.now()).then_some(at)
    }
}

/// When a system writes down an order that the shop's file of that window brings.
fn written(seed: u64, order: &Order) -> i64 {
    if order.loaded == clock::window_of(order.at) {
        return order.at;
    }
    let mut draw = Draw::of(seed, &format!("written {}", order.id), &[]);
    clock::change_stamp(&mut draw, order.loaded).max(order.at)
}

/// Everything sold until now, by person.
pub(crate) fn sales(world: &World) -> Vec<Sale> {
    let size = world.size;
    let mut sales: Vec<Sale> = Vec::new();
    for person in world.people() {
        let (refunds, orders): (Vec<_>, Vec<_>) = orders_of(size, person).into_iter().partition(|order| order.refund);
        let first = sales.len();
        for order in orders {
            let Some((slot, key)) = numbers(&order, person.number) else { continue };
            let written = written(size.seed, &order);
            sales.push(Sale { account: account_key(person.number, slot), key, written, order, refunds: Vec::new() });
        }
        for refund in refunds {
            let Some(sale) =
                sales[first..].iter_mut().find(|sale| refund.id.strip_suffix("-R") == Some(&sale.order.id))
            else {
                continue;
            };
            let at = written(size.seed, &refund).max(sale.written);
            sale.refunds.push((refund, at));
        }
    }
    sales
}

/// The slot of the account and a number of its own, out of `SO<person><slot>-YYYYMM-n`.
fn numbers(order: &Order, person: u32) -> Option<(u8, u64)> {
    let mut parts = order.id.split('-');
    let slot = parts.next()?.chars().last()?.to_digit(10)? as u8;
    let (month, nth): (u64, u64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let months = (month / 100).saturating_sub(2000) * 12 + month % 100;
    Some((slot, (account_key(person, slot) * 10_000 + months) * 10 + nth))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_order_and_refund_of_the_shop_is_a_sale_once() {
        let world = World::new(1, 800, 1);
        let orders: Vec<_> = world.people().iter().flat_map(|person| orders_of(world.size, person)).collect();
        let sales = sales(&world);
        let refunds: usize = sales.iter().map(|sale| sale.refunds.len()).sum();
        assert_eq!(refunds, orders.iter().filter(|order| order.refund).count());
        assert!(refunds > 20);
        assert_eq!(sales.len(), orders.iter().filter(|order| !order.refund).count());
        assert_eq!(sales.iter().map(|sale| sale.key).collect::<HashSet<_>>().len(), sales.len());
        let keys: HashSet<u64> = accounts(&world, "shop").iter().map(|account| account.key).collect();
        assert!(sales.iter().all(|sale| keys.contains(&sale.account) && sale.touched() < world.now()));
    }
}
