//! Why a lookup that loads has no value.

use std::{fmt, sync::Arc, time::Duration};

/// Why a lookup that loads has no value. `E` is the loader's own error; everybody who waited for the same
/// loader gets the same one.
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
}

impl<E> LoadError<E> {
    /// The loader's own error, if it is one.
    pub fn loader(&self) -> Option<&E> {
        match self {
            Self::Loader(error) => Some(error),
            _ => None,
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
            Self::Timeout { cache, key, waited } => write!(
                f,
                "another thread has been loading `{key}` in cache `{cache}` for more than {waited:?}; the next call loads anew, `wait_timeout` waits longer"
            ),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for LoadError<E> {}
