//! What can go wrong with a model's files.

use std::{path::PathBuf, time::Duration};

use plugcache_cache::Error;

use super::Sha256Sum;

/// Why there is no model. What has arrived of a file stays for the next fetch, unless it is wrong or too large, or the
/// disk is full: there it would be in the way of others.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A file or directory could not be used.
    #[error(transparent)]
    File(Error),
    /// The disk is full.
    #[error(
        "no room for {}: free some space, or choose another directory for models with \
         PLUGCACHE_EMBEDDING_MODELS_DIRECTORY",
        path.display()
    )]
    NoRoom {
        /// What was written.
        path: PathBuf,
    },
    /// A name that is not one of a hub.
    #[error("`{name}` cannot be {what}: {rule}")]
    Name {
        /// The name.
        name: String,
        /// What it was to be.
        what: &'static str,
        /// What it would have to be.
        rule: &'static str,
    },
    /// An endpoint, token or proxy that cannot be used.
    #[error("the {what} cannot be used: {why}")]
    Setting {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A file is missing, and no connection may be made.
    #[error(
        "{file} of model {repository} is not in {}, and this is offline; run `plugcache cache warm --model {repository}` \
         once with a connection (HF_ENDPOINT may name a mirror), or name a directory that holds the model's files",
        path.display()
    )]
    Offline {
        /// The model: `owner/name`, with `@revision` if it is another than `main`.
        repository: String,
        /// The first file that is missing.
        file: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// A directory that is to be a model lacks a file.
    #[error("{} is missing, and a model cannot do without it; copy it there from the model's repository", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
    },
    /// The hub wants to know who asks, or does not let him in.
    #[error(
        "{url} is refused ({status}): check the name of the repository; if it is private or gated, accept its terms \
         on the hub and give a token (HF_TOKEN)"
    )]
    Refused {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// The hub does not have it.
    #[error("{url} is not there ({what}): check the names of repository, revision and file")]
    NotFound {
        /// What was asked for.
        url: String,
        /// What is missing, as the hub says.
        what: String,
    },
    /// The hub is busy for longer than the caller waits.
    #[error(
        "{url}: the hub asks to wait {} s, longer than {} s; try again later, with a token (HF_TOKEN) if there was \
         none, or at a mirror (HF_ENDPOINT)", wait.as_secs(), limit.as_secs()
    )]
    Busy {
        /// What was asked for.
        url: String,
        /// How long it asks for.
        wait: Duration,
        /// How long the caller waits.
        limit: Duration,
    },
    /// Too many tries brought nothing or little.
    #[error(
        "{url}: {why}, after {tries} tries; check the connection and the proxy, or name a mirror (HF_ENDPOINT); the \
         next fetch goes on where this one ended"
    )]
    Unreachable {
        /// What was asked for.
        url: String,
        /// The last thing that went wrong.
        why: String,
        /// How many tries: in a row without progress, or in all.
        tries: usize,
    },
    /// An answer that makes no sense.
    #[error("{url}: {why}; check that the endpoint is a hub (HF_ENDPOINT)")]
    Answer {
        /// What was asked for.
        url: String,
        /// What was answered.
        why: String,
    },
    /// There was no moment of which all files are.
    #[error(
        "the files of {repository} at {revision} change on the hub while they are fetched, and it names no commit; try \
         again later, or give a commit as its revision"
    )]
    Moving {
        /// The repository: `owner/name`.
        repository: String,
        /// The branch or tag.
        revision: String,
    },
    /// Nobody says what the file should be.
    #[error(
        "{url}: the hub gives no digest for it, so nothing proves what arrives; pin its SHA-256, use a hub that \
         gives one, or allow unverified files"
    )]
    Unverifiable {
        /// What was asked for.
        url: String,
    },
    /// A file is not what it should be, twice.
    #[error(
        "{url} is not what it should be: expected {expected}, got {got}; it was fetched twice and is not kept. If the \
         digest was pinned, check it; otherwise try another endpoint (HF_ENDPOINT)"
    )]
    Mismatch {
        /// What was asked for.
        url: String,
        /// Digest or length that it should have.
        expected: String,
        /// What it has.
        got: String,
    },
    /// A file that was right when it was fetched.
    #[error(
        "{} is not what was fetched: its SHA-256 was {expected} and is {got}; `plugcache cache verify --repair` lets \
         the next use fetch it again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it was.
        expected: Sha256Sum,
        /// What it is.
        got: Sha256Sum,
    },
    /// More bytes than the caller takes.
    #[error(
        "{url} has more than {limit} bytes, the most that a file may have; raise the limit if it is right"
    )]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Most bytes.
        limit: u64,
    },
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match error {
            Error::Io { path, source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded) => {
                Self::NoRoom { path }
            }
            other => Self::File(other),
        }
    }
}
