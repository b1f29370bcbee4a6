//! Writing keys as bytes.

use std::{
    ffi::{OsStr, OsString},
    hash::{Hash, Hasher},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::Key;
use crate::fingerprint::Digest;

/// A key as bytes: each part with its type and length.
#[derive(Clone, Eq, Default)]
pub struct KeyBytes(Vec<u8>);

/// Keys are short, and compared on each hit: a call of `memcmp` would take a tenth of it.
impl PartialEq for KeyBytes {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let (left, right) = (&*self.0, &*other.0);
        if left.len() != right.len() {
            return false;
        }
        // The first eight and the last eight, which overlap unless there are sixteen.
        let ends = |bytes: &[u8]| {
            let (first, last) = (bytes.first_chunk::<8>()?, bytes.last_chunk::<8>()?);
            Some((u64::from_le_bytes(*first), u64::from_le_bytes(*last)))
        };
        match left.len() {
            0..8 => left.iter().zip(right).all(|(left, right)| left == right),
            8..=16 => ends(left) == ends(right),
            _ => left == right,
        }
    }
}

/// Each part says how long it is, so that the whole need not.
impl Hash for KeyBytes {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// First byte of each part.
pub(super) mod tag {
    pub(crate) const TEXT: u8 = b's';
    pub(crate) const BYTES: u8 = b'b';
    pub(crate) const PATH: u8 = b'p';
    pub(crate) const UNSIGNED: u8 = b'u';
    pub(crate) const NEGATIVE: u8 = b'-';
    pub(crate) const CHARACTER: u8 = b'c';
    pub(crate) const TRUE: u8 = b't';
    pub(crate) const FALSE: u8 = b'f';
    pub(crate) const NONE: u8 = b'n';
    pub(crate) const SOME: u8 = b'o';
    pub(crate) const LIST: u8 = b'[';
    pub(crate) const TUPLE: u8 = b'(';
    pub(crate) const SCOPED: u8 = b'@';
}

impl KeyBytes {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Bytes that were written before.
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self(bytes.to_owned())
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Takes all parts out again and keeps the room, for who encodes one key after the other.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Begins a group of `parts` parts that belong together: the fields of a structure. An enumeration
    /// begins with a part that tells its variants apart.
    pub fn tuple(&mut self, parts: usize) {
        self.0.push(tag::TUPLE);
        self.number(parts as u128);
    }

    fn sized(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        self.number(bytes.len() as u128);
        self.0.extend_from_slice(bytes);
    }

    /// Begins a key that is followed by what selects the result beside it.
    pub(crate) fn scoped(&mut self) {
        self.0.push(tag::SCOPED);
    }

    /// Appends what another has written.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Begins a list of `parts` parts.
    pub(super) fn list(&mut self, parts: usize) {
        self.0.push(tag::LIST);
        self.number(parts as u128);
    }

    /// LEB128: seven bits a byte, the lowest first.
    #[inline]
    fn number(&mut self, value: u128) {
        if value < 0x80 { self.0.push(value as u8) } else { self.long_number(value) }
    }

    fn long_number(&mut self, value: u128) {
        match u64::try_from(value) {
            Ok(narrow) => self.narrow_number(narrow),
            Err(_) => self.wide_number(value),
        }
    }

    fn narrow_number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn wide_number(&mut self, mut value: u128) {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }
}

macro_rules! sized {
    ($($type:ty => $tag:ident, |$key:ident| $bytes:expr;)*) => {$(
        impl Key for $type {
            fn encode(&self, bytes: &mut KeyBytes) {
                let $key = self;
                bytes.sized(tag::$tag, $bytes);
            }
        }
    )*};
}

sized! {
    str => TEXT, |key| key.as_bytes();
    String => TEXT, |key| key.as_bytes();
    Path => PATH, |key| key.as_os_str().as_bytes();
    PathBuf => PATH, |key| key.as_os_str().as_bytes();
    OsStr => PATH, |key| key.as_bytes();
    OsString => PATH, |key| key.as_bytes();
    Digest => BYTES, |key| &key.0;
}

macro_rules! numbers {
    ($($type:ty as $wide:ty;)*) => {$(
        impl Key for $type {
            #[inline]
            fn encode(&self, bytes: &mut KeyBytes) {
                <$wide>::from(*self).encode(bytes);
            }
        }
    )*};
}

numbers! { u16 as u128; u32 as u128; u64 as u128; i8 as i128; i16 as i128; i32 as i128; i64 as i128; }

impl Key for u128 {
    #[inline]
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.0.push(tag::UNSIGNED);
        bytes.number(*self);
    }
}

impl Key for i128 {
    #[inline]
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.0.push(if *self < 0 { tag::NEGATIVE } else { tag::UNSIGNED });
        bytes.number(self.unsigned_abs());
    }
}

impl Key for usize {
    fn encode(&self, bytes: &mut KeyBytes) {
        (*self as u128).encode(bytes);
    }
}

impl Key for isize {
    fn encode(&self, bytes: &mut KeyBytes) {
        (*self as i128).encode(bytes);
    }
}

impl Key for u8 {
    fn encode(&self, bytes: &mut KeyBytes) {
        u16::from(*self).encode(bytes);
    }

    /// A list of bytes is data. The key's type says which it is, so no two keys coincide.
    fn encode_list(list: &[Self], bytes: &mut KeyBytes) {
        bytes.sized(tag::BYTES, list);
    }
}

/// A key that was encoded before it got here: where what it is made of has no type that this crate knows.
impl Key for KeyBytes {
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.append(self);
    }
}

impl Key for bool {
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.0.push(if *self { tag::TRUE } else { tag::FALSE });
    }
}

impl Key for char {
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.sized(tag::CHARACTER, self.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Key for () {
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.tuple(0);
    }
}

impl<T: Key + Clone> Key for Option<T> {
    fn encode(&self, bytes: &mut KeyBytes) {
        match self {
            None => bytes.0.push(tag::NONE),
            Some(value) => {
                bytes.0.push(tag::SOME);
                value.encode(bytes);
            }
        }
    }
}

impl<T: Key + Clone> Key for [T] {
    fn encode(&self, bytes: &mut KeyBytes) {
        T::encode_list(self, bytes);
    }
}

impl<T: Key + Clone> Key for Vec<T> {
    fn encode(&self, bytes: &mut KeyBytes) {
        self.as_slice().encode(bytes);
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident)*;)*) => {$(
        impl<$($name: Key + Clone),*> Key for ($($name,)*) {
            fn encode(&self, bytes: &mut KeyBytes) {
                #[expect(non_snake_case, reason = "a type parameter's name for its value")]
                let ($($name,)*) = self;
                bytes.tuple($count);
                $($name.encode(bytes);)*
            }
        }
    )*};
}

tuples! {
    1: A;
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
}
