//! Settings that come from outside of the program: a file, the environment, flags. Whoever is at the edge
//! reads those; this is what they are read into.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Settings of a hub and its caches. They come before what the program's builders say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long to wait for a lock that another process holds. Default: 10 s.
    pub lock_timeout: Duration,
    /// Most bytes of rows on disk for each cache that has no figure of its own. Default: as the program says.
    pub max_size: Option<u64>,
    /// Which caches are to make their values anew. Default: none.
    pub refresh: Refresh,
    /// Settings of single caches, by name.
    pub caches: BTreeMap<String, Overrides>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(10),
            max_size: None,
            refresh: Refresh::None,
            caches: BTreeMap::new(),
        }
    }
}

/// Which caches serve nothing that was made before their hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Refresh {
    /// None of them.
    #[default]
    None,
    /// All of them.
    All,
    /// Those of these names.
    Named(BTreeSet<String>),
}

/// Settings of one cache. What is `None` is as the program says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Most entries in memory.
    pub capacity: Option<usize>,
    /// Most bytes in memory; nothing for a cache that does not weigh its entries.
    pub max_bytes: Option<u64>,
    /// Time to live.
    pub ttl: Option<Duration>,
    /// Whether values are kept on disk, in a cache that can.
    pub disk: Option<bool>,
    /// Most bytes of rows on disk.
    pub disk_max_bytes: Option<u64>,
}
