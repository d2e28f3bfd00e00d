//! The whole system, as one test binary: each module is a room of tests and lists them.
//!
//! Tests that need a program of others (Python with a package, node with azurite) are listed as ignored, with the reason,
//! where it is not there; nothing is installed from here.

mod bad_input;
mod cloud;
mod connector_tools;
mod exactly_once;
mod examples;
mod idempotence;
mod interop;
mod lake_faults;
mod lakes;
mod matching;
mod memory;
mod models;
mod quarantine;
mod random;
mod sandbox_line;
mod servers;
mod support;
mod webhooks;
mod world;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let rooms: Vec<Vec<Trial>> = vec![
        bad_input::trials(),
        cloud::trials(),
        connector_tools::trials(),
        exactly_once::trials(),
        examples::trials(),
        idempotence::trials(),
        interop::trials(),
        lake_faults::trials(),
        matching::trials(),
        memory::trials(),
        models::trials(),
        quarantine::trials(),
        random::trials(),
        sandbox_line::trials(),
        webhooks::trials(),
    ];
    libtest_mimic::run(&arguments, rooms.into_iter().flatten().collect()).exit();
}
