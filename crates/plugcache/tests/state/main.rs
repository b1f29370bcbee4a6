//! State plugins and their manager, on real files, processes, and this machine's kernel.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod apply;
mod checkpoints;
mod diffs;
mod files;
mod machine;
mod queries;
mod tools;
