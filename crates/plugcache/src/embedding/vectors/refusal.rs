//! Why what was computed is no vector for this cache.

use std::sync::Arc;

use crate::embedding::Precision;

/// Why there is no vector: what computes it failed, or gave one that cannot be kept.
#[derive(Debug)]
pub(super) enum Refusal<E> {
    /// It failed.
    Embed(Arc<E>),
    /// It gave one that cannot be kept.
    Unfit { text: String, reason: Unfit },
}

/// What is wrong with a vector.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Unfit {
    #[error("a vector of {expected} components was expected, and one of {got} came; is it another model's?")]
    Dimension { expected: usize, got: usize },
    #[error("component {position} of the vector is {component}; finite numbers were expected")]
    NotFinite { position: usize, component: f32 },
    #[error("{what} as {precision}; keep such vectors as f32")]
    TooLarge { precision: Precision, what: String },
}

impl<E> Refusal<E> {
    pub(super) fn of(error: E) -> Self {
        Self::Embed(Arc::new(error))
    }

    /// What others may share, for one of them alone.
    pub(super) fn taken(shared: Arc<Self>) -> Self {
        Arc::try_unwrap(shared).unwrap_or_else(|shared| match &*shared {
            Self::Embed(error) => Self::Embed(Arc::clone(error)),
            Self::Unfit { text, reason } => Self::Unfit { text: text.clone(), reason: reason.clone() },
        })
    }
}
