//! The slice in hand: rows written to files and rejected rows, until a cursor closes it.

use std::sync::Arc;
use std::time::Instant;

use affluent_connect::schema::instant;
use affluent_connect::{Cursor, Rejected};
use affluent_spec::TableName;
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};

use crate::columns::{EXTRACTED_AT, RUN_ID, STREAM};
use crate::error::Error;
use crate::lake::{Lake, Staged, Stager};

/// Rows and seconds after which a closed slice is committed; smaller ones are gathered.
const ROWS: u64 = 1_000_000;
const SECONDS: u64 = 30;
/// Bytes of rows that wait in memory for their cursor.
const WAITING_BYTES: usize = 8 << 20;

/// The columns of a bronze table: the stream's, and those of the load.
pub(super) fn bronze_schema(stream: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = stream.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(EXTRACTED_AT, instant(), true)));
    fields.push(Arc::new(Field::new(RUN_ID, DataType::Utf8, true)));
    fields.push(Arc::new(Field::new(STREAM, DataType::Utf8, true)));
    Arc::new(Schema::new(fields))
}

/// What has been read and not committed: the part up to the last cursor, which may be committed at any moment, and the
/// part behind it, which may not.
pub(super) struct Slice<'a> {
    to: &'a Target<'a>,
    stager: Stager,
    pub(super) rejected: Vec<Rejected>,
    pub(super) cursor: Option<Cursor>,
    pub(super) rows: u64,
    open: Open,
    began: Instant,
}

/// Where the rows of a stream go.
pub(super) struct Target<'a> {
    pub(super) lake: &'a Lake,
    pub(super) table: &'a TableName,
    pub(super) schema: SchemaRef,
}

/// The part behind the last cursor. Few rows wait in memory; more go to files of their own.
#[derive(Default)]
struct Open {
    waiting: Vec<RecordBatch>,
    bytes: usize,
    stager: Option<Stager>,
    rejected: Vec<Rejected>,
}

impl<'a> Slice<'a> {
    pub(super) fn new(to: &'a Target<'a>) -> Result<Self, Error> {
        Ok(Self {
            to,
            stager: to.stager()?,
            rejected: Vec::new(),
            cursor: None,
            rows: 0,
            open: Open::default(),
            began: Instant::now(),
        })
    }

    /// Whether a closed slice is worth a commit of its own.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.began.elapsed().as_secs() >= SECONDS
    }

    /// Takes rows whose cursor is still to come.
    pub(super) async fn write(&mut self, rows: RecordBatch, rejected: Vec<Rejected>) -> Result<(), Error> {
        self.open.rejected.extend(rejected);
        if rows.num_rows() == 0 {
            return Ok(());
        }
        if let Some(stager) = &mut self.open.stager {
            return stager.write(&rows).await;
        }
        self.open.bytes += rows.get_array_memory_size();
        self.open.waiting.push(rows);
        if self.open.bytes > WAITING_BYTES {
            let mut stager = self.to.stager()?;
            for rows in self.open.waiting.drain(..) {
                stager.write(&rows).await?;
            }
            self.open.stager = Some(stager);
        }
        Ok(())
    }

    /// Everything taken so far may be committed, with this cursor, or at the end of a read without a new one.
    pub(super) async fn close(&mut self, cursor: Option<Cursor>) -> Result<(), Error> {
        let open = std::mem::take(&mut self.open);
        for rows in &open.waiting {
            self.rows += rows.num_rows() as u64;
            self.stager.write(rows).await?;
        }
        if let Some(stager) = open.stager {
            let staged = stager.finish().await?;
            self.rows += staged.rows;
            self.stager.adopt(staged);
        }
        self.rejected.extend(open.rejected);
        self.cursor = cursor.or_else(|| self.cursor.take());
        Ok(())
    }

    /// Drops the part behind the last cursor.
    pub(super) async fn cut(&mut self) {
        if let Some(stager) = std::mem::take(&mut self.open).stager {
            stager.abort().await;
        }
    }

    /// Drops all of it.
    pub(super) async fn abort(mut self) {
        self.cut().await;
        self.stager.abort().await;
    }

    /// Ends the files of the closed part; what is behind the last cursor must be cut before, or be nothing.
    pub(super) async fn finish(self) -> Result<Staged, Error> {
        self.stager.finish().await
    }
}

impl Target<'_> {
    fn stager(&self) -> Result<Stager, Error> {
        self.lake.stager(self.table, self.schema.clone())
    }
}

/// What the load adds to each row.
pub(super) struct Load<'a> {
    pub(super) schema: SchemaRef,
    pub(super) at: DateTime<Utc>,
    pub(super) run_id: &'a str,
    pub(super) source: String,
}

impl Load<'_> {
    pub(super) fn marked(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        let count = rows.num_rows();
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns.push(Arc::new(
            TimestampMicrosecondArray::from(vec![self.at.timestamp_micros(); count]).with_timezone("UTC"),
        ));
        columns.push(Arc::new(StringArray::from(vec![self.run_id; count])));
        columns.push(Arc::new(StringArray::from(vec![self.source.as_str(); count])));
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}
