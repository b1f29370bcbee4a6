//! Our side: the sessions that cases open.

use std::{path::Path, str::FromStr, sync::Arc};

use plugcache_cache::Strength;
use plugcache_discovery::{
    entry_points::{self, EntryPointFinder, PythonVersion},
    finder::Finder,
    index::{Location, Session, Snapshot},
    manifest::{self, ManifestFinder},
    python::finder::{PackageSpec, PythonFinder},
};

use crate::Result;

/// Which plugins are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Every subclass of yt-dlp's `InfoExtractor`: 2,048.
    Extractors,
    /// The classes that yt-dlp registers: 1,754.
    Registered,
    /// The plugins of a generated tree: see [`crate::trees`].
    Generated,
    /// Every entry point of an environment.
    EntryPoints,
    /// Home Assistant's integrations, by their manifests.
    Manifests,
}

impl What {
    /// The word for it on a child's command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Extractors => "extractors",
            Self::Registered => "registered",
            Self::Generated => "generated",
            Self::EntryPoints => "entry-points",
            Self::Manifests => "manifests",
        }
    }
}

impl FromStr for What {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        [Self::Extractors, Self::Registered, Self::Generated, Self::EntryPoints, Self::Manifests]
            .into_iter()
            .find(|what| what.word() == word)
            .ok_or_else(|| format!("nothing is called {word}"))
    }
}

/// A session that keeps its index in `cache`.
pub(crate) fn session(what: What, root: &Path, cache: &Path, strength: Strength) -> Result<Session> {
    let finder: Arc<dyn Finder> = match what {
        What::Extractors => classes("yt_dlp.extractor", &["base=yt_dlp.extractor.common:InfoExtractor"])?,
        What::Registered => {
            classes("yt_dlp.extractor", &["exported=yt_dlp.extractor._extractors", "suffix=IE"])?
        }
        What::Generated => classes("host.plugins", &["base=host.base:Plugin"])?,
        What::EntryPoints => Arc::new(EntryPointFinder::default()),
        What::Manifests => Arc::new(ManifestFinder::new(manifest::Options {
            patterns: vec!["*/manifest.json".to_owned()],
            key: Some("domain".to_owned()),
            ..manifest::Options::default()
        })?),
    };
    let location = Location { directories: vec![cache.to_owned()] };
    Ok(Session { location, strength, ..Session::new(finder, vec![root.to_owned()]) })
}

fn classes(package: &str, rules: &[&str]) -> Result<Arc<dyn Finder>> {
    let packages = vec![PackageSpec::recursive(package)];
    let rules = rules.iter().map(|rule| rule.parse()).collect::<std::result::Result<_, _>>()?;
    Ok(Arc::new(PythonFinder { packages, rules, ..PythonFinder::default() }))
}

/// Goes through everything that a snapshot has, as a host would; returns how much that is.
pub(crate) fn walk_through(what: What, snapshot: &Snapshot) -> u64 {
    if what == What::EntryPoints {
        let listed = entry_points::list(snapshot.index(), PythonVersion::default());
        return listed.map_or(0, |listed| listed.len() as u64);
    }
    let mut seen = 0;
    let taken = snapshot.index().for_each(|_| {
        seen += 1;
        Some(())
    });
    taken.map_or(0, |()| seen)
}
