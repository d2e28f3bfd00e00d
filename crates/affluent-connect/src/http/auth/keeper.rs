//! Where a refresh token is kept that a server gave in place of the one before (RFC 6749, section 6).
//!
//! Such a server takes the old one no longer, so the new one is on the disk before anything is done with the answer that
//! brought it: written to a file of its own, synced, put in place, the folder synced. A process that ends in between finds
//! the old file or the new one, whole. One process at a time asks for a token, held back by a lock that the system takes
//! away with the process, and it begins by reading what the one before has kept.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::SourceError;
use crate::durable::sync_folder;

/// How long one waits for another process that asks for a token, and how often one looks.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The file in which the refresh token of one source is kept.
#[derive(Debug, Clone)]
pub struct Keeper {
    file: PathBuf,
}

/// A step of keeping a token, after each of which the process may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is written yet.
    Begun,
    /// Half of the new file is written.
    Torn,
    /// The new file is written.
    Written,
    /// The new file is on the disk.
    Synced,
    /// The new file is in place of the old one.
    InPlace,
}

/// The only right to ask for the token, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    file: PathBuf,
    _lock: File,
}

impl Keeper {
    /// Keeps the token of `source` in `folder`, in a file that nobody else may read. The folder is made when it is needed.
    pub fn new(folder: &Path, source: &str) -> Self {
        Self { file: folder.join(format!("{source}.json")) }
    }

    /// Keeps the token of `source`, of a pipeline in `folder`, where it is kept unless told otherwise: in the folder that
    /// `AFFLUENT_SECRETS_DIR` names, or in `.affluent/secrets` beside the pipeline.
    pub fn beside(folder: &Path, source: &str) -> Self {
        match std::env::var_os("AFFLUENT_SECRETS_DIR").filter(|named| !named.is_empty()) {
            Some(named) => Self::new(Path::new(&named), source),
            None => Self::new(&folder.join(".affluent").join("secrets"), source),
        }
    }

    /// Waits until no other process asks for the token.
    pub(super) async fn hold(&self) -> Result<Held, SourceError> {
        let lock = self.lock_file().map_err(|error| unkept(&self.file, &error))?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Held { file: self.file.clone(), _lock: lock }),
                Err(TryLockError::WouldBlock) if began.elapsed() < LONGEST_WAIT => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let what = "another process has been asking for a token for ten minutes";
                    return Err(SourceError::temporary(self.file.display().to_string(), what)
                        .with_hint("end the other run of this source, or run again later"));
                }
                Err(TryLockError::Error(error)) => return Err(unkept(&self.file, &error)),
            }
        }
    }

    fn lock_file(&self) -> io::Result<File> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        if !folder.exists() {
            make_folder(folder)?;
        }
        private().create(true).truncate(false).write(true).open(self.file.with_extension("lock"))
    }
}

impl Held {
    /// The token kept in place of `configured`; none before the first one, and when another one was configured since.
    pub(super) fn kept(&self, configured: &SecretString) -> Result<Option<SecretString>, SourceError> {
        let text = match fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unkept(&self.file, &error)),
        };
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        match (json["refresh_token"].as_str(), json["configured_sha256"].as_str()) {
            (Some(token), Some(of)) => Ok((of == fingerprint(configured)).then(|| token.to_owned().into())),
            _ => Err(SourceError::credentials(self.file.display().to_string(), "this file holds no refresh token")
                .with_hint("remove it, and configure a new refresh token")),
        }
    }

    /// Keeps `token` in place of `configured`. When this returns, it outlives the process and the machine's power.
    pub(super) fn keep(&self, token: &SecretString, configured: &SecretString) -> Result<(), SourceError> {
        self.keep_by(token, configured, |_| Ok(()))
    }

    /// The same, with `after` each step.
    fn keep_by(
        &self,
        token: &SecretString,
        configured: &SecretString,
        after: impl Fn(Step) -> io::Result<()>,
    ) -> Result<(), SourceError> {
        let content = SecretString::from(
            json!({ "refresh_token": token.expose_secret(), "configured_sha256": fingerprint(configured) }).to_string(),
        );
        let write = || -> io::Result<()> {
            after(Step::Begun)?;
            let new = self.file.with_extension("new");
            let mut file = private().create(true).truncate(true).write(true).open(&new)?;
            let (first, rest) = content.expose_secret().as_bytes().split_at(content.expose_secret().len() / 2);
            file.write_all(first)?;
            after(Step::Torn)?;
            file.write_all(rest)?;
            after(Step::Written)?;
            file.sync_all()?;
            after(Step::Synced)?;
            fs::rename(&new, &self.file)?;
            after(Step::InPlace)?;
            sync_folder(self.file.parent().unwrap_or(Path::new(".")))
        };
        write().map_err(|error| unkept(&self.file, &error))
    }
}

