//! Files as a source: CSV, blank-separated text, JSON, NDJSON, Parquet and Excel, plain or packed, on disk or in an object store.
//!
//! A file is loaded once: the cursor keeps every file with its size, time and hash, and how many of its records are in. A
//! slice closes at the end of each file, or of several small ones together, and within a file about every million records,
//! so that a run that dies goes on from there. Files are parsed while the pages before are written, NDJSON by several threads.

mod blank;
mod csv;
mod cursor;
mod elements;
mod excel;
mod in_order;
mod infer;
mod input;
mod json;
mod lines;
mod listing;
mod ndjson;
mod output;
mod pager;
mod parquet;
mod plan;
mod portion;
mod remote_parquet;
mod replay;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use affluent_spec::ColumnType;
use affluent_spec::pipeline::{Contract, Dialect, Format};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use indexmap::IndexMap;
use tokio::sync::mpsc;

use crate::Source;
use crate::error::SourceError;
use crate::page::{Cursor, Overlap, Page, Rejected, Window};
use crate::schema::StreamSchema;
use crate::store::StoreOptions;
use cursor::{Due, Loaded, changed};
use listing::Found;
use output::{Halt, Output};
use plan::Plan;
use portion::Portion;

/// Pages that are parsed ahead of their writing.
const AHEAD: usize = 2;

/// What a file stream is.
#[derive(Debug, Clone, Default)]
pub struct FileStream {
    /// Its name.
    pub name: String,
    /// Its files: paths, globs (`*`, `?`, `[...]`, `{a,b}`, and `**` across folders) and URLs of both kinds.
    pub paths: Vec<String>,
    /// Their format; by the extension unless given.
    pub format: Option<Format>,
    /// How text is written in them.
    pub dialect: Dialect,
    /// The columns and their types. Without, Parquet and JSON bring theirs, and text files have text columns named by
    /// their header.
    pub columns: Option<IndexMap<String, ColumnType>>,
    /// The columns that identify a record; none: a record is its file and number.
    pub key: Vec<String>,
    /// The time zone of instants without an offset; UTC unless given.
    pub timezone: Option<String>,
    /// Keep the record whole in `_raw`; only JSON does unless given.
    pub raw: Option<bool>,
    /// What columns that are not known mean.
    pub contract: Contract,
}

/// Streams of files.
#[derive(Debug, Clone)]
pub struct FileSource {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: String,
    streams: Vec<FileStream>,
    base: PathBuf,
    options: StoreOptions,
}

impl FileSource {
    /// The source of this name with these streams. Nothing is looked up yet.
    pub fn new(source: &str, streams: Vec<FileStream>) -> Self {
        Self::below(source, streams, "", StoreOptions::new())
    }

    /// The same with the folder where relative paths start, and options for object stores beside those of the environment.
    pub fn below(source: &str, streams: Vec<FileStream>, base: impl Into<PathBuf>, options: StoreOptions) -> Self {
        Self { inner: Arc::new(Inner { source: source.to_owned(), streams, base: base.into(), options }) }
    }
}

impl Inner {
    fn stream(&self, name: &str) -> Result<&FileStream, SourceError> {
        self.streams.iter().find(|stream| stream.name == name).ok_or_else(|| {
            SourceError::no_stream(&self.source, name, self.streams.iter().map(|stream| stream.name.as_str()))
        })
    }

    /// How the stream's files are read on from what is loaded, and what files there are.
    async fn plan(&self, name: &str, loaded: &Loaded) -> Result<(Plan, Vec<Found>), SourceError> {
        let stream = self.stream(name)?.clone();
        let files = listing::list(&stream.paths, &self.base, &self.options).await?;
        let loaded = loaded.clone();
        blocking(move || Ok((Plan::new(&stream, &files, &loaded)?, files))).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(SourceError::failed("", format!("reading was broken off: {error}"))))
}

#[async_trait]
impl Source for FileSource {
    async fn discover(&self, stream: &str) -> Result<StreamSchema, SourceError> {
        self.discover_from(stream, None).await
    }

    async fn discover_from(&self, stream: &str, cursor: Option<&Cursor>) -> Result<StreamSchema, SourceError> {
        Ok(self.inner.plan(stream, &Loaded::from_cursor(cursor)?).await?.0.schema())
    }

    fn read(&self, stream: &str, window: Window) -> BoxStream<'static, Result<Page, SourceError>> {
        let inner = Arc::clone(&self.inner);
        let name = stream.to_owned();
        async_stream::try_stream! {
            let mut loaded = Loaded::from_cursor(window.from.as_ref())?;
            let (plan, files) = inner.plan(&name, &loaded).await?;
            loaded.columns = plan.inferred();
            let (sender, mut pages) = mpsc::channel(AHEAD);
            let schema = plan.schema().arrow();
            let work = tokio::task::spawn_blocking(move || read_all(&plan, &files, Output::new(sender, loaded, schema)));
            while let Some(page) = pages.recv().await {
                yield page?;
            }
            work.await.map_err(|error| SourceError::failed(&name, format!("reading was broken off: {error}")))?;
        }
        .boxed()
    }

    async fn replay(&self, stream: &str, cursor: Option<&Cursor>, refused: Vec<Rejected>) -> Result<Page, SourceError> {
        let loaded = Loaded::from_cursor(cursor)?;
        let (plan, files) = self.inner.plan(stream, &loaded).await?;
        replay::replay(plan, files, loaded, refused).await
    }

    fn overlap(&self, _stream: &str, _cursor: Option<&Cursor>) -> Overlap {
        Overlap::None
    }

    async fn check(&self) -> Result<(), SourceError> {
        for stream in &self.inner.streams {
            listing::list(&stream.paths, &self.inner.base, &self.inner.options).await?;
        }
        Ok(())
    }
}

fn read_all(plan: &Plan, files: &[Found], mut output: Output) {
    let mut read = || -> Result<(), Halt> {
        for file in files {
            match output.loaded().due(file)? {
                Due::Nothing => {}
                Due::Compare(hash) => {
                    if input::hash(file)? != hash {
                        return Err(changed(&file.name, "its size is the same, its content is not").into());
                    }
                    output.touched(file);
                }
                Due::From(skip) => {
                    output.begin(skip);
                    read_file(plan, file, &mut Portion::From(skip), &mut output)?;
                }
            }
        }
        output.flush()
    };
    // Where nobody takes pages any more there is nobody to tell.
    if let Err(Halt::Failed(error)) = read() {
        let _: Result<(), Halt> = output.fail(error);
    }
}

fn read_file(plan: &Plan, file: &Found, portion: &mut Portion, output: &mut Output) -> Result<(), Halt> {
    match plan.format {
        Format::Csv => csv::read(file, plan, portion, output),
        Format::BlankSeparated => blank::read(file, plan, portion, output),
        Format::Ndjson => match portion {
            Portion::From(skip) => ndjson::read(file, plan, *skip, output),
            Portion::Lines(_) => json::read(file, plan, portion, output),
        },
        Format::Json => json::read(file, plan, portion, output),
        Format::Parquet => parquet::read(file, plan, portion, output),
        Format::Xlsx => excel::read(file, plan, portion, output),
    }
}
