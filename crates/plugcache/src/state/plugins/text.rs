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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_bytes_are_different_texts() {
        assert_eq!(shown("a b/ä".as_bytes()), "a b/ä");
        assert_eq!(shown(b"a\xffb"), "a\\xffb");
        assert_eq!(shown(b"a\\xffb"), "a\\\\xffb");
    }
}
