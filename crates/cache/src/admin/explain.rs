//! What is on disk under one key, and why it would be served or not.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use super::{CacheOnDisk, Listed, State};
use crate::{
    error::Result,
    freshness::StaleReason,
    key::{Key, KeyBytes},
    policy::Origin,
    row,
    tier::{Storage, Visit},
};

/// An entry on disk, with what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The entry.
    pub entry: Listed,
    /// Why nobody would be served it, as far as that can be told without the program it belongs to: its
    /// version and its signature are judged only there.
    pub stale: Option<StaleReason>,
    /// Whether it has a signature, which only its program can compare.
    pub is_signed: bool,
    /// What it was made from.
    pub inputs: Vec<InputState>,
}

/// A file or directory that a value was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputState {
    /// Which.
    pub path: PathBuf,
    /// What has changed since, old and new; `None`: nothing.
    pub changed: Option<StaleReason>,
}

impl CacheOnDisk {
    /// Tells of the entries of a key that is a text, or that is shown as this text. There are several where
    /// the content of inputs or a scope is part of the key.
    pub fn explain(&self, key: &str) -> Result<Vec<Explained>> {
        let Some(storage) = &self.storage else { return Ok(Vec::new()) };
        let bytes = key.to_bytes();
        let mut found = Vec::new();
        storage.read(&row::id_of(&bytes), &mut |row| found.push(row.to_vec()))?;
        if found.is_empty() {
            // Of another type than text, or longer by its inputs' content or its scope.
            storage.sweep(&mut |_, row| {
                if row::open_any(row).is_ok_and(|(other, ..)| is_of(&other, &bytes, key)) {
                    found.push(row.to_vec());
                }
                Visit::Keep
            })?;
        }
        Ok(found.iter().map(|row| self.explained(&row::id_of(&bytes).to_string(), row)).collect())
    }

    fn explained(&self, id: &str, bytes: &[u8]) -> Explained {
        let entry = self.listed(id, bytes);
        let origin = match row::open_any(bytes) {
            Ok((_, origin, _)) => origin,
            Err(stale) => {
                return Explained { entry, stale: Some(stale), is_signed: false, inputs: Vec::new() };
            }
        };
        let inputs: Vec<InputState> = origin
            .evidence
            .states(&*self.clock)
            .map(|(path, changed)| InputState { path, changed })
            .collect();
        let stale = self.stale(&origin, &entry.state).or_else(|| {
            let changed = inputs.iter().find_map(|input| Some((&input.path, input.changed.as_ref()?)));
            changed.map(|(path, reason)| StaleReason::Input {
                path: path.clone(),
                reason: Box::new(reason.clone()),
            })
        });
        Explained { entry, stale, is_signed: origin.signature.is_some(), inputs }
    }

    /// Why marks or time forbid that it is served.
    fn stale(&self, origin: &Origin, state: &State) -> Option<StaleReason> {
        if let Err(reason) = self.control.check(&origin.marks) {
            return Some(reason);
        }
        let (made, now) = (origin.made, self.clock.wall());
        match (state, origin.ttl) {
            (State::Expired, _) if made > now => Some(StaleReason::Future { made, now }),
            (State::Expired, Some(ttl)) => {
                Some(StaleReason::Expired { at: made.plus(Duration::from_nanos(ttl)), now })
            }
            _ => None,
        }
    }
}

/// Whether a key is shown as what is wanted, or is that in a scope or with the content of its inputs.
fn is_of(key: &KeyBytes, wanted: &KeyBytes, shown: &str) -> bool {
    let (mut scoped, mut pair) = (KeyBytes::default(), KeyBytes::default());
    scoped.scoped();
    pair.tuple(2);
    let within = key.as_slice().strip_prefix(scoped.as_slice());
    let inner = within.unwrap_or(key.as_slice());
    let first = inner.strip_prefix(pair.as_slice()).or(within);
    first.is_some_and(|first| first.starts_with(wanted.as_slice())) || key.to_string() == shown
}
