//! Bytes of the system as text in JSON, and files that the kernel makes up as they are read.

use std::{fmt::Write, os::fd::AsFd};

use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
};

/// Bytes as text: what is not UTF-8 is written `\xNN`, and a backslash is doubled, so that different bytes are
/// different texts.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Reads a file that the kernel makes up: it has no size, and its stamps say nothing. At most `limit` bytes.
pub(super) fn read_made_up(from: impl AsFd, path: &str, limit: usize) -> rustix::io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let file = rustix::fs::openat(from, path, flags, Mode::empty())?;
    if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    let mut bytes = Vec::with_capacity(4096);
    loop {
        if bytes.len() > limit {
            return Err(Errno::FBIG);
        }
        bytes.reserve(4096);
        match rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes)) {
            Ok(0) => return Ok(bytes),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// What tells one namespace of the kernel from another: `net:[4026531840]`.
pub(super) fn namespace(kind: &str) -> String {
    let link = rustix::fs::readlink(format!("/proc/self/ns/{kind}"), Vec::new());
    link.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes in base64 (RFC 4648, with padding).
pub(super) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |position: usize| u32::from(chunk.get(position).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for position in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * position) & 63) as usize];
            text.push(if position <= chunk.len() { letter.into() } else { '=' });
        }
    }
    text
}

/// Bytes from base64. `None` for anything that [`to_base64`] would not have written.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0;
        for letter in chunk {
            let value = LETTERS.iter().position(|known| known == letter).unwrap_or(0);
            word = word << 6 | u32::try_from(value).ok()?;
        }
        let padding = chunk.iter().rev().take_while(|letter| **letter == b'=').count();
        let [_, first, second, third] = word.to_be_bytes();
        bytes.extend([first, second, third].get(..3_usize.checked_sub(padding)?)?);
    }
    (to_base64(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn different_bytes_are_different_texts() {
        assert_eq!(shown("a b/ä".as_bytes()), "a b/ä");
        assert_eq!(shown(b"a\xffb"), "a\\xffb");
        assert_eq!(shown(b"a\\xffb"), "a\\\\xffb");
        assert_eq!(to_base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
        for text in ["YQ", "YQ=", "YQ==YQ==", "YR==", "Y Q=", "====", "ä===", "YQ=a"] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn base64_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            let _ = from_base64(&text);
        }
    }
}
