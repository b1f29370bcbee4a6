//! Why a lookup that loads has no value.

use std::{fmt, sync::Arc, time::Duration};

/// Why a lookup that loads has no value. `E` is the loader's own error; everybody who waited for the same
/// loader gets the same one, but for a loader of [several keys](super::Cache::get_or_load_many).
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader failed.
    Loader(Arc<E>),
    /// It is remembered that there is no value.
    Missing {
        /// The cache.
        cache: String,
        /// The key.
        key: String,
        /// Why, as the loader said that found nothing.
        reason: String,
    },
    /// The loader asked for its own key, directly or through others.
    Reentrant {
        /// The cache.
        cache: String,
        /// The key.
        key: String,
    },
    /// The loader that this call waited for panicked.
    Panicked {
        /// The cache.
        cache: String,
        /// The key.
        key: String,
    },
    /// The loader that this call waited for did not end in time. The next call loads anew.
    Timeout {
        /// The cache.
        cache: String,
        /// The key.
        key: String,
        /// How long this call was ready to wait.
        waited: Duration,
    },
    /// This call was told not to [wait any longer](crate::cache::Builder::ask_while_waiting). The loader goes on.
    Interrupted {
        /// The cache.
        cache: String,
        /// The key.
        key: String,
    },
    /// A loader of many keys gave another number of values than there are keys.
    Count {
        /// The cache.
        cache: String,
        /// How many keys it was to load.
        expected: usize,
        /// How many values it gave.
        got: usize,
    },
    /// The loader gave a value that this cache does not take. Those who view a cache as something narrower say so.
    Refused {
        /// The cache.
        cache: String,
        /// The key.
        key: String,
        /// What was expected, and what came.
        reason: String,
    },
}

impl<E> LoadError<E> {
    /// The loader's own error, if it is one.
    pub fn loader(&self) -> Option<&E> {
        match self {
            Self::Loader(error) => Some(error),
            _ => None,
        }
    }

    /// The same with what `map` makes of the loader's own error, for those who view a cache as something narrower.
    pub fn map_loader<F>(self, map: impl FnOnce(Arc<E>) -> LoadError<F>) -> LoadError<F> {
        match self {
            Self::Loader(error) => map(error),
            Self::Missing { cache, key, reason } => LoadError::Missing { cache, key, reason },
            Self::Reentrant { cache, key } => LoadError::Reentrant { cache, key },
            Self::Panicked { cache, key } => LoadError::Panicked { cache, key },
            Self::Timeout { cache, key, waited } => LoadError::Timeout { cache, key, waited },
            Self::Interrupted { cache, key } => LoadError::Interrupted { cache, key },
            Self::Count { cache, expected, got } => LoadError::Count { cache, expected, got },
            Self::Refused { cache, key, reason } => LoadError::Refused { cache, key, reason },
        }
    }
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loader(error) => error.fmt(f),
            Self::Missing { cache, key, reason } => {
                write!(f, "cache `{cache}` remembers that `{key}` has no value: {reason}")
            }
            Self::Reentrant { cache, key } => write!(
                f,
                "the loader of `{key}` in cache `{cache}` asks for its own value, directly or through others; take the circle apart"
            ),
            Self::Panicked { cache, key } => {
                write!(f, "the loader of `{key}` in cache `{cache}` panicked; the next call tries again")
            }
            Self::Interrupted { cache, key } => {
                write!(f, "waiting for the loader of `{key}` in cache `{cache}` was interrupted")
            }
            Self::Count { cache, expected, got } => write!(
                f,
                "the loader of cache `{cache}` was asked for {expected} values and gave {got}; one for each key is needed, in the order of the keys"
            ),
            Self::Refused { cache, key, reason } => {
                write!(f, "the value of `{key}` cannot be in cache `{cache}`: {reason}")
            }
            Self::Timeout { cache, key, waited } => write!(
                f,
                "another thread has been loading `{key}` in cache `{cache}` for more than {waited:?}; the next call loads anew, `wait_timeout` waits longer"
            ),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for LoadError<E> {}
