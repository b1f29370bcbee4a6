//! Reading files and listings between two looks at their stamp.

use std::{ffi::CStr, os::fd::OwnedFd};

use rustix::{
    fs::{Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{Directory, Entries, Kind, Look, Observed, look};
use crate::{
    error::{Error, Result},
    fingerprint::Stamp,
};

/// How often a read is tried while the file keeps changing.
const ATTEMPTS: usize = 5;

impl Directory {
    /// Reads a regular file below it: open, stamp, read, stamp, and again if the stamps differ.
    pub fn read(&self, path: &CStr, limit: u64) -> Result<Observed> {
        for _ in 0..ATTEMPTS {
            // Without NONBLOCK, opening a FIFO would wait for a writer.
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
            let file = rustix::fs::openat(&self.fd, path, flags, Mode::empty())
                .map_err(|errno| Error::io("open", self.join(path), errno))?;
            let before = self.stamp_of(&file, path)?;
            if before.kind != Kind::File {
                return Err(Error::WrongKind { path: self.join(path), expected: "regular file" });
            }
            if before.stamp.size > limit {
                return Err(Error::TooLarge { path: self.join(path), size: before.stamp.size, limit });
            }
            let bytes = self.read_all(&file, path, before.stamp.size, limit)?;
            let after = self.stamp_of(&file, path)?;
            if before == after && bytes.len() as u64 == after.stamp.size {
                return Ok(Observed { bytes, stamp: after.stamp });
            }
        }
        Err(Error::Unsettled { path: self.join(path) })
    }

    fn stamp_of(&self, file: &OwnedFd, path: &CStr) -> Result<Look> {
        rustix::fs::fstat(file)
            .map(|stat| look(&stat))
            .map_err(|errno| Error::io("stat", self.join(path), errno))
    }

    fn read_all(&self, file: &OwnedFd, path: &CStr, size: u64, limit: u64) -> Result<Vec<u8>> {
        // One byte more than the size, so that the usual file takes one call and growth is noticed.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
        loop {
            if bytes.len() == bytes.capacity() {
                bytes.reserve(4096);
            }
            match rustix::io::read(file, rustix::buffer::spare_capacity(&mut bytes)) {
                // A regular file gives less than was asked for only at its end.
                Ok(0) => return Ok(bytes),
                Ok(_) if bytes.len() as u64 == size && bytes.len() < bytes.capacity() => return Ok(bytes),
                Ok(_) if bytes.len() as u64 > limit => {
                    return Err(Error::TooLarge { path: self.join(path), size: bytes.len() as u64, limit });
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::io("read", self.join(path), errno)),
            }
        }
    }

    /// Lists its entries, symbolic links followed to their kind, between two equal stamps. Unsorted.
    pub fn list(&self) -> Result<(Entries, Stamp)> {
        for _ in 0..ATTEMPTS {
            let before = self.stamp()?;
            let entries = self.list_once()?;
            if self.stamp()? == before {
                return Ok((entries, before));
            }
        }
        Err(Error::Unsettled { path: self.path.clone() })
    }

    fn list_once(&self) -> Result<Entries> {
        let failed = |errno| Error::io("list", &self.path, errno);
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Directory,
                FileType::Symlink | FileType::Unknown => {
                    self.look(name).ok().flatten().map_or(Kind::Other, |look| look.kind)
                }
                _ => Kind::Other,
            };
            entries.push((name.to_bytes().to_vec(), kind));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_and_refuses_the_rest() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("a"), b"text").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, place.path().join("pipe"), Mode::RUSR).unwrap();
        std::os::unix::fs::symlink("nowhere", place.path().join("dangling")).unwrap();
        let directory = Directory::open(place.path()).unwrap();

        let observed = directory.read(c"a", 100).unwrap();
        assert_eq!(observed.bytes, b"text");
        assert_eq!(directory.look(c"a").unwrap().unwrap().stamp, observed.stamp);
        assert!(matches!(directory.read(c"a", 3), Err(Error::TooLarge { size: 4, .. })));
        assert!(matches!(directory.read(c"pipe", 9), Err(Error::WrongKind { .. })));
        assert!(directory.look(c"missing").unwrap().is_none());

        let (mut entries, stamp) = directory.list().unwrap();
        entries.sort();
        let expected = [("a", Kind::File), ("dangling", Kind::Other), ("pipe", Kind::Other)];
        assert!(entries.iter().map(|(n, k)| (std::str::from_utf8(n).unwrap(), *k)).eq(expected));
        assert_eq!(stamp, directory.stamp().unwrap());
    }
}
