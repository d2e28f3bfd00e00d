//! Where a lake may lie, and how delta reaches it: local disk, S3, Azure and Google Cloud, by one factory for all.

use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Once};

use affluent_connect::store::StoreOptions;
use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
    object_store_factories,
};
use deltalake::{DeltaResult, DeltaTableError};
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use crate::error::Error;

/// The URL schemes served here; `file` is delta's own.
const SCHEMES: [&str; 6] = ["s3", "s3a", "az", "abfs", "abfss", "gs"];

/// The URL of a lake as a user writes it: a URL, or a path (relative ones from `base`).
pub fn location(text: &str, base: &FilePath) -> Result<Url, Error> {
    let fault = |message: &str| Error::Lake { table: text.to_owned(), message: message.to_owned() };
    if let Some((scheme, _)) = text.split_once("://") {
        let url = Url::parse(text).map_err(|error| fault(&format!("is not a URL: {error}")))?;
        return if scheme == "file" || SCHEMES.contains(&scheme) {
            Ok(url)
        } else {
            Err(fault("a lake lies in a folder, or under s3://, az://, abfss:// or gs://"))
        };
    }
    let path: PathBuf = if text.starts_with('/') { text.into() } else { base.join(text) };
    let path = std::path::absolute(&path).map_err(|error| fault(&error.to_string()))?;
    Url::from_directory_path(&path).map_err(|()| fault("is not a path that can hold a lake"))
}

/// The object store that holds `url`, and the path of `url` in it.
pub(super) fn open(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path), Error> {
    let opened = affluent_connect::store::open(url.as_str(), &StoreOptions::new())
        .map_err(|error| Error::Lake { table: url.to_string(), message: error.to_string() })?;
    Ok((opened.store, opened.path))
}

/// Makes delta reach the cloud stores; done once for the process.
pub(super) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for scheme in SCHEMES {
            if let Ok(key) = Url::parse(&format!("{scheme}://")) {
                object_store_factories().insert(key.clone(), Arc::new(Cloud));
                logstore_factories().insert(key, Arc::new(Cloud));
            }
        }
    });
}

struct Cloud;

impl ObjectStoreFactory for Cloud {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let opened = affluent_connect::store::open(url.as_str(), &StoreOptions::new())
            .map_err(|error| DeltaTableError::Generic(error.to_string()))?;
        Ok((opened.store, opened.path))
    }
}

impl LogStoreFactory for Cloud {
    fn with_options(
        &self,
        prefixed: ObjectStoreRef,
        root: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed, root, location, options))
    }
}
