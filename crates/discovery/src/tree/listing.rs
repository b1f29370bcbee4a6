//! The entries of one directory, and their encoded form: the evidence for what is *not* there.

use plugcache_cache::fs::{Entries, Kind};

/// What an entry of a directory is, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A FIFO, socket, device or dangling link: never opened.
    Other,
}

/// The entries of one directory that matter to the finder.
#[derive(Debug, Default)]
pub struct Listing {
    /// Sorted by name (byte order). Names that are not UTF-8 are left out and reported as problems.
    pub entries: Vec<(String, EntryKind)>,
    /// Positions in `entries` in the order in which the system listed them; empty if it was not asked.
    /// No evidence: two listings that differ in this only are equal.
    as_listed: Vec<u32>,
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Listing {}

impl Listing {
    /// The kind of one entry.
    pub fn get(&self, name: &str) -> Option<EntryKind> {
        let at = self.entries.binary_search_by(|(entry, _)| entry.as_str().cmp(name)).ok()?;
        self.entries.get(at).map(|(_, kind)| *kind)
    }

    /// The entries in the order in which the system listed them, for who must do as a program that does not
    /// sort; by name if the listing comes from an index.
    pub fn as_listed(&self) -> impl Iterator<Item = (&str, EntryKind)> {
        let by_name = if self.as_listed.is_empty() { 0..self.entries.len() } else { 0..0 };
        let order = self.as_listed.iter().map(|at| *at as usize).chain(by_name);
        order.filter_map(|at| self.entries.get(at)).map(|(name, kind)| (name.as_str(), *kind))
    }

    /// Splits raw entries into those that can be named, sorted, and the names that are not UTF-8.
    pub(crate) fn from_entries(entries: Entries, relevant: impl Fn(&str) -> bool) -> (Self, Vec<String>) {
        let mut listed = Vec::new();
        let mut unnameable = Vec::new();
        for (name, kind) in entries {
            match String::from_utf8(name) {
                Ok(name) if relevant(&name) => listed.push((name, kind.into(), listed.len())),
                Ok(_) => {}
                Err(error) => {
                    let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
                    if relevant(&name) {
                        unnameable.push(name);
                    }
                }
            }
        }
        listed.sort_unstable_by(|(a, _, _), (b, _, _)| a.cmp(b));
        unnameable.sort_unstable();
        let mut by_position: Vec<(usize, u32)> =
            listed.iter().zip(0..).map(|((_, _, listed), at)| (*listed, at)).collect();
        by_position.sort_unstable();
        let listing = Self {
            entries: listed.into_iter().map(|(name, kind, _)| (name, kind)).collect(),
            as_listed: by_position.into_iter().map(|(_, at)| at).collect(),
        };
        (listing, unnameable)
    }

    /// A byte for the kind, the length of the name in two bytes, the name: for each entry.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 20);
        for (name, kind) in &self.entries {
            bytes.push(match kind {
                EntryKind::File => 0,
                EntryKind::Directory => 1,
                EntryKind::Other => 2,
            });
            bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }

    /// The inverse of [`encode`](Self::encode); `None` if the bytes are not of that form.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut listing = Self::default();
        while let Some((kind, rest)) = bytes.split_first() {
            let kind = match kind {
                0 => EntryKind::File,
                1 => EntryKind::Directory,
                2 => EntryKind::Other,
                _ => return None,
            };
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            listing.entries.push((std::str::from_utf8(name).ok()?.to_owned(), kind));
            bytes = rest;
        }
        Some(listing)
    }
}

impl From<Kind> for EntryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::File,
            Kind::Directory => Self::Directory,
            Kind::Other => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_and_decodes() {
        let entries = vec![
            (b"b.py".to_vec(), Kind::File),
            (b"a".to_vec(), Kind::Directory),
            (vec![0xFF], Kind::File),
            (b"pipe".to_vec(), Kind::Other),
        ];
        let (listing, unnameable) = Listing::from_entries(entries, |name| name != "b.py");
        assert_eq!(unnameable, ["\u{FFFD}"]);
        assert_eq!(listing.get("a"), Some(EntryKind::Directory));
        assert_eq!(listing.get("b.py"), None);
        assert_eq!(Listing::decode(&listing.encode()), Some(listing));
        assert_eq!(Listing::decode(&[9]), None);
        assert_eq!(Listing::decode(&[0, 5, 0, b'x']), None);
    }
}
