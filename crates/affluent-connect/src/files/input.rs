//! The bytes of a file as text: opened, unpacked, decoded, and hashed on the way.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::rc::Rc;

use bytes::{Buf, Bytes};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::ObjectStoreExt;
use tokio::runtime::Handle;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::listing::{At, Found, unreadable};
use crate::error::SourceError;
use crate::store;

/// Bytes asked for at a time.
pub(super) const CHUNK: usize = 256 * 1024;

/// A file's text. Reading it blocks.
pub(super) struct Input {
    raw: Tally,
    text: Box<dyn Read>,
    packed: Option<&'static str>,
    /// Whether the text was decoded from another encoding, and so is valid UTF-8 with U+FFFD for what could not be decoded.
    pub(super) decoded: bool,
}

impl Input {
    /// Opens a file whose text is in `encoding`; a byte order mark comes before it.
    pub(super) fn open(file: &Found, encoding: &'static Encoding) -> Result<Self, SourceError> {
        let raw = Tally(Rc::new(RefCell::new(Hashed { bytes: raw(file)?, hash: Box::new(Xxh3::new()) })));
        let failed = |error: io::Error| broken(file, None, &error, 0);
        let (magic, unpacked) = sniffed(Box::new(raw.clone())).map_err(failed)?;
        let (packed, plain): (_, Box<dyn Read>) = match magic[..] {
            [0x1f, 0x8b, ..] => {
                (Some("gzip"), Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(CHUNK, unpacked))))
            }
            [0x28, 0xb5, 0x2f, 0xfd] => {
                (Some("zstd"), Box::new(zstd::stream::read::Decoder::new(unpacked).map_err(failed)?))
            }
            _ => {
                if let Some(kind) = packing(&file.name)
                    && !magic.is_empty()
                {
                    return Err(SourceError::failed(&file.name, format!("is not {kind} data, as its name says"))
                        .with_hint("rename the file if it is not compressed"));
                }
                (None, unpacked)
            }
        };
        let (mark, mut text) = sniffed(plain).map_err(|error| broken(file, packed, &error, 0))?;
        let marked = match mark[..] {
            [0xff, 0xfe, ..] => UTF_16LE,
            [0xfe, 0xff, ..] => UTF_16BE,
            _ => encoding,
        };
        let decoded = marked != UTF_8;
        if decoded {
            text = Box::new(DecodeReaderBytesBuilder::new().encoding(Some(marked)).bom_override(true).build(text));
        } else if mark.starts_with(b"\xef\xbb\xbf") {
            text.read_exact(&mut [0; 3]).map_err(failed)?;
        }
        Ok(Self { raw, text, packed, decoded })
    }

    /// The hash of all bytes of the file, to be asked for when the text is at its end.
    pub(super) fn hash(&mut self) -> io::Result<String> {
        io::copy(&mut self.raw, &mut io::sink())?;
        Ok(format!("{:016x}", self.raw.0.borrow().hash.digest()))
    }

    /// What an error of reading means, after `records` whole records.
    pub(super) fn broken(&self, file: &Found, error: &io::Error, records: u64) -> SourceError {
        broken(file, self.packed, error, records)
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.text.read(buffer)
    }
}

/// The hash of a file's bytes.
pub(super) fn hash(file: &Found) -> Result<String, SourceError> {
    let mut raw = Hashed { bytes: raw(file)?, hash: Box::new(Xxh3::new()) };
    let mut buffer = vec![0; CHUNK];
    while raw.read(&mut buffer).map_err(|error| broken(file, None, &error, 0))? > 0 {}
    Ok(format!("{:016x}", raw.hash.digest()))
}

/// All bytes of a file with their hash, where they are no more than `most`.
pub(super) fn bytes(file: &Found, most: u64) -> Result<(Vec<u8>, String), SourceError> {
    let mut all = Vec::new();
    raw(file)?.take(most + 1).read_to_end(&mut all).map_err(|error| broken(file, None, &error, 0))?;
    if all.len() as u64 > most {
        return Err(SourceError::failed(&file.name, format!("has more than {} MiB", most >> 20))
            .with_hint("deliver it in parts, or in a format that is read as it comes: CSV or Parquet"));
    }
    let hash = format!("{:016x}", xxh3_64(&all));
    Ok((all, hash))
}

/// The packing that a file's name promises.
pub(super) fn packing(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("gz" | "gzip") => Some("gzip"),
        Some("zst" | "zstd") => Some("zstd"),
        _ => None,
    }
}

fn broken(file: &Found, packed: Option<&str>, error: &io::Error, records: u64) -> SourceError {
    if let Some(cause) = error.get_ref().and_then(|inner| inner.downcast_ref::<object_store::Error>()) {
        return store::explain(cause, &file.name);
    }
    match packed {
        Some(kind) if error.kind() == io::ErrorKind::UnexpectedEof => {
            SourceError::failed(&file.name, format!("the {kind} data breaks off after record {records}")).with_hint(
                "the file is not complete; nothing of the part in hand was kept: deliver it whole and run again",
            )
        }
        Some(kind) => {
            SourceError::failed(&file.name, format!("the {kind} data is damaged after record {records}: {error}"))
                .with_hint("nothing of the part in hand was kept: deliver the file anew and run again")
        }
        None => unreadable(&file.name, error),
    }
}

fn raw(file: &Found) -> Result<Box<dyn Read>, SourceError> {
    match &file.at {
        At::Local(path) => Ok(Box::new(File::open(path).map_err(|error| unreadable(&file.name, &error))?)),
        At::Remote(store, path) => {
            let handle = Handle::current();
            let answer = handle.block_on(store.get(path)).map_err(|error| store::explain(&error, &file.name))?;
            Ok(Box::new(Remote { handle, stream: answer.into_stream(), chunk: Bytes::new() }))
        }
    }
}

/// The first bytes (four, or as many as there are) and the reader as if they had not been taken.
fn sniffed(mut reader: Box<dyn Read>) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut first = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut first)?;
    Ok((first.clone(), Box::new(Read::chain(io::Cursor::new(first), reader))))
}

/// An object of a store, read by a thread that may block.
struct Remote {
    handle: Handle,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    chunk: Bytes,
}

impl Read for Remote {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.handle.block_on(self.stream.next()) {
                None => return Ok(0),
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        let count = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

struct Hashed {
    bytes: Box<dyn Read>,
    hash: Box<Xxh3>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

/// The file's bytes, shared by the decoders on top and the hash that is asked for at the end.
#[derive(Clone)]
struct Tally(Rc<RefCell<Hashed>>);

impl Read for Tally {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}
