//! From a pipeline file to a plan, and from words to a lake.

use std::path::Path;

use affluent_engine::{Catalog, Lake, Plan, Session};
use affluent_spec::TableName;

use crate::args::PipelineArgs;
use crate::failure::Failure;

/// The plan of a pipeline file, or all its faults.
pub(crate) fn load(args: &PipelineArgs) -> Result<Plan, Failure> {
    let mut catalog = Catalog::builtin()?;
    if let Some(folder) = &args.connectors {
        catalog.add_connectors(folder)?;
    }
    let path = &args.pipeline;
    let text = std::fs::read_to_string(path).map_err(|error| {
        let failure = Failure::usage(format!("{}: {error}", path.display()));
        if error.kind() == std::io::ErrorKind::NotFound {
            failure.hint("`affluent init` writes a first pipeline")
        } else {
            failure
        }
    })?;
    // Files are remembered by their path, which must not depend on where the command is called from.
    let absolute = std::path::absolute(path)?;
    let base = absolute.parent().unwrap_or(Path::new("/"));
    resolve(&path.display().to_string(), &text, catalog, base, args.lake.as_deref())
}

/// The plan of a pipeline's text.
pub(crate) fn resolve(
    file: &str,
    text: &str,
    catalog: Catalog,
    base: &Path,
    lake: Option<&str>,
) -> Result<Plan, Failure> {
    let (pipeline, mut problems) = affluent_spec::read_sound(file, text)?;
    match affluent_engine::plan::resolve(pipeline, catalog, base, lake) {
        Ok(plan) if problems.is_empty() => return Ok(plan),
        Ok(_) => {}
        Err(more) => problems.extend(more),
    }
    problems.sort();
    Err(problems.into())
}

/// The lake at the place a user names, whether there is one or not.
pub(crate) fn lake_at(location: &str) -> Result<Lake, Failure> {
    let url = affluent_engine::lake::location(location, &std::env::current_dir()?)
        .map_err(|error| Failure { code: 2, ..error.into() })?;
    Ok(Lake::at(url))
}

/// A lake that must hold tables; they come with it.
pub(crate) async fn existing(lake: Lake) -> Result<(Lake, Vec<TableName>), Failure> {
    let tables = lake.tables().await?;
    if tables.is_empty() {
        return Err(Failure::usage(format!("there is no lake at {}", lake.root()))
            .hint("run a pipeline into it first, name another one by --lake, or try `affluent demo`"));
    }
    Ok((lake, tables))
}

/// A session without a bound on memory.
pub(crate) fn session() -> Result<Session, Failure> {
    Ok(Session::new(None)?)
}
