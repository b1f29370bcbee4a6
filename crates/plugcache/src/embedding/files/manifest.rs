//! What makes a copy of a model complete.

use plugcache_cache::fs::{Directory, publish_durably};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FetchError, Sha256Sum, Source, directory::open_plain, source::is_path};
use crate::canonical;

/// Its name.
pub(super) const NAME: &std::ffi::CStr = c"manifest.json";

/// The only format there is. Another one means that there is no model, and it is fetched anew.
const FORMAT: u64 = 1;

/// A larger one is not ours.
const LARGEST: u64 = 1 << 20;

/// Which files a complete copy of a model has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u64,
    /// The repository: `owner/name`.
    pub repository: String,
    /// The revision that was asked for.
    pub revision: String,
    /// The commit that it was, if the hub has said so.
    pub commit: Option<String>,
    /// The files.
    pub files: Vec<Held>,
    /// Optional files that the repository does not have.
    pub absent: Vec<String>,
}

/// A file of a complete copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its path in the repository.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// Digest of its content.
    pub sha256: Sha256Sum,
    /// Whether somebody said what it should be before it came.
    pub is_verified: bool,
}

impl Manifest {
    /// A manifest of nothing yet.
    pub(super) fn new(source: &Source) -> Self {
        Self {
            format: FORMAT,
            repository: source.repository().to_owned(),
            revision: source.asked_revision().to_owned(),
            commit: None,
            files: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// What it says of a file.
    pub fn held(&self, name: &str) -> Option<&Held> {
        self.files.iter().find(|file| file.name == name)
    }

    /// How many bytes the files have together.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }

    /// Whether it is a copy of this source, with all that is wanted.
    pub(super) fn covers(&self, source: &Source) -> bool {
        let is_covered = |wanted: &super::Wanted| match self.held(&wanted.name) {
            Some(held) => wanted.sha256.is_none_or(|sum| sum == held.sha256),
            None => wanted.is_optional && self.absent.contains(&wanted.name),
        };
        self.repository == source.repository()
            && self.revision == source.asked_revision()
            && source.files().iter().all(is_covered)
    }

    /// The manifest of a directory. `None` if there is none, or what there is was cut, changed, or written by
    /// another version.
    pub(super) fn read(directory: &Directory) -> Result<Option<Self>, FetchError> {
        let Some(file) = open_plain(directory, NAME)? else { return Ok(None) };
        let size = file.size()?;
        if size > LARGEST {
            return Ok(None);
        }
        let mut bytes = vec![0; size as usize];
        let read = file.read_at(&mut bytes, 0)?;
        Ok(bytes.get(..read).and_then(Self::parse))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut document: Value = serde_json::from_slice(bytes).ok()?;
        let checksum = document.as_object_mut()?.remove("checksum")?;
        if checksum.as_str()? != canonical::digest(&document).to_string() {
            return None;
        }
        let manifest: Self = serde_json::from_value(document).ok()?;
        let are_safe = manifest.files.iter().all(|file| is_path(&file.name));
        (manifest.format == FORMAT && are_safe).then_some(manifest)
    }

    /// Writes it: from here on the copy is complete.
    pub(super) fn write(&self, directory: &Directory) -> Result<(), FetchError> {
        Ok(publish_durably(directory, NAME, &[&self.bytes()])?)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut document = serde_json::to_value(self).unwrap_or_default();
        let checksum = canonical::digest(&document).to_string();
        if let Some(members) = document.as_object_mut() {
            members.insert("checksum".to_owned(), checksum.into());
        }
        // For people too: it is small, and says what is where.
        serde_json::to_vec_pretty(&document).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_no_manifest() {
        let source = Source::new("a/b").unwrap().file("c").unwrap().optional("d").unwrap();
        let mut manifest = Manifest::new(&source);
        assert!(!manifest.covers(&source));
        let sha256 = Sha256Sum::of(b"");
        manifest.files.push(Held { name: "c".into(), length: 0, sha256, is_verified: true });
        manifest.absent.push("d".into());
        assert!(manifest.covers(&source));
        assert!(!manifest.covers(&source.clone().revision("x").unwrap()));
        assert!(!manifest.covers(&source.clone().pinned("c", &Sha256Sum::of(b"x").to_string()).unwrap()));

        let bytes = manifest.bytes();
        assert_eq!(Manifest::parse(&bytes), Some(manifest.clone()));
        for cut in 0..bytes.len() {
            assert_eq!(Manifest::parse(&bytes[..cut]), None, "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // White space and the case of a digit may change without a meaning.
            let read = Manifest::parse(&damaged);
            assert!(read.is_none() || read.as_ref() == Some(&manifest), "bit {bit}: {read:?}");
        }
        let newer = Manifest { format: 2, ..manifest };
        assert_eq!(Manifest::parse(&newer.bytes()), None);
    }
}
