//! What can be typed after `plugcache embed` and `plugcache similar`.

use clap::Args;

use super::{DataPlace, Place, Select};

/// Which model makes the vectors.
#[derive(Debug, Default, Args)]
pub(crate) struct Model {
    /// low, medium, high; OWNER/NAME or OWNER/NAME@REVISION at the hub; or a directory (`PLUGCACHE_EMBEDDING_MODEL`). Default: medium.
    #[arg(long = "model", value_name = "WHICH")]
    pub(crate) which: Option<String>,
    /// Texts that share a vector: none, digits (those that differ in numbers) (`PLUGCACHE_EMBEDDING_NORMALIZE`).
    #[arg(long, value_name = "WHICH")]
    pub(crate) normalize: Option<String>,
    /// Threads that the model computes on. Default: one for each core.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Embed {
    /// The texts; `-` for each line of standard input.
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
    #[command(flatten)]
    pub(crate) model: Model,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Similar {
    /// What to look for.
    pub(crate) text: String,
    /// How many are shown.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10)]
    pub(crate) limit: usize,
    /// Look in the log only.
    #[arg(long, conflicts_with = "plugins")]
    pub(crate) log: bool,
    /// Look among the plugins only.
    #[arg(long)]
    pub(crate) plugins: bool,
    #[command(flatten)]
    pub(crate) model: Model,
    #[command(flatten)]
    pub(crate) data: DataPlace,
    #[command(flatten)]
    pub(crate) select: Box<Select>,
}
