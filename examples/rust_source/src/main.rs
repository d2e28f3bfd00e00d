//! Loads what is new in a log into a lake: `rust_source access.log ./lake`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [log, lake] = arguments.as_slice() else {
        eprintln!("usage: rust_source LOG LAKE");
        return ExitCode::from(2);
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(rust_source::load(Path::new(log), Path::new(lake))) {
        Ok(report) => {
            println!("{}: {} rows written, {} in quarantine", report.table, report.written, report.quarantined);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
