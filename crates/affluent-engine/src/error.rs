//! What can go wrong in a run, in a user's words, with the exit code that a scheduler acts on.

use affluent_connect::SourceError;
use affluent_connect::store::explain;
use affluent_spec::Problem;
use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;
use deltalake::kernel::transaction::TransactionError;

/// Any failure of the engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Faults of the pipeline, a manifest or a model.
    #[error("{}", problems(.0))]
    Problems(Vec<Problem>),
    /// A source failed.
    #[error("{stream}: {source}")]
    Source {
        /// `source.stream`.
        stream: String,
        /// What the source said.
        source: SourceError,
    },
    /// Another run wrote the same table meanwhile.
    #[error("another run is writing {table}: nothing of this step was written, what came before it is kept")]
    Concurrent {
        /// The table.
        table: String,
    },
    /// The table belongs to another pipeline.
    #[error("{table} belongs to pipeline `{owner}`, and pipeline `{pipeline}` would put its own rows there")]
    OfAnother {
        /// The table.
        table: String,
        /// The pipeline that made it.
        owner: String,
        /// The one that was refused.
        pipeline: String,
    },
    /// A table could not be read or written.
    #[error("{table}: {message}")]
    Lake {
        /// The table, or the lake's location.
        table: String,
        /// What happened.
        message: String,
    },
    /// The lake's storage on another machine failed.
    #[error("{0}")]
    Storage(SourceError),
    /// A file or record that was named cannot be used.
    #[error("{0}")]
    Input(SourceError),
    /// The lake's storage refuses us.
    #[error("{location}: {message}")]
    Denied {
        /// Where.
        location: String,
        /// What the storage said.
        message: String,
    },
    /// Tests of a table failed, so it was not published.
    #[error("{0}")]
    TestsFailed(String),
    /// A query or plan failed.
    #[error("{0}")]
    Query(String),
    /// The query of a model failed on the rows that it met.
    #[error("{0}")]
    Model(Box<Problem>),
    /// A query needs more memory than it may have.
    #[error("not enough memory: {0}; raise --memory-limit")]
    Memory(String),
    /// The run was asked to stop; what was committed stays, a later run goes on from there.
    #[error("stopped on request: the lake is consistent, the next run goes on from here")]
    Interrupted,
}

impl Error {
    /// The process's exit code: 1 failed, 2 wrong usage or config, 3 a data test failed, 4 credentials or permission,
    /// 75 temporary, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Problems(_) | Self::OfAnother { .. } => 2,
            Self::Source { source, .. } | Self::Storage(source) | Self::Input(source) => source.class().exit_code(),
            Self::Concurrent { .. } => 75,
            Self::TestsFailed(_) => 3,
            Self::Denied { .. } => 4,
            Self::Interrupted => 130,
            Self::Lake { .. } | Self::Query(_) | Self::Model(_) | Self::Memory(_) => 1,
        }
    }

    /// What to do next, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Source { source, .. } | Self::Storage(source) | Self::Input(source) => {
                source.hint().map(str::to_owned)
            }
            Self::Concurrent { .. } => Some("run it again when the other run has ended".to_owned()),
            Self::OfAnother { pipeline, .. } => Some(format!(
                "give one of them a lake of its own, or other names to what both have; where `{pipeline}` is its new name or takes \
                 its place, `--full-refresh` hands the table over"
            )),
            Self::Denied { message, .. } if message.contains(READ_ONLY) => {
                Some("mount the disk for writing, or name a lake elsewhere by --lake".to_owned())
            }
            // What a file system says carries the number of its error.
            Self::Denied { message, .. } if message.contains("os error") => {
                Some("let the user that runs this write there, or name a lake elsewhere by --lake".to_owned())
            }
            Self::Denied { .. } => {
                Some("check the storage credentials in the environment and their permissions".to_owned())
            }
            Self::Lake { message, .. } if is_damaged(message) => Some(
                "a file of its log is damaged: bring the table's folder back from a copy, or move it away and run again; then it is \
                 made anew of what its sources still have"
                    .to_owned(),
            ),
            Self::Lake { message, .. } if is_full(message) => Some(
                "make room where the lake lies, then run again: what is committed stays, the run goes on from there"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// A failure of `table` told by delta.
    pub fn delta(table: impl ToString, error: DeltaTableError) -> Self {
        let table = table.to_string();
        match error {
            DeltaTableError::Transaction {
                source: TransactionError::CommitConflict(_) | TransactionError::MaxCommitAttempts(_),
            }
            | DeltaTableError::VersionAlreadyExists(_) => Self::Concurrent { table },
            DeltaTableError::ObjectStore { source } => Self::store(table, &source),
            DeltaTableError::Transaction { source: TransactionError::ObjectStore { source } } => {
                Self::store(table, &source)
            }
            other => match stored(&other) {
                Some(error) => Self::store(table, error),
                None => Self::told(table, other.to_string()),
            },
        }
    }

    /// A failure of the storage below `location`.
    pub fn store(location: impl ToString, error: &object_store::Error) -> Self {
        let location = location.to_string();
        let local = match error {
            object_store::Error::Generic { store, .. } => *store == "LocalFileSystem",
            // A server's refusal is not an i/o error, the file system's is.
            other => chain(other).any(<dyn std::error::Error>::is::<std::io::Error>),
        };
        match error {
            object_store::Error::PermissionDenied { .. } if local => {
                Self::Denied { location, message: innermost(error) }
            }
            // The kind of store says nothing that the location does not.
            object_store::Error::Generic { source, .. } if local => Self::told(location, innermost(source.as_ref())),
            other if local => Self::told(location, innermost(other)),
            other => Self::Storage(explain(other, &location)),
        }
    }

    fn told(location: String, message: String) -> Self {
        let message = without_backtrace(message);
        if is_denied(&message) { Self::Denied { location, message } } else { Self::Lake { table: location, message } }
    }
}

