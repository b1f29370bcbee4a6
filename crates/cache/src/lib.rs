//! The engine below plugcache: evidence, freshness, safe files. It has never heard of a plugin.
//!
//! Nothing here reads an environment variable, prints, or starts a thread.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod clock;
pub mod directory;
pub mod envelope;
pub mod error;
pub mod fingerprint;
mod fork;
pub mod freshness;
pub mod fs;
pub mod lock;
pub mod tier;

pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{Error, Result};
pub use fingerprint::{Digest, Stamp};
pub use freshness::{StaleReason, Strength};
