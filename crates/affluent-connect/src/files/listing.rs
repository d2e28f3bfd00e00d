//! Which files a stream has: paths, globs and URLs resolved, in the order of their names.

use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use affluent_spec::suggest;
use chrono::{DateTime, SubsecRound, Utc};
use futures::TryStreamExt;
use globset::{GlobBuilder, GlobMatcher};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::SourceError;
use crate::store::{self, StoreOptions};

/// A file of a stream.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its path or URL, begun as the stream's path is: the name that `_file`, cursor and messages use.
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    /// When it was last written.
    pub(super) modified: Option<DateTime<Utc>>,
    /// The store's mark of its content.
    pub(super) etag: Option<String>,
    /// Where it is.
    pub(super) at: At,
}

/// Where a file is.
#[derive(Debug, Clone)]
pub(super) enum At {
    /// On this machine.
    Local(PathBuf),
    /// In an object store.
    Remote(Arc<dyn ObjectStore>, Path),
}

/// All files of `patterns`, sorted by name, each once. Relative paths start at `base` and name the file without it, so that
/// a pipeline may be run from any folder and moved as a whole.
pub(super) async fn list(
    patterns: &[String],
    base: &FsPath,
    options: &StoreOptions,
) -> Result<Vec<Found>, SourceError> {
    let mut found = Vec::new();
    for pattern in patterns {
        if let Some(path) = pattern.strip_prefix("file://") {
            found.extend(on_disk(path.to_owned()).await?);
        } else if store::is_url(pattern) {
            found.extend(in_store(pattern, options).await?);
        } else {
            found.extend(below(base, pattern).await?);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    Ok(found)
}

async fn below(base: &FsPath, pattern: &str) -> Result<Vec<Found>, SourceError> {
    if base.as_os_str().is_empty() || FsPath::new(pattern).is_absolute() {
        return on_disk(pattern.to_owned()).await;
    }
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let start = format!("{}/", base.display());
    let mut found = on_disk(format!("{start}{pattern}")).await?;
    for file in &mut found {
        if let Some(name) = file.name.strip_prefix(&start) {
            file.name = name.to_owned();
        }
    }
    Ok(found)
}

async fn on_disk(pattern: String) -> Result<Vec<Found>, SourceError> {
    let place = pattern.clone();
    tokio::task::spawn_blocking(move || local(&pattern))
        .await
        .unwrap_or_else(|error| Err(SourceError::failed(place, error.to_string())))
}

fn local(pattern: &str) -> Result<Vec<Found>, SourceError> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    match std::fs::metadata(pattern) {
        Ok(meta) if meta.is_dir() => {
            return Err(SourceError::usage(pattern, "is a folder, not a file")
                .with_hint(format!("take its files with a glob, `{}/*.csv`", pattern.trim_end_matches('/'))));
        }
        Ok(meta) => return Ok(vec![local_file(pattern.to_owned(), PathBuf::from(pattern), &meta)]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(pattern, &error)),
    }
    let (base, depth) = split(pattern);
    if depth == 0 {
        return Err(missing(pattern));
    }
    let glob = matcher(pattern)?;
    let mut found = Vec::new();
    let folder = if base.is_empty() { FsPath::new(".") } else { FsPath::new(base) };
    walk(folder, base, if pattern.contains("**") { usize::MAX } else { depth }, &glob, &mut found)?;
    if found.is_empty() {
        let hint = match names_in(folder) {
            names if names.is_empty() => format!("`{}` holds no file", folder.display()),
            names => format!("`{}` holds {}", folder.display(), names.join(", ")),
        };
        return Err(SourceError::failed(pattern, "no file matches").with_hint(hint));
    }
    Ok(found)
}

fn walk(
    folder: &FsPath,
    name: &str,
    depth: usize,
    glob: &GlobMatcher,
    found: &mut Vec<Found>,
) -> Result<(), SourceError> {
    let place = folder.display().to_string();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SourceError::failed(place, "there is no such folder"));
        }
        Err(error) => return Err(unreadable(&place, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&place, &error))?;
        let Some(last) = entry.file_name().to_str().map(str::to_owned) else {
            tracing::warn!(folder = %place, "a file whose name is not UTF-8 is left out");
            continue;
        };
        if is_hidden(&last) {
            continue;
        }
        let full = if name.is_empty() { last } else { format!("{}/{last}", name.trim_end_matches('/')) };
        let full = if name == "/" { format!("/{}", full.trim_start_matches('/')) } else { full };
        let Ok(meta) = std::fs::metadata(entry.path()) else {
            // A link to nowhere, or a file that went away while the folder was read.
            continue;
        };
        if meta.is_dir() {
            if depth > 1 {
                walk(&entry.path(), &full, depth.saturating_sub(1), glob, found)?;
            }
        } else if glob.is_match(&full) {
            found.push(local_file(full, entry.path(), &meta));
        }
    }
    Ok(())
}