/// What a kept token stands for, so that another one configured since is noticed.
fn fingerprint(token: &SecretString) -> String {
    let digest = digest::digest(&digest::SHA256, token.expose_secret().trim().as_bytes());
    BASE64_STANDARD.encode(digest)
}

fn unkept(file: &Path, error: &io::Error) -> SourceError {
    SourceError::failed(file.display().to_string(), format!("the refresh token cannot be kept: {error}"))
        .with_hint("name a folder that can be written to in AFFLUENT_SECRETS_DIR")
}

/// A folder for one user, which version control leaves alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    fs::write(folder.join(".gitignore"), "*\n")
}

/// How files are opened that one user alone may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    fn keeper(folder: &Path) -> Keeper {
        Keeper::new(&folder.join("secrets"), "crm")
    }

    async fn kept(folder: &Path, configured: &str) -> Option<String> {
        let held = keeper(folder).hold().await.unwrap();
        held.kept(&secret(configured)).unwrap().map(|token| token.expose_secret().to_owned())
    }

    #[tokio::test]
    async fn a_process_that_ends_at_any_step_leaves_the_old_token_or_the_new_one() {
        for (last, found) in [
            (Step::Begun, "second"),
            (Step::Torn, "second"),
            (Step::Written, "second"),
            (Step::Synced, "second"),
            (Step::InPlace, "third"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let held = keeper(folder.path()).hold().await.unwrap();
            held.keep(&secret("second"), &secret("first")).unwrap();
            let end = |step| if step == last { Err(io::Error::other("killed")) } else { Ok(()) };
            held.keep_by(&secret("third"), &secret("first"), end).unwrap_err();
            drop(held);
            assert_eq!(kept(folder.path(), "first").await.as_deref(), Some(found), "{last:?}");
            let held = keeper(folder.path()).hold().await.unwrap();
            held.keep(&secret("fourth"), &secret("first")).unwrap();
            drop(held);
            assert_eq!(kept(folder.path(), "first").await.as_deref(), Some("fourth"), "{last:?}");
        }
    }

    #[tokio::test]
    async fn a_token_configured_since_is_the_one_to_use() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path(), "first").await, None);
        let held = keeper(folder.path()).hold().await.unwrap();
        held.keep(&secret("second"), &secret("first")).unwrap();
        drop(held);
        assert_eq!(kept(folder.path(), "first\n").await.as_deref(), Some("second"));
        assert_eq!(kept(folder.path(), "another").await, None);
    }

    #[tokio::test]
    async fn one_at_a_time_asks() {
        let folder = tempfile::tempdir().unwrap();
        let held = keeper(folder.path()).hold().await.unwrap();
        let path = folder.path().to_owned();
        let second = tokio::spawn(async move { kept(&path, "first").await });
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(!second.is_finished());
        held.keep(&secret("second"), &secret("first")).unwrap();
        drop(held);
        assert_eq!(second.await.unwrap().as_deref(), Some("second"));
    }

    #[tokio::test]
    async fn what_is_kept_is_for_one_user_and_a_broken_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let held = keeper(folder.path()).hold().await.unwrap();
        held.keep(&secret("second"), &secret("first")).unwrap();
        #[cfg(unix)]
        for (name, mode) in [("", 0o700), ("crm.json", 0o600), ("crm.lock", 0o600)] {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join("secrets").join(name);
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{name}");
        }
        fs::write(folder.path().join("secrets/crm.json"), "{}").unwrap();
        let error = held.kept(&secret("first")).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("remove")), "{error:?}");
    }
}
