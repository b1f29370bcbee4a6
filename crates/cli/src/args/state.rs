//! What can be typed after `plugcache state`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use plugcache::config::Flags;

/// Of which system, and what is kept of it.
#[derive(Debug, Default, Args)]
pub(crate) struct System {
    /// Directory whose files the plugin `files` manages. Default: there is no such plugin.
    #[arg(long, value_name = "DIR")]
    pub(crate) managed: Option<PathBuf>,
    /// Kernel parameters below this name only, such as net.ipv4; repeat for several. Default: all.
    #[arg(long = "sysctl", value_name = "PREFIX")]
    pub(crate) prefixes: Vec<String>,
    /// Where caches are kept (`PLUGCACHE_DIR`).
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Where checkpoints are kept (`PLUGCACHE_DATA_DIR`).
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Keep nothing of the states (`PLUGCACHE_NO_CACHE`).
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Ask for all states anew (`PLUGCACHE_REFRESH`).
    #[arg(long)]
    pub(crate) refresh: bool,
}

impl System {
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            directory: self.cache_dir.clone(),
            data_directory: self.data_dir.clone(),
            no_cache: self.no_cache,
            refresh: self.refresh,
            ..Flags::default()
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// List the state plugins and how each part of the system is, or show the state of one. States are
    /// served for 5 s.
    Query {
        /// The plugin whose state is shown.
        plugin: Option<String>,
        #[command(flatten)]
        system: System,
    },
    /// Compare the system with how it is to be. Exits with 1 if something would have to be changed.
    Diff {
        /// JSON document: {"plugins": {NAME: STATE, …}} or {NAME: STATE, …}; `-` reads standard input.
        file: PathBuf,
        #[command(flatten)]
        system: System,
    },
    /// Make the system as it is to be: checkpoint, apply, verify, and back again if that fails. Exits with 2
    /// if anything failed.
    Apply {
        /// JSON document: {"plugins": {NAME: STATE, …}} or {NAME: STATE, …}; `-` reads standard input.
        file: PathBuf,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        system: System,
    },
    /// Keep how a part of the system is, to be gone back to, and print its id.
    Checkpoint {
        /// The plugin whose part it is. Default: all that can go back.
        plugin: Option<String>,
        /// List the checkpoints there are, the newest first.
        #[arg(long, conflicts_with = "plugin")]
        list: bool,
        #[command(flatten)]
        system: System,
    },
    /// Bring back what was there when a checkpoint was made.
    Rollback {
        /// The checkpoint.
        id: String,
        #[command(flatten)]
        system: System,
    },
}
