//! A block, and its bytes: the one encoding that is hashed and kept.

use std::{fmt, str::FromStr};

use plugcache_cache::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::LedgerError;
use crate::canonical::{DEEPEST, depth};

/// Most bytes of a plugin's or an operation's name.
const MOST_NAME: usize = 1_024;
/// Most bytes of a block's metadata as JSON.
pub(super) const MOST_METADATA: usize = 64 << 10;
/// Version of the encoding, and its first byte.
const VERSION: u8 = 1;
/// Bytes before the first text.
const FIXED: usize = 1 + 8 + 8 + 32 + 32;
/// Most bytes of an encoded block.
pub(super) const MOST_BODY: usize = FIXED + 3 * 4 + 2 * MOST_NAME + MOST_METADATA;
/// Fewest.
pub(super) const LEAST_BODY: usize = FIXED + 3 * 4;

/// A BLAKE3 hash of 256 bits, shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first block has for the one before it.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| format!("`{text}` is not a hash of 64 hexadecimal digits"))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a plugin did: what becomes a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub(super) plugin: String,
    pub(super) what: String,
    pub(super) data_hash: Hash,
    pub(super) metadata: Map<String, Value>,
}

impl Operation {
    /// An operation of a plugin. Names have at most 1,024 bytes.
    pub fn new(plugin: impl Into<String>, what: impl Into<String>) -> Self {
        let (plugin, what) = (plugin.into(), what.into());
        Self { plugin, what, data_hash: Hash::of(&[]), metadata: Map::new() }
    }

    /// The data that it was about. Only its hash is kept. Default: no bytes.
    #[must_use]
    pub fn data(self, data: &[u8]) -> Self {
        self.data_hash(Hash::of(data))
    }

    /// The hash of that data, where the data is not at hand.
    #[must_use]
    pub fn data_hash(mut self, hash: Hash) -> Self {
        self.data_hash = hash;
        self
    }

    /// Something to keep in full. All of it together has at most 64 KiB as JSON.
    #[must_use]
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Appends its encoding as a block. Nothing is appended if it is refused.
    pub(super) fn encode(
        &self,
        number: u64,
        time: Timestamp,
        previous: Hash,
        into: &mut Vec<u8>,
    ) -> Result<(), LedgerError> {
        let refused = |what: &'static str, size: usize, limit: usize| {
            Err(LedgerError::TooLarge { what, size: size as u64, limit: limit as u64 })
        };
        for (what, name) in [("the plugin's name", &self.plugin), ("the operation's name", &self.what)] {
            if name.is_empty() || name.len() > MOST_NAME {
                return refused(what, name.len(), MOST_NAME);
            }
        }
        // The metadata as a whole is the first level.
        if self.metadata.values().any(|value| depth(value, 1) > DEEPEST) {
            return Err(LedgerError::TooDeep { limit: DEEPEST });
        }
        let Ok(metadata) = canonical(&self.metadata) else {
            return refused("the metadata", 0, MOST_METADATA);
        };
        if metadata.len() > MOST_METADATA {
            return refused("the metadata", metadata.len(), MOST_METADATA);
        }
        into.push(VERSION);
        into.extend(number.to_le_bytes());
        into.extend(time.0.to_le_bytes());
        into.extend(previous.0);
        into.extend(self.data_hash.0);
        for text in [self.plugin.as_bytes(), self.what.as_bytes(), &metadata] {
            into.extend((text.len() as u32).to_le_bytes());
            into.extend(text);
        }
        Ok(())
    }
}

/// JSON without spaces, keys sorted at each depth, whatever order the maps have.
fn canonical(map: &Map<String, Value>) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(64);
    write_map(map, &mut text)?;
    Ok(text)
}

fn write_map(map: &Map<String, Value>, into: &mut Vec<u8>) -> serde_json::Result<()> {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    into.push(b'{');
    for (nth, (key, value)) in entries.into_iter().enumerate() {
        if nth > 0 {
            into.push(b',');
        }
        serde_json::to_writer(&mut *into, key)?;
        into.push(b':');
        write_value(value, into)?;
    }
    into.push(b'}');
    Ok(())
}

fn write_value(value: &Value, into: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::Object(map) => write_map(map, into),
        Value::Array(items) => {
            into.push(b'[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    into.push(b',');
                }
                write_value(item, into)?;
            }
            into.push(b']');
            Ok(())
        }
        other => serde_json::to_writer(into, other),
    }
}

/// One operation of a plugin, in its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its number; the first is 0.
    pub number: u64,
    /// The plugin.
    pub plugin: String,
    /// What the plugin did.
    pub operation: String,
    /// When it was appended, in wall time.
    pub time: Timestamp,
    /// BLAKE3 of the data it was about.
    pub data_hash: Hash,
    /// The hash of the block before; [`Hash::NONE`] for the first.
    pub previous: Hash,
    /// What the host wanted to be kept in full.
    pub metadata: Map<String, Value>,
    /// BLAKE3 of all of the above, encoded.
    hash: Hash,
}