fn local_file(name: String, path: PathBuf, meta: &std::fs::Metadata) -> Found {
    // Microseconds, since that is what the cursor's text keeps on every file system.
    let modified = meta.modified().ok().map(|time| DateTime::<Utc>::from(time).trunc_subsecs(6));
    Found { name, size: meta.len(), modified, etag: None, at: At::Local(path) }
}

async fn in_store(pattern: &str, options: &StoreOptions) -> Result<Vec<Found>, SourceError> {
    let (scheme, rest) = pattern.split_once("://").unwrap_or(("", pattern));
    let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
    let root = format!("{scheme}://{host}");
    let location = store::open(&root, options)?;
    let path = |text: &str| Path::parse(text).map_err(|error| SourceError::usage(pattern, error.to_string()));
    let found = |meta: object_store::ObjectMeta| Found {
        name: format!("{root}/{}", meta.location),
        size: meta.size,
        modified: Some(meta.last_modified),
        etag: meta.e_tag,
        at: At::Remote(Arc::clone(&location.store), meta.location),
    };
    let (base, depth) = split(key);
    if depth == 0 {
        return match location.store.head(&path(key)?).await {
            Ok(meta) => Ok(vec![found(meta)]),
            Err(error) => Err(store::explain(&error, pattern)),
        };
    }
    let glob = matcher(key)?;
    let prefix = path(base)?;
    let all: Vec<Found> = location
        .store
        .list(Some(&prefix))
        .try_filter(|meta| futures::future::ready(is_meant(&glob, base, meta.location.as_ref())))
        .map_ok(found)
        .try_collect()
        .await
        .map_err(|error| store::explain(&error, pattern))?;
    if all.is_empty() {
        return Err(SourceError::failed(pattern, "no file matches")
            .with_hint("check the path; `*` does not cross `/`, `**` does"));
    }
    Ok(all)
}

/// As in a shell, a glob does not mean hidden files: editors and tools leave theirs everywhere.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Whether a pattern that begins at `base` means the file of that key.
fn is_meant(glob: &GlobMatcher, base: &str, key: &str) -> bool {
    let below = key.strip_prefix(base).unwrap_or(key);
    glob.is_match(key) && !below.split('/').any(is_hidden)
}

/// The part of a pattern before its first component with a wildcard, and the number of components from there on.
fn split(pattern: &str) -> (&str, usize) {
    let Some(first) = pattern.find(['*', '?', '[', '{']) else { return (pattern, 0) };
    let base = match pattern[..first].rfind('/') {
        Some(0) => "/",
        Some(slash) => &pattern[..slash],
        None => "",
    };
    (base, pattern[base.len()..].split('/').filter(|part| !part.is_empty()).count())
}

fn matcher(pattern: &str) -> Result<GlobMatcher, SourceError> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| SourceError::usage(pattern, format!("is not a glob: {}", error.kind())))
}

fn missing(path: &str) -> SourceError {
    let error = SourceError::failed(path, "there is no such file");
    let path = FsPath::new(path);
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => FsPath::new("."),
    };
    if !folder.is_dir() {
        return error.with_hint(format!("the folder `{}` is not there either", folder.display()));
    }
    let names = names_in(folder);
    let wanted = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match suggest::nearest(wanted, names.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => error.with_hint(format!("`{}` is empty", folder.display())),
        None => error.with_hint(format!("`{}` holds {}", folder.display(), names.join(", "))),
    }
}

/// A few of the files in a folder, for hints.
fn names_in(folder: &FsPath) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    names.retain(|name| !is_hidden(name));
    names.sort();
    if names.len() > 8 {
        names.truncate(8);
        names.push("...".to_owned());
    }
    names
}

/// What the operating system says about a file or folder that cannot be read.
pub(super) fn unreadable(place: &str, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => SourceError::credentials(place, "must not be read by this user")
            .with_hint("check the permissions of file and folders"),
        io::ErrorKind::NotFound => SourceError::failed(place, "there is no such file"),
        _ => SourceError::failed(place, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_pattern_before_its_first_wildcard() {
        for (pattern, expected) in [
            ("data/orders-*.csv", ("data", 1)),
            ("/data/*/x.csv", ("/data", 2)),
            ("/*.csv", ("/", 1)),
            ("*.csv", ("", 1)),
            ("data/x.csv", ("data/x.csv", 0)),
        ] {
            assert_eq!(split(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_glob_means_no_hidden_files_in_stores_either() {
        for (pattern, key, meant) in [
            ("in/**/*.csv", "in/a/b.csv", true),
            ("in/**/*.csv", "in/.b.csv", false),
            ("in/**/*.csv", "in/.trash/b.csv", false),
            ("in/.kept/*.csv", "in/.kept/b.csv", true),
            ("*.csv", ".b.csv", false),
            ("*.csv", "b.txt", false),
        ] {
            assert_eq!(is_meant(&matcher(pattern).unwrap(), split(pattern).0, key), meant, "{pattern} {key}");
        }
    }
}
