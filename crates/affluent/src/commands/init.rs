//! `affluent init`: a first pipeline that runs as it is.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::stdout;

const EXAMPLES: &str = "Examples:
  affluent init
  affluent init shop && affluent run shop/pipeline.yaml";

/// Write a first pipeline that runs as it is, with a small file of orders
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// Where; a new folder or one that is there
    #[arg(default_value = ".", value_name = "DIR")]
    dir: PathBuf,
}

/// What is written; no file that is there is touched.
const FILES: [(&str, &str); 2] = [
    ("pipeline.yaml", include_str!("../templates/pipeline.yaml")),
    ("data/orders.csv", include_str!("../templates/orders.csv")),
];

/// Writes the files.
pub(crate) fn init(args: &InitArgs) -> Result<(), Failure> {
    let told = |path: &Path, error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
    for (name, _) in FILES {
        let path = args.dir.join(name);
        if path.exists() {
            return Err(Failure::usage(format!("{} is there already", path.display()))
                .hint("name another folder: affluent init DIR"));
        }
    }
    for (name, content) in FILES {
        let path = args.dir.join(name);
        let folder = path.parent().unwrap_or(&args.dir);
        fs::create_dir_all(folder).map_err(|error| told(folder, error))?;
        fs::write(&path, content).map_err(|error| told(&path, error))?;
    }
    let pipeline = args.dir.join("pipeline.yaml");
    let (pipeline, lake) = (pipeline.display(), args.dir.join("lake"));
    stdout::line(&format!(
        "Wrote {pipeline} and {}. Next:\n  affluent check {pipeline}\n  affluent run {pipeline}\n  \
         affluent sql \"select segment, people, revenue from gold.rfm_segments order by position\" --lake {}",
        args.dir.join("data/orders.csv").display(),
        lake.display()
    ))
}
