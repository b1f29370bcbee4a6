//! Values as bytes, for tiers outside this process.

use std::{any::type_name, io::Write, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::ser::{CompactFormatter, Formatter};

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
            encode: |value| to_shallow_json(value).map_err(|error| error.to_string()),
            decode: |bytes| serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        }
    }
}

/// How deep the reader of JSON goes. What nests deeper could not be read again, and writing it may need more stack
/// than there is.
const DEEPEST: usize = 127;

fn to_shallow_json<V: Serialize>(value: &V) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Shallow(0)))?;
    Ok(bytes)
}

/// Writes compact JSON up to a depth.
struct Shallow(usize);

impl Shallow {
    fn enter(&mut self) -> std::io::Result<()> {
        self.0 += 1;
        if self.0 <= DEEPEST { Ok(()) } else { Err(std::io::Error::other("it nests deeper than 127 levels")) }
    }
}

impl Formatter for Shallow {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0 -= 1;
        CompactFormatter.end_array(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0 -= 1;
        CompactFormatter.end_object(writer)
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
