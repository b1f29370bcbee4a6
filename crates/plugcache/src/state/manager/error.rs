//! What can go wrong.

use std::{sync::Arc, time::Duration};

use super::super::{checkpoint::CheckpointError, plugin::PluginError};

/// Why there is no state of a plugin.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// No plugin has that name.
    #[error("no state plugin is named `{plugin}`; there are {known}")]
    Unknown {
        /// The name.
        plugin: String,
        /// Those there are.
        known: String,
    },
    /// It cannot work on this machine.
    #[error("state plugin `{plugin}` is not available: {reason}")]
    Unavailable {
        /// The plugin.
        plugin: String,
        /// Why.
        reason: String,
    },
    /// It failed, or panicked.
    #[error("state plugin `{plugin}` failed: {error}")]
    Failed {
        /// The plugin.
        plugin: String,
        /// What it said.
        error: PluginError,
    },
    /// It did not answer in time.
    #[error("state plugin `{plugin}` did not answer within {after:?}; it is asked again when it has ended")]
    TimedOut {
        /// The plugin.
        plugin: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// It has not answered an earlier query yet, whose time is over.
    #[error(
        "state plugin `{plugin}` has not ended an earlier query, whose time was over; it is asked again when it has"
    )]
    Overdue {
        /// The plugin.
        plugin: String,
    },
    /// Another thread's query was waited for in vain.
    #[error("state plugin `{plugin}` was not asked: {problem}")]
    Waiting {
        /// The plugin.
        plugin: String,
        /// What happened.
        problem: String,
    },
}

/// Why something could not be done. Nothing was changed, unless a rollback failed in the middle
/// ([`Plugin`](Self::Plugin)): it can be done again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The manager cannot be built.
    #[error(transparent)]
    Cache(#[from] plugcache_cache::Error),
    /// Two plugins have one name, or one has a name that it cannot have.
    #[error("a state plugin cannot be named `{name}`: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The desired document makes no sense.
    #[error("the desired state cannot be used: {problem}")]
    Document {
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// The state of a plugin is not known.
    #[error(transparent)]
    Query(#[from] Arc<QueryError>),
    /// A plugin cannot tell what is to be done.
    #[error("state plugin `{plugin}` cannot compare the states: {problem}")]
    Diff {
        /// The plugin.
        plugin: String,
        /// What it said.
        problem: String,
    },
    /// Something is to be changed that can only be looked at.
    #[error(
        "state plugin `{plugin}` is read-only: it can be queried and compared, not changed; leave it out. Nothing was changed"
    )]
    ReadOnly {
        /// The plugin.
        plugin: String,
    },
    /// Another change is under way.
    #[error("another apply or rollback is under way; try again when it has ended")]
    Busy,
    /// A checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint was made by another version of a plugin, or of another part of the system.
    #[error("checkpoint `{id}` cannot be gone back to: it is of {was}, and the plugin is now {is}")]
    OtherPlugin {
        /// The checkpoint.
        id: String,
        /// Whose it is.
        was: String,
        /// What there is.
        is: String,
    },
    /// A plugin could not make a checkpoint or go back to one.
    #[error("state plugin `{plugin}` could not {action}: {error}")]
    Plugin {
        /// The plugin.
        plugin: String,
        /// What it was to do.
        action: &'static str,
        /// What it said.
        error: PluginError,
    },
}
