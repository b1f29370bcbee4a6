//! What can be typed after `plugcache cache`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use plugcache::config::{Flags, units};

/// Whose caches.
#[derive(Debug, Default, Args)]
pub(crate) struct Place {
    /// Where caches and indexes are kept (`PLUGCACHE_DIR`).
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Keep nothing (`PLUGCACHE_NO_CACHE`).
    #[arg(long)]
    pub(crate) no_cache: bool,
}

impl Place {
    pub(crate) fn flags(&self) -> Flags {
        Flags { directory: self.cache_dir.clone(), no_cache: self.no_cache, ..Flags::default() }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Print where caches and indexes are kept.
    Dir(Place),
    /// Tell how much each cache has on disk.
    Size(Place),
    /// Tell what the caches have done, in running and in past processes, and whether they are worth it.
    Stats(Stats),
    /// List the caches, or the entries of one.
    Ls {
        /// The cache whose entries are listed.
        name: Option<String>,
        /// Most entries that are listed; 0 lists all.
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        place: Place,
    },
    /// Fetch and prepare what later calls would wait for.
    Warm(Warm),
    /// Check every entry, every index and every fetched model for damage.
    Verify {
        /// Remove what is damaged; its next use makes or fetches it anew.
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Remove what nobody will be served, and on request what is old or too much. Fetched models stay.
    Prune {
        /// Remove what was made longer ago too: 30d.
        #[arg(long, value_name = "TIME", value_parser = units::duration)]
        older_than: Option<Duration>,
        /// Then remove the oldest entries of all caches until the rest fits: 2GiB.
        #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
        max_size: Option<u64>,
        /// Say what would go, and remove nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Remove what is kept; the next use makes it anew. Running processes notice at their next lookup.
    #[command(alias = "clean")]
    Clear(Clear),
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Print them again every second, until Ctrl-C.
    #[arg(long)]
    pub(crate) watch: bool,
    /// This cache only; repeat for several.
    #[arg(long = "cache", value_name = "NAME")]
    pub(crate) caches: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Clear {
    /// This cache only; repeat for several.
    #[arg(long = "cache", value_name = "NAME")]
    pub(crate) caches: Vec<String>,
    #[command(flatten)]
    pub(crate) known: Known,
    /// Only entries with this tag.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Only this kind of kept thing; repeat for several. Default: all but statistics and models.
    #[arg(long = "kind", value_enum, value_name = "KIND", conflicts_with_all = ["caches", "tag", "Known"])]
    pub(crate) kinds: Vec<Kind>,
    /// Forget what past processes have counted, too.
    #[arg(long)]
    pub(crate) stats: bool,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Warm {
    /// Fetch the files of the sentence model, and load it once to see that it works. WHICH as in `plugcache embed`.
    #[arg(long = "model", value_name = "WHICH", required = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Short for `--cache NAME`, for caches that hosts commonly have. One that is not there is no failure.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
#[group(multiple = true)]
pub(crate) struct Known {
    /// The cache `embeddings`, if there is one.
    #[arg(long)]
    embedding: bool,
    /// The cache `blocks`, if there is one.
    #[arg(long)]
    blocks: bool,
    /// The cache `queries`, if there is one.
    #[arg(long)]
    queries: bool,
    /// The cache `diffs`, if there is one.
    #[arg(long)]
    diffs: bool,
    /// The cache `manifests`, if there is one.
    #[arg(long)]
    manifests: bool,
}

impl Known {
    /// Names of the caches that were asked for.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let all = [
            (self.embedding, "embeddings"),
            (self.blocks, "blocks"),
            (self.queries, "queries"),
            (self.diffs, "diffs"),
            (self.manifests, "manifests"),
        ];
        all.into_iter().filter_map(|(is_asked, name)| is_asked.then_some(name)).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Entries of programs' caches.
    Caches,
    /// Indexes of plugins.
    Index,
    /// What past processes have counted.
    Stats,
    /// Sentence models that were fetched: they are right for ever, and take long to fetch again.
    Models,
}
