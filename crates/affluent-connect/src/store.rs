//! Opens a folder, `s3://`, `az://` (`abfss://`) or `gs://` location as an object store, and puts its errors into words.
//!
//! Credentials come from the environment, under the names that the clouds' own tools use (`AWS_*`, `AZURE_*`, `GOOGLE_*`);
//! options given by name come before it.

use std::error::Error as _;
use std::path::{Component, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use crate::error::SourceError;

/// Options of a store by the names that `object_store` gives them: `endpoint`, `region`, `access_key_id`, ...
pub type StoreOptions = IndexMap<String, String>;

/// An opened location.
#[derive(Debug, Clone)]
pub struct Location {
    /// The store: a bucket, a container or the local file system.
    pub store: Arc<dyn ObjectStore>,
    /// The location's path in it.
    pub path: Path,
    /// The location as a URL (`file://` for a folder).
    pub url: Url,
}

/// Whether a text names a location by URL (`s3://...`) and not by local path.
pub fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// The URL of a location; a local path becomes an absolute `file://` URL. Nothing is looked up.
fn url_of(location: &str) -> Result<Url, SourceError> {
    if is_url(location) {
        return Url::parse(location)
            .map_err(|error| SourceError::usage(shown(location), format!("is not a URL: {error}")));
    }
    let absolute = std::path::absolute(location).map_err(|error| SourceError::usage(location, error.to_string()))?;
    let mut plain = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    Url::from_file_path(&plain).map_err(|()| SourceError::usage(location, "is not a path"))
}

/// Opens a location. No call is made yet: what is wrong with bucket or credentials shows at the first one.
pub fn open(location: &str, options: &StoreOptions) -> Result<Location, SourceError> {
    let url = url_of(location)?;
    let place = shown(location);
    let built = |error: object_store::Error| explain(&error, &place);
    let path =
        || Path::from_url_path(url.path()).map_err(|error| SourceError::usage(shown(location), error.to_string()));
    let retry = RetryConfig { max_retries: 8, retry_timeout: Duration::from_secs(90), ..RetryConfig::default() };
    let (store, path): (Arc<dyn ObjectStore>, Path) = match url.scheme() {
        "file" => (Arc::new(LocalFileSystem::new()), path()?),
        "s3" | "s3a" => {
            let mut builder = AmazonS3Builder::from_env().with_url(bucket_of(&url)).with_retry(retry);
            for (name, value) in options {
                builder = builder.with_config(key::<AmazonS3ConfigKey>(name, "aws_", &place)?, value);
            }
            (Arc::new(builder.build().map_err(built)?), path()?)
        }
        "az" | "azure" | "adl" | "abfs" | "abfss" => {
            let mut builder = MicrosoftAzureBuilder::from_env().with_url(bucket_of(&url)).with_retry(retry);
            for (name, value) in options {
                builder = builder.with_config(key::<AzureConfigKey>(name, "azure_storage_", &place)?, value);
            }
            (Arc::new(builder.build().map_err(built)?), path()?)
        }
        "gs" => {
            let mut builder = GoogleCloudStorageBuilder::from_env().with_url(bucket_of(&url)).with_retry(retry);
            for (name, value) in options {
                builder = builder.with_config(key::<GoogleConfigKey>(name, "google_", &place)?, value);
            }
            (Arc::new(builder.build().map_err(built)?), path()?)
        }
        other => {
            return Err(SourceError::usage(place, format!("`{other}://` is not a kind of storage"))
                .with_hint("use a local path, s3://, az://, abfss:// or gs://"));
        }
    };
    Ok(Location { store, path, url })
}

/// The URL without its path, which builders take for part of the bucket in some schemes.
fn bucket_of(url: &Url) -> String {
    let user = if url.username().is_empty() { String::new() } else { format!("{}@", url.username()) };
    format!("{}://{user}{}/", url.scheme(), url.host_str().unwrap_or_default())
}

fn key<K: FromStr>(name: &str, prefix: &str, place: &str) -> Result<K, SourceError> {
    let lower = name.to_lowercase();
    lower.parse().or_else(|_| format!("{prefix}{lower}").parse()).map_err(|_| {
        SourceError::usage(place, format!("unknown storage option `{name}`"))
            .with_hint("use the names of the environment's variables, in lower case: aws_endpoint, aws_region, azure_storage_account_name, ...")
    })
}

/// A store's error in words, without secrets.
pub fn explain(error: &object_store::Error, place: &str) -> SourceError {
    let place = shown(place);
    let text = whole(error);
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let no_bucket =
        has(&["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist", "FilesystemNotFound"]);
    match error {
        _ if no_bucket => SourceError::failed(place, "there is no such bucket or container")
            .with_hint("create it, or check its name and the region or account"),
        // Its text has the path in it, which may hold any word.
        object_store::Error::NotFound { .. } => {
            SourceError::failed(place, "is not there").with_hint("check the path and the bucket's name")
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => refused(place),
        _ if has(&["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "AuthenticationFailed", "AccessDenied", "InvalidAuthenticationInfo", "401 Unauthorized", "403 Forbidden"]) => {
            refused(place)
        }
        _ if has(&["169.254.169.254", "metadata.google.internal", "MissingAccount", "Account must be specified"]) => {
            SourceError::credentials(place, "no credentials were found in the environment")
                .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_NAME and _KEY, or GOOGLE_APPLICATION_CREDENTIALS")
        }
        _ if has(&["error sending request", "timed out", "connection", "dns error", "503 ", "500 ", "SlowDown"]) => {
            SourceError::temporary(place, format!("the storage does not answer: {}", clipped(&text)))
                .with_hint("try again; check the endpoint and the network if it goes on")
        }
        _ => SourceError::failed(place, clipped(&text)),
    }
}

fn refused(place: String) -> SourceError {
    SourceError::credentials(place, "the storage refuses the credentials")
        .with_hint("check the keys in the environment and what they are allowed to do")
}

/// An error with its causes, and without what stands behind `?` in URLs: signatures are passed there.
fn whole(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    let mut shown = String::with_capacity(text.len());
    let mut hidden = false;
    for character in text.chars() {
        if hidden && (character.is_whitespace() || matches!(character, '"' | ')' | '\'')) {
            hidden = false;
        }
        if !hidden {
            shown.push(character);
        }
        hidden |= character == '?';
    }
    shown
}

fn clipped(text: &str) -> String {
    text.chars().take(300).collect()
}

/// A location as it may be shown: without user, password and query.
fn shown(location: &str) -> String {
    let plain = if is_url(location) { location.split('?').next().unwrap_or_default() } else { location };
    match plain.split_once("://").map(|(scheme, rest)| (scheme, rest.split_once('/').unwrap_or((rest, "")))) {
        Some((scheme, (host, path))) => match host.split_once('@') {
            Some((user, host)) if user.contains(':') => format!("{scheme}://{host}/{path}"),
            _ => plain.to_owned(),
        },
        None => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn opens_folders_and_buckets() {
        let options = StoreOptions::from([("region".to_owned(), "eu-west-3".to_owned())]);
        let bucket = open("s3://acme-lake/crm/bronze", &options).unwrap();
        assert_eq!(bucket.path, Path::from("crm/bronze"));
        let folder = open("./lake/../lake2", &StoreOptions::new()).unwrap();
        assert!(folder.url.path().ends_with("/lake2") && !folder.url.path().contains(".."), "{}", folder.url);
        let account = StoreOptions::from([("azure_storage_account_name".to_owned(), "acme".to_owned())]);
        assert_eq!(open("az://lake/crm", &account).unwrap().path, Path::from("crm"));
        assert_eq!(
            open("abfss://lake@acme.dfs.core.windows.net/crm", &StoreOptions::new()).unwrap().path,
            Path::from("crm")
        );
    }

    #[test]
    fn tells_what_it_cannot_open() {
        let ftp = open("ftp://host/x", &StoreOptions::new()).unwrap_err();
        assert_eq!(
            (ftp.class(), ftp.to_string().as_str()),
            (Class::Usage, "ftp://host/x: `ftp://` is not a kind of storage")
        );
        let options = StoreOptions::from([("regoin".to_owned(), "x".to_owned())]);
        assert_eq!(open("s3://b/x", &options).unwrap_err().class(), Class::Usage);
    }

    #[test]
    fn errors_have_a_class_and_no_secret() {
        let generic = |text: &str| object_store::Error::Generic { store: "S3", source: text.to_owned().into() };
        for (text, class) in [
            ("<Code>NoSuchBucket</Code>", Class::Failed),
            ("<Code>InvalidAccessKeyId</Code>", Class::Credentials),
            ("error sending request for url (http://169.254.169.254/latest)", Class::Credentials),
            ("error sending request for url (https://x/y?sig=SECRET): dns error", Class::Temporary),
            ("something else", Class::Failed),
            ("the metadata of the file is garbled", Class::Failed),
        ] {
            let error = explain(&generic(text), "s3://bucket/x");
            assert_eq!(error.class(), class, "{text}");
            assert!(!error.to_string().contains("SECRET"), "{error}");
        }
        assert!(!shown("az://u:pw@c/x?sig=SECRET").contains("pw"));
        for path in ["exports/metadata/x.csv", "AccessDenied/x.csv", "connection 500 /x.csv"] {
            let source = format!("Object at location {path} not found").into();
            let error = explain(&object_store::Error::NotFound { path: path.to_owned(), source }, "s3://bucket/x");
            assert_eq!((error.class(), error.to_string().as_str()), (Class::Failed, "s3://bucket/x: is not there"));
        }
    }
}
