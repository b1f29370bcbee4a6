//! What the caches' user has set, and where: flags, variables, a project file, a user file, defaults, in
//! this order.
//!
//! Nothing here looks at the environment. Whoever is at the edge hands it in:
//!
//! ```no_run
//! use plugcache::{cache::Hub, config::{Config, Files}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let files = Files::find(&std::env::current_dir()?, None)?;
//! let config = Config::read(std::env::vars_os(), &files)?;
//! let hub = Hub::builder().settings(config.settings()).directory("/var/cache/my-host").build()?;
//! # Ok(())
//! # }
//! ```

pub mod embedding;
mod files;
pub mod section;
#[cfg(test)]
mod tests;
pub mod units;
mod variables;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

pub use files::Files;
use plugcache_cache::{
    Strength,
    hub::{Overrides, Refresh, Settings},
};
use section::One;
use variables::{PREFIX, Variables, spellings, stem_of};

use crate::project::ProjectError;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// This flag.
    Flag(&'static str),
    /// This variable.
    Variable(String),
    /// This project file.
    Project(PathBuf),
    /// This user file.
    User(PathBuf),
    /// Nobody has said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Project(path) => write!(f, "project file {}", path.display()),
            Self::User(path) => write!(f, "user file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn flag(value: Option<T>, name: &'static str) -> Option<Self> {
        value.map(|value| Self { value, origin: Origin::Flag(name) })
    }

    fn or_default(this: Option<Self>, value: T) -> Self {
        this.unwrap_or(Self { value, origin: Origin::Default })
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A variable says something else than what is expected.
    #[error("{name}: {problem}; mend or unset it")]
    Variable {
        /// Its name.
        name: String,
        /// What it says and what was expected.
        problem: String,
    },
    /// A file does, in a value that is read later than the file.
    #[error("{origin}: {problem}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// What it says and what was expected.
        problem: String,
    },
    /// A file does.
    #[error(transparent)]
    File(#[from] ProjectError),
}

/// Values of a command line, which come before all others.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--cache-dir`.
    pub directory: Option<PathBuf>,
    /// `--data-dir`.
    pub data_directory: Option<PathBuf>,
    /// `--no-cache`.
    pub no_cache: bool,
    /// `--refresh`.
    pub refresh: bool,
    /// `--strength`.
    pub strength: Option<Strength>,
    /// `--lock-timeout`.
    pub lock_timeout: Option<Duration>,
}

/// What is set.
#[derive(Debug)]
pub struct Config {
    /// Where caches are kept. Default: `None`, as the host says.
    pub directory: Setting<Option<PathBuf>>,
    /// Where durable data is kept: what plugins store, and the log. Default: `None`, as the host says.
    pub data_directory: Setting<Option<PathBuf>>,
    /// Keep nothing beyond the process: a temporary directory. Default: no.
    pub no_cache: Setting<bool>,
    /// Which caches make their values anew. Default: none.
    pub refresh: Setting<Refresh>,
    /// Reach for nothing on a network; `HF_HUB_OFFLINE` says so, too. Default: no.
    pub offline: Setting<bool>,
    /// How far files are looked at before an answer is given. Default: [`Strength::Full`].
    pub strength: Setting<Strength>,
    /// How long to wait for a lock that another process holds. Default: 10 s.
    pub lock_timeout: Setting<Duration>,
    /// Most bytes on disk of each cache that has no figure of its own. Default: as the program says.
    pub max_size: Setting<Option<u64>>,
    /// A remote tier; not used so far. Default: none.
    pub redis_url: Setting<Option<String>>,
    /// Which messages are shown, as `tracing` filters are written. Default: `warn`.
    pub log: Setting<String>,
    /// Texts as vectors.
    pub embedding: embedding::Embedding,
    /// Settings of single caches. One that only variables are about has its name with `_` for `-`.
    pub caches: BTreeMap<String, OneCache>,
    /// Variables that begin like ours and mean nothing.
    pub unknown: Vec<String>,
}

/// Settings of one cache. What is `None` is as the program says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OneCache {
    /// Most entries in memory.
    pub capacity: Option<Setting<usize>>,
    /// Most bytes in memory.
    pub max_bytes: Option<Setting<u64>>,
    /// Time to live.
    pub ttl: Option<Setting<Duration>>,
    /// Whether values are kept on disk.
    pub disk: Option<Setting<bool>>,
    /// Most bytes on disk.
    pub disk_max_bytes: Option<Setting<u64>>,
}

