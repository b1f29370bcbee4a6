//! What an instance is found by.

use std::{fmt, sync::Arc};

use plugcache_cache::{Digest, Key, key::KeyBytes};

/// Key of an instance: stream, signature, and the instance's own id.
///
/// It is the digest, 128 bits of BLAKE3, of all three, each with its type and length, so that `("a", "bc")`
/// and `("ab", "c")` are two; equal parts give equal keys wherever they come from, a `str` as well as a
/// `String`.
#[derive(Clone)]
pub struct InstanceKey {
    digest: Digest,
    /// The parts, for people.
    shown: Arc<str>,
}

impl InstanceKey {
    /// The key of these parts: strings, numbers, or what else can be a part of a [`Key`].
    pub fn of<A, B, C>(stream: &A, signature: &B, instance: &C) -> Self
    where
        A: Key + ?Sized,
        B: Key + ?Sized,
        C: Key + ?Sized,
    {
        let mut bytes = KeyBytes::default();
        bytes.tuple(3);
        stream.encode(&mut bytes);
        signature.encode(&mut bytes);
        instance.encode(&mut bytes);
        Self::of_parts(&bytes)
    }

    /// The key of other parts, as many as there are: a tuple, say.
    pub fn of_parts<K: Key + ?Sized>(parts: &K) -> Self {
        let bytes = parts.to_bytes();
        Self { digest: Digest::of(bytes.as_slice()), shown: bytes.to_string().into() }
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl PartialEq for InstanceKey {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for InstanceKey {}

impl std::hash::Hash for InstanceKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// In the order of their parts as they are shown, for lists.
impl Ord for InstanceKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.shown.cmp(&other.shown).then_with(|| self.digest.0.cmp(&other.digest.0))
    }
}

impl PartialOrd for InstanceKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Key for InstanceKey {
    fn encode(&self, bytes: &mut KeyBytes) {
        self.digest.encode(bytes);
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
