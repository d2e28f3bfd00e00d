//! Sets with known truth, public ones and made-up ones, all by the same defaults: nothing here may be tuned to one of them.
//!
//! The floors are what was measured less a margin; `cargo run --release --example measure` prints the figures.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

mod common;

use common::{Figures, measure, set};

fn measured(set: &set::Set) -> Figures {
    let figures = measure(set).unwrap();
    println!("{}\n{}", Figures::HEAD, figures.row());
    figures
}

#[test]
fn febrl_3() {
    let found = measured(&set::febrl3(true).unwrap());
    assert!(found.quality.pairwise_f1 >= 0.997 && found.quality.b_cubed_f1 >= 0.997, "{:?}", found.quality);
    assert!(found.largest_cluster <= 8);
}

#[test]
fn febrl_3_without_the_identifier() {
    let found = measured(&set::febrl3(false).unwrap());
    assert!(found.quality.pairwise_f1 >= 0.98, "{:?}", found.quality);
}

#[test]
fn splink_fake_1000() {
    let found = measured(&set::splink_fake_1000().unwrap());
    assert!(found.quality.pairwise_f1 >= 0.96, "{:?}", found.quality);
}

#[test]
fn quality_holds_as_records_grow() {
    let few = measured(&set::three_systems(1_000, 1).unwrap());
    let many = measured(&set::three_systems(10_000, 1).unwrap());
    assert!(
        few.quality.pairwise_f1 >= 0.91 && many.quality.pairwise_f1 >= 0.89,
        "{:?} {:?}",
        few.quality,
        many.quality
    );
    assert!(few.quality.pairwise_precision >= 0.97 && many.quality.pairwise_precision >= 0.96);
    assert!(many.largest_cluster <= 15);
}

#[test]
fn other_people_give_the_same_picture() {
    let found = measured(&set::three_systems(2_000, 7).unwrap());
    assert!(found.quality.pairwise_f1 >= 0.88 && found.quality.pairwise_precision >= 0.96, "{:?}", found.quality);
}