impl Config {
    /// Puts together what variables and files say.
    pub fn read<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
        files: &Files,
    ) -> Result<Self, ConfigError> {
        Self::read_with(Flags::default(), variables, files)
    }

    /// Puts together what flags, variables and files say.
    pub fn read_with<K: Into<OsString>, V: Into<OsString>>(
        flags: Flags,
        variables: impl IntoIterator<Item = (K, V)>,
        files: &Files,
    ) -> Result<Self, ConfigError> {
        let variables = Variables::of(variables);
        let directory = Setting::flag(flags.directory, "--cache-dir")
            .or_else(|| variables.path("DIR"))
            .or_else(|| files.all(|all| all.directory.clone()));
        let data_directory = Setting::flag(flags.data_directory, "--data-dir")
            .or_else(|| variables.path("DATA_DIR"))
            .or_else(|| files.data_directory());
        let no_cache = Setting::flag(flags.no_cache.then_some(true), "--no-cache");
        let refresh = Setting::flag(flags.refresh.then_some(Refresh::All), "--refresh");
        let lock_timeout = Setting::flag(flags.lock_timeout, "--lock-timeout");
        let text = |text: &str| Ok(text.to_owned());
        let max_size = variables.read("MAX_SIZE", units::bytes)?;
        Ok(Self {
            directory: optional(directory),
            data_directory: optional(data_directory),
            no_cache: Setting::or_default(no_cache.or(variables.read("NO_CACHE", units::flag)?), false),
            refresh: Setting::or_default(
                refresh.or(variables.read("REFRESH", |text| Ok(variables::refresh(text)))?),
                Refresh::None,
            ),
            offline: Setting::or_default(
                variables
                    .read("OFFLINE", units::flag)?
                    .or(variables.read_foreign("HF_HUB_OFFLINE", |text| Ok(variables::hub_flag(text)))?),
                false,
            ),
            strength: Setting::or_default(
                Setting::flag(flags.strength, "--strength")
                    .or(variables.read("STRENGTH", str::parse)?)
                    .or(files.strength()?),
                Strength::default(),
            ),
            lock_timeout: Setting::or_default(
                lock_timeout
                    .or(variables.read("LOCK_TIMEOUT", units::duration)?)
                    .or_else(|| files.all(|all| all.lock_timeout.map(|span| span.0))),
                Settings::default().lock_timeout,
            ),
            max_size: optional(max_size.or_else(|| files.all(|all| all.max_size.map(|bytes| bytes.0)))),
            redis_url: optional(variables.read("REDIS_URL", text)?),
            log: Setting::or_default(variables.read("LOG", text)?, "warn".to_owned()),
            embedding: embedding::Embedding::read(&variables, files)?,
            caches: caches(&variables, files)?,
            unknown: variables.unknown(),
        })
    }

    /// What a hub is given.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings {
            lock_timeout: self.lock_timeout.value,
            max_size: self.max_size.value,
            refresh: self.refresh.value.clone(),
            ..Settings::default()
        };
        for (name, cache) in &self.caches {
            // What only a variable is about may be the cache of any name that is written like it.
            for spelling in spellings(&stem_of(name)) {
                if spelling == *name || !self.caches.contains_key(&spelling) {
                    settings.caches.insert(spelling, cache.overrides());
                }
            }
        }
        settings
    }
}

impl OneCache {
    fn overrides(&self) -> Overrides {
        Overrides {
            capacity: self.capacity.as_ref().map(|setting| setting.value),
            max_bytes: self.max_bytes.as_ref().map(|setting| setting.value),
            ttl: self.ttl.as_ref().map(|setting| setting.value),
            disk: self.disk.as_ref().map(|setting| setting.value),
            disk_max_bytes: self.disk_max_bytes.as_ref().map(|setting| setting.value),
        }
    }
}

fn optional<T>(setting: Option<Setting<T>>) -> Setting<Option<T>> {
    match setting {
        Some(Setting { value, origin }) => Setting { value: Some(value), origin },
        None => Setting { value: None, origin: Origin::Default },
    }
}

fn caches(variables: &Variables, files: &Files) -> Result<BTreeMap<String, OneCache>, ConfigError> {
    let mut names = files.names();
    let known: Vec<String> = names.iter().map(|name| stem_of(name)).collect();
    let only_here = variables.stems().into_iter().filter(|stem| !known.contains(stem));
    names.extend(only_here.map(|stem| stem.to_ascii_lowercase()));
    names.into_iter().map(|name| Ok((name.clone(), one(&name, variables, files)?))).collect()
}

fn one(name: &str, variables: &Variables, files: &Files) -> Result<OneCache, ConfigError> {
    let stem = stem_of(name);
    let named = |ending: &str| format!("{stem}_{ending}");
    let number = |text: &str| {
        text.trim().parse().map_err(|_| format!("`{text}` is not a number of entries such as 10000"))
    };
    let capacity = variables.read(&named("CAPACITY"), number)?;
    let max_bytes = variables.read(&named("MAX_BYTES"), units::bytes)?;
    let ttl = variables.read(&named("TTL"), units::duration)?;
    let disk = variables.read(&named("DISK"), units::flag)?;
    let disk_max_bytes = variables.read(&named("DISK_MAX_BYTES"), units::bytes)?;
    Ok(OneCache {
        capacity: capacity.or_else(|| files.one(name, |one: &One| one.capacity)),
        max_bytes: max_bytes.or_else(|| files.one(name, |one| one.max_bytes.map(|bytes| bytes.0))),
        ttl: ttl.or_else(|| files.one(name, |one| one.ttl.map(|span| span.0))),
        disk: disk.or_else(|| files.one(name, |one| one.disk)),
        disk_max_bytes: disk_max_bytes
            .or_else(|| files.one(name, |one| one.disk_max_bytes.map(|bytes| bytes.0))),
    })
}

/// The variable for a setting of a cache: `PLUGCACHE_MANIFESTS_TTL`.
pub fn variable_for(cache: &str, setting: &str) -> String {
    format!("{PREFIX}{}_{}", stem_of(cache), stem_of(setting))
}

/// Where a user's own file is, below the directory for configuration.
pub fn user_file(configuration: &Path) -> PathBuf {
    configuration.join("plugcache").join("plugcache.toml")
}
