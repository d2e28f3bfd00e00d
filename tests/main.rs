//! The whole system, as one test binary: each module is a room of tests and lists them.
//!
//! Tests that need a program of others (Python with a package, node with azurite) are listed as ignored, with the reason,
//! where it is not there; nothing is installed from here.

mod bad_input;
mod cloud;
mod commands;
mod connector_tools;
mod demo;
mod exactly_once;
mod examples;
mod idempotence;
mod interop;
mod lake_faults;
mod lakes;
mod lines;
mod matching;
mod memory;
mod models;
mod quarantine;
mod random;
mod sandbox_line;
mod servers;
mod stages;
mod support;
mod vendor_facts;
mod vendors;
mod webhooks;
mod world;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let rooms: Vec<Vec<Trial>> = vec![
        bad_input::trials(),
        cloud::trials(),
        commands::trials(),
        connector_tools::trials(),
        demo::trials(),
        exactly_once::trials(),
        examples::trials(),
        idempotence::trials(),
        interop::trials(),
        lake_faults::trials(),
        lines::trials(),
        matching::trials(),
        memory::trials(),
        models::trials(),
        quarantine::trials(),
        random::trials(),
        sandbox_line::trials(),
        stages::trials(),
        vendor_facts::trials(),
        vendors::trials(),
        webhooks::trials(),
    ];
    libtest_mimic::run(&arguments, rooms.into_iter().flatten().collect()).exit();
}
