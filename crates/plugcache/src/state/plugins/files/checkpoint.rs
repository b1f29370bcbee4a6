//! Files as they were, to be brought back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    super::super::plugin::{PluginError, StateAction, StateDiff},
    desired::File,
    tree::{Found, Tree},
};

/// Most bytes of files in a checkpoint.
const LARGEST: usize = 64 << 20;

/// What was there.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    /// Whether it has all files, so that others were not there.
    is_whole: bool,
    /// `None`: there was no such file.
    files: BTreeMap<String, Option<Kept>>,
    /// Directories that were not there.
    missing: Vec<String>,
    /// What was there and is no file that could be kept: a link, or what could not be read. It stays, and so
    /// does what is below it.
    #[serde(default)]
    others: BTreeSet<String>,
}

/// A file as it was.
#[derive(Serialize, Deserialize)]
struct Kept {
    file: Value,
    /// All twelve bits: documents have no word for the upper three, which a file may have all the same.
    mode: u32,
    owner: (u32, u32),
}

/// All that a diff is about to touch, or all there is.
pub(super) fn make(tree: &Tree<'_>, diff: Option<&StateDiff>) -> Result<Value, PluginError> {
    let mut room = Room(LARGEST);
    let mut snapshot = Snapshot {
        is_whole: diff.is_none(),
        files: BTreeMap::new(),
        missing: Vec::new(),
        others: BTreeSet::new(),
    };
    match diff {
        None => {
            for (path, kept) in tree.all(|found| room.keep(found))? {
                snapshot.note(path, true, kept);
            }
        }
        Some(diff) => {
            for path in diff.actions.iter().map(StateAction::path) {
                snapshot.missing.extend(tree.missing_above(path)?);
                let found = tree.find(path)?;
                let is_there = found.is_some();
                let kept = found.map(|found| room.keep(found)).transpose()?.flatten();
                snapshot.note(path.to_owned(), is_there, kept);
            }
        }
    }
    Ok(json!(snapshot))
}

impl Snapshot {
    /// What is there without being kept is no file that can be.
    fn note(&mut self, path: String, is_there: bool, kept: Option<Kept>) {
        if is_there && kept.is_none() {
            self.others.insert(path);
        } else {
            self.files.insert(path, kept);
        }
    }

    /// Whether a file came after the checkpoint was made, as far as that is known.
    fn is_new(&self, path: &str) -> bool {
        let mut above = path.match_indices('/').map(|(end, _)| path.split_at(end).0);
        !self.files.contains_key(path)
            && !self.others.contains(path)
            && !above.any(|above| self.others.contains(above))
    }
}

/// Bytes that there is still room for.
struct Room(usize);

impl Room {
    /// What is no file is not kept: nothing here replaces or removes it. A file that is too large is an error:
    /// a checkpoint without it could not bring it back.
    fn keep(&mut self, found: Found) -> Result<Option<Kept>, PluginError> {
        let now = match found {
            Found::File(now) => now,
            Found::TooLarge(why) => {
                return Err(PluginError(format!(
                    "{why}, too much for a checkpoint: move it out of the managed directory"
                )));
            }
            Found::Directory | Found::Other(_) => return Ok(None),
        };
        self.0 = self.0.checked_sub(now.bytes.len()).ok_or_else(|| {
            PluginError(format!("the files have more than {LARGEST} bytes, too much for a checkpoint"))
        })?;
        let file = File { bytes: now.bytes, mode: None }.to_json();
        Ok(Some(Kept { file, mode: now.mode, owner: now.owner }))
    }
}

/// Brings back what was there. What is as it was is not touched, so that it can be done again.
pub(super) fn go_back(tree: &Tree<'_>, checkpoint: &Value) -> Result<(), PluginError> {
    let snapshot = Snapshot::deserialize(checkpoint)
        .map_err(|error| PluginError(format!("this is no checkpoint of files: {error}")))?;
    let mut problems = Vec::new();
    let mut note = |done: Result<(), PluginError>| problems.extend(done.err().map(|error| error.0));
    // First what goes: it may be in the way of what comes back.
    for path in snapshot.files.iter().filter(|(_, kept)| kept.is_none()).map(|(path, _)| path) {
        note(tree.remove(path));
    }
    if snapshot.is_whole {
        for (path, is_file) in tree.all(|found| Ok(matches!(found, Found::File(_))))? {
            if is_file && snapshot.is_new(&path) {
                note(tree.remove(&path));
            }
        }
    }
    let mut missing = snapshot.missing;
    missing.sort_by_key(|path| std::cmp::Reverse(path.len()));
    for path in &missing {
        note(tree.remove_empty(path));
    }
    for (path, kept) in snapshot.files {
        if let Some(Kept { file, mode, owner }) = kept {
            note(File::read(&path, &file).and_then(|file| {
                bring_back(tree, &path, &File { mode: Some(mode & 0o7777), ..file }, owner)
            }));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(PluginError(problems.join("; "))) }
}

fn bring_back(tree: &Tree<'_>, path: &str, file: &File, owner: (u32, u32)) -> Result<(), PluginError> {
    match tree.find(path)? {
        Some(Found::File(now))
            if now.bytes == file.bytes && Some(now.mode) == file.mode && now.owner == owner =>
        {
            Ok(())
        }
        _ => tree.put(path, file, Some(owner)),
    }
}
