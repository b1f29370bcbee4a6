//! What a plugin can save, and what it finds.

use serde_json::Value;

/// One of the things that a plugin has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item<'a> {
    /// Its JSON, in `data.json`.
    Json,
    /// Its object, in `object.pickle`: bytes, whatever they mean to who wrote them.
    Object,
    /// Bytes by any name beside those, in a file that is named by the name's digest.
    Named(&'a str),
}

impl Item<'_> {
    /// The file's name.
    pub(super) fn file(self) -> String {
        match self {
            Self::Json => "data.json".to_owned(),
            Self::Object => "object.pickle".to_owned(),
            Self::Named(name) => format!("@{}", blake3::hash(name.as_bytes()).to_hex()),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded<T> {
    /// What was saved. `null`, `{}`, `[]`, 0 and no bytes are something.
    Found(T),
    /// Nothing was ever saved.
    Missing,
    /// Something was saved under another signature than the current one, and is not given out.
    Stale {
        /// The signature it was saved under; `null` for none.
        saved: Value,
        /// The one that was asked for.
        current: Value,
    },
}

impl<T> Loaded<T> {
    /// What was saved, if it is still right.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Missing | Self::Stale { .. } => None,
        }
    }

    pub(super) fn try_map<U, E>(self, map: impl FnOnce(T) -> Result<U, E>) -> Result<Loaded<U>, E> {
        Ok(match self {
            Self::Found(value) => Loaded::Found(map(value)?),
            Self::Missing => Loaded::Missing,
            Self::Stale { saved, current } => Loaded::Stale { saved, current },
        })
    }
}
