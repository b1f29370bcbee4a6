//! User plugins judged from source, before any of their code runs.
//!
//! **A static scan is a hint and no sandbox.** What decides is the list of digests: a source on it is allowed
//! whatever the scan says, and a host that sets [`Policy::only_listed`] loads nothing else. The scan says to
//! whoever keeps the list where to look. What each profile misses is measured, and published in
//! `docs/safety.md`.
//!
//! **What is loaded is what was judged**: a [`Judged`] holds the bytes that were looked at, and a host
//! compiles these instead of reading the file again, when it may be another one.
//!
//! ```
//! use std::path::Path;
//! use plugcache_cache::Hub;
//! use plugcache_discovery::safety::{Judge, Policy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let judge = Judge::new(Policy::default(), &Hub::in_memory())?;
//! let judged = judge.source(Path::new("plugin.py"), b"__import__('os').system('id')\n".to_vec());
//! assert!(!judged.is_allowed());
//! assert_eq!(judged.verdict.violations[0].rule.name(), "name");
//! # Ok(())
//! # }
//! ```

mod judge;
mod package;
mod policy;
mod ratio1;
mod strict;
mod violation;

pub use judge::{Judge, Judged, Reason, Rejected, Verdict};
pub use package::Package;
pub use policy::{DigestError, Policy, Profile, SourceDigest};
pub use violation::{Rule, Violation};
