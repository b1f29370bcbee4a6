//! Values as bytes, for tiers outside this process.

use std::{any::type_name, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

/// How values become bytes and come back. Never runs code that the bytes bring along.
pub struct Codec<V> {
    name: &'static str,
    kind: u32,
    encode: fn(&V) -> Result<Vec<u8>, String>,
    decode: fn(&[u8]) -> Result<V, String>,
}

impl<V> Clone for Codec<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Codec<V> {}

impl<V> std::fmt::Debug for Codec<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Codec({} of {})", self.name, type_name::<V>())
    }
}

impl<V: Serialize + DeserializeOwned> Codec<V> {
    /// Compact, for types whose fields are all written and read in order. Fields are not named: give the
    /// cache a [version](crate::cache::Builder::version) that changes with the type.
    pub fn postcard() -> Self {
        Self {
            name: "postcard",
            kind: Self::kind("postcard"),
            encode: |value| postcard::to_allocvec(value).map_err(|error| error.to_string()),
            decode: |bytes| match postcard::take_from_bytes(bytes) {
                Ok((value, [])) => Ok(value),
                Ok((_, rest)) => Err(format!("{} bytes too many", rest.len())),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// JSON, for types that are known only at run time (`serde_json::Value`, untagged enumerations) and for
    /// values that other programs read.
    pub fn json() -> Self {
        Self {
            name: "json",
            kind: Self::kind("json"),
            encode: |value| serde_json::to_vec(value).map_err(|error| error.to_string()),
            decode: |bytes| serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        }
    }
}

impl Codec<Vec<u8>> {
    /// The bytes as they are.
    pub fn bytes() -> Self {
        Self::custom("bytes", |value| Ok(value.clone()), |bytes| Ok(bytes.to_owned()))
    }
}

impl<V> Codec<V> {
    /// An own format. Decoding must never panic, whatever the bytes; `name` tells formats apart.
    pub fn custom(
        name: &'static str,
        encode: fn(&V) -> Result<Vec<u8>, String>,
        decode: fn(&[u8]) -> Result<V, String>,
    ) -> Self {
        Self { name, kind: Self::kind(name), encode, decode }
    }

    pub(crate) fn encode(&self, value: &V) -> Result<Vec<u8>, String> {
        (self.encode)(value)
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Arc<V>, String> {
        (self.decode)(bytes).map(Arc::new)
    }

    /// Tells apart what different programs, or versions of one, mean by the same bytes, as far as the
    /// compiler knows: format, type and its size.
    fn kind(name: &str) -> u32 {
        let text = format!("{name}\0{}\0{}", type_name::<V>(), size_of::<V>());
        xxhash_rust::xxh3::xxh3_64(text.as_bytes()) as u32
    }

    /// The kind that its rows are sealed as.
    pub(crate) fn fingerprint(&self) -> u32 {
        self.kind
    }
}
