//! What a value was made from: inputs that are declared, observed before the loader runs, and looked at
//! again whenever the value is to be served.

mod check;
mod observe;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use check::Proof;

use crate::{Digest, Stamp};

/// Files and directories that a value is made from.
///
/// A path that does not exist is an input too: the value is stale once it appears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs(Vec<(Extent, PathBuf)>);

/// How much below a path counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Extent {
    /// A file's content.
    File,
    /// Names and kinds of a directory's entries.
    Directory,
    /// A directory, all directories below it, and the content of all files in them.
    Tree,
}

impl Inputs {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// A file's content.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.push((Extent::File, path.into()));
        self
    }

    /// Names and kinds of the entries of a directory; what the files in it hold does not count.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.push((Extent::Directory, path.into()));
        self
    }

    /// A directory, all directories below it, and the content of all files in them. Links to directories
    /// are not followed.
    #[must_use]
    pub fn tree(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.push((Extent::Tree, path.into()));
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

impl<P: Into<PathBuf>> FromIterator<P> for Inputs {
    /// Files.
    fn from_iter<I: IntoIterator<Item = P>>(files: I) -> Self {
        files.into_iter().fold(Self::none(), Self::file)
    }
}

/// The state in which inputs were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    seen: Vec<Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    path: PathBuf,
    is_directory: bool,
    stamp: Stamp,
    /// Of a file's content or of a directory's listing. `None`: nothing there, or a file too large to read.
    digest: Option<Digest>,
    /// The stamp was too young to prove anything when it was seen.
    is_racy: bool,
}

impl Evidence {
    /// Whether nothing was observed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Identity of what the inputs hold, wherever and whenever they were written: same content, same
    /// identity.
    pub fn content(&self) -> Digest {
        let parts = self.seen.iter().flat_map(|seen| {
            let digest = seen.digest.as_ref().map_or(&[][..], |digest| &digest.0[..]);
            [seen.path.as_os_str().as_encoded_bytes(), digest]
        });
        Digest::of_key(parts)
    }

    /// This and more.
    pub(crate) fn extend(&mut self, more: Self) {
        self.seen.extend(more.seen);
    }
}
