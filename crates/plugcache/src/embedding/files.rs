//! A model's files: fetched once from a hub, proven by their digests, found again without a connection.
//!
//! ```no_run
//! use plugcache::embedding::files::{ModelStore, Options, Source};
//!
//! # fn main() -> Result<(), plugcache::embedding::files::FetchError> {
//! let store = ModelStore::open("/var/cache/my-host/models-v1", Options::default())?;
//! let source = Source::sentence_model("sentence-transformers/all-MiniLM-L6-v2")?;
//! let model = store.fetch(&source, &mut |_| {})?;
//! assert!(model.file("config.json").is_some());
//! # Ok(())
//! # }
//! ```
//!
//! A model has a directory of its own, named by a digest of repository and revision, never by where the files
//! came from:
//!
//! ```text
//! models-v1/
//!   0c1f….lock               held by who fetches; the kernel frees it when he dies
//!   0c1f…/
//!     manifest.json          commit, and length and SHA-256 of each file; written last
//!     files/config.json …    as the hub names them
//!     77ab….part             what has arrived of a file, until its digest is proven
//! ```
//!
//! **The manifest alone makes a copy complete.** Files beside a missing, cut or foreign manifest are no model: the
//! next fetch looks at each of them, keeps those whose digest is right, and fetches the rest.
//!
//! Everything is blocking, on the caller's thread. The library reads no environment: endpoint, token and proxy
//! are the caller's, in [`Options`].

mod client;
mod description;
mod directory;
mod download;
mod error;
mod exempt;
mod fetch;
mod identity;
mod manifest;
mod options;
mod patience;
mod source;
mod store;
mod sum;
mod survey;
mod upkeep;
mod url;

pub use directory::ModelDirectory;
pub use error::FetchError;
pub use manifest::{Held, Manifest};
pub use options::{Options, Progress};
pub use source::{Source, Wanted};
pub use store::ModelStore;
pub use sum::Sha256Sum;
pub use upkeep::{Checked, Problem};
