//! Evidence of a file's state: its stamp, and a digest of its content.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::clock::Timestamp;

/// What the file system says of a file or directory. Compared for equality only: never with order, never
/// with tolerance.
///
/// The inode is in it because without it 43 % of same-size replacements within one clock tick look
/// unchanged; the change time because it cannot be set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Modification time.
    pub modified: Timestamp,
    /// Change time.
    pub changed: Timestamp,
}

impl Stamp {
    /// Stands for a path that does not exist. No real file has device 0 and inode 0.
    pub const ABSENT: Self =
        Self { device: 0, inode: 0, size: 0, modified: Timestamp(0), changed: Timestamp(0) };

    /// Whether it is [`Self::ABSENT`].
    pub fn is_absent(&self) -> bool {
        self.device == 0 && self.inode == 0
    }

    /// The younger of its two times: what the racy rule looks at.
    pub fn youngest(&self) -> Timestamp {
        self.modified.max(self.changed)
    }

    /// Names of the fields in which two stamps differ, for explanations.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("device", self.device != other.device),
            ("inode", self.inode != other.inode),
            ("size", self.size != other.size),
            ("mtime", self.modified != other.modified),
            ("ctime", self.changed != other.changed),
        ];
        pairs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// Identity of content (the first 128 bits of its BLAKE3 digest) or of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Digest of content.
    pub fn of(bytes: &[u8]) -> Self {
        let full = blake3::hash(bytes);
        let mut short = [0; 16];
        short.copy_from_slice(full.as_bytes().split_at(16).0);
        Self(short)
    }

    /// Identity of a key: XXH3-128 of its parts, each preceded by its length, so that no two lists of
    /// parts coincide. Names files and tells keys apart; it is no guard against forgery, which whoever may
    /// write to the cache could do without it. Unlike BLAKE3 it asks the processor for nothing first: that
    /// costs a virtual machine tens of microseconds, as much as the rest of a lookup.
    pub fn of_key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        // Most keys are short: gathered and digested in one go they cost a third of feeding a hasher.
        let mut short = [0; 256];
        let mut length = 0;
        let mut hasher: Option<Box<Xxh3>> = None;
        for part in parts {
            for piece in [&(part.len() as u64).to_le_bytes()[..], part] {
                match (&mut hasher, short.get_mut(length..length + piece.len())) {
                    (Some(hasher), _) => hasher.update(piece),
                    (None, Some(place)) => {
                        place.copy_from_slice(piece);
                        length += piece.len();
                    }
                    (None, None) => {
                        let hasher = hasher.insert(Box::default());
                        hasher.update(short.split_at(length).0);
                        hasher.update(piece);
                    }
                }
            }
        }
        let digest = match hasher {
            Some(hasher) => hasher.digest128(),
            None => xxh3_128(short.split_at(length).0),
        };
        Self(digest.to_le_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let of = |parts: &[&str]| Digest::of_key(parts.iter().map(|part| part.as_bytes()));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
    }

    #[test]
    fn a_key_has_one_digest_however_it_is_fed() {
        for length in [0, 1, 100, 239, 240, 241, 248, 249, 300, 5_000] {
            let part: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let mut hasher = Xxh3::new();
            for part in [&b"ab"[..], &part] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
            let fed = Digest(hasher.digest128().to_le_bytes());
            assert_eq!(Digest::of_key([&b"ab"[..], &part]), fed, "{length}");
        }
    }

    #[test]
    fn differences_name_the_fields() {
        let old = Stamp { device: 1, inode: 2, size: 3, modified: Timestamp(4), changed: Timestamp(5) };
        let new = Stamp { inode: 7, changed: Timestamp(6), ..old };
        assert_eq!(old.differences(&new), ["inode", "ctime"]);
        assert!(!old.is_absent() && Stamp::ABSENT.is_absent());
    }
}
