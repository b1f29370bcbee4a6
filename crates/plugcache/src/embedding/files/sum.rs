//! Digests that hubs tell of their files, and those of the files that arrived.

use std::fmt;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use plugcache_cache::fs::DataFile;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::FetchError;

/// SHA-256 of a file's content. Written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Sum([u8; 32]);

impl Sha256Sum {
    /// The sum of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The sum of a whole file.
    pub(super) fn of_file(file: &DataFile) -> Result<Self, FetchError> {
        read_through(Sha256::new(), file).map(|sum| Self(sum.into()))
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Sha256Sum> for String {
    fn from(sum: Sha256Sum) -> Self {
        sum.to_string()
    }
}

impl TryFrom<String> for Sha256Sum {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a SHA-256 has 64 hexadecimal digits")
    }
}

/// What a file should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// This content.
    Sha256(Sha256Sum),
    /// This content as a git blob: what hubs say of files that are small.
    GitBlob([u8; 20]),
}

impl Expected {
    /// What an entity tag of a hub says: 64 digits of a large file, 40 of a small one.
    pub(super) fn from_etag(etag: &str) -> Option<Self> {
        let etag = etag.trim().trim_start_matches("W/").trim_matches('"');
        if let Some(sum) = Sha256Sum::parse(etag) {
            return Some(Self::Sha256(sum));
        }
        let bytes = HEXLOWER_PERMISSIVE.decode(etag.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self::GitBlob)
    }

    /// What the file has instead, if it is not this. `sha256` is known already.
    pub(super) fn differs(self, sha256: Sha256Sum, file: &DataFile) -> Result<Option<String>, FetchError> {
        match self {
            Self::Sha256(expected) => Ok((expected != sha256).then(|| format!("SHA-256 {sha256}"))),
            Self::GitBlob(expected) => {
                let begun = Sha1::new_with_prefix(format!("blob {}\0", file.size()?));
                let got: [u8; 20] = read_through(begun, file)?.into();
                Ok((expected != got).then(|| Self::GitBlob(got).to_string()))
            }
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(sum) => write!(f, "SHA-256 {sum}"),
            Self::GitBlob(sum) => write!(f, "git blob {}", HEXLOWER.encode(sum)),
        }
    }
}

fn read_through<D: sha2::Digest>(
    mut hasher: D,
    file: &DataFile,
) -> Result<sha2::digest::Output<D>, FetchError> {
    let mut chunk = vec![0; 1 << 18];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut chunk, offset)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(hasher.finalize());
        };
        hasher.update(bytes);
        offset += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use plugcache_cache::fs::Directory;

    use super::*;

    #[test]
    fn sums_are_those_of_the_usual_programs() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("a"), "hello\n").unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let file = DataFile::open(&directory, c"a").unwrap().unwrap();
        // `sha256sum` and `git hash-object` of the same file.
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let blob = "\"ce013625030ba8dba906f756967f9e9ca394464a\"";
        let sum = Sha256Sum::of_file(&file).unwrap();
        assert_eq!(sum.to_string(), sha256);
        assert_eq!(sum, Sha256Sum::of(b"hello\n"));
        for etag in [sha256, blob, &sha256.to_uppercase(), &format!("W/{blob}")] {
            let expected = Expected::from_etag(etag).unwrap();
            assert_eq!(expected.differs(sum, &file).unwrap(), None, "{etag}");
        }
        let other = Expected::from_etag("\"ce013625030ba8dba906f756967f9e9ca394464b\"").unwrap();
        let got = other.differs(sum, &file).unwrap().unwrap();
        assert_eq!(got, "git blob ce013625030ba8dba906f756967f9e9ca394464a");
        for etag in ["", "\"\"", "\"abc\"", "\"d41d8cd98f00b204e9800998ecf8427e\"", "zz"] {
            assert_eq!(Expected::from_etag(etag), None, "{etag}");
        }
    }
}
