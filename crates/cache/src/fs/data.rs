//! Files that grow and stay: for durable data, which is appended to in place and synchronised when its owner
//! says so.

use std::{
    ffi::{CStr, CString},
    fs::File,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags},
    io::Errno,
};

use super::{Directory, Kind};
use crate::error::{Error, Result};

/// A regular file that is read and written at offsets. Symbolic links are refused.
#[derive(Debug)]
pub struct DataFile {
    file: File,
    path: PathBuf,
}

impl DataFile {
    /// Opens a file of a directory for reading; `None` if there is none.
    pub fn open(directory: &Directory, name: &CStr) -> Result<Option<Self>> {
        Self::open_with(directory, name, OFlags::RDONLY)
    }

    /// Opens a file of a directory for reading and writing; `None` if there is none.
    pub fn open_to_write(directory: &Directory, name: &CStr) -> Result<Option<Self>> {
        Self::open_with(directory, name, OFlags::RDWR)
    }

    /// Makes a file of a directory; an error if there is one. Its name is not on the medium before
    /// [`Directory::synchronise`].
    pub fn create(directory: &Directory, name: &CStr) -> Result<Self> {
        let made = Self::open_with(directory, name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)?;
        made.ok_or_else(|| Error::io("create", directory.join(name), Errno::NOENT))
    }

    fn open_with(directory: &Directory, name: &CStr, flags: OFlags) -> Result<Option<Self>> {
        let path = directory.join(name);
        // Without NONBLOCK, opening a FIFO would wait for its other end.
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(&directory.fd, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(Error::io("open", path, errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| Error::io("stat", &path, errno))?;
        if super::look(&stat).kind != Kind::File {
            return Err(Error::WrongKind { path, expected: "regular file" });
        }
        Ok(Some(Self { file: File::from(fd), path }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    pub fn size(&self) -> Result<u64> {
        self.file.metadata().map(|data| data.size()).map_err(|error| Error::io("stat", &self.path, error))
    }

    /// Reads from an offset until `bytes` is full or the file ends. Returns how many bytes it has read.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path, error)),
            }
        }
        Ok(read)
    }

    /// Writes all of `bytes` at an offset.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(|error| Error::io("write", &self.path, error))
    }

    /// Cuts it, or fills it with zeros, to a length.
    pub fn cut(&self, length: u64) -> Result<()> {
        self.file.set_len(length).map_err(|error| Error::io("cut", &self.path, error))
    }

    /// Puts its content on the medium.
    pub fn synchronise(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::io("synchronise", &self.path, error))
    }
}

