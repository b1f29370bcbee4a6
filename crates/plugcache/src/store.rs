//! Plugin-local data: what a plugin wants to find again after a restart, and nobody can compute anew.
//!
//! ```
//! use plugcache::store::{Category, Loaded, Store};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let place = tempfile::tempdir()?;
//! let store = Store::open(place.path().join("data"))?;
//! let plugin = store.plugin(&Category::PLUGINS, "Camera_01").signature("v2");
//! plugin.save_json(&json!({ "frames": 7 }))?;
//! assert_eq!(plugin.load_json()?, Loaded::Found(json!({ "frames": 7 })));
//!
//! let newer = store.plugin(&Category::PLUGINS, "Camera_01").signature("v3");
//! assert!(matches!(newer.load_json()?, Loaded::Stale { .. }));
//! # Ok(())
//! # }
//! ```
//!
//! This is no cache: it lies in the data directory, clearing and pruning never touch it, and a format that is
//! newer than this program is refused instead of guessed at.
//!
//! The files are those of `naeural_core`'s `cacheapi_*`, and its own code reads them: `metadata.json` with the
//! signature, `data.json`, `object.pickle`, in `<data>/<category>/<id in lower case>/`. What is ours beyond that
//! (digests, the exact id, a signature for each file) stands in `metadata.json` under a key of its own. A
//! pickle is opaque here: its bytes are kept, and never read.

mod error;
mod item;
mod metadata;
mod names;
mod plugin;
mod usage;

use std::{path::Path, sync::Arc, time::Duration};

use plugcache_cache::{
    Clock, SystemClock,
    directory::{open_existing, open_or_create_plain},
    fs::{Directory, c_path},
};

pub use error::StoreError;
pub use item::{Item, Loaded};
pub use names::Category;
pub use plugin::PluginData;
pub use usage::{Listed, Usage};

/// Side file that whoever counts all bytes locks.
const LOCK: &std::ffi::CStr = c".plugcache-store.lock";

/// What two ids mean that differ only in case, and what a file means that another program has replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// `A` and `a` cannot both have data: the second is refused, since their directory is the same. A file that
    /// is not what its metadata says is an error.
    #[default]
    Strict,
    /// As `naeural_core` does: `A` and `a` share their data, and a file that another program has written over
    /// ours is taken as it is, unchecked.
    Compatible,
}

/// How a store is kept.
#[derive(Clone)]
pub struct Options {
    /// How it treats what the original would not notice. Default: [`Profile::Strict`].
    pub profile: Profile,
    /// Most bytes of one plugin. Default: 256 MiB.
    pub plugin_bytes: u64,
    /// Most bytes of all plugins together. Default: 4 GiB.
    pub total_bytes: u64,
    /// How long to wait for another process that saves for the same plugin. Default: 10 s.
    pub lock_timeout: Duration,
    /// Where the time comes from. Default: the machine's.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            plugin_bytes: 256 << 20,
            total_bytes: 4 << 30,
            lock_timeout: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("profile", &self.profile)
            .field("plugin_bytes", &self.plugin_bytes)
            .field("total_bytes", &self.total_bytes)
            .finish_non_exhaustive()
    }
}

/// The data of all plugins of a data directory. Clones are handles to the same one; processes share it.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: Directory,
    options: Options,
}

impl Store {
    /// Opens the store of a data directory, and makes the directory (mode 0700) if there is none. A directory
    /// that others could write to is refused.
    pub fn open(data_directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(data_directory, Options::default())
    }

    /// Opens it with other options.
    pub fn open_with(data_directory: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let root = open_or_create_plain(data_directory.as_ref())?;
        Ok(Self { shared: Arc::new(Shared { root, options }) })
    }

    /// The data of one plugin. Looks at nothing yet: any id will do, and two ids never share by accident.
    pub fn plugin(&self, category: &Category, id: &str) -> PluginData {
        PluginData::new(Arc::clone(&self.shared), category.clone(), id)
    }

    /// All plugins that have data, by category and id.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        usage::list(&self.shared)
    }

    /// How many plugins have data, and how many bytes they take.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        usage::usage(&self.shared)
    }
}

/// A directory below another, made if there is none so that it stays after a crash of the machine.
fn ensure(parent: &Directory, name: &str) -> Result<Directory, StoreError> {
    if let Some(there) = below(parent, name)? {
        return Ok(there);
    }
    let made = open_or_create_plain(&parent.path().join(name))?;
    parent.synchronise()?;
    Ok(made)
}

/// A directory below another, if it is there. Who else may write to it is looked at here too.
fn below(parent: &Directory, name: &str) -> Result<Option<Directory>, StoreError> {
    // A name from outside never gets here without having been judged; this is the last look.
    c_path(name.as_bytes())?;
    Ok(open_existing(&parent.path().join(name))?)
}
