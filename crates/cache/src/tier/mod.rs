//! Where values are kept: in memory, on disk, and what a place to keep them must be able to do.

mod disk;
pub mod memory;
mod prune;
pub mod storage;

pub use disk::Lmdb;
pub(crate) use prune::prune;
pub use storage::{Storage, Usage, Visit};
