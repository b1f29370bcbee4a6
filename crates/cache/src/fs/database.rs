//! What a database that maps its own files needs besides: looks before it maps, and names in place.

use std::{ffi::CStr, fs::File, io::Read, os::unix::fs::MetadataExt};

use rustix::{
    fs::{AtFlags, FallocateFlags, Mode, OFlags},
    io::Errno,
};

use super::{Directory, Kind, look};
use crate::error::{Error, Result};

impl Directory {
    /// Opens a file to look into it, not following a symbolic link, with its length; without a length if
    /// it is no regular file. `None` if there is nothing.
    pub(crate) fn open_for_inspection(&self, name: &CStr) -> Result<Option<(File, Option<u64>)>> {
        let failed = |action| move |errno: Errno| Error::io(action, self.join(name), errno);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            // A link: opened as itself, which reads nothing.
            Err(Errno::LOOP) => rustix::fs::openat(&self.fd, name, flags | OFlags::PATH, Mode::empty())
                .map_err(failed("open"))?,
            Err(errno) => return Err(failed("open")(errno)),
        };
        let look = look(&rustix::fs::fstat(&fd).map_err(failed("stat"))?);
        let length = (look.kind == Kind::File).then_some(look.stamp.size);
        Ok(Some((File::from(fd), length)))
    }

    /// Gives a file all blocks up to a length, and makes it if there is none.
    pub(crate) fn allocate(&self, name: &CStr, length: u64) -> Result<()> {
        let failed = |errno: Errno| Error::io("allocate", self.join(name), errno);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        match rustix::fs::fallocate(&fd, FallocateFlags::empty(), 0, length) {
            // Where blocks cannot be asked for, they are there when they are written.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(errno) => Err(failed(errno)),
        }
    }

    /// Reads a small file that the kernel makes up, whose size is not known before.
    pub(crate) fn read_virtual(&self, name: &CStr) -> Result<Vec<u8>> {
        let failed = |error: std::io::Error| Error::io("read", self.join(name), error);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .map_err(|errno| Error::io("open", self.join(name), errno))?;
        let mut bytes = Vec::new();
        File::from(fd).take(1 << 26).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// Brings a file and its name to the medium.
    pub(crate) fn settle(&self, name: &CStr) -> Result<()> {
        let failed = |errno: Errno| Error::io("synchronise", self.join(name), errno);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map_err(failed)?;
        rustix::fs::fsync(&fd).and_then(|()| rustix::fs::fsync(&self.fd)).map_err(failed)
    }

    /// Gives a file a second name, and makes it, empty, if there is none. What has that name is replaced.
    pub(crate) fn link_or_create(&self, of: &CStr, name: &CStr) -> std::io::Result<()> {
        let link = || rustix::fs::linkat(&self.fd, of, &self.fd, name, AtFlags::empty());
        match link() {
            Err(Errno::NOENT) => {
                let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
                rustix::fs::openat(&self.fd, of, flags, Mode::RUSR | Mode::WUSR)?;
                link()?;
            }
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?;
                link()?;
            }
            other => other?,
        }
        Ok(())
    }

    /// Puts a file in the place of another.
    pub(crate) fn rename(&self, from: &CStr, to: &CStr) -> Result<()> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to)
            .map_err(|errno| Error::io("replace", self.join(to), errno))
    }
}

/// Where this process has a map of a file from its begin, of that length. Several where a fork left the
/// parent's; none where the system does not tell.
pub(crate) fn addresses_of_map(file: &File, length: usize) -> Vec<usize> {
    let maps = Directory::open("/proc/self".as_ref()).and_then(|own| own.read_virtual(c"maps"));
    let (Ok(maps), Ok(look)) = (maps, file.metadata()) else { return Vec::new() };
    let begin_of = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (begin, end) = words.next()?.split_once('-')?;
        let (begin, end) = (usize::from_str_radix(begin, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        let (_, offset, _, inode) = (words.next()?, words.next()?, words.next()?, words.next()?);
        // The device is another one than `stat` tells on some file systems.
        let same = u64::from_str_radix(offset, 16) == Ok(0) && inode.parse() == Ok(look.ino());
        (same && end - begin == length).then_some(begin)
    };
    String::from_utf8_lossy(&maps).lines().filter_map(begin_of).collect()
}
