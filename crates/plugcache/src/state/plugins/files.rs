//! Files of a managed directory: their content and mode.

mod checkpoint;
mod desired;
mod tree;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::plugin::{Applied, Capabilities, PluginError, StateAction, StateDiff, StatePlugin};
use desired::{File, Wanted};
use tree::{Found, Tree};

/// A managed directory.
///
/// Its state has by relative path what each file is: `{"etc/motd": {"mode": "0644", "size": 6, "blake3": "…"}}`;
/// what is no regular file, is too large or cannot be read is there as `{"skipped": WHY}`. A desired state has
/// by relative path `{"content": TEXT}` or `{"base64": BYTES}`, with a `mode` such as `"0600"` if that matters,
/// or `null` for a file that is not to be there. Files that it does not name are left alone.
///
/// Nothing outside of the directory is read or written: paths with `..`, absolute ones and those that lead
/// through symbolic links are refused. Each file is replaced as a whole and is on the medium before the next.
/// Owners and modes are kept; extended attributes and hard links are not.
///
/// A checkpoint of everything has no links, and nothing that could not be read: going back leaves them, and what
/// is below them, as they are. A file that is too large for a checkpoint is an error when it is made.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
}

impl Files {
    /// The plugin for a directory. One that is not there makes it unavailable.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn tree(&self) -> Tree<'_> {
        Tree::new(&self.root)
    }
}

impl StatePlugin for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn scope(&self) -> String {
        std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone()).to_string_lossy().into_owned()
    }

    fn unavailable_reason(&self) -> Option<String> {
        self.tree().open().err().map(|error| format!("{error}; make it, or name another directory"))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::READ_WRITE
    }

    fn query_current_state(&self) -> Result<Value, PluginError> {
        let state = self.tree().all(|found| {
            Ok(match found {
                Found::File(file) => described(&file.bytes, file.mode),
                Found::Other(why) | Found::TooLarge(why) => json!({ "skipped": why }),
                // One that came in the place of a file that was listed a moment ago.
                Found::Directory => json!({ "skipped": "it is a directory" }),
            })
        })?;
        Ok(json!(state))
    }

    fn calculate_diff(&self, current: &Value, desired: &Value) -> Result<StateDiff, PluginError> {
        let (mut removals, mut others) = (Vec::new(), Vec::new());
        for (path, wanted) in desired::read(desired)? {
            let old = current.get(path);
            if let Some(why) = old.and_then(|old| old.get("skipped")).and_then(Value::as_str) {
                return Err(PluginError(format!("`{path}` cannot be managed: {why}")));
            }
            match (old, wanted) {
                (None, Wanted::Absent) => {}
                (Some(old), Wanted::Absent) => {
                    removals.push(StateAction::Delete { path: path.to_owned(), old: old.clone() });
                }
                (None, Wanted::File(file)) => {
                    others.push(StateAction::Create { path: path.to_owned(), new: file.to_json() });
                }
                (Some(old), Wanted::File(file)) => {
                    let mode = file.mode.map(desired::mode_text);
                    let is_same_mode = mode.is_none_or(|mode| old["mode"] == mode);
                    if !is_same_mode || old["blake3"] != digest(&file.bytes) {
                        let (path, old, new) = (path.to_owned(), old.clone(), file.to_json());
                        others.push(StateAction::Modify { path, old, new });
                    }
                }
            }
        }
        // First what goes: it may be in the way of what comes.
        removals.append(&mut others);
        Ok(StateDiff::new(self.name(), current, desired, removals))
    }

    fn apply_state(&self, diff: &StateDiff) -> Result<Applied, PluginError> {
        let tree = self.tree();
        let mut applied = Applied::default();
        for action in &diff.actions {
            match action.new_value() {
                Some(new) => tree.put(action.path(), &File::read(action.path(), new)?, None)?,
                None => tree.remove(action.path())?,
            }
            applied.changes += 1;
        }
        Ok(applied)
    }

    fn verify_state(&self, desired: &Value) -> Result<bool, PluginError> {
        let tree = self.tree();
        for (path, wanted) in desired::read(desired)? {
            let is_so = match (tree.find(path)?, wanted) {
                (None | Some(Found::Directory), Wanted::Absent) => true,
                (Some(Found::File(now)), Wanted::File(file)) => {
                    now.bytes == file.bytes && file.mode.is_none_or(|mode| mode == now.mode)
                }
                _ => false,
            };
            if !is_so {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn create_checkpoint(&self, diff: Option<&StateDiff>) -> Result<Value, PluginError> {
        checkpoint::make(&self.tree(), diff)
    }

    fn rollback(&self, checkpoint: &Value) -> Result<(), PluginError> {
        checkpoint::go_back(&self.tree(), checkpoint)
    }
}

fn described(bytes: &[u8], mode: u32) -> Value {
    json!({ "mode": desired::mode_text(mode), "size": bytes.len(), "blake3": digest(bytes) })
}

fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
