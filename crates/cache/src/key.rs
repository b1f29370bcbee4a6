//! Keys: what names an entry, and the bytes that stand for it outside this process.
//!
//! In memory a key is compared as what it is. On disk and in explanations it is a sequence of bytes in
//! which every part carries its type and its length, so that no two keys coincide and a key can be shown
//! without knowing the program that made it. The encoding is in `docs/format.md`.

mod encode;
mod show;

use std::{borrow::Borrow, hash::Hash};

pub use encode::KeyBytes;

/// What can be a key. Implemented for strings, bytes, paths, numbers, characters, booleans, digests,
/// options, lists, and tuples of these; an own type is a key once it writes its fields:
///
/// ```
/// use plugcache_cache::key::{Key, KeyBytes};
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// struct Query { plugin: String, depth: u32 }
///
/// impl Key for Query {
///     fn encode(&self, bytes: &mut KeyBytes) {
///         bytes.tuple(2);
///         self.plugin.encode(bytes);
///         self.depth.encode(bytes);
///     }
/// }
/// ```
pub trait Key:
    Hash + Eq + ToOwned<Owned: Borrow<Self> + Send + Sync + 'static> + Send + Sync + 'static
{
    /// Writes the bytes that stand for this key. Different keys must write different bytes.
    fn encode(&self, bytes: &mut KeyBytes);

    /// Writes a list of such keys.
    #[doc(hidden)]
    fn encode_list(list: &[Self], bytes: &mut KeyBytes)
    where
        Self: Sized,
    {
        bytes.list(list.len());
        for part in list {
            part.encode(bytes);
        }
    }

    /// The bytes that stand for it.
    fn to_bytes(&self) -> KeyBytes {
        let mut bytes = KeyBytes::default();
        self.encode(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn shown<K: Key + ?Sized>(key: &K) -> String {
        key.to_bytes().to_string()
    }

    #[test]
    fn keys_are_shown_as_what_they_are() {
        assert_eq!(shown("youtube"), "youtube");
        assert_eq!(shown(&("a".to_owned(), 7_u32, -3_i8)), "(a, 7, -3)");
        assert_eq!(shown(&(None::<u8>, Some(true))), "(none, true)");
        assert_eq!(shown(Path::new("/x/y")), "/x/y");
        assert_eq!(shown(&vec!['a', 'b']), "[a, b]");
        assert_eq!(shown("two\nlines\u{1b}"), "two\\nlines\\u{1b}");
        assert_eq!(shown(&[0_u8, 255][..]), "0x00ff");
    }

    #[test]
    fn no_two_keys_share_their_bytes() {
        let text = |parts: (&str, &str)| (parts.0.to_owned(), parts.1.to_owned()).to_bytes();
        assert_ne!(text(("ab", "c")), text(("a", "bc")));
        assert_ne!("7".to_bytes(), 7_u8.to_bytes());
        assert_ne!(None::<String>.to_bytes(), Some(String::new()).to_bytes());
        assert_ne!(PathBuf::from("a").to_bytes(), "a".to_bytes());
        assert_ne!(vec![1_u8, 2].to_bytes(), vec![vec![1_u8], vec![2]].to_bytes());
        assert_ne!(0_u8.to_bytes(), false.to_bytes());
    }

    #[test]
    fn bytes_are_equal_if_all_of_them_are() {
        for length in 0..40 {
            let bytes: Vec<u8> = (0..length).collect();
            let key = KeyBytes::from_slice(&bytes);
            assert_eq!(key, KeyBytes::from_slice(&bytes));
            assert_ne!(key, KeyBytes::from_slice(&[&bytes[..], &[length]].concat()));
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 0x80;
                assert_ne!(key, KeyBytes::from_slice(&other), "byte {at} of {length}");
            }
        }
    }

    #[test]
    fn numbers_of_every_width_are_what_they_were() {
        for shift in 0..128 {
            for number in [1_u128 << shift, (1 << shift) - 1, (1 << shift) | 1] {
                assert_eq!(shown(&number), number.to_string());
            }
        }
        assert_eq!(128_u8.to_bytes().as_slice(), b"u\x80\x01");
        assert_eq!(u64::MAX.to_bytes().as_slice(), b"u\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    }

    #[test]
    fn damaged_bytes_are_shown_too() {
        for bytes in [&b"s\xff"[..], b"(", b"(\x05u\x01", b"", b"?", b"@s\x01a", b"[\xff\xff\xff\xff\x0f"] {
            let shown = KeyBytes::from_slice(bytes).to_string();
            assert!(shown.starts_with("0x"), "{shown}");
        }
        // Nesting is bounded: this is no key that anybody wrote.
        assert!(KeyBytes::from_slice(&b"(\x01".repeat(100_000)).to_string().starts_with("0x"));
    }
}
