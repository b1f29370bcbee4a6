//! What can be typed after `plugcache plugins watch`.

use std::time::Duration;

use clap::Args;
use plugcache::config::units;

use super::Select;

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// End after this long: 10s. Default: at Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration)]
    pub(crate) lasting: Option<Duration>,
    #[command(flatten)]
    pub(crate) select: Box<Select>,
}
