//! What can be typed. Values that may also stand in the environment or a project file are optional here;
//! `settings` decides.

mod cache;
mod embedding;
mod log;
mod safety;
mod state;
mod watch;

use std::{path::PathBuf, time::Duration};

pub(crate) use cache::{Cache, Clear, Kind, Place, Stats, Warm};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
#[cfg(feature = "embedding")]
pub(crate) use embedding::Model;
pub(crate) use embedding::{Embed, Similar};
pub(crate) use log::{DataPlace, Filter, Log, PruneSnapshots};
use plugcache::{Case, Duplicates, cache::Strength, config::units};
pub(crate) use safety::Safety;
pub(crate) use state::{State, System};
pub(crate) use watch::Watch;

/// Finds plugins without running them, and proves that what it remembers is still true.
#[derive(Debug, Parser)]
#[command(name = "plugcache", version, max_term_width = 100)]
pub(crate) struct Args {
    /// How data is printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Print no warnings.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON document, its shape numbered by `schema`.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List, resolve, show and search plugins.
    #[command(subcommand)]
    Plugins(Plugins),
    /// List the entry points of installed distributions.
    EntryPoints(EntryPoints),
    /// Say which evidence an answer rests on, or why there is none.
    Explain {
        /// The plugin's name; with --cache, the entry's key.
        name: String,
        /// Explain an entry of this cache instead of a plugin.
        #[arg(long, value_name = "CACHE")]
        cache: Option<String>,
        #[command(flatten)]
        select: Box<Select>,
    },
    /// What is kept: where, how much, what it is worth; check it, prune it, clear it.
    #[command(subcommand)]
    Cache(Cache),
    /// What plugins did: an append-only log that shows any change.
    #[command(subcommand)]
    Log(Log),
    /// How this system is, how it is to be, and what lies between: files, kernel parameters, mounts, network.
    #[command(subcommand)]
    State(State),
    /// Give the vectors of texts: what they mean, as numbers.
    Embed(Embed),
    /// Find what means nearly the same: in the log, and among plugins' descriptions.
    Similar(Similar),
    /// What is set, and where.
    #[command(subcommand)]
    Config(Config),
    /// Show what plugcache does, on this machine's own Python.
    Demo,
    /// Print a completion script.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Plugins {
    /// List every plugin.
    Ls {
        #[command(flatten)]
        select: Box<Select>,
    },
    /// Find one plugin by name.
    Resolve {
        /// The plugin's name.
        name: String,
        #[command(flatten)]
        select: Box<Select>,
    },
    /// Tell everything that is known of one plugin.
    Show {
        /// The plugin's name.
        name: String,
        #[command(flatten)]
        select: Box<Select>,
    },
    /// List plugins whose name, module, description or constants contain every word.
    Search {
        /// Words, in any case.
        #[arg(required = true)]
        words: Vec<String>,
        #[command(flatten)]
        select: Box<Select>,
    },
    /// Print a line for each plugin that is added, changed or removed from now on.
    Watch(Watch),
    /// Judge sources before any of their code runs. A hint and no sandbox: only --only-listed decides.
    Safety(Safety),
}

/// Which plugins: roots, rules, names. What is not given comes from the project file.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct Select {
    /// Directory on the search path; repeat for several.
    #[arg(long = "root", value_name = "DIR")]
    pub(crate) roots: Vec<PathBuf>,
    /// Directory searched after all roots.
    #[arg(long = "user-root", value_name = "DIR")]
    pub(crate) user_roots: Vec<PathBuf>,
    /// Dotted package to look into; repeat for several. Default: everything below the roots.
    #[arg(long = "package", value_name = "PKG")]
    pub(crate) packages: Vec<String>,
    /// Do not look into subpackages.
    #[arg(long)]
    pub(crate) no_recursive: bool,
    /// What a plugin is: base=MODULE:CLASS, suffix=…, prefix=…, decorator=…, attribute=…, metaclass=…,
    /// exported=MODULE, any, module, function, function-decorator=…; repeated rules must all hold. Default: any.
    #[arg(long = "rule", value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    /// Glob of manifest files below the roots, instead of rules; repeat for several.
    #[arg(long = "manifest", value_name = "GLOB", conflicts_with_all = ["rules", "packages"])]
    pub(crate) manifests: Vec<String>,
    /// JSON Schema that manifests must satisfy.
    #[arg(long, value_name = "FILE", requires = "manifests")]
    pub(crate) schema: Option<PathBuf>,
    /// What names a plugin: class, class-without-suffix[=S], snake, module, stem, attribute:NAME; for
    /// manifests a path in the document.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Module literal to tell besides the class, such as `_CONFIG`; repeat for several.
    #[arg(long = "module-literal", value_name = "NAME")]
    pub(crate) module_literals: Vec<String>,
    /// Leave out classes whose name starts with `_`.
    #[arg(long)]
    pub(crate) no_private: bool,
    /// Leave out abstract classes.
    #[arg(long)]
    pub(crate) no_abstract: bool,
    /// Check every file's whole syntax when it is read, function bodies included.
    #[arg(long)]
    pub(crate) full_syntax: bool,
    /// Suffix that names may leave out.
    #[arg(long)]
    pub(crate) suffix: Option<String>,
    /// When two spellings are the same name: exact, insensitive, loose.
    #[arg(long)]
    pub(crate) case: Option<Case>,
    /// Which of several plugins of one name answers: first, last, error.
    #[arg(long)]
    pub(crate) duplicates: Option<Duplicates>,
    #[command(flatten)]
    pub(crate) proof: Proof,
}

/// How answers are proven and kept.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct Proof {
    /// How much is checked before an answer: full, dirs, lazy, trust, hash (`PLUGCACHE_STRENGTH`).
    #[arg(long)]
    pub(crate) strength: Option<Strength>,
    /// Where caches and indexes are kept (`PLUGCACHE_DIR`).
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Keep nothing (`PLUGCACHE_NO_CACHE`).
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Read everything anew (`PLUGCACHE_REFRESH`).
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Longest wait for another process that builds the same index: 10s (`PLUGCACHE_LOCK_TIMEOUT`).
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) lock_timeout: Option<Duration>,
    /// Read everything anew when the index is older: 12h.
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) max_age: Option<Duration>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EntryPoints {
    /// Interpreter whose search path counts.
    #[arg(long, value_name = "EXE", default_value = "python3")]
    pub(crate) python: PathBuf,
    /// Search path instead of an interpreter's; repeat for several.
    #[arg(long = "path", value_name = "DIR", conflicts_with = "python", num_args = 1..)]
    pub(crate) paths: Vec<PathBuf>,
    /// This group only.
    #[arg(long)]
    pub(crate) group: Option<String>,
    #[command(flatten)]
    pub(crate) proof: Proof,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Show each value with its origin: flag, variable, project file, user file, default.
    Show(Place),
}
