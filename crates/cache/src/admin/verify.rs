//! Checking every entry of a cache on disk.

use serde::Serialize;

use super::{CacheOnDisk, Caches};
use crate::{
    directory,
    error::{Error, Result},
    hub::CACHES,
    row,
    tier::{Lmdb, Storage, Visit},
};

/// What a check of all entries found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Entries that were read.
    pub entries: u64,
    /// Of these, how many are damaged: their checksum, length or form is wrong, or they lie under another
    /// key's place. None of them is ever served.
    pub damaged: u64,
    /// Of these, how many were removed.
    pub repaired: u64,
}

/// What a look at a cache's database file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum Structure {
    /// There is none.
    Absent,
    /// It is whole.
    Sound,
    /// Another process has it open, which has looked at it then.
    InUse,
    /// It is damaged: whoever opens it next starts it empty.
    Damaged {
        /// What about it.
        part: String,
    },
}

impl Caches {
    /// Walks a cache's database file without opening it as a database, and so without healing it.
    pub fn structure(&self, name: &str) -> Result<Structure> {
        let path = self.root.path().join(CACHES).join(name);
        let Some(directory) = directory::open_existing(&path)? else { return Ok(Structure::Absent) };
        if directory.look(c"data.mdb")?.is_none() {
            return Ok(Structure::Absent);
        }
        match Lmdb::check(&path, &*self.clock) {
            Ok(None) => Ok(Structure::Sound),
            Ok(Some(part)) => Ok(Structure::Damaged { part }),
            Err(Error::LockTimeout { .. }) => Ok(Structure::InUse),
            Err(error) => Err(error),
        }
    }
}

impl CacheOnDisk {
    /// Reads every entry and checks its envelope; `repair` removes those that are damaged.
    pub fn verify(&self, repair: bool) -> Result<Verified> {
        let mut verified = Verified::default();
        let Some(storage) = &self.storage else { return Ok(verified) };
        let removed = storage.sweep(&mut |id, bytes| {
            verified.entries += 1;
            if row::open_any(bytes).is_ok_and(|(key, ..)| row::id_of(&key) == *id) {
                return Visit::Keep;
            }
            verified.damaged += 1;
            if repair { Visit::Remove } else { Visit::Keep }
        })?;
        verified.repaired = removed;
        Ok(verified)
    }
}
