//! The manifest that a command is about, and its settings from the command line.

use std::path::Path;

use affluent_connect::http::{HttpSource, Keeper, ResolvedSettings, read_secret};
use affluent_engine::{Catalog, Error};
use affluent_spec::connector::{self, Connector};
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Document, Name, Read, Secret, Setting, suggest};
use clap::Args;
use indexmap::IndexMap;

use crate::failure::Failure;

/// The files of a pipeline, which are no manifest's.
pub(super) const FILES: &str = "files";

/// Settings on the command line.
#[derive(Debug, Args)]
pub(super) struct With {
    /// A setting: key=value, key=env:NAME or key=file:PATH; a secret is never written out. May be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    with: Vec<(String, Setting)>,
}

fn setting(text: &str) -> Result<(String, Setting), String> {
    let (key, value) = text.split_once('=').ok_or("write key=value, key=env:NAME or key=file:PATH")?;
    let value = match value.split_once(':') {
        Some(("env", name)) => Setting::Secret(Secret::Env(name.to_owned())),
        Some(("file", path)) => Setting::Secret(Secret::File(path.to_owned())),
        _ => Setting::Plain(value.into()),
    };
    Ok((key.to_owned(), value))
}

/// A manifest, and where its parts stand if it came from a file.
pub(super) struct Target {
    pub(super) manifest: Connector,
    pub(super) document: Option<Document>,
}

/// All manifests, those of `folder` before those built in.
pub(super) fn catalog(folder: Option<&Path>) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::builtin()?;
    if let Some(folder) = folder {
        catalog.add_connectors(folder)?;
    }
    Ok(catalog)
}

/// The manifest of that name, or in that file; all its faults at once where it has some.
pub(super) fn find(name: &str, folder: Option<&Path>) -> Result<Target, Failure> {
    let path = Path::new(name);
    if name.contains(['/', '\\']) || path.extension().is_some_and(|extension| extension == "yaml") {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("{name}: {error}")).hint("`affluent connectors new NAME` writes a first manifest")
        })?;
        let read: Read<Connector> = affluent_spec::read(name, &text)?;
        let faults = connector::faults(&read);
        if !faults.is_empty() {
            return Err(faults.into());
        }
        return Ok(Target { manifest: read.value, document: Some(read.document) });
    }
    let catalog = catalog(folder)?;
    match catalog.connectors.get(name) {
        Some(manifest) => Ok(Target { manifest: (**manifest).clone(), document: None }),
        None => {
            let known = std::iter::once(FILES).chain(catalog.connectors.keys().map(String::as_str));
            let hint = suggest::hint(name, known).unwrap_or_else(|| "`affluent connectors` lists them".to_owned());
            Err(Failure::usage(format!("there is no connector `{name}`")).hint(hint))
        }
    }
}

impl With {
    /// The settings as given, the rest from the environment where it has them.
    fn given(&self, manifest: &Connector) -> IndexMap<String, Setting> {
        let mut given: IndexMap<String, Setting> = self.with.iter().cloned().collect();
        for (name, spec) in &manifest.settings {
            let variable = format!("{}_{name}", manifest.connector).to_uppercase();
            let wanted = spec.default.is_none() && !given.contains_key(name.as_str());
            if wanted && std::env::var_os(&variable).is_some() {
                given.insert(name.to_string(), Setting::Secret(Secret::Env(variable)));
            }
        }
        given
    }

    /// The settings that nobody gave.
    pub(super) fn missing(&self, manifest: &Connector) -> Vec<String> {
        let given = self.given(manifest);
        let missing = |(name, spec): (&Name, &connector::SettingSpec)| {
            (spec.default.is_none() && !given.contains_key(name.as_str())).then(|| name.to_string())
        };
        manifest.settings.iter().filter_map(missing).collect()
    }

    /// The settings with their values.
    pub(super) fn resolve(&self, manifest: &Connector) -> Result<ResolvedSettings, Failure> {
        ResolvedSettings::resolve(manifest, &self.given(manifest), &read_secret).map_err(|error| {
            let told = told(manifest, error);
            let first = self.missing(manifest).into_iter().next();
            match first.and_then(|name| Some((manifest.settings.get(name.as_str())?.secret, name))) {
                Some((true, name)) => {
                    told.hint(format!("--with {name}=env:NAME, where NAME is the variable that holds it"))
                }
                Some((false, name)) => told.hint(format!("--with {name}=VALUE")),
                None => told,
            }
        })
    }
}

/// The source for some of its streams; a refresh token that is rotated is kept below the current folder, as a run keeps it.
pub(super) fn open(
    manifest: &Connector,
    settings: &ResolvedSettings,
    streams: &IndexMap<Name, StreamOptions>,
) -> Result<HttpSource, Failure> {
    let here = std::env::current_dir()?;
    let source = HttpSource::new(manifest, settings, streams).map_err(|error| told(manifest, error))?;
    Ok(source.keeping(Keeper::beside(&here, manifest.connector.as_str())))
}

/// An error of a source as the user meets it.
pub(super) fn told(manifest: &Connector, error: affluent_connect::SourceError) -> Failure {
    Error::Source { stream: manifest.connector.to_string(), source: error }.into()
}
