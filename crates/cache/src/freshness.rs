//! When evidence proves that something is still true, and how a miss says why it does not.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    fingerprint::{Digest, Stamp},
};

/// How much is checked before an answer is given. An answer always says which strength it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Version and age only: nothing is looked at.
    Trust,
    /// The directories: sees additions, removals, renames and editors' atomic saves, not writes in place.
    Dirs,
    /// The directories, and the files behind the plugin that is returned.
    Lazy,
    /// The directories and every file's stamp. The default.
    #[default]
    Full,
    /// Every file is read: for file systems whose stamps lie.
    Hash,
    /// A live watcher has seen no change since a full validation, so nothing is looked at. A strength of answers
    /// only: what it is asked of looks as at [`Full`](Self::Full).
    Watched,
}

impl Strength {
    /// All that can be asked for, weakest first.
    pub const ALL: [Self; 5] = [Self::Trust, Self::Dirs, Self::Lazy, Self::Full, Self::Hash];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Dirs => "dirs",
            Self::Lazy => "lazy",
            Self::Full => "full",
            Self::Hash => "hash",
            Self::Watched => "watched",
        }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Strength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|strength| strength.as_str() == text)
            .ok_or_else(|| format!("unknown strength `{text}`: expected full, dirs, lazy, trust or hash"))
    }
}

/// Why something kept is not served as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StaleReason {
    /// Nothing was kept.
    Missing,
    /// What was kept is damaged.
    Damaged {
        /// Which part.
        part: String,
    },
    /// Another version of this program wrote it.
    Version {
        /// The version found.
        found: u32,
        /// The version expected.
        expected: u32,
    },
    /// It was made for another key.
    OtherKey,
    /// It was made for values of another type, or in another format.
    OtherType,
    /// It was made for the same tree in another place.
    Relocated,
    /// Older than allowed, or made in the future.
    Age {
        /// When it was made.
        made: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// A file or directory has appeared.
    Added,
    /// It is gone.
    Removed,
    /// Its content differs.
    Content {
        /// Digest kept.
        old: Digest,
        /// Digest now.
        new: Digest,
    },
    /// Its stamp differs, while its content is the same.
    Metadata {
        /// Stamp kept.
        old: Stamp,
        /// Stamp now.
        new: Stamp,
    },
    /// A directory lists other entries than before.
    Listing,
    /// Its stamp was too young to prove anything.
    Racy {
        /// The stamp.
        stamp: Stamp,
    },
    /// It could not be looked at.
    Unreadable {
        /// The system's answer.
        error: String,
    },
    /// The caller asked for a new one.
    Asked,
    /// Its time to live is over.
    Expired {
        /// When it ended.
        at: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// It claims to have been made in the future: a clock was moved, and its age is unknown.
    Future {
        /// When it claims to have been made.
        made: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// The program that made it was another version.
    Application {
        /// The version it was made with.
        old: String,
        /// The version asked for.
        new: String,
    },
    /// Its signature differs: something else than files that it is made from.
    Signature {
        /// The signature it was made with.
        old: Option<Digest>,
        /// The signature asked for.
        new: Option<Digest>,
    },
    /// Something that it is made from has changed.
    Input {
        /// Which file or directory.
        path: PathBuf,
        /// What about it.
        reason: Box<StaleReason>,
    },
    /// The cache was cleared after it was made.
    Cleared,
    /// A tag of it was invalidated.
    Tag {
        /// The tag.
        tag: String,
    },
    /// Another process has replaced or removed it.
    Replaced,
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("nothing was kept"),
            Self::Damaged { part } => write!(f, "damaged: {part}"),
            Self::Version { found, expected } => {
                write!(f, "written by version {found}, this is version {expected}")
            }
            Self::OtherKey => f.write_str("made for other roots or rules"),
            Self::OtherType => f.write_str("made for values of another type or in another format"),
            Self::Relocated => f.write_str("the tree stands in another place"),
            Self::Age { made, now } => write!(f, "made at {} ns, now {} ns", made.0, now.0),
            Self::Added => f.write_str("added"),
            Self::Removed => f.write_str("removed"),
            Self::Content { old, new } => write!(f, "content changed: {old} → {new}"),
            Self::Metadata { old, new } => {
                write!(f, "only {} changed, same content", old.differences(new).join(", "))
            }
            Self::Listing => f.write_str("the directory's listing changed"),
            Self::Racy { .. } => f.write_str("modified too recently for its stamp to prove anything"),
            Self::Unreadable { error } => write!(f, "cannot be read: {error}"),
            Self::Asked => f.write_str("a new one was asked for"),
            Self::Expired { at, now } => {
                write!(f, "expired {:.1?} ago", Duration::from_nanos(now.since(*at).unsigned_abs()))
            }
            Self::Future { made, now } => {
                let ahead = Duration::from_nanos(made.since(*now).unsigned_abs());
                write!(f, "made {ahead:.1?} in the future: a clock was moved")
            }
            Self::Application { old, new } => write!(f, "made by version `{old}`, now `{new}`"),
            Self::Signature { old, new } => write!(f, "signature changed: {} → {}", shown(*old), shown(*new)),
            Self::Input { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Cleared => f.write_str("the cache was cleared"),
            Self::Tag { tag } => write!(f, "the tag `{tag}` was invalidated"),
            Self::Replaced => f.write_str("another process replaced or removed it"),
        }
    }
}

fn shown(signature: Option<Digest>) -> String {
    signature.map_or_else(|| "none".to_owned(), |digest| digest.to_string())
}

/// Whether something kept may be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Fresh,
    /// It may not, for this reason.
    Stale(StaleReason),
}

/// How fine a file system's clock is: a stamp younger than this before an observation proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granularity(pub i64);

impl Granularity {
    /// Three ticks of 4 ms: local Linux file systems stamp with the kernel's coarse clock.
    pub const LOCAL: Self = Self(12_000_000);
    /// Two seconds: FAT, network and unknown file systems.
    pub const COARSE: Self = Self(2_000_000_000);

    /// The racy rule: whether `stamp`, seen in an observation that began at `began`, proves nothing. So
    /// does a stamp from the future.
    pub fn is_racy(self, stamp: &Stamp, began: Timestamp) -> bool {
        !stamp.is_absent() && stamp.youngest() >= began.minus(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn young_and_future_stamps_are_racy() {
        let at = |changed| Stamp { inode: 1, changed: Timestamp(changed), ..Stamp::ABSENT };
        let began = Timestamp(1_000_000_000);
        assert!(Granularity::LOCAL.is_racy(&at(999_000_000), began));
        assert!(Granularity::LOCAL.is_racy(&at(988_000_000), began));
        assert!(Granularity::LOCAL.is_racy(&at(i64::MAX), began));
        assert!(!Granularity::LOCAL.is_racy(&at(987_999_999), began));
        assert!(!Granularity::LOCAL.is_racy(&Stamp::ABSENT, began));
    }

    #[test]
    fn strengths_parse_and_print() {
        for strength in Strength::ALL {
            assert_eq!(strength.as_str().parse(), Ok(strength));
        }
        assert!("quick".parse::<Strength>().is_err());
    }
}
