//! Counting what a cache does, at the price of an atomic addition, where other processes can read it.
//!
//! Each process has a file of its own, mapped, with a block of words for each of its caches; nobody else
//! writes to it. A lock beside it is held for as long as the process lives, so whoever looks can tell a
//! running process from a past one, whose counts are then added to those of the past (`ledger`). Counts that
//! happen on every hit are spread over stripes, so that threads do not fight for a line of the processor's
//! cache.

mod block;
pub(crate) mod ledger;
mod process;

pub(crate) use block::{Counters, Event, Gauge};
pub use process::Process;
pub(crate) use process::ProcessFile;
