//! Entries of a cache on disk, to be shown.

use serde::Serialize;

use super::CacheOnDisk;
use crate::{
    clock::Timestamp,
    error::Result,
    row,
    tier::{Storage, Visit},
};

/// An entry on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The key, as its bytes say.
    pub key: String,
    /// Bytes of the value, encoded.
    pub bytes: u64,
    /// When it was made.
    pub made: Timestamp,
    /// How long it was to live from then, in nanoseconds; `None`: for ever.
    pub ttl_ns: Option<u64>,
    /// How long making it took, in nanoseconds.
    pub cost_ns: u64,
    /// Version of the program that made it.
    pub version: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// What would be made of it now.
    pub state: State,
}

/// Whether an entry on disk can be served. Its inputs, version and signature are judged only by the program
/// that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum State {
    /// It can.
    Live,
    /// It stands for nothing.
    Negative {
        /// Why there is nothing.
        reason: String,
    },
    /// Its time is over, or it claims to be from the future.
    Expired,
    /// It was cleared or a tag of it invalidated.
    Invalidated,
    /// It is damaged.
    Damaged {
        /// What about it.
        part: String,
    },
}

impl CacheOnDisk {
    /// Shows entries, in no particular order, until `show` returns `false`.
    pub fn each_entry(&self, mut show: impl FnMut(Listed) -> bool) -> Result<()> {
        let Some(storage) = &self.storage else { return Ok(()) };
        storage.sweep(&mut |id, row| {
            if show(self.listed(&id.to_string(), row)) { Visit::Keep } else { Visit::Stop }
        })?;
        Ok(())
    }

    pub(super) fn listed(&self, id: &str, bytes: &[u8]) -> Listed {
        let (key, origin, length) = match row::open_any(bytes) {
            Ok(opened) => opened,
            Err(reason) => return Listed::damaged(id, bytes.len(), reason.to_string()),
        };
        let age = u64::try_from(self.clock.wall().since(origin.made)).ok();
        let state = if self.control.check(&origin.marks).is_err() {
            State::Invalidated
        } else if origin.ttl.is_some_and(|ttl| age.is_none_or(|age| age >= ttl)) {
            State::Expired
        } else {
            origin.missing.map_or(State::Live, |reason| State::Negative { reason })
        };
        Listed {
            key: key.to_string(),
            bytes: length as u64,
            made: origin.made,
            ttl_ns: origin.ttl,
            cost_ns: origin.cost,
            version: origin.version,
            tags: origin.marks.tags.into_iter().map(|(tag, _)| tag).collect(),
            state,
        }
    }
}

impl Listed {
    /// A row of which nothing is known but its place.
    fn damaged(id: &str, length: usize, part: String) -> Self {
        Self {
            key: format!("?{id}"),
            bytes: length as u64,
            made: Timestamp::default(),
            ttl_ns: None,
            cost_ns: 0,
            version: String::new(),
            tags: Vec::new(),
            state: State::Damaged { part },
        }
    }
}
