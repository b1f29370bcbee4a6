//! The engine below plugcache: evidence, freshness, safe files. It has never heard of a plugin.
//!
//! Nothing here reads an environment variable, prints, or starts a thread.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod cache;
pub mod clock;
pub mod codec;
mod control;
mod counters;
pub mod directory;
pub mod envelope;
pub mod error;
pub mod evidence;
pub mod fingerprint;
mod flight;
mod fork;
pub mod freshness;
pub mod fs;
pub mod hub;
pub mod key;
pub mod lock;
pub mod policy;
mod row;
pub mod stats;
mod sync;
pub mod tier;

pub use cache::Cache;
pub use clock::{Clock, SystemClock, Timestamp};
pub use codec::Codec;
pub use error::{Error, Result};
pub use evidence::Inputs;
pub use fingerprint::{Digest, Stamp};
pub use freshness::{StaleReason, Strength, Verdict};
pub use hub::Hub;
pub use key::Key;
pub use policy::Policy;
pub use stats::{CacheMetrics, CacheStats, Stats};
