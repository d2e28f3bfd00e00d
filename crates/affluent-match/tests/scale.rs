//! How time grows: the records of so many people in three systems, whatever the machine can take. Run by hand, in release:
//! `cargo test --release -p affluent-match --test scale -- --ignored --nocapture`.

mod common;

use common::{Figures, measure, set};

#[test]
#[ignore = "takes long without optimisation"]
fn a_hundred_thousand_records() -> Result<(), Box<dyn std::error::Error>> {
    let figures = measure(&set::three_systems(36_000, 1)?)?;
    println!("{}\n{}", Figures::HEAD, figures.row());
    assert!(figures.quality.pairwise_f1 >= 0.87, "{:?}", figures.quality);
    Ok(())
}
