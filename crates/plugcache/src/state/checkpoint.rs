//! Checkpoints: what plugins need to go back, kept before anything is changed. On disk they are durable files
//! of one JSON document with its digest, so that another process can go back after this one was killed.

use std::{
    collections::BTreeMap,
    ffi::CString,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use plugcache_cache::{directory, fs, fs::Directory};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::digest;

/// Most checkpoints that applying leaves behind; the oldest go. Those that were asked for stay.
const MOST_OF_APPLY: usize = 100;
/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 512 << 20;
const ENDING: &str = ".json";

/// What can go wrong with checkpoints.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The directory or a file in it cannot be used.
    #[error(transparent)]
    File(#[from] plugcache_cache::Error),
    /// There is none of that id.
    #[error("there is no checkpoint `{id}`{}; `plugcache state checkpoint --list` lists those there are", place.as_deref().map(|path| format!(" in {}", path.display())).unwrap_or_default())]
    Unknown {
        /// The id.
        id: String,
        /// Where it was looked for; `None`: in memory.
        place: Option<PathBuf>,
    },
    /// It is not what was written.
    #[error("{} is damaged: {problem}; it cannot be gone back to", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// What a checkpoint is, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// What it is asked for by.
    pub id: String,
    /// Whose it is.
    pub plugin: String,
    /// Version of the plugin.
    pub version: String,
    /// Scope of the plugin: its directory, say.
    pub scope: String,
    /// Seconds since 1970 when it was made.
    pub made: i64,
    /// Whether it was made before a change, not because somebody asked for it.
    pub is_of_apply: bool,
}

/// A checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    #[serde(flatten)]
    pub(super) info: CheckpointInfo,
    pub(super) snapshot: Value,
}

/// As it lies on disk.
#[derive(Serialize, Deserialize)]
struct Sealed {
    schema: u32,
    digest: String,
    checkpoint: Value,
}

/// Where checkpoints are.
pub(super) enum Checkpoints {
    /// Until the process ends.
    Memory(Mutex<BTreeMap<String, Checkpoint>>),
    /// For good.
    Disk(Directory),
}

impl Checkpoints {
    pub(super) fn open(path: Option<&Path>) -> Result<Self, plugcache_cache::Error> {
        Ok(match path {
            None => Self::Memory(Mutex::default()),
            Some(path) => Self::Disk(directory::open_or_create_plain(path)?),
        })
    }

    /// Keeps a checkpoint, and gives it an id: the time in milliseconds, and what it is the digest of.
    pub(super) fn keep(&self, mut checkpoint: Checkpoint, wall: i64) -> Result<String, CheckpointError> {
        let kind = if checkpoint.info.is_of_apply { 'a' } else { 'c' };
        let unsealed = serde_json::to_value(&checkpoint).unwrap_or_default();
        let mark = digest(&Value::from(vec![unsealed, wall.into(), std::process::id().into()])).to_hex();
        let mark = mark.get(..12).unwrap_or_default();
        let id = format!("{kind}{:012x}{mark}", (wall / 1_000_000).max(0));
        checkpoint.info.id.clone_from(&id);
        match self {
            Self::Memory(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.insert(id.clone(), checkpoint);
                for old in too_many(kept.keys().cloned().collect(), &id) {
                    kept.remove(&old);
                }
            }
            Self::Disk(directory) => {
                let checkpoint = serde_json::to_value(&checkpoint).unwrap_or_default();
                let sealed =
                    Sealed { schema: 1, digest: digest(&checkpoint).to_hex().to_string(), checkpoint };
                let text = serde_json::to_vec(&sealed).unwrap_or_default();
                if text.len() as u64 > LARGEST {
                    let (path, size) = (directory.path().to_owned(), text.len() as u64);
                    return Err(plugcache_cache::Error::TooLarge { path, size, limit: LARGEST }.into());
                }
                fs::publish_durably(directory, &file_of(&id), &[&text])?;
                // What is kept is kept: one too many is no reason not to go on.
                if let Err(error) = forget_oldest(directory, &id) {
                    tracing::warn!("old checkpoints cannot be removed: {error}");
                }
            }
        }
        Ok(id)
    }

