//! What the company sells: the products of its catalogue.

use crate::clock::{self, DAY};
use crate::draw::Draw;

use super::World;
use super::records::{self, History};

/// A product.
pub(crate) struct Product {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) sku: String,
    /// Cents without tax.
    pub(crate) price: i64,
    /// Cents it costs the company.
    pub(crate) cost: i64,
    pub(crate) history: History,
}

const LINES: [&str; 6] = ["Carafe", "Lampe", "Plaid", "Coffret", "Sac", "Théière"];
const FINISHES: [&str; 8] = ["lin", "chêne", "verre", "cuivre", "bleu", "ocre", "noir", "laine"];

/// All products, the first ones from long ago; each month a few change and now and then one is taken out.
pub(crate) fn products(world: &World) -> Vec<Product> {
    let size = world.size;
    let start = clock::now(clock::FIRST_WINDOW) - 60 * DAY;
    let all = LINES.iter().flat_map(|line| FINISHES.iter().map(move |finish| (line, finish)));
    all.zip(1_u64..)
        .map(|((line, finish), number)| {
            let mut draw = Draw::of(size.seed, "product", &[number as i64]);
            let cost = draw.range(300, 6_000);
            Product {
                number,
                name: format!("{line} {finish}"),
                sku: format!("{}-{number:03}", line.chars().take(3).collect::<String>().to_uppercase()),
                price: cost * draw.range(16, 26) / 10,
                cost,
                history: records::history(size.seed, &[200, number as i64, 0], 0, start, &[], size.month),
            }
        })
        .collect()
}

impl Product {
    /// The price that the record shows: it moves by 5 % each time the product is changed.
    pub(crate) fn shown_price(&self) -> i64 {
        self.price + self.price / 20 * self.history.touches as i64
    }
}
