//! Variables of the environment that plugcache knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::PathBuf,
};

use super::{ConfigError, Origin, Setting, units};
use plugcache_cache::hub::Refresh;

/// Before each variable's name.
pub(super) const PREFIX: &str = "PLUGCACHE_";

/// Variables that are not about a single cache.
const KNOWN: [&str; 16] = [
    "DIR",
    "DATA_DIR",
    "NO_CACHE",
    "REFRESH",
    "OFFLINE",
    "LOCK_TIMEOUT",
    "MAX_SIZE",
    "REDIS_URL",
    "LOG",
    "STRENGTH",
    "STEPS",
    "ENTRY_POINTS",
    "EMBEDDING_MODEL",
    "EMBEDDING_MODELS_DIRECTORY",
    "EMBEDDING_NORMALIZE",
    "EMBEDDING_PRECISION",
];

/// Endings of those about a single cache, the longer before those they end with.
const ENDINGS: [&str; 5] = ["_DISK_MAX_BYTES", "_MAX_BYTES", "_CAPACITY", "_TTL", "_DISK"];

/// Variables of other programs that mean the same here.
const FOREIGN: [&str; 2] = ["HF_ENDPOINT", "HF_HUB_OFFLINE"];

/// The variables that begin with [`PREFIX`] and are not empty, without it; and those of [`FOREIGN`].
#[derive(Debug, Default)]
pub(super) struct Variables {
    ours: BTreeMap<String, OsString>,
    foreign: BTreeMap<&'static str, OsString>,
}

impl Variables {
    pub(super) fn of<K: Into<OsString>, V: Into<OsString>>(all: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut variables = Self::default();
        for (name, value) in all {
            let (name, value): (OsString, OsString) = (name.into(), value.into());
            let Some(name) = name.to_str().filter(|_| !value.is_empty()) else { continue };
            if let Some(name) = name.strip_prefix(PREFIX) {
                variables.ours.insert(name.to_owned(), value);
            } else if let Some(foreign) = FOREIGN.into_iter().find(|foreign| *foreign == name) {
                variables.foreign.insert(foreign, value);
            }
        }
        variables
    }

    /// Those that mean nothing.
    pub(super) fn unknown(&self) -> Vec<String> {
        let means_nothing = |name: &&String| !KNOWN.contains(&name.as_str()) && split(name).is_none();
        self.ours.keys().filter(means_nothing).map(|name| format!("{PREFIX}{name}")).collect()
    }

    /// Caches that some of them are about, as they are written here.
    pub(super) fn stems(&self) -> BTreeSet<String> {
        self.ours
            .keys()
            .filter(|name| !KNOWN.contains(&name.as_str()))
            .filter_map(|name| split(name))
            .collect()
    }

    pub(super) fn path(&self, name: &str) -> Option<Setting<PathBuf>> {
        let value = PathBuf::from(self.ours.get(name)?);
        Some(Setting { value, origin: Origin::Variable(format!("{PREFIX}{name}")) })
    }

    pub(super) fn read<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Setting<T>>, ConfigError> {
        let Some(value) = self.ours.get(name) else { return Ok(None) };
        read_value(format!("{PREFIX}{name}"), value, parse)
    }

    /// One of [`FOREIGN`].
    pub(super) fn read_foreign<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Setting<T>>, ConfigError> {
        let Some(value) = self.foreign.get(name) else { return Ok(None) };
        read_value(name.to_owned(), value, parse)
    }
}

fn read_value<T>(
    name: String,
    value: &OsString,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Setting<T>>, ConfigError> {
    let text = value.to_str().ok_or_else(|| format!("`{}` is not UTF-8", value.display()));
    match text.and_then(parse) {
        Ok(value) => Ok(Some(Setting { value, origin: Origin::Variable(name) })),
        Err(problem) => Err(ConfigError::Variable { name, problem }),
    }
}

/// A flag of the hub's own tools, as they read it: what is no yes is a no.
pub(super) fn hub_flag(text: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&text.trim().to_ascii_uppercase().as_str())
}

/// The cache that a variable is about.
fn split(name: &str) -> Option<String> {
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (!stem.is_empty() && stem.bytes().all(is_plain)).then(|| stem.to_owned())
}

/// How a cache's name is written in a variable.
pub(super) fn stem_of(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// Names that are written as `stem` in a variable: which of their `_` are `-` cannot be told from it.
pub(super) fn spellings(stem: &str) -> Vec<String> {
    const MOST: usize = 6;
    let places: Vec<usize> = stem.match_indices('_').map(|(place, _)| place).take(MOST).collect();
    let spell = |choice: usize| {
        let mut name = stem.to_ascii_lowercase();
        for (bit, place) in places.iter().enumerate() {
            if choice >> bit & 1 == 1 {
                name.replace_range(place..=place, "-");
            }
        }
        name
    };
    (0..1 << places.len()).map(spell).collect()
}

/// `PLUGCACHE_REFRESH`: yes, no, or names.
pub(super) fn refresh(text: &str) -> Refresh {
    match units::flag(text) {
        Ok(true) => Refresh::All,
        Ok(false) => Refresh::None,
        Err(_) => {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
            Refresh::Named(names.collect())
        }
    }
}