    pub(super) fn load(&self, id: &str) -> Result<Checkpoint, CheckpointError> {
        let place = match self {
            Self::Memory(_) => None,
            Self::Disk(directory) => Some(directory.path().to_owned()),
        };
        let unknown = || CheckpointError::Unknown { id: id.to_owned(), place: place.clone() };
        // An id makes the name of a file, so it has to look like one.
        if !is_id(id) {
            return Err(unknown());
        }
        match self {
            Self::Memory(kept) => {
                let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.get(id).cloned().ok_or_else(unknown)
            }
            Self::Disk(directory) => {
                if directory.look(&file_of(id))?.is_none() {
                    return Err(unknown());
                }
                read(directory, id)
            }
        }
    }

    /// All of them, the newest first; a damaged one is told of in its place.
    pub(super) fn list(&self) -> Result<Vec<Result<CheckpointInfo, CheckpointError>>, CheckpointError> {
        let mut found: Vec<_> = match self {
            Self::Memory(kept) => {
                let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.values().map(|one| (one.info.id.clone(), Ok(one.info.clone()))).collect()
            }
            Self::Disk(directory) => {
                let ids = ids(directory)?.into_iter();
                ids.map(|id| (id.clone(), read(directory, &id).map(|one| one.info))).collect()
            }
        };
        found.sort_by(|(one, _), (other, _)| other.get(1..).cmp(&one.get(1..)));
        Ok(found.into_iter().map(|(_, info)| info).collect())
    }

    /// Where locks are; `None`: in memory.
    pub(super) fn directory(&self) -> Option<&Directory> {
        match self {
            Self::Memory(_) => None,
            Self::Disk(directory) => Some(directory),
        }
    }
}

fn read(directory: &Directory, id: &str) -> Result<Checkpoint, CheckpointError> {
    let name = file_of(id);
    let path = directory.path().join(name.to_string_lossy().as_ref());
    let damaged = |problem: String| CheckpointError::Damaged { path: path.clone(), problem };
    let bytes = directory.read(&name, LARGEST)?.bytes;
    let sealed: Sealed = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if sealed.schema != 1 {
        return Err(damaged(format!("its format is {}, and 1 was expected", sealed.schema)));
    }
    if digest(&sealed.checkpoint).to_hex().as_str() != sealed.digest {
        return Err(damaged("its content does not have the digest that was written with it".to_owned()));
    }
    serde_json::from_value(sealed.checkpoint).map_err(|error| damaged(error.to_string()))
}

/// The letter of its kind, and 24 hexadecimal digits.
fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix(['a', 'c']).unwrap_or_default();
    digits.len() == 24 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn file_of(id: &str) -> CString {
    // An id has no NUL byte; a name that is no id leads nowhere.
    CString::new(format!("{id}{ENDING}")).unwrap_or_default()
}

fn ids(directory: &Directory) -> Result<Vec<String>, plugcache_cache::Error> {
    let (entries, _) = directory.list()?;
    let names = entries.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok());
    Ok(names.filter_map(|name| name.strip_suffix(ENDING).map(str::to_owned)).filter(|id| is_id(id)).collect())
}

fn forget_oldest(directory: &Directory, new: &str) -> Result<(), plugcache_cache::Error> {
    for id in too_many(ids(directory)?, new) {
        directory.remove(&file_of(&id))?;
    }
    Ok(())
}

/// Those of applying that go, the oldest first. The new one never does: a clock that was set back makes it look
/// old, and the change that it was made for is about to begin.
fn too_many(mut ids: Vec<String>, new: &str) -> Vec<String> {
    ids.retain(|id| id.starts_with('a'));
    ids.sort_unstable();
    let surplus = ids.len().saturating_sub(MOST_OF_APPLY);
    ids.retain(|id| id != new);
    ids.truncate(surplus);
    ids
}
