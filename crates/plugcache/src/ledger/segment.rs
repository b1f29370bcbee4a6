//! The files that blocks lie in: records one after the other, and for a full one a table of their places.

use std::{
    ffi::{CStr, CString},
    path::Path,
};

use plugcache_cache::fs::{DataFile, Directory, Kind, c_path, publish_durably};

use super::{
    Hash, LedgerError,
    block::{LEAST_BODY, MOST_BODY, Parsed},
    verify::Damage,
};

/// Format of all files of a log.
pub(super) const FORMAT: u32 = 1;
const MAGIC: &[u8; 8] = b"plugclog";
const INDEX_MAGIC: &[u8; 8] = b"plugclix";
/// Bytes before the first record.
pub(super) const HEADER: usize = 32;
/// Bytes of a record before its body: length and checksum.
pub(super) const FRAME: usize = 12;
const INDEX_HEADER: usize = 24;
/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// The first 8 bytes of BLAKE3. A record's is the begin of its block's hash.
pub(super) fn checksum(bytes: &[u8]) -> [u8; 8] {
    short(&Hash::of(bytes))
}

pub(super) fn short(hash: &Hash) -> [u8; 8] {
    hash.0.first_chunk().copied().unwrap_or_default()
}

/// Refuses what a newer version has written.
pub(super) fn known(path: &Path, format: &[u8]) -> Result<(), LedgerError> {
    let format = format.try_into().map_or(0, u32::from_le_bytes);
    // A flipped bit is no newer version, as far as one can tell them apart: formats are small numbers.
    if format > FORMAT && format < 256 {
        return Err(LedgerError::Newer { path: path.to_owned(), format, known: FORMAT });
    }
    Ok(())
}

/// Name of the segment that begins with this block.
pub(super) fn name_of(first: u64) -> CString {
    name(&format!("{first:020}.blocks"))
}

/// Name of the table of its places.
pub(super) fn index_name(first: u64) -> CString {
    name(&format!("{first:020}.index"))
}

pub(super) fn name(text: &str) -> CString {
    // Digits and letters have no NUL.
    c_path(text.as_bytes()).unwrap_or_default()
}

/// The first blocks of all segments, sorted.
pub(super) fn list(directory: &Directory) -> Result<Vec<u64>, LedgerError> {
    let first_of = |(name, kind): (Vec<u8>, Kind)| {
        let digits = name.strip_suffix(b".blocks")?;
        let text = std::str::from_utf8(digits).ok()?;
        let usual = kind == Kind::File && text.len() == 20 && text.bytes().all(|c| c.is_ascii_digit());
        if usual { text.parse().ok() } else { None }
    };
    let mut all: Vec<u64> = directory.list()?.0.into_iter().filter_map(first_of).collect();
    all.sort_unstable();
    Ok(all)
}

pub(super) fn header(first: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[16..24].copy_from_slice(&first.to_le_bytes());
    let checksum = checksum(&bytes[..24]);
    bytes[24..].copy_from_slice(&checksum);
    bytes
}

/// Makes an empty segment, durably. One that a killed process left without a block is taken.
pub(super) fn create(directory: &Directory, first: u64) -> Result<DataFile, LedgerError> {
    let name = name_of(first);
    publish_durably(directory, &name, &[&header(first)])?;
    open(directory, first)
}

/// Opens a segment for reading and writing, and checks its header.
pub(super) fn open(directory: &Directory, first: u64) -> Result<DataFile, LedgerError> {
    let name = name_of(first);
    let file = DataFile::open_to_write(directory, &name)?.ok_or_else(|| gone(directory, &name, first))?;
    check_header(&file, first)?;
    Ok(file)
}

pub(super) fn open_to_read(directory: &Directory, first: u64) -> Result<DataFile, LedgerError> {
    let name = name_of(first);
    let file = DataFile::open(directory, &name)?.ok_or_else(|| gone(directory, &name, first))?;
    check_header(&file, first)?;
    Ok(file)
}

fn gone(directory: &Directory, name: &CStr, first: u64) -> LedgerError {
    Damage {
        file: directory.path().join(name.to_string_lossy().as_ref()),
        offset: 0,
        block: Some(first),
        expected: "a segment".to_owned(),
        found: "no file".to_owned(),
    }
    .into()
}

fn check_header(file: &DataFile, first: u64) -> Result<(), LedgerError> {
    let mut bytes = [0; HEADER];
    let length = file.read_at(&mut bytes, 0)?;
    if length == HEADER && bytes == header(first) {
        return Ok(());
    }
    if bytes.starts_with(MAGIC) {
        known(file.path(), &bytes[8..12])?;
    }
    Err(Damage {
        file: file.path().to_owned(),
        offset: 0,
        block: Some(first),
        expected: format!("the header of a segment that begins with block {first}"),
        found: "other bytes".to_owned(),
    }
    .into())
}

