//! The anchor: how many blocks there are, and the hash of the last. Without it, blocks cut off at the end would
//! not be missed.

use std::ffi::CStr;

use plugcache_cache::fs::{DataFile, Directory, publish_durably};

use super::{Hash, LedgerError, segment, verify::Damage};

/// The file's name.
pub(super) const NAME: &CStr = c"head";
const MAGIC: &[u8; 8] = b"plughead";
/// Bytes of the file.
pub(super) const SIZE: usize = 88;
/// How often a reader looks again who may have met a writer.
const ATTEMPTS: usize = 4;

/// The end of a log: what to remember elsewhere, for a log whose owner is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many blocks there are.
    pub count: u64,
    /// Hash of the last; [`Hash::NONE`] if there is none.
    pub hash: Hash,
}

/// A head, and where in the files it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) head: Head,
    /// Number of the first block of the last segment.
    pub(super) first: u64,
    /// Where in it the last block ends.
    pub(super) end: u64,
    /// Where in it the last block begins; 0 if it has none.
    pub(super) last: u64,
}

impl Anchor {
    pub(super) const EMPTY: Self =
        Self { head: Head { count: 0, hash: Hash::NONE }, first: 0, end: segment::HEADER as u64, last: 0 };

    pub(super) fn encode(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let parts: [&[u8]; 8] = [
            MAGIC,
            &segment::FORMAT.to_le_bytes(),
            &[0; 4],
            &self.head.count.to_le_bytes(),
            &self.head.hash.0,
            &self.first.to_le_bytes(),
            &self.end.to_le_bytes(),
            &self.last.to_le_bytes(),
        ];
        let mut at = 0;
        for part in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        let checksum = segment::checksum(&bytes[..at]);
        bytes[at..].copy_from_slice(&checksum);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_at_checked(SIZE - 8)?;
        if segment::checksum(content) != checksum {
            return None;
        }
        let word = |at: usize| Some(u64::from_le_bytes(content.get(at..at + 8)?.try_into().ok()?));
        let hash = Hash(content.get(24..56)?.try_into().ok()?);
        Some(Self {
            head: Head { count: word(16)?, hash },
            first: word(56)?,
            end: word(64)?,
            last: word(72)?,
        })
    }

    /// Reads it; `None` if there is none.
    pub(super) fn read(directory: &Directory) -> Result<Option<Self>, LedgerError> {
        DataFile::open(directory, NAME)?.map(|file| Self::read_from(&file)).transpose()
    }

    /// Reads it from an open file. A writer changes it in place.
    pub(super) fn read_from(file: &DataFile) -> Result<Self, LedgerError> {
        let mut bytes = [0; SIZE + 1];
        for _ in 0..ATTEMPTS {
            let length = file.read_at(&mut bytes, 0)?;
            let found = &bytes[..length];
            if let Some(anchor) = Self::decode(found).filter(|_| length == SIZE) {
                segment::known(file.path(), &bytes[8..12])?;
                return Ok(anchor);
            }
            if found.starts_with(MAGIC) && length >= 12 {
                segment::known(file.path(), &bytes[8..12])?;
            }
        }
        Err(Damage {
            file: file.path().to_owned(),
            offset: 0,
            block: None,
            expected: format!("{SIZE} bytes with their checksum"),
            found: "something else".to_owned(),
        }
        .into())
    }

    /// Makes the file.
    pub(super) fn create(&self, directory: &Directory) -> Result<(), LedgerError> {
        Ok(publish_durably(directory, NAME, &[&self.encode()])?)
    }

    /// Writes it over what is there: 88 bytes of one sector.
    pub(super) fn write(&self, file: &DataFile) -> Result<(), LedgerError> {
        Ok(file.write_at(&self.encode(), 0)?)
    }
}
