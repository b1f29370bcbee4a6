//! A sealed value: magic, kind, version, key, length and checksum around a payload.
//!
//! Whatever lies below may lose, cut, flip or swap bytes; opening an envelope then gives a
//! [`StaleReason`], never a wrong payload and never a panic. The layout is in `docs/format.md`.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::freshness::StaleReason;

const MAGIC: [u8; 8] = *b"plugcach";
const HEADER: usize = 8 + 4 + 4 + 4 + 8 + 8;

/// Seals `payload` as an entry of `kind` (a versioned family of data) under `key`.
pub fn seal(kind: u32, version: u32, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + key.len() + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&kind.to_le_bytes());
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    let sum = checksum(&bytes, key, payload);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(payload);
    bytes
}

/// Opens an envelope and returns its payload, if it is whole and made for this kind, version and key.
pub fn open<'a>(bytes: &'a [u8], kind: u32, version: u32, key: &[u8]) -> Result<&'a [u8], StaleReason> {
    let head = Head::read(bytes)?;
    if head.kind != kind {
        return Err(StaleReason::OtherType);
    }
    let (found_key, payload) = head.check(bytes, version)?;
    if found_key != key {
        return Err(StaleReason::OtherKey);
    }
    Ok(payload)
}

/// Opens an envelope of whatever kind and returns its key and payload, for who looks at all there are.
pub fn open_any(bytes: &[u8], version: u32) -> Result<(&[u8], &[u8]), StaleReason> {
    Head::read(bytes)?.check(bytes, version)
}

struct Head {
    kind: u32,
    version: u32,
    key_length: u32,
    length: u64,
    sum: u64,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, StaleReason> {
        let mut reader = Reader(bytes);
        if reader.take(8) != Some(&MAGIC) {
            return Err(damaged("magic"));
        }
        Self::fields(&mut reader).ok_or_else(|| damaged("header"))
    }

    fn fields(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            kind: reader.u32()?,
            version: reader.u32()?,
            key_length: reader.u32()?,
            length: reader.u64()?,
            sum: reader.u64()?,
        })
    }

    /// Key and payload, if nothing is damaged.
    fn check<'a>(&self, bytes: &'a [u8], version: u32) -> Result<(&'a [u8], &'a [u8]), StaleReason> {
        if self.version != version {
            return Err(StaleReason::Version { found: self.version, expected: version });
        }
        let (Some(head), Some(rest)) = (bytes.get(..HEADER - 8), bytes.get(HEADER..)) else {
            return Err(damaged("header"));
        };
        let (key, payload) = rest.split_at_checked(self.key_length as usize).ok_or_else(|| damaged("key"))?;
        if payload.len() as u64 != self.length {
            return Err(damaged("length"));
        }
        if checksum(head, key, payload) != self.sum {
            return Err(damaged("checksum"));
        }
        Ok((key, payload))
    }
}

fn damaged(part: &str) -> StaleReason {
    StaleReason::Damaged { part: part.to_owned() }
}

fn checksum(head: &[u8], key: &[u8], payload: &[u8]) -> u64 {
    xxh3_64_with_seed(payload, xxh3_64_with_seed(key, xxh3_64_with_seed(head, 0)))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let sealed = seal(7, 3, b"key", b"some payload");
        assert_eq!(open(&sealed, 7, 3, b"key"), Ok(&b"some payload"[..]));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&flipped, 7, 3, b"key").is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open(&sealed[..length], 7, 3, b"key").is_err(), "length {length}");
        }
        let longer = [&sealed[..], b"x"].concat();
        assert!(open(&longer, 7, 3, b"key").is_err());
    }

    #[test]
    fn another_key_kind_or_version_is_a_miss_with_its_reason() {
        let sealed = seal(7, 3, b"key", b"");
        assert_eq!(open(&sealed, 7, 3, b"yek"), Err(StaleReason::OtherKey));
        assert_eq!(open(&sealed, 8, 3, b"key"), Err(StaleReason::OtherType));
        assert_eq!(open(&sealed, 7, 4, b"key"), Err(StaleReason::Version { found: 3, expected: 4 }));
    }
}
