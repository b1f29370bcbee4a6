//! What `plugcache plugins safety` takes.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use plugcache::discovery::safety::{Profile as Rules, SourceDigest};

/// Which sources, and by which rules.
#[derive(Debug, ClapArgs)]
pub(crate) struct Safety {
    /// Source files, and directories that are judged as packages.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Which rules.
    #[arg(long, value_enum, default_value_t = Profile::Strict)]
    pub(crate) profile: Profile,
    /// Package that may be imported, with all that is below it; repeat for several.
    #[arg(long = "allow-import", value_name = "PKG")]
    pub(crate) allow_imports: Vec<String>,
    /// BLAKE3 digest of a source that is allowed whatever the scan says; repeat for several.
    #[arg(long = "allow-digest", value_name = "HEX")]
    pub(crate) allow_digests: Vec<SourceDigest>,
    /// Allow nothing but what has an allowed digest.
    #[arg(long)]
    pub(crate) only_listed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// What is not known to be harmless is not allowed.
    Strict,
    /// The verdicts of ratio1's checker.
    Ratio1,
}

impl From<Profile> for Rules {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Strict => Self::Strict,
            Profile::Ratio1 => Self::Ratio1,
        }
    }
}
