//! The only place with raw file calls.
//!
//! Reading is directory-relative (a `stat` by name from an open directory costs two thirds of one by
//! path), follows symbolic links as imports do, never opens a FIFO or device for reading, and brackets
//! each read between two stamps.

mod data;
mod database;
mod map;
mod publish;
mod read;
mod shared;

use std::{
    ffi::{CStr, CString},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat},
    io::Errno,
};

pub use data::{DataFile, Extent};
pub(crate) use database::addresses_of_map;
pub use map::Map;
pub use publish::{publish, publish_durably, remove_abandoned};
pub use shared::SharedWords;

use crate::{
    clock::Timestamp,
    error::{Error, Result},
    fingerprint::Stamp,
    freshness::Granularity,
};

/// What a path leads to, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else: FIFO, socket, device, dangling or looping link.
    Other,
}

/// A stamp, and what it is the stamp of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The stamp.
    pub stamp: Stamp,
    /// The kind.
    pub kind: Kind,
}

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

/// A file as it was read: its bytes, and a stamp that held before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The content.
    pub bytes: Vec<u8>,
    /// Its stamp.
    pub stamp: Stamp,
}

/// Entries of a directory: name as bytes, and kind.
pub type Entries = Vec<(Vec<u8>, Kind)>;

impl Directory {
    /// Opens a directory by path.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, OFlags::empty())
    }

    /// Opens a directory by path, and fails if the path is a symbolic link.
    pub(crate) fn open_no_follow(path: &Path) -> Result<Self> {
        Self::open_with(path, OFlags::NOFOLLOW)
    }

    fn open_with(path: &Path, more: OFlags) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | more;
        let fd = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|errno| Error::io("open directory", path, errno))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Opens a directory below this one; `path` is relative, and empty for this one itself.
    pub fn open_below(&self, path: &CStr) -> Result<Self> {
        let name = if path.is_empty() { c"." } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .map_err(|errno| Error::io("open directory", self.join(path), errno))?;
        Ok(Self { fd, path: self.join(path) })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its own stamp.
    pub fn stamp(&self) -> Result<Stamp> {
        let stat = rustix::fs::fstat(&self.fd).map_err(|errno| Error::io("stat", &self.path, errno))?;
        Ok(look(&stat).stamp)
    }

    /// Looks at a path below it; `None` if there is nothing. A dangling or looping link is
    /// [`Kind::Other`] with an absent stamp.
    pub fn look(&self, path: &CStr) -> Result<Option<Look>> {
        look_from(&self.fd, path).map_err(|errno| Error::io("stat", self.join(path), errno))
    }

    /// How fine the stamps of its file system are.
    pub fn granularity(&self) -> Granularity {
        // Magic numbers of local file systems with nanosecond stamps: ext2-4, XFS, btrfs, tmpfs,
        // overlayfs, F2FS, ZFS, bcachefs, squashfs.
        const LOCAL: [u64; 9] = [
            0xEF53,
            0x5846_5342,
            0x9123_683E,
            0x0102_1994,
            0x794C_7630,
            0xF2F5_2010,
            0x2FC1_2FC1,
            0xCA45_1A4E,
            0x7371_7368,
        ];
        match rustix::fs::fstatfs(&self.fd) {
            #[expect(clippy::cast_sign_loss, reason = "a magic number, not a quantity")]
            Ok(stat) if LOCAL.contains(&(stat.f_type as u64)) => Granularity::LOCAL,
            _ => Granularity::COARSE,
        }
    }

    fn join(&self, path: &CStr) -> PathBuf {
        self.path.join(std::ffi::OsStr::from_bytes(path.to_bytes()))
    }
}

/// Looks at a path; see [`Directory::look`].
pub fn look_at(path: &CStr) -> Result<Option<Look>> {
    look_from(rustix::fs::CWD, path)
        .map_err(|errno| Error::io("stat", std::ffi::OsStr::from_bytes(path.to_bytes()), errno))
}

/// What a path leads to from an open directory.
fn look_from(from: impl AsFd, path: &CStr) -> rustix::io::Result<Option<Look>> {
    match rustix::fs::statat(from, path, AtFlags::empty()) {
        Ok(stat) => Ok(Some(look(&stat))),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(Errno::LOOP) => Ok(Some(Look { stamp: Stamp::ABSENT, kind: Kind::Other })),
        Err(errno) => Err(errno),
    }
}

/// Path as the C string that system calls take; an error if it has a NUL byte.
pub fn c_path(path: &[u8]) -> Result<CString> {
    CString::new(path).map_err(|nul| {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(&nul.into_vec()));
        Error::io("use a path with a NUL byte,", path, Errno::INVAL)
    })
}

fn look(stat: &Stat) -> Look {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        _ => Kind::Other,
    };
    #[expect(clippy::cast_sign_loss, reason = "a size is never negative")]
    let stamp = Stamp {
        device: stat.st_dev,
        inode: stat.st_ino,
        size: stat.st_size as u64,
        modified: timestamp(stat.st_mtime, stat.st_mtime_nsec.cast_signed()),
        changed: timestamp(stat.st_ctime, stat.st_ctime_nsec.cast_signed()),
    };
    Look { stamp, kind }
}

fn timestamp(seconds: i64, nanoseconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
}

impl Directory {
    pub(crate) fn owner_and_mode(&self) -> Result<(u32, u32)> {
        let stat = rustix::fs::fstat(&self.fd).map_err(|errno| Error::io("stat", &self.path, errno))?;
        Ok((stat.st_uid, stat.st_mode))
    }

    /// Whether this process may create files here.
    pub(crate) fn probe_write(&self) -> std::io::Result<()> {
        let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        rustix::fs::accessat(&self.fd, c".", access, AtFlags::EACCESS).map_err(Into::into)
    }
}
