//! Finds plugins without running them, remembers what it found in a persistent index, and proves on open
//! that the index is still true.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod entry_points;
pub mod finder;
pub mod index;
pub mod manifest;
pub mod plugin;
pub mod probe;
pub mod python;
pub mod safety;
pub mod tree;
pub mod value;
