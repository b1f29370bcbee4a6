//! Where values are kept: in memory, on disk, and what a place to keep them must be able to do.

pub mod memory;
pub mod storage;

pub use storage::{Storage, Usage, Visit};
