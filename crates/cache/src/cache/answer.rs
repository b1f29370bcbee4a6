//! What a lookup is answered with.

use std::sync::Arc;

/// What a lookup found.
#[derive(Debug)]
pub enum Answer<V> {
    /// A value.
    Value(Arc<V>),
    /// The knowledge, remembered or new, that there is nothing, and why.
    Missing(Arc<str>),
}

impl<V> Clone for Answer<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Value(value) => Self::Value(Arc::clone(value)),
            Self::Missing(reason) => Self::Missing(Arc::clone(reason)),
        }
    }
}

impl<V> Answer<V> {
    /// The value, if there is one.
    pub fn value(self) -> Option<Arc<V>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing(_) => None,
        }
    }
}
