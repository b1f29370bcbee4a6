//! Putting a file in place whole or not at all.

use std::{
    ffi::{CStr, CString},
    io::{IoSlice, Write},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, ResolveFlags},
    io::Errno,
};

use super::{Directory, Map};
use crate::error::{Error, Result};

/// Start of the names of files that are being written.
const TEMPORARY: &str = ".tmp-";

/// Writes `parts` one after the other to a new file, then puts it in the place of `name`. Readers see the
/// old file or the new one; a process killed midway leaves at most a temporary file.
///
/// Nothing is synchronised to the medium: this is for what can be computed again and carries checksums.
pub fn publish(directory: &Directory, name: &CStr, parts: &[&[u8]]) -> Result<()> {
    put(directory, name, parts, false)
}

/// Like [`publish`], for what nobody can compute again: once this returns, the new content is on the medium
/// and a crash of the machine does not take it back.
pub fn publish_durably(directory: &Directory, name: &CStr, parts: &[&[u8]]) -> Result<()> {
    put(directory, name, parts, true)?;
    directory.synchronise()
}

fn put(directory: &Directory, name: &CStr, parts: &[&[u8]], durable: bool) -> Result<()> {
    let temporary = temporary_name()?;
    let result =
        write(directory, &temporary, parts, durable).and_then(|()| replace(directory, &temporary, name));
    if result.is_err() {
        // The first error is the one that matters; what is left is removed by `remove_abandoned`.
        let _ = rustix::fs::unlinkat(&directory.fd, &temporary, AtFlags::empty());
    }
    result
}

#[expect(clippy::disallowed_methods, reason = "this is the module for it")]
pub(super) fn temporary_name() -> Result<CString> {
    let mut random = [0_u8; 8];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut random))
        .map_err(|error| Error::io("read", "/dev/urandom", error))?;
    super::c_path(format!("{TEMPORARY}{:016x}", u64::from_le_bytes(random)).as_bytes())
}

fn write(directory: &Directory, name: &CStr, parts: &[&[u8]], durable: bool) -> Result<()> {
    let failed = |action| move |error: std::io::Error| Error::io(action, directory.join(name), error);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = rustix::fs::openat(&directory.fd, name, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| failed("create")(errno.into()))?;
    let mut file = std::fs::File::from(fd);
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(failed("write")(std::io::ErrorKind::WriteZero.into())),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("write")(error)),
        }
    }
    if durable { file.sync_all().map_err(failed("synchronise")) } else { Ok(()) }
}

/// Exchanges the two names where the file system can, because a rename over an existing file makes ext4
/// allocate and start writing all of its blocks at once: milliseconds for a large index.
fn replace(directory: &Directory, temporary: &CStr, name: &CStr) -> Result<()> {
    let fd = &directory.fd;
    match rustix::fs::renameat_with(fd, temporary, fd, name, RenameFlags::EXCHANGE) {
        Ok(()) => {
            // The old file now has the temporary name; if it stays, `remove_abandoned` takes it.
            let _ = rustix::fs::unlinkat(fd, temporary, AtFlags::empty());
            Ok(())
        }
        Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::renameat(fd, temporary, fd, name)
                .map_err(|errno| Error::io("replace", directory.join(name), errno))
        }
        Err(errno) => Err(Error::io("replace", directory.join(name), errno)),
    }
}

/// Removes temporary files that a killed process left more than `age` ago. Returns how many.
pub fn remove_abandoned(directory: &Directory, age: std::time::Duration) -> Result<usize> {
    let mut removed = 0;
    let now = crate::clock::Clock::wall(&crate::clock::SystemClock);
    for (name, kind) in directory.list_once_for_cleaning()? {
        if kind != super::Kind::File || !name.starts_with(TEMPORARY.as_bytes()) {
            continue;
        }
        let name = super::c_path(&name)?;
        let Some(look) = directory.look(&name)? else { continue };
        let old = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        if now.since(look.stamp.youngest()) > old
            && rustix::fs::unlinkat(&directory.fd, &name, AtFlags::empty()).is_ok()
        {
            removed += 1;
        }
    }
    Ok(removed)
}

impl Directory {
    /// Puts the names of this directory on the medium: a file that was just put in or taken out stays so.
    pub fn synchronise(&self) -> Result<()> {
        // A handle opened for a path alone cannot be synchronised.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, c".", flags, Mode::empty())
            .and_then(|fd| rustix::fs::fsync(&fd))
            .map_err(|errno| Error::io("synchronise", self.path(), errno))
    }

    fn list_once_for_cleaning(&self) -> Result<super::Entries> {
        self.list().map(|(entries, _)| entries)
    }

    /// Maps a regular file of this directory, not following a symbolic link; `None` if there is none.
    pub fn map(&self, name: &CStr) -> Result<Option<Map>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(Error::io("open", self.join(name), errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| Error::io("stat", self.join(name), errno))?;
        let look = super::look(&stat);
        if look.kind != super::Kind::File {
            return Err(Error::WrongKind { path: self.join(name), expected: "regular file" });
        }
        Map::of(fd, usize::try_from(look.stamp.size).unwrap_or(usize::MAX))
            .map(Some)
            .map_err(|error| Error::io("map", self.join(name), error))
    }

    /// Removes a file of this directory, a symbolic link itself and never its target. `false` if there
    /// was none.
    pub fn remove(&self, name: &CStr) -> Result<bool> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(Error::io("remove", self.join(name), errno)),
        }
    }

    /// Opens or creates a file of this directory for locking.
    pub(crate) fn open_lock_file(&self, name: &CStr) -> Result<std::fs::File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        rustix::fs::openat2(&self.fd, name, flags, Mode::RUSR | Mode::WUSR, ResolveFlags::NO_SYMLINKS)
            .or_else(|errno| match errno {
                Errno::NOSYS | Errno::PERM => {
                    rustix::fs::openat(&self.fd, name, flags | OFlags::NOFOLLOW, Mode::RUSR | Mode::WUSR)
                }
                other => Err(other),
            })
            .map(std::fs::File::from)
            .map_err(|errno| Error::io("open", self.join(name), errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_over_nothing_and_over_something() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        publish(&directory, c"x", &[b"one", b"", b"two"]).unwrap();
        assert_eq!(&directory.map(c"x").unwrap().unwrap()[..], b"onetwo");
        let old = directory.map(c"x").unwrap().unwrap();
        publish(&directory, c"x", &[b"three"]).unwrap();
        assert_eq!(&directory.map(c"x").unwrap().unwrap()[..], b"three");
        assert_eq!(&old[..], b"onetwo", "a reader keeps what it opened");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
        assert!(directory.map(c"y").unwrap().is_none());
    }

    #[test]
    fn links_are_not_followed() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("secret"), b"s").unwrap();
        std::os::unix::fs::symlink("secret", place.path().join("link")).unwrap();
        let directory = Directory::open(place.path()).unwrap();
        assert!(directory.map(c"link").is_err());
        assert!(directory.open_lock_file(c"link").is_err());
        assert!(directory.remove(c"link").unwrap());
        assert!(place.path().join("secret").exists());
    }

    #[test]
    fn abandoned_files_are_removed() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(".tmp-1"), b"").unwrap();
        std::fs::write(place.path().join("kept"), b"").unwrap();
        let directory = Directory::open(place.path()).unwrap();
        assert_eq!(remove_abandoned(&directory, std::time::Duration::from_mins(1)).unwrap(), 0);
        assert_eq!(remove_abandoned(&directory, std::time::Duration::ZERO).unwrap(), 1);
    }
}