/// An error and its causes.
fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        // An i/o error leaves what it wraps out of its causes.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| error.source())
    })
}

/// The storage's own error in a chain.
fn stored<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a object_store::Error> {
    chain(error).find_map(|link| link.downcast_ref())
}

/// The most telling message of a chain of errors: its last link.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let (outer, inner) = (error.to_string(), last.to_string());
    if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
}

fn is_full(message: &str) -> bool {
    ["No space left on device", "File too large", "Disk quota exceeded", "QuotaExceeded"]
        .iter()
        .any(|sign| message.contains(sign))
}

/// What a file system says that is mounted for reading alone.
const READ_ONLY: &str = "Read-only file system";

fn is_denied(message: &str) -> bool {
    ["ermission denied", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403 Forbidden", READ_ONLY]
        .iter()
        .any(|sign| message.contains(sign))
}

/// Whether a table's log cannot be understood, as after a copy of it that broke off.
fn is_damaged(message: &str) -> bool {
    message.starts_with("Kernel error")
        && [
            "Json error",
            "No table metadata or protocol",
            "Invalid Checkpoint",
            "Corrupt footer",
            "Invalid Parquet file",
            "contiguous",
        ]
        .iter()
        .any(|sign| message.contains(sign))
}

/// The reader of a table's log adds where in its code it met a fault, where the environment asks for that.
fn without_backtrace(message: String) -> String {
    match message.split_once("\n   0: ") {
        Some((told, _)) => told.trim_end().to_owned(),
        None => message,
    }
}

fn problems(problems: &[Problem]) -> String {
    let mut text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    text.push(match problems.len() {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    });
    text.join("\n")
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        if let DataFusionError::ResourcesExhausted(message) = root {
            return Self::Memory(message.clone());
        }
        // Readers wrap what the storage said in several ways, of Parquet and of Arrow among them.
        if let Some(stored) = stored(&error) {
            return Self::store("lake", stored);
        }
        Self::Query(root.strip_backtrace())
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::from(DataFusionError::from(error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::error::ArrowError;
    use deltalake::parquet::errors::ParquetError;

    use super::*;

    /// What readers say where the storage fails in the middle of a query.
    fn wrapped(make: fn() -> object_store::Error) -> Vec<DataFusionError> {
        let parquet = || ParquetError::External(Box::new(make()));
        vec![
            DataFusionError::External(Box::new(make())),
            DataFusionError::ObjectStore(Box::new(make())),
            DataFusionError::ParquetError(Box::new(parquet())),
            DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(Box::new(parquet()))), None),
            DataFusionError::Shared(Arc::new(DataFusionError::ObjectStore(Box::new(make())))).context("reading"),
        ]
    }

    #[test]
    fn a_storage_that_fails_within_a_query_is_told_as_such() {
        let cases: [(fn() -> object_store::Error, u8); 2] = [
            (|| object_store::Error::Generic { store: "S3", source: "error sending request".into() }, 75),
            (|| object_store::Error::Unauthenticated { path: "a".to_owned(), source: "403 Forbidden".into() }, 4),
        ];
        for (make, code) in cases {
            for error in wrapped(make) {
                let words = error.to_string();
                assert_eq!(Error::from(error).exit_code(), code, "{words}");
            }
        }
        assert_eq!(Error::from(DataFusionError::Plan("no column".to_owned())).exit_code(), 1);
    }

    #[test]
    fn what_a_disk_refuses_is_told_with_what_to_do() {
        let said = |message: &str| {
            let error = Error::told("silver.persons".to_owned(), message.to_owned());
            (error.exit_code(), error.to_string(), error.hint().unwrap_or_default())
        };
        for (message, code, hint) in [
            ("Unable to create dir /lake/silver: Read-only file system (os error 30)", 4, "mount the disk for writing"),
            (
                "Unable to create dir /lake/silver: Permission denied (os error 13)",
                4,
                "let the user that runs this write",
            ),
            ("403 Forbidden", 4, "check the storage credentials"),
            ("Unable to copy data to file: No space left on device (os error 28)", 1, "make room where the lake lies"),
            ("Kernel error: Json error: Truncated record whilst reading string", 1, "bring the table's folder back"),
            ("Kernel error: No table metadata or protocol found in delta log.", 1, "bring the table's folder back"),
            ("Kernel error: Unsupported: a feature of another tool", 1, ""),
        ] {
            let (found, text, told) = said(message);
            assert_eq!((found, text.as_str()), (code, format!("silver.persons: {message}").as_str()));
            assert_eq!(told.is_empty(), hint.is_empty(), "{told}");
            assert!(told.contains(hint), "{told}");
        }
        let traced = said("Kernel error: Json error: Truncated record\n   0: a::b\n   1: c::d");
        assert_eq!(traced.1, "silver.persons: Kernel error: Json error: Truncated record");
    }
}
