//! What a plugin has to say and to do.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::digest;

/// One part of a system: how it is, and how to make it what somebody wants.
///
/// Methods may run on any thread, several at a time, and [`query_current_state`](Self::query_current_state) on
/// a thread that is left to itself when it takes too long; no other method has a time-out. A panic is contained and counts as an error.
pub trait StatePlugin: Send + Sync + 'static {
    /// What it is called in documents. One of each name in a manager.
    fn name(&self) -> &str;

    /// Version of what it says. States and diffs of another version are not served from caches.
    fn version(&self) -> &str;

    /// What its state depends on beside name and version: a directory, a namespace. Two plugins that differ
    /// in it never see each other's cached states. Default: nothing.
    fn scope(&self) -> String {
        String::new()
    }

    /// Why it cannot work on this machine; `None` if it can. Default: it can.
    fn unavailable_reason(&self) -> Option<String> {
        None
    }

    /// Whether it can work on this machine.
    fn is_available(&self) -> bool {
        self.unavailable_reason().is_none()
    }

    /// What it can do. Default: it only looks, and the last three methods need not be written.
    fn capabilities(&self) -> Capabilities {
        Capabilities::READ_ONLY
    }

    /// How its part of the system is now.
    fn query_current_state(&self) -> Result<Value, PluginError>;

    /// What has to be done so that `current` satisfies `desired`; see [`StateDiff::new`]. A pure function of
    /// the two, because its results are cached. An error says what in `desired` makes no sense.
    fn calculate_diff(&self, current: &Value, desired: &Value) -> Result<StateDiff, PluginError>;

    /// Does it. After an error, or with errors in the result, it is rolled back.
    fn apply_state(&self, _diff: &StateDiff) -> Result<Applied, PluginError> {
        Err(PluginError::read_only(self.name()))
    }

    /// Whether the system now satisfies `desired`. It looks at the system, not at what was kept of it. Default:
    /// it does if the diff between the two is empty.
    fn verify_state(&self, desired: &Value) -> Result<bool, PluginError> {
        Ok(self.calculate_diff(&self.query_current_state()?, desired)?.actions.is_empty())
    }

    /// All that [`rollback`](Self::rollback) needs to bring back what is there now. `diff`: what is about to be
    /// done, if a change is the occasion; what it does not touch may be left out. The manager keeps it.
    fn create_checkpoint(&self, _diff: Option<&StateDiff>) -> Result<Value, PluginError> {
        Err(PluginError::read_only(self.name()))
    }

    /// Brings back what was there when the checkpoint was made, also after a change that was cut off in the
    /// middle, and from another process.
    fn rollback(&self, _checkpoint: &Value) -> Result<(), PluginError> {
        Err(PluginError::read_only(self.name()))
    }
}

/// What a plugin can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// It can apply a diff, and take it back.
    pub can_apply: bool,
}

impl Capabilities {
    /// It only looks.
    pub const READ_ONLY: Self = Self { can_apply: false };
    /// It can change things, and take them back.
    pub const READ_WRITE: Self = Self { can_apply: true };
}

/// Why a plugin could not do something. Say what it happened to, what was expected, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PluginError(pub String);

impl PluginError {
    /// An error that says this.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// What a plugin says that only looks, when it is asked to change something.
    pub fn read_only(plugin: &str) -> Self {
        Self(format!("plugin `{plugin}` only looks at the system and changes nothing"))
    }
}

impl From<plugcache_cache::Error> for PluginError {
    fn from(error: plugcache_cache::Error) -> Self {
        Self::new(error)
    }
}

/// What a plugin did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Actions that were carried out.
    pub changes: usize,
    /// What went wrong with others. Any error means that all is rolled back.
    pub errors: Vec<String>,
}

/// One step from a state to another. `path` names what it is about, in the plugin's own way; the generic
/// [differ](super::differ) writes JSON pointers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum StateAction {
    /// Make what is not there.
    Create {
        /// What.
        path: String,
        /// How it is to be.
        new: Value,
    },
    /// Change what is there.
    Modify {
        /// What.
        path: String,
        /// How it is.
        old: Value,
        /// How it is to be.
        new: Value,
    },
    /// Remove what is there.
    Delete {
        /// What.
        path: String,
        /// How it is.
        old: Value,
    },
}

impl StateAction {
    /// What it is about.
    pub fn path(&self) -> &str {
        match self {
            Self::Create { path, .. } | Self::Modify { path, .. } | Self::Delete { path, .. } => path,
        }
    }

    /// How it is to be; `None`: not there.
    pub fn new_value(&self) -> Option<&Value> {
        match self {
            Self::Create { new, .. } | Self::Modify { new, .. } => Some(new),
            Self::Delete { .. } => None,
        }
    }
}

/// What has to be done, and what it was worked out from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateDiff {
    /// The plugin.
    pub plugin: String,
    /// The steps, in order. Empty: nothing has to be done.
    pub actions: Vec<StateAction>,
    /// What it was worked out from, and when.
    pub metadata: DiffMetadata,
}

/// What a diff was worked out from, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffMetadata {
    /// Seconds since 1970 when it was worked out. One that comes from a cache has the time of its making. A
    /// manager fills it in.
    pub timestamp: i64,
    /// BLAKE3 of the current state's canonical JSON, in hexadecimal.
    pub current_hash: String,
    /// The same of the desired state.
    pub desired_hash: String,
}

impl StateDiff {
    /// A diff with these actions from `current` to `desired`.
    pub fn new(
        plugin: impl Into<String>,
        current: &Value,
        desired: &Value,
        actions: Vec<StateAction>,
    ) -> Self {
        let metadata = DiffMetadata {
            timestamp: 0,
            current_hash: digest(current).to_hex().to_string(),
            desired_hash: digest(desired).to_hex().to_string(),
        };
        Self { plugin: plugin.into(), actions, metadata }
    }
}
