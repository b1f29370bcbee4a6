//! `plugcache cache …`: the caches of all programs that share a directory, and the plugin indexes beside
//! them, whoever uses them at the time.

mod clear;
mod dir;
pub(crate) mod ls;
mod prune;
mod size;
mod stats;
mod verify;

use std::path::{Path, PathBuf};

use plugcache::{
    Config,
    cache::{
        admin::{CacheOnDisk, Caches, Counted},
        directory,
        fs::{Directory, Extent, Kind, c_path},
    },
    discovery::index::maintenance,
};

use super::Outcome;
use crate::{
    args::{Cache, Place},
    output::{Failure, Output},
    settings,
};

pub(super) fn run(command: Cache, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Cache::Dir(place) => dir::run(&place, output),
        Cache::Size(place) => size::run(&place, output),
        Cache::Stats(args) => stats::run(&args, output),
        Cache::Ls { name: None, place, .. } => ls::caches(&place, output),
        Cache::Ls { name: Some(name), limit, place } => ls::entries(&name, limit, &place, output),
        Cache::Warm(args) => super::embedding::warm(&args, output),
        Cache::Verify { repair, place } => verify::run(&place, repair, output),
        Cache::Prune { older_than, max_size, dry_run, place } => {
            prune::run(&place, older_than, max_size, dry_run, output)
        }
        Cache::Clear(args) => clear::run(&args, output),
    }
}

/// The directories in order of preference: indexes may lie in each, caches in the first.
pub(crate) struct Desk {
    pub(crate) directories: Vec<PathBuf>,
    /// `None`: there is no directory, and so no cache.
    pub(crate) caches: Option<Caches>,
    /// Where fetched models are. `None`: nowhere.
    models: Option<Models>,
}

/// The place of fetched models, whether there are any or not.
pub(super) struct Models {
    pub(super) directory: PathBuf,
    /// Longest wait for a program that is fetching one.
    #[cfg(feature = "embedding")]
    pub(super) lock_timeout: std::time::Duration,
}

/// A fetched model whose files were read and compared.
pub(super) struct CheckedModel {
    /// `owner/name`, or `owner/name@revision`.
    pub(super) name: String,
    pub(super) directory: PathBuf,
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// What is wrong with which file.
    pub(super) problems: Vec<String>,
}

impl Desk {
    pub(crate) fn open(place: &Place) -> Result<Self, Failure> {
        Self::with(&settings::config(place.flags())?)
    }

    fn with(config: &Config) -> Result<Self, Failure> {
        // The temporary directory of this command would be an empty one.
        let directories =
            if config.no_cache.value { Vec::new() } else { settings::location(config).directories };
        let caches = directories.first().map(|first| Caches::open(first)).transpose()?.flatten();
        Ok(Self { directories, caches, models: Models::of(config) })
    }

    /// The first directory: where programs keep their caches.
    fn first(&self) -> Option<&Path> {
        self.directories.first().map(PathBuf::as_path)
    }

    /// Names of all caches: those with a directory, and those that only counted.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        Ok(match &self.caches {
            Some(caches) => caches.names()?.into_iter().collect(),
            None => Vec::new(),
        })
    }

    /// The names asked for, or all; an unknown one is a failure that tells close ones.
    fn chosen(&self, asked: &[String]) -> Result<Vec<String>, Failure> {
        let all = self.names()?;
        if let Some(unknown) = asked.iter().find(|name| !all.contains(name)) {
            return Err(self.unknown(unknown, &all));
        }
        Ok(if asked.is_empty() { all } else { asked.to_vec() })
    }

    /// Opens caches by name.
    fn open_caches(&self, asked: &[String]) -> Result<Vec<CacheOnDisk>, Failure> {
        let names = self.chosen(asked)?;
        let caches = self.caches.iter();
        let opened = caches.flat_map(|caches| names.iter().map(|name| caches.cache(name)));
        Ok(opened.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }

    /// Opens a cache that has to be there.
    pub(crate) fn open_cache(&self, name: &str) -> Result<CacheOnDisk, Failure> {
        let mut opened = self.open_caches(&[name.to_owned()])?;
        opened.pop().ok_or_else(|| self.unknown(name, &[]))
    }

    fn unknown(&self, name: &str, all: &[String]) -> Failure {
        let place = self.first().map_or_else(|| "nowhere".to_owned(), |path| path.display().to_string());
        let mut near: Vec<(f64, &String)> =
            all.iter().map(|other| (strsim::jaro_winkler(name, other), other)).collect();
        near.retain(|(likeness, _)| *likeness > 0.75);
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let near: Vec<&str> = near.iter().take(3).map(|(_, other)| other.as_str()).collect();
        let remedy = if near.is_empty() {
            "`plugcache cache ls` lists those there are".to_owned()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        format!("no cache is named `{name}` in {place}; {remedy}").into()
    }

    /// What the caches have counted; counts of processes that ended are added to those of the past.
    fn counted(&self) -> Result<Vec<Counted>, Failure> {
        Ok(self.caches.as_ref().map_or_else(|| Ok(Vec::new()), Caches::counted)?)
    }

    /// The directories that exist, for their indexes.
    fn index_directories(&self) -> Result<Vec<Directory>, Failure> {
        let opened = self.directories.iter().map(|path| directory::open_existing(path));
        Ok(opened.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }

    /// What fetched models take, incomplete ones included.
    fn models(&self) -> Result<Extent, Failure> {
        let mut sum = Extent::default();
        let place = self.models.as_ref().map(|models| directory::open_existing(&models.directory));
        let Some(place) = place.transpose()?.flatten() else { return Ok(sum) };
        for (name, kind) in place.list()?.0 {
            // Each is named by a digest. What else lies there is not ours.
            if kind == Kind::Directory && name.len() == 32 && name.iter().all(u8::is_ascii_hexdigit) {
                let Extent { files, bytes } = place.open_below(&c_path(&name)?)?.extent()?;
                sum.files += files;
                sum.bytes += bytes;
            }
        }
        Ok(sum)
    }

    /// Files of indexes and their bytes.
    fn indexes(&self) -> Result<Indexes, Failure> {
        let mut indexes = Indexes::default();
        for directory in self.index_directories()? {
            // What clearing would remove is what there is.
            for file in maintenance::clear(&directory, true)? {
                indexes.files += 1;
                indexes.bytes += file.size;
            }
        }
        Ok(indexes)
    }
}

impl Models {
    fn of(config: &Config) -> Option<Self> {
        // What one call fetches for itself is gone after it.
        let directory = settings::models_directory(config).filter(|_| !config.no_cache.value)?;
        Some(Self {
            directory,
            #[cfg(feature = "embedding")]
            lock_timeout: config.lock_timeout.value,
        })
    }
}

/// What the plugin indexes take.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
struct Indexes {
    files: u64,
    bytes: u64,
}
