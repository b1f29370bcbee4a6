//! What can be typed after `plugcache log`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use plugcache::{config::Flags, ledger::Head};

/// Whose log.
#[derive(Debug, Default, Args)]
pub(crate) struct DataPlace {
    /// Where durable data is kept (`PLUGCACHE_DATA_DIR`). The log is in `log` there.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

impl DataPlace {
    pub(crate) fn flags(&self) -> Flags {
        Flags { data_directory: self.data_dir.clone(), ..Flags::default() }
    }
}

/// Which blocks.
#[derive(Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only blocks of this plugin.
    #[arg(long, value_name = "PLUGIN")]
    pub(crate) plugin: Option<String>,
    /// Only blocks of this operation.
    #[arg(long, value_name = "OPERATION")]
    pub(crate) operation: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Append a block: what a plugin did. The first one makes the log.
    Append {
        /// The plugin.
        #[arg(long)]
        plugin: String,
        /// What it did.
        #[arg(long)]
        operation: String,
        /// File whose hash is kept, `-` for standard input. Default: no data.
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,
        /// Something to keep in full, as text; repeat for several.
        #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = pair)]
        metadata: Vec<(String, String)>,
        #[command(flatten)]
        place: DataPlace,
    },
    /// Show a block, or list all.
    Show {
        /// The block's number.
        #[arg(conflicts_with_all = ["plugin", "operation"])]
        number: Option<u64>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        place: DataPlace,
    },
    /// List the last blocks.
    Tail {
        /// How many.
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10)]
        lines: u64,
        /// Go on with those that are appended, until Ctrl-C.
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        place: DataPlace,
    },
    /// Check that every byte is as it was written; exit code 1 with the place where one is not.
    Verify {
        /// The head that the log had earlier, as `log verify` printed it: blocks from before are as they were.
        #[arg(long, value_name = "COUNT:HASH", value_parser = head)]
        head: Option<Head>,
        #[command(flatten)]
        place: DataPlace,
    },
    /// Make a snapshot, which is a log of its own.
    Snapshot {
        /// Begin of its name; the time in UTC follows.
        #[arg(long, value_name = "NAME", default_value = "SNP-state")]
        prefix: String,
        #[command(flatten)]
        place: DataPlace,
    },
    /// Remove the snapshots that are not the newest of one of the last hours, days, weeks or quarters.
    PruneSnapshots(PruneSnapshots),
}

#[derive(Debug, Args)]
pub(crate) struct PruneSnapshots {
    /// Begin of their names.
    #[arg(long, value_name = "NAME", default_value = "SNP-state")]
    pub(crate) prefix: String,
    /// Hours that keep one.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub(crate) hourly: usize,
    /// Days that keep one.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub(crate) daily: usize,
    /// Weeks that keep one.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub(crate) weekly: usize,
    /// Quarters of years that keep one.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub(crate) quarterly: usize,
    /// Say which would go, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) place: DataPlace,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn head(text: &str) -> Result<Head, String> {
    let expected = || format!("`{text}` is not COUNT:HASH, such as `plugcache log verify` prints");
    let (count, hash) = text.split_once(':').ok_or_else(expected)?;
    Ok(Head { count: count.parse().map_err(|_| expected())?, hash: hash.parse()? })
}
