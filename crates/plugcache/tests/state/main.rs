//! State plugins and their manager, on real files, processes, and this machine's kernel.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod apply;
mod checkpoints;
mod diffs;
mod files;
mod machine;
mod queries;
mod tools;
