//! The segmented log of a stream: what it looks like on disk, how it is read, and how a torn end is taken off.
//!
//! A folder holds segments, files named by the microsecond of their making (so that later ones sort behind and no name comes
//! twice), and `log.json`, whose id tells this log from another one in the same place. A record is its length (32 bits),
//! the xxh3 hash of what follows (64 bits), the microsecond at which it was received (64 bits) and the body, numbers little-endian.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::durable::sync_folder;

/// Bytes before a record's body.
pub(super) const HEAD: usize = 4 + 8 + 8;
/// No record is longer: a length beyond it is damage.
const LONGEST: usize = 256 << 20;
const IDENTITY: &str = "log.json";

/// What tells a log from another.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    id: String,
}

/// A record as it lies in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Microseconds since 1970 at which it was received.
    pub(super) at: i64,
    /// What was sent.
    pub(super) body: Bytes,
    /// Where the next one begins.
    pub(super) end: u64,
}

/// What stands at a place of a segment.
#[derive(Debug)]
pub(super) enum Found {
    /// A whole record.
    Record(Record),
    /// The end.
    End,
    /// Bytes that are no whole record.
    Torn,
}

/// Appends a record to `buffer`.
pub(super) fn encode(buffer: &mut Vec<u8>, at: i64, body: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(&(body.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&at.to_le_bytes());
    buffer.extend_from_slice(body);
    let sum = xxh3_64(&buffer[start + 12..]);
    buffer[start + 4..start + 12].copy_from_slice(&sum.to_le_bytes());
}

/// Reads a segment from a place on.
pub(super) struct Reader {
    input: BufReader<File>,
    offset: u64,
}

impl Reader {
    /// The segment of that number in `folder`, from `offset` on.
    pub(super) fn open(folder: &Path, segment: i64, offset: u64) -> io::Result<Self> {
        use std::io::Seek;
        let mut file = File::open(path(folder, segment))?;
        file.seek(io::SeekFrom::Start(offset))?;
        Ok(Self { input: BufReader::with_capacity(1 << 18, file), offset })
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record.
    pub(super) fn next(&mut self) -> io::Result<Found> {
        let mut head = [0; HEAD];
        match fill(&mut self.input, &mut head)? {
            0 => return Ok(Found::End),
            read if read < HEAD => return Ok(Found::Torn),
            _ => {}
        }
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length > LONGEST {
            return Ok(Found::Torn);
        }
        let mut hashed = vec![0; 8 + length];
        hashed[..8].copy_from_slice(&head[12..]);
        if fill(&mut self.input, &mut hashed[8..])? < length || xxh3_64(&hashed).to_le_bytes() != head[4..12] {
            return Ok(Found::Torn);
        }
        let mut at = [0; 8];
        at.copy_from_slice(&head[12..]);
        self.offset += (HEAD + length) as u64;
        Ok(Found::Record(Record { at: i64::from_le_bytes(at), body: Bytes::from(hashed).slice(8..), end: self.offset }))
    }
}

/// Reads until `buffer` is full or the input ends; how much that was.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match input.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// The file of a segment.
pub(super) fn path(folder: &Path, segment: i64) -> PathBuf {
    folder.join(format!("{segment:020}.log"))
}

/// The segments of a log, oldest first, each with its bytes; none where there is no log.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<(i64, u64)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|name| name.parse().ok());
        let Some(number) = number else { continue };
        match entry.metadata() {
            Ok(metadata) => found.push((number, metadata.len())),
            // Landed and removed since the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The id of the log in `folder`, where there is one.
pub(super) fn identity(folder: &Path) -> io::Result<Option<String>> {
    match fs::read(folder.join(IDENTITY)) {
        Ok(text) => Ok(Some(serde_json::from_slice::<Identity>(&text)?.id)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the folder and the log's id where they are not there yet.
pub(super) fn establish(folder: &Path, id: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if identity(folder)?.is_some() {
        return Ok(());
    }
    let (written, named) = (folder.join("log.json.new"), folder.join(IDENTITY));
    let mut file = File::create(&written)?;
    file.write_all(&serde_json::to_vec(&Identity { id: id.to_owned() })?)?;
    file.sync_all()?;
    fs::rename(written, named)?;
    sync_folder(folder)
}

/// What [`recover`] found.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// The instant of the last record.
    pub(super) last_at: i64,
    /// The number of the last segment.
    pub(super) last_segment: i64,
    /// Bytes that were no whole record, and where they are kept now.
    pub(super) torn: Option<(u64, PathBuf)>,
}

/// Takes a torn end off the last segment: what a kill or a loss of power left of a request that was never answered. The bytes
/// are kept in a file beside it, so that nothing is gone in silence.
pub(super) fn recover(folder: &Path) -> io::Result<Recovered> {
    let mut recovered = Recovered::default();
    let Some((segment, length)) = segments(folder)?.pop() else { return Ok(recovered) };
    recovered.last_segment = segment;
    let mut reader = Reader::open(folder, segment, 0)?;
    loop {
        match reader.next()? {
            Found::Record(record) => recovered.last_at = record.at,
            Found::End => return Ok(recovered),
            Found::Torn => break,
        }
    }
    let good = reader.offset();
    let kept = folder.join(format!("{segment:020}-{good}.torn"));
    let mut rest = Reader::open(folder, segment, good)?.input;
    let mut copy = File::create(&kept)?;
    io::copy(&mut rest, &mut copy)?;
    copy.sync_all()?;
    let file = File::options().write(true).open(path(folder, segment))?;
    file.set_len(good)?;
    file.sync_all()?;
    sync_folder(folder)?;
    recovered.torn = Some((length - good, kept));
    Ok(recovered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, segment: i64, bodies: &[&[u8]]) -> Vec<u8> {
        let mut buffer = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            encode(&mut buffer, index as i64, body);
        }
        fs::write(path(folder, segment), &buffer).unwrap();
        buffer
    }

    fn bodies(folder: &Path, segment: i64) -> Vec<Vec<u8>> {
        let mut reader = Reader::open(folder, segment, 0).unwrap();
        let mut found = Vec::new();
        while let Found::Record(record) = reader.next().unwrap() {
            found.push(record.body.to_vec());
        }
        found
    }

    #[test]
    fn an_end_torn_at_any_byte_is_taken_off_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let whole = written(folder, 7, &[b"first", b"", b"the third"]);
        let begins = whole.len() - (HEAD + 9);
        for cut in begins + 1..whole.len() {
            fs::write(path(folder, 7), &whole[..cut]).unwrap();
            let recovered = recover(folder).unwrap();
            let (bytes, kept) = recovered.torn.unwrap();
            assert_eq!((bytes, recovered.last_at, recovered.last_segment), ((cut - begins) as u64, 1, 7));
            assert_eq!(fs::read(kept).unwrap(), &whole[begins..cut]);
            assert_eq!(bodies(folder, 7), [b"first".to_vec(), Vec::new()]);
            assert!(recover(folder).unwrap().torn.is_none(), "once is enough");
        }
    }

    #[test]
    fn one_wrong_bit_is_no_record() {
        let folder = tempfile::tempdir().unwrap();
        let whole = written(folder.path(), 1, &[b"some event"]);
        for byte in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[byte] ^= 1;
            fs::write(path(folder.path(), 1), damaged).unwrap();
            assert!(bodies(folder.path(), 1).is_empty(), "byte {byte}");
        }
    }

    #[test]
    fn segments_sort_and_strangers_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for segment in [20, 3, 100] {
            written(folder.path(), segment, &[b"x"]);
        }
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        let numbers: Vec<i64> = segments(folder.path()).unwrap().into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [3, 20, 100]);
        assert!(segments(&folder.path().join("absent")).unwrap().is_empty());
        establish(folder.path(), "a").unwrap();
        establish(folder.path(), "b").unwrap();
        assert_eq!(identity(folder.path()).unwrap().as_deref(), Some("a"));
    }
}
