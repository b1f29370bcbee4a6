//! The engine below plugcache: keys, loaders, evidence, freshness, tiers. It has never heard of a plugin.
//!
//! Begin with [`Cache`] and [`Hub`].
//!
//! Nothing here reads an environment variable, prints, or starts a thread.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod admin;
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
pub mod fork;
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