/// What a directory holds, with all that is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Extent {
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Directory {
    /// Counts regular files and their bytes, here and below; symbolic links are not followed. What others remove
    /// meanwhile is counted or not.
    pub fn extent(&self) -> Result<Extent> {
        let mut extent = Extent::default();
        for entry in self.names()? {
            let look = match rustix::fs::statat(&self.fd, &entry, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(look) => look,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(Error::io("stat", self.join(&entry), errno)),
            };
            match FileType::from_raw_mode(look.st_mode) {
                FileType::RegularFile => {
                    extent.files += 1;
                    extent.bytes += u64::try_from(look.st_size).unwrap_or_default();
                }
                FileType::Directory => {
                    let Some(inside) = self.open_inside(&entry)? else { continue };
                    let Extent { files, bytes } = inside.extent()?;
                    extent.files += files;
                    extent.bytes += bytes;
                }
                _ => {}
            }
        }
        Ok(extent)
    }

    /// A directory of this one that is no link. `None` if there is none.
    fn open_inside(&self, name: &CStr) -> Result<Option<Self>> {
        let path = self.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io("open directory", path, errno)),
        }
    }

    /// Names of all that is in it, of whatever kind.
    fn names(&self) -> Result<Vec<CString>> {
        let failed = |errno| Error::io("list", &self.path, errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_owned();
            if ![c".", c".."].contains(&name.as_c_str()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Puts a file or directory of this directory in the place of another, durably.
    pub fn rename_durably(&self, from: &CStr, to: &CStr) -> Result<()> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to)
            .map_err(|errno| Error::io("replace", self.join(to), errno))?;
        self.synchronise()
    }

    /// Puts a file of this directory in the place of one of another directory of the same file system, durably.
    pub fn move_durably(&self, name: &CStr, other: &Self, new: &CStr) -> Result<()> {
        rustix::fs::renameat(&self.fd, name, &other.fd, new)
            .map_err(|errno| Error::io("replace", other.join(new), errno))?;
        other.synchronise()?;
        self.synchronise()
    }

    /// Gives a file of this directory a second name in another directory of the same file system.
    pub fn link(&self, name: &CStr, other: &Self, new: &CStr) -> Result<()> {
        rustix::fs::linkat(&self.fd, name, &other.fd, new, AtFlags::empty())
            .map_err(|errno| Error::io("link", other.join(new), errno))
    }

    /// Removes a directory of this directory with all that is in it; symbolic links themselves, never their targets.
    /// Others may be removing it too. `false` if there was none.
    pub fn remove_tree(&self, name: &CStr) -> Result<bool> {
        let Some(inside) = self.open_inside(name)? else { return Ok(false) };
        for entry in &inside.names()? {
            match rustix::fs::unlinkat(&inside.fd, entry, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR) => {
                    inside.remove_tree(entry)?;
                }
                Err(errno) => return Err(Error::io("remove", inside.join(entry), errno)),
            }
        }
        self.remove_directory(name)
    }

    /// Removes an empty directory of this directory. `false` if there was none.
    pub fn remove_directory(&self, name: &CStr) -> Result<bool> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(Error::io("remove directory", self.join(name), errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_is_cut_and_read_at_offsets() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        assert!(DataFile::open(&directory, c"a").unwrap().is_none());
        let file = DataFile::create(&directory, c"a").unwrap();
        assert!(DataFile::create(&directory, c"a").is_err());
        file.write_at(b"0123456789", 0).unwrap();
        file.synchronise().unwrap();
        let mut bytes = [0; 8];
        let reader = DataFile::open(&directory, c"a").unwrap().unwrap();
        assert_eq!(reader.read_at(&mut bytes, 6).unwrap(), 4);
        assert_eq!(&bytes[..4], b"6789");
        file.cut(3).unwrap();
        assert_eq!(reader.size().unwrap(), 3);

        std::fs::create_dir_all(place.path().join("tree/deep/deeper")).unwrap();
        std::fs::write(place.path().join("tree/deep/file"), b"").unwrap();
        std::os::unix::fs::symlink("../../..", place.path().join("tree/deep/up")).unwrap();
        std::fs::write(place.path().join("tree/seven"), b"7 bytes").unwrap();
        let tree = directory.open_below(c"tree").unwrap();
        assert_eq!(tree.extent().unwrap(), Extent { files: 2, bytes: 7 });
        assert!(directory.remove_tree(c"tree").unwrap());
        assert!(!directory.remove_tree(c"tree").unwrap());
        assert!(place.path().join("a").exists());

        std::os::unix::fs::symlink("a", place.path().join("link")).unwrap();
        assert!(DataFile::open_to_write(&directory, c"link").is_err());
        directory.link(c"a", &directory, c"b").unwrap();
        directory.rename_durably(c"b", c"c").unwrap();
        assert!(DataFile::open(&directory, c"c").unwrap().is_some());
        std::fs::create_dir(place.path().join("other")).unwrap();
        let other = directory.open_below(c"other").unwrap();
        directory.move_durably(c"c", &other, c"d").unwrap();
        assert!(DataFile::open(&directory, c"c").unwrap().is_none());
        assert!(DataFile::open(&other, c"d").unwrap().is_some());
    }
}