/// The table of a full segment: where each record begins, and where the last ends.
pub(super) fn index(first: u64, places: &[u32], end: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(INDEX_HEADER + places.len() * 4 + 12);
    bytes.extend(INDEX_MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend((places.len() as u32).to_le_bytes());
    bytes.extend(first.to_le_bytes());
    bytes.extend(places.iter().flat_map(|place| place.to_le_bytes()));
    bytes.extend((end as u32).to_le_bytes());
    let checksum = checksum(&bytes);
    bytes.extend(checksum);
    bytes
}

/// Where the record of a block is, as the table says: begin and end. Whoever reads there checks what he reads.
pub(super) fn place_of(file: &DataFile, nth: u64) -> Result<Option<(u64, u64)>, LedgerError> {
    let mut words = [0; 8];
    let length = file.read_at(&mut words, INDEX_HEADER as u64 + nth * 4)?;
    let word = u64::from_le_bytes(words);
    let (begin, end) = (word & u64::from(u32::MAX), word >> 32);
    Ok((length == 8 && begin < end && end - begin <= (FRAME + MOST_BODY) as u64).then_some((begin, end)))
}

/// Appends a record: its frame, and the body that `write` makes. Returns the block's hash.
pub(super) fn append_record(
    into: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), LedgerError>,
) -> Result<Hash, LedgerError> {
    let begin = into.len();
    into.extend([0; FRAME]);
    if let Err(error) = write(into) {
        into.truncate(begin);
        return Err(error);
    }
    let body = &into[begin + FRAME..];
    let (hash, length) = (Hash::of(body), body.len() as u32);
    into[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
    into[begin + 4..begin + FRAME].copy_from_slice(&short(&hash));
    Ok(hash)
}

/// The body of a record that is there whole, with its hash.
pub(super) fn body_of(record: &[u8]) -> Option<(&[u8], Hash)> {
    let (frame, body) = record.split_at_checked(FRAME)?;
    let (length, sum) = frame.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*length) as usize != body.len() {
        return None;
    }
    let hash = Hash::of(body);
    (short(&hash) == sum).then_some((body, hash))
}

/// Reads records one after the other.
pub(super) struct Scan<'a> {
    file: &'a DataFile,
    /// Where the next record begins.
    pub(super) at: u64,
    end: u64,
    buffer: Vec<u8>,
    /// Where the buffer begins.
    from: u64,
}

/// What a scan comes to.
pub(super) enum Step {
    /// A whole record, here, of this length with its frame.
    Record { begin: u64, length: usize, hash: Hash },
    /// The end, after a whole record.
    End,
    /// Something else than a whole record.
    Broken { found: &'static str },
}

impl<'a> Scan<'a> {
    /// From a record's begin up to `end`.
    pub(super) fn new(file: &'a DataFile, at: u64, end: u64) -> Self {
        Self { file, at, end, buffer: Vec::new(), from: at }
    }

    /// `length` bytes from the next record on, if there are as many.
    fn bytes(&mut self, length: usize) -> Result<Option<&[u8]>, LedgerError> {
        if self.at + length as u64 > self.end {
            return Ok(None);
        }
        let skip = self.at.checked_sub(self.from).map_or(usize::MAX, |skip| skip as usize);
        if skip.saturating_add(length) > self.buffer.len() {
            let wanted = ((self.end - self.at) as usize).min(length.max(CHUNK));
            self.buffer.resize(wanted, 0);
            let read = self.file.read_at(&mut self.buffer, self.at)?;
            self.buffer.truncate(read);
            self.from = self.at;
        }
        let skip = (self.at - self.from) as usize;
        Ok(self.buffer.get(skip..skip + length))
    }

    pub(super) fn step(&mut self) -> Result<Step, LedgerError> {
        if self.at == self.end {
            return Ok(Step::End);
        }
        let Some(frame) = self.bytes(FRAME)? else { return Ok(Step::Broken { found: "a part of a frame" }) };
        let length = frame.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
        if !(LEAST_BODY..=MOST_BODY).contains(&length) {
            return Ok(Step::Broken { found: "a length that no block has" });
        }
        let length = FRAME + length;
        let Some(record) = self.bytes(length)? else {
            return Ok(Step::Broken { found: "a part of a block" });
        };
        let Some((_, hash)) = body_of(record) else {
            return Ok(Step::Broken { found: "a block with another checksum" });
        };
        let begin = self.at;
        self.at += length as u64;
        Ok(Step::Record { begin, length, hash })
    }

    /// Goes on behind a record that is not whole, if its length leads to the whole block `next` or to the end.
    pub(super) fn skip(&mut self, next: u64) -> Result<bool, LedgerError> {
        let broken = self.at;
        let Some(frame) = self.bytes(FRAME)? else { return Ok(false) };
        let length = frame.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
        let behind = broken + (FRAME + length) as u64;
        if !(LEAST_BODY..=MOST_BODY).contains(&length) || behind > self.end {
            return Ok(false);
        }
        self.at = behind;
        let leads_on = match self.step()? {
            Step::End => true,
            Step::Broken { .. } => false,
            Step::Record { begin, length, .. } => {
                Parsed::of(self.body(begin, length)).is_some_and(|block| block.number == next)
            }
        };
        self.at = if leads_on { behind } else { broken };
        Ok(leads_on)
    }

    /// The body of the record that was just stepped over.
    pub(super) fn body(&self, begin: u64, length: usize) -> &[u8] {
        let skip = (begin - self.from) as usize;
        self.buffer.get(skip + FRAME..skip + length).unwrap_or_default()
    }
}
