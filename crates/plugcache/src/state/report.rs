//! What came of it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::{manager::QueryError, plugin::StateDiff};

/// What one plugin answered.
#[derive(Debug, Clone)]
pub enum QueryOutcome {
    /// Its state.
    Ok(Arc<Value>),
    /// It cannot work on this machine, and why.
    Unavailable(String),
    /// It failed, panicked or took too long.
    Failed(Arc<QueryError>),
}

impl QueryOutcome {
    /// The state, if there is one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Ok(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn of(result: Result<Arc<Value>, Arc<QueryError>>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => match &*error {
                QueryError::Unavailable { reason, .. } => Self::Unavailable(reason.clone()),
                _ => Self::Failed(error),
            },
        }
    }
}

/// How applying ended for one plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing had to be done.
    Unchanged,
    /// Something has to be done, and nothing was: a dry run.
    Planned,
    /// It was applied, and the system was seen to satisfy the desired state.
    Verified,
    /// There was no checkpoint to go back to, so nothing was applied.
    NotApplied,
    /// Applying or verifying failed, and what was there before is there again.
    RolledBack,
    /// Applying or verifying failed, and so did going back: somebody has to look.
    RollbackFailed,
}

impl Outcome {
    /// Whether the plugin's part is as desired, or, in a dry run, could be.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Unchanged | Self::Planned | Self::Verified)
    }
}

/// What happened to one plugin's part.
#[derive(Debug, Clone, Serialize)]
pub struct PluginReport {
    /// What had to be done.
    pub diff: StateDiff,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, in order: applying or verifying, then going back.
    pub errors: Vec<String>,
    /// Id of the checkpoint made before.
    pub checkpoint: Option<String>,
}

/// What happened to each plugin's part, by the plugins' names. Each part is applied or taken back as a
/// whole; a part that failed does not take back the others.
#[derive(Debug, Clone, Serialize)]
pub struct ApplyReport {
    /// One report a plugin.
    pub plugins: Vec<PluginReport>,
}

impl ApplyReport {
    /// Whether all parts succeeded.
    pub fn is_success(&self) -> bool {
        self.plugins.iter().all(|plugin| plugin.outcome.is_success())
    }
}
