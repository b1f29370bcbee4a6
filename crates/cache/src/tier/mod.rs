//! Where values are kept: in memory, on disk, and what a place to keep them must be able to do.

mod disk;
pub mod memory;
mod prune;
mod stacked;
pub mod storage;

pub use disk::Lmdb;
pub(crate) use prune::prune;
pub use stacked::{Stacked, WritePolicy};
pub use storage::{Storage, Usage, Visit};
