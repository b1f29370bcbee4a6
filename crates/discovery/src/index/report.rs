//! What opening an index took, and what it rests on.

use std::time::Duration;

use plugcache_cache::{StaleReason, Strength};
use serde::Serialize;

use crate::plugin::Problem;

/// Something that the index could not vouch for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// Path of the file or directory; empty for the index as a whole.
    pub file: String,
    /// Why, with old and new evidence.
    pub reason: StaleReason,
}

/// How an answer came about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that are evidence.
    pub files: usize,
    /// Files that were read and understood anew.
    pub parsed: usize,
    /// Files whose facts were kept.
    pub reused: usize,
    /// How much was checked.
    pub strength: Strength,
    /// What was not as the index had it.
    pub stale: Vec<Stale>,
    /// What stood in the way.
    pub problems: Vec<Problem>,
    /// Places that only running the program can tell.
    pub dynamic: Vec<Problem>,
    /// Warnings about the cache itself: why nothing could be kept, and the remedy.
    pub warnings: Vec<String>,
    /// Whether the index was kept for the next process.
    pub kept: bool,
    /// From asking to having the answer.
    pub elapsed: Duration,
}
