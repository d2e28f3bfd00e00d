//! Every case of `tests/models` against the model it names, each a test of its own.

use std::path::{Path, PathBuf};

use affluent_engine::Catalog;
use affluent_engine::marts::model_case::{self, ModelCase};
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

use crate::support::root;

pub(crate) fn trials() -> Vec<Trial> {
    let folder = root().join("tests/models");
    let mut files = Vec::new();
    found(&folder, &mut files);
    files.sort();
    let name = |file: &Path| file.with_extension("").strip_prefix(&folder).map(|name| name.display().to_string());
    let cases = files.into_iter().filter_map(|file| {
        let name = name(&file).ok()?.replace('/', "::");
        Some(Trial::test(format!("models::{name}"), move || passes(&file)))
    });
    let all = Trial::test("models::every_model_has_a_case", every_model_has_a_case);
    cases.chain([all]).collect()
}

fn found(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

fn builtin() -> Result<Catalog, Failed> {
    Catalog::builtin().map_err(|problems| format!("{problems:?}").into())
}

fn passes(file: &Path) -> Result<(), Failed> {
    let name = file.display().to_string();
    let case = affluent_spec::read::<ModelCase>(&name, &std::fs::read_to_string(file)?);
    let case = case.map_err(|problems| Failed::from(format!("{problems:?}")))?.value;
    let differences = Runtime::new()?.block_on(model_case::run(&case, &builtin()?))?;
    if differences.is_empty() { Ok(()) } else { Err(format!("{}\n  {}", case.why, differences.join("\n  ")).into()) }
}

fn every_model_has_a_case() -> Result<(), Failed> {
    let folder = root().join("tests/models");
    let without: Vec<String> =
        builtin()?.models.into_keys().filter(|model| std::fs::read_dir(folder.join(model)).is_err()).collect();
    if without.is_empty() { Ok(()) } else { Err(format!("no case for {}", without.join(", ")).into()) }
}
