//! The tables `[cache]` and `[caches.NAME]` of project and user files.

use std::{collections::BTreeMap, fmt, marker::PhantomData, path::PathBuf, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use super::{embedding, units};

/// `[cache]`: all caches together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct All {
    /// Where caches and indexes are kept. A relative path is relative to the file.
    pub directory: Option<PathBuf>,
    /// Most bytes on disk of each cache that has no figure of its own.
    #[serde(alias = "max-size")]
    pub max_size: Option<Bytes>,
    /// How long to wait for a lock that another process holds.
    #[serde(alias = "lock-timeout")]
    pub lock_timeout: Option<Span>,
}

/// `[data]`: what is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// Where plugins' data and the log are kept. A relative path is relative to the file.
    pub directory: Option<PathBuf>,
}

/// `[caches.NAME]`: one cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct One {
    /// Most entries in memory.
    pub capacity: Option<usize>,
    /// Most bytes in memory.
    #[serde(alias = "max-bytes")]
    pub max_bytes: Option<Bytes>,
    /// Time to live.
    pub ttl: Option<Span>,
    /// Whether values are kept on disk.
    pub disk: Option<bool>,
    /// Most bytes on disk.
    #[serde(alias = "disk-max-bytes")]
    pub disk_max_bytes: Option<Bytes>,
}

/// A user file: what does not belong to one project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    /// All caches.
    pub cache: All,
    /// What is durable.
    pub data: Data,
    /// Texts as vectors.
    pub embedding: embedding::Section,
    /// Single ones.
    pub caches: BTreeMap<String, One>,
}

/// Bytes: a number, or a text with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// A time: a number of seconds, or a text with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// What is written as a number or a text.
trait Written: Sized {
    const EXPECTED: &'static str;
    fn read(text: &str) -> Result<Self, String>;
}

impl Written for Bytes {
    const EXPECTED: &'static str = units::BYTES;

    fn read(text: &str) -> Result<Self, String> {
        units::bytes(text).map(Self)
    }
}

impl Written for Span {
    const EXPECTED: &'static str = units::DURATION;

    fn read(text: &str) -> Result<Self, String> {
        units::duration(text).map(Self)
    }
}

struct AsWritten<T>(PhantomData<T>);

impl<T: Written> Visitor<'_> for AsWritten<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::read(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AsWritten(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AsWritten(PhantomData))
    }
}
