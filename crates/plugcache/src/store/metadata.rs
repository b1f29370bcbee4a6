//! `metadata.json`: the one key that the original knows, and ours.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::StoreError;

/// The original's key: the signature of the object.
pub(super) const SIGNATURE: &str = "SERIALIZATION_SIGNATURE";
/// Our key.
const OURS: &str = "PLUGCACHE";
/// Newest format of what stands under our key.
pub(super) const FORMAT: u64 = 1;
/// Stands for the signature while the object is exchanged for one of another signature: the original then loads
/// neither the old one as new nor the new one as old.
pub(super) const CHANGING: &str = "plugcache: the object is being replaced";

/// All that is known of a plugin's files.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metadata {
    /// The exact id of the plugin; `None`: only the original has written here.
    pub(super) id: Option<String>,
    /// Files that we wrote.
    pub(super) items: BTreeMap<String, Record>,
    /// Keys that are not ours, the original's signature among them.
    pub(super) others: Map<String, Value>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The signature that it was saved under; `null` for none.
    pub(super) signature: Value,
    /// Bytes.
    pub(super) length: u64,
    /// BLAKE3 of its content, in hexadecimal.
    pub(super) blake3: String,
    /// When its content was written, in nanoseconds since 1970, as its own stamp says.
    pub(super) modified: i64,
    /// The name, of a file that is named by a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

impl Record {
    /// Whether these are the bytes.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        self.length == bytes.len() as u64 && self.blake3 == blake3::hash(bytes).to_hex().as_str()
    }
}

#[derive(Serialize, Deserialize)]
struct Ours {
    format: u64,
    id: String,
    items: BTreeMap<String, Record>,
    checksum: String,
}

/// A newer format may have any shape but this.
#[derive(Deserialize)]
struct Versioned {
    format: u64,
}

impl Metadata {
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
        let unreadable =
            |error: serde_json::Error| damaged(format!("it is not the JSON that was written: {error}"));
        let mut others: Map<String, Value> = serde_json::from_slice(bytes).map_err(unreadable)?;
        let Some(ours) = others.remove(OURS) else {
            return Ok(Self { id: None, items: BTreeMap::new(), others });
        };
        let format = Versioned::deserialize(&ours).map_err(unreadable)?.format;
        if format > FORMAT {
            return Err(StoreError::Newer { path: path.to_owned(), format, known: FORMAT });
        }
        let Ours { id, items, checksum, .. } = Ours::deserialize(ours).map_err(unreadable)?;
        if checksum != checksum_of(&id, &items) {
            return Err(damaged("what it says of the files has another checksum".to_owned()));
        }
        Ok(Self { id: Some(id), items, others })
    }

    /// As it is written by the plugin `id`.
    pub(super) fn encode(&self, id: &str) -> Vec<u8> {
        let id = self.id.as_deref().unwrap_or(id).to_owned();
        let checksum = checksum_of(&id, &self.items);
        let ours = Ours { format: FORMAT, id, items: self.items.clone(), checksum };
        let mut all = self.others.clone();
        all.entry(SIGNATURE).or_insert(Value::Null);
        all.insert(OURS.to_owned(), serde_json::to_value(ours).unwrap_or_default());
        let mut text = serde_json::to_vec_pretty(&all).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// The signature as the original sees it.
    pub(super) fn original_signature(&self) -> Value {
        self.others.get(SIGNATURE).cloned().unwrap_or_default()
    }

    pub(super) fn set_original_signature(&mut self, signature: Value) {
        self.others.insert(SIGNATURE.to_owned(), signature);
    }

    /// Whether a change of the object's signature was begun and not ended.
    pub(super) fn is_changing(&self) -> bool {
        self.original_signature() == CHANGING
    }
}

fn checksum_of(id: &str, items: &BTreeMap<String, Record>) -> String {
    // Maps with texts as keys always become JSON, and a `BTreeMap` always the same.
    let text = serde_json::to_vec(&(id, items)).unwrap_or_default();
    blake3::hash(&text).to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata() -> Metadata {
        let modified = 7;
        let record =
            Record { signature: json!("v1"), length: 1, blake3: "00".to_owned(), modified, name: None };
        let mut metadata = Metadata { id: Some("A".to_owned()), ..Metadata::default() };
        metadata.items.insert("data.json".to_owned(), record);
        metadata.set_original_signature(json!("v1"));
        metadata.others.insert("MINE".to_owned(), json!([1]));
        metadata
    }

    #[test]
    fn round_trips_and_keeps_keys_of_others() {
        let metadata = metadata();
        let text = metadata.encode("a");
        assert_eq!(Metadata::parse(Path::new("m"), &text).unwrap(), metadata);
        let plain: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((&plain[SIGNATURE], &plain["MINE"]), (&json!("v1"), &json!([1])));
    }

    #[test]
    fn no_flipped_bit_changes_what_it_says_of_the_files() {
        let (metadata, text) = (metadata(), metadata().encode("A"));
        for at in 0..text.len() * 8 {
            let mut text = text.clone();
            text[at / 8] ^= 1 << (at % 8);
            if let Ok(read) = Metadata::parse(Path::new("m"), &text) {
                // The key itself may be gone: then these are files of the original's, which nobody vouches for.
                assert!(read.id.is_none() || read.items == metadata.items, "bit {at}");
            }
        }
    }

    #[test]
    fn a_newer_format_is_refused_whatever_its_shape() {
        let text = br#"{"PLUGCACHE":{"format":2,"files":[]}}"#;
        assert!(matches!(
            Metadata::parse(Path::new("m"), text),
            Err(StoreError::Newer { format: 2, known: 1, .. })
        ));
    }
}
