//! Where values are kept: in memory, on disk, and what a place to keep them must be able to do.

pub mod disk;
pub mod storage;

pub use disk::Lmdb;
pub use storage::{Storage, Usage, Visit};
