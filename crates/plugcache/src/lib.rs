//! plugcache: the cache engine for programs that have plugins.
//!
//! A [`Cache`] keeps whatever a host recomputes, in a [`Hub`] with all the others of its process.
//!
//! A [`Resolver`] finds plugins without running them, keeps what it found in a persistent index, proves
//! on each use that the index is still true, and answers by name.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod canonical;
pub mod config;
pub mod embedding;
pub mod instances;
pub mod ledger;
pub mod manifests;
pub mod opdbus;
pub mod project;
pub mod resolver;
pub mod schema;
pub mod state;
pub mod store;
mod summary;
pub mod warm;
pub mod watch;

pub use config::Config;
pub use plugcache_cache::{self as cache, Cache, Hub, Inputs};
pub use plugcache_discovery as discovery;
pub use resolver::{Case, Duplicates, Resolution, ResolveError, Resolver};