impl Block {
    /// Its hash, which the next block carries.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// From what was encoded and has this hash.
    pub(super) fn of(operation: Operation, number: u64, time: Timestamp, previous: Hash, hash: Hash) -> Self {
        let Operation { plugin, what: operation, data_hash, metadata } = operation;
        Self { number, plugin, operation, time, data_hash, previous, metadata, hash }
    }

    /// From its encoding.
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let Parsed { number, time, previous, data_hash, plugin, operation, metadata } = Parsed::of(body)?;
        Some(Self {
            number,
            plugin: plugin.to_owned(),
            operation: operation.to_owned(),
            time,
            data_hash,
            previous,
            metadata: serde_json::from_slice(metadata).ok()?,
            hash: Hash::of(body),
        })
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::json!({
            "number": self.number,
            "plugin": self.plugin,
            "operation": self.operation,
            "time_ns": self.time.0,
            "data_hash": self.data_hash,
            "previous": self.previous,
            "hash": self.hash,
            "metadata": self.metadata,
        })
        .serialize(serializer)
    }
}

/// A block's encoding, looked into.
pub(super) struct Parsed<'a> {
    pub(super) number: u64,
    time: Timestamp,
    pub(super) previous: Hash,
    data_hash: Hash,
    plugin: &'a str,
    operation: &'a str,
    metadata: &'a [u8],
}

impl<'a> Parsed<'a> {
    /// Whether the metadata can be read too.
    pub(super) fn is_readable(&self) -> bool {
        serde_json::from_slice::<Map<String, Value>>(self.metadata).is_ok()
    }

    pub(super) fn of(body: &'a [u8]) -> Option<Self> {
        let (&VERSION, rest) = body.split_first()? else { return None };
        let (number, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (previous, rest) = rest.split_first_chunk()?;
        let (data_hash, rest) = rest.split_first_chunk()?;
        let (plugin, rest) = text(rest)?;
        let (operation, rest) = text(rest)?;
        let (metadata, []) = text(rest)? else { return None };
        Some(Self {
            number: u64::from_le_bytes(*number),
            time: Timestamp(i64::from_le_bytes(*time)),
            previous: Hash(*previous),
            data_hash: Hash(*data_hash),
            plugin: std::str::from_utf8(plugin).ok()?,
            operation: std::str::from_utf8(operation).ok()?,
            metadata,
        })
    }
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_metadata_are_bounded() {
        let encode = |operation: Operation| operation.encode(0, Timestamp(0), Hash::NONE, &mut Vec::new());
        assert!(encode(Operation::new("p", "o").meta("k", json!(null))).is_ok());
        assert!(encode(Operation::new("", "o")).is_err());
        assert!(encode(Operation::new("p", "o".repeat(1_025))).is_err());
        let large = encode(Operation::new("p", "o").meta("k", "x".repeat(MOST_METADATA))).unwrap_err();
        assert!(large.to_string().contains("65536"), "{large}");
    }

    #[test]
    fn what_is_encoded_can_be_read_however_deep() {
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        for levels in 0..200 {
            let mut body = Vec::new();
            let made = Operation::new("p", "o").meta("k", nested(levels));
            match made.encode(0, Timestamp(0), Hash::NONE, &mut body) {
                Ok(()) => assert_eq!(Block::decode(&body).unwrap().metadata, made.metadata, "{levels}"),
                Err(error) => {
                    assert!(levels > 126 && error.to_string().contains("127 levels"), "{levels}: {error}");
                }
            }
        }
    }

    #[test]
    fn the_order_of_keys_is_no_difference() {
        let one =
            Operation::new("p", "o").meta("a", json!({ "x": 1, "b": [{ "z": 0, "y": 0 }] })).meta("b", 2);
        let other =
            Operation::new("p", "o").meta("b", 2).meta("a", json!({ "b": [{ "y": 0, "z": 0 }], "x": 1 }));
        let [one, other] = [one, other].map(|operation| canonical(&operation.metadata).unwrap());
        assert_eq!(one, br#"{"a":{"b":[{"y":0,"z":0}],"x":1},"b":2}"#);
        assert_eq!(String::from_utf8(one).unwrap(), String::from_utf8(other).unwrap());
    }

    proptest! {
        #[test]
        fn round_trips(number: u64, time: i64, plugin in ".{1,40}", operation in ".{1,40}", key: String, value: f64) {
            let made = Operation::new(&*plugin, &*operation).data(b"data").meta(key, value);
            let mut body = Vec::new();
            made.encode(number, Timestamp(time), Hash([7; 32]), &mut body).unwrap();
            let block = Block::decode(&body).unwrap();
            prop_assert_eq!((block.number, block.time, block.previous), (number, Timestamp(time), Hash([7; 32])));
            prop_assert_eq!((&block.plugin, &block.operation), (&plugin, &operation));
            prop_assert_eq!((block.data_hash, block.hash()), (Hash::of(b"data"), Hash::of(&body)));
            prop_assert_eq!(block.metadata, made.metadata);
        }

        #[test]
        fn no_bytes_make_decoding_panic(body: Vec<u8>) {
            let _ = Block::decode(&body);
        }
    }
}
