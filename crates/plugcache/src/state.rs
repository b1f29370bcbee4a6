//! State of the system as plugins see it: query, diff, apply, verify, checkpoint, rollback.
//!
//! A [`StatePlugin`] knows one part of a system. A [`StateManager`] asks all of them side by side, keeps their
//! answers for a few seconds, finds what is to change, and changes it: checkpoint, apply, verify, and back
//! again if that fails. What went wrong is never called a success.
//!
//! ```
//! use plugcache::{Hub, state::{StateManager, plugins::Files}};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let place = tempfile::tempdir()?;
//! let manager = StateManager::builder().plugin(Files::new(place.path())).build(&Hub::in_memory())?;
//! let report = manager.apply(&json!({ "files": { "motd": { "content": "hello\n" } } }))?;
//! assert!(report.is_success());
//! assert!(manager.query("files")?["motd"]["mode"] == "0644");
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod desired;
pub mod differ;
mod manager;
mod plugin;
pub mod plugins;
mod report;

pub use checkpoint::{CheckpointError, CheckpointInfo};
pub use manager::{Builder, QueryError, StateError, StateManager};
pub use plugin::{Applied, Capabilities, DiffMetadata, PluginError, StateAction, StateDiff, StatePlugin};
pub use report::{ApplyReport, Outcome, PluginReport, QueryOutcome};
