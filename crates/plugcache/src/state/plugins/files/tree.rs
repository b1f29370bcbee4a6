//! Looking at the managed directory and changing it, without ever leaving it: each directory on the way is
//! opened from the one above, and a symbolic link is not followed.

use std::{
    collections::BTreeMap,
    ffi::CString,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use plugcache_cache::{
    Error,
    fs::{self, Directory, Kind},
};
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, FileType, Mode, OFlags},
    io::Errno,
};

use super::{
    super::{super::plugin::PluginError, text::shown},
    desired::{self, File},
};

/// Largest file, in bytes.
const LARGEST: u64 = 64 << 20;
/// Most files.
const MOST: usize = 20_000;
/// Deepest directory.
const DEEPEST: usize = 64;

/// A managed directory.
pub(super) struct Tree<'a> {
    root: &'a Path,
}

/// A directory that was reached without following a link, as two handles to it.
struct Folder {
    fd: OwnedFd,
    directory: Directory,
}

/// What is at a path.
pub(super) enum Found {
    File(Now),
    /// A directory, which is nothing that has a content.
    Directory,
    /// A file that is too large to be read, and how large.
    TooLarge(String),
    /// Something else, and what.
    Other(String),
}

/// A file as it is.
pub(super) struct Now {
    pub(super) bytes: Vec<u8>,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root }
    }

    pub(super) fn open(&self) -> Result<Directory, PluginError> {
        Ok(Directory::open(self.root)?)
    }

    /// All there is below the directory but directories, by relative path: what `take` makes of it, so that
    /// only one file's content is in memory at a time.
    pub(super) fn all<T>(
        &self,
        mut take: impl FnMut(Found) -> Result<T, PluginError>,
    ) -> Result<BTreeMap<String, T>, PluginError> {
        let mut all = BTreeMap::new();
        let mut rest = vec![String::new()];
        while let Some(below) = rest.pop() {
            let names: Vec<&str> = below.split('/').filter(|name| !name.is_empty()).collect();
            let Some(folder) = self.folder(&names)? else { continue };
            let mut entries = folder.directory.list()?.0;
            entries.sort();
            for (name, kind) in entries.into_iter().filter(|(name, _)| !is_temporary(name)) {
                let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
                let path =
                    format!("{prefix}{}", String::from_utf8(name.clone()).unwrap_or_else(|_| shown(&name)));
                if all.len() >= MOST {
                    return Err(PluginError(format!(
                        "{} has more than {MOST} files: choose a smaller directory",
                        self.root.display()
                    )));
                }
                if str::from_utf8(&name).is_err() {
                    // A file may really be called what this is shown as.
                    let other = take(Found::Other("its name is not UTF-8".to_owned()))?;
                    all.entry(path).or_insert(other);
                } else if kind == Kind::Directory && !is_link(&folder.fd, &name) {
                    if names.len() < DEEPEST {
                        rest.push(path);
                    } else {
                        let other = Found::Other(format!("it lies deeper than {DEEPEST} directories"));
                        all.insert(path, take(other)?);
                    }
                } else if let Some(found) = folder.look(&name)? {
                    all.insert(path, take(found)?);
                }
            }
        }
        Ok(all)
    }

    /// What is at a path; `None`: nothing.
    pub(super) fn find(&self, path: &str) -> Result<Option<Found>, PluginError> {
        let names = desired::components(path)?;
        let Some((file, above)) = names.split_last() else { return Ok(None) };
        match self.folder(above)? {
            Some(folder) => folder.look(file.as_bytes()),
            None => Ok(None),
        }
    }

    /// Directories on the way to a path that are not there.
    pub(super) fn missing_above(&self, path: &str) -> Result<Vec<String>, PluginError> {
        let names = desired::components(path)?;
        let mut missing = Vec::new();
        for length in 1..names.len() {
            let above = names.get(..length).unwrap_or_default();
            if self.folder(above)?.is_none() {
                missing.push(above.join("/"));
            }
        }
        Ok(missing)
    }

    /// Puts a file at a path, durably, with the directories on the way. Its owner is that of the file that
    /// was there, or the one given.
    pub(super) fn put(&self, path: &str, file: &File, owner: Option<(u32, u32)>) -> Result<(), PluginError> {
        let names = desired::components(path)?;
        let Some((name, above)) = names.split_last() else { return Ok(()) };
        self.make(above)?;
        let folder = self.folder(above)?.ok_or_else(|| {
            PluginError(format!("`{path}` cannot be made: a file is where a directory would have to be"))
        })?;
        let (mode, owner) = match folder.look(name.as_bytes())? {
            Some(Found::Other(what) | Found::TooLarge(what)) => {
                return Err(PluginError(format!("`{path}` cannot be replaced: {what}")));
            }
            Some(Found::Directory) => {
                return Err(PluginError(format!("`{path}` cannot be replaced: it is a directory")));
            }
            Some(Found::File(now)) => (file.mode.unwrap_or(now.mode), owner.or(Some(now.owner))),
            None => (file.mode.unwrap_or(0o644), owner),
        };
        let name = c_name(name)?;
        fs::publish_durably(&folder.directory, &name, &[&file.bytes])?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&folder.fd, &name, flags, Mode::empty())
            .map_err(|errno| self.failed("open", path, errno))?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| self.failed("stat", path, errno))?;
        if let Some((user, group)) = owner
            && (user, group) != (stat.st_uid, stat.st_gid)
        {
            let (user, group) = (rustix::fs::Uid::from_raw(user), rustix::fs::Gid::from_raw(group));
            rustix::fs::fchown(&fd, Some(user), Some(group))
                .map_err(|errno| self.failed("keep the owner of", path, errno))?;
        }
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))
            .and_then(|()| rustix::fs::fsync(&fd))
            .map_err(|errno| self.failed("set the mode of", path, errno))
    }

    /// Removes a file. That it is not there is fine.
    pub(super) fn remove(&self, path: &str) -> Result<(), PluginError> {
        let names = desired::components(path)?;
        let Some((name, above)) = names.split_last() else { return Ok(()) };
        let Some(folder) = self.folder(above)? else { return Ok(()) };
        match folder.look(name.as_bytes())? {
            Some(Found::Other(what) | Found::TooLarge(what)) => {
                return Err(PluginError(format!("`{path}` cannot be removed: {what}")));
            }
            Some(Found::Directory) => return Ok(()),
            Some(Found::File(_)) | None => {}
        }
        folder.directory.remove(&c_name(name)?)?;
        Ok(folder.directory.synchronise()?)
    }

    /// Removes a directory that is empty; one that is not stays.
    pub(super) fn remove_empty(&self, path: &str) -> Result<(), PluginError> {
        let names = desired::components(path)?;
        let Some((name, above)) = names.split_last() else { return Ok(()) };
        let Some(fd) = self.open_below(above)? else { return Ok(()) };
        match rustix::fs::unlinkat(&fd, *name, AtFlags::REMOVEDIR) {
            // Where a file is, the directory is gone already: that is so when one goes back twice.
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.failed("remove", path, errno)),
        }
    }

    fn make(&self, names: &[&str]) -> Result<(), PluginError> {
        for length in 1..=names.len() {
            let (Some(here), Some(above)) = (names.get(length - 1), names.get(..length - 1)) else {
                continue;
            };
            let path = names.get(..length).unwrap_or_default().join("/");
            let Some(fd) = self.open_below(above)? else { continue };
            match rustix::fs::mkdirat(&fd, *here, Mode::from_raw_mode(0o755)) {
                Ok(()) => self.folder(above)?.map_or(Ok(()), |above| above.directory.synchronise())?,
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(self.failed("create directory", &path, errno)),
            }
        }
        Ok(())
    }

    /// Opens a directory below the root one name after the other. `None`: there is none.
    fn open_below(&self, names: &[&str]) -> Result<Option<OwnedFd>, PluginError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut fd = rustix::fs::open(self.root, flags, Mode::empty())
            .map_err(|errno| self.failed("open directory", "", errno))?;
        for name in names {
            fd = match rustix::fs::openat(&fd, *name, flags | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(below) => below,
                Err(Errno::NOENT) => return Ok(None),
                // Where a file is, there is no directory.
                Err(Errno::NOTDIR) if !is_link(&fd, name.as_bytes()) => return Ok(None),
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    return Err(PluginError(format!(
                        "{}: `{name}` is a symbolic link, which is not followed",
                        self.root.join(names.join("/")).display()
                    )));
                }
                Err(errno) => return Err(self.failed("open directory", &names.join("/"), errno)),
            };
        }
        Ok(Some(fd))
    }

    /// The same as a [`Directory`], which opens by path: it has to be the one that was reached without
    /// following a link.
    fn folder(&self, names: &[&str]) -> Result<Option<Folder>, PluginError> {
        let Some(fd) = self.open_below(names)? else { return Ok(None) };
        let path: PathBuf = self.root.join(names.join("/"));
        let directory = Directory::open(&path)?;
        let reached = rustix::fs::fstat(&fd).map_err(|errno| self.failed("stat", &names.join("/"), errno))?;
        let stamp = directory.stamp()?;
        if (stamp.device, stamp.inode) == (reached.st_dev, reached.st_ino) {
            Ok(Some(Folder { fd, directory }))
        } else {
            Err(PluginError(format!("{} is exchanged while it is opened; try again", path.display())))
        }
    }

    fn failed(&self, action: &str, path: &str, errno: Errno) -> PluginError {
        PluginError(format!("cannot {action} {}: {errno}", self.root.join(path).display()))
    }
}

/// Whether a name is that of a file which is being written: see `plugcache_cache::fs::publish`.
pub(super) fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(b".tmp-")
}

fn is_link(directory: &OwnedFd, name: &[u8]) -> bool {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn c_name(name: &str) -> Result<CString, PluginError> {
    Ok(fs::c_path(name.as_bytes())?)
}

impl Folder {
    /// What an entry is, itself and not what it may lead to.
    fn look(&self, name: &[u8]) -> Result<Option<Found>, PluginError> {
        let failed = |what| {
            let path = self.directory.path().join(std::ffi::OsStr::from_bytes(name));
            PluginError(format!("{}: {what}", path.display()))
        };
        let stat = match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno.to_string())),
        };
        let other = |what: &str| Ok(Some(Found::Other(what.to_owned())));
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Ok(Some(Found::Directory)),
            FileType::Symlink => return other("it is a symbolic link"),
            _ => return other("it is no regular file"),
        }
        match self.directory.read(&fs::c_path(name)?, LARGEST) {
            Ok(read) if read.stamp.inode == stat.st_ino => Ok(Some(Found::File(Now {
                bytes: read.bytes,
                mode: stat.st_mode & 0o7777,
                owner: (stat.st_uid, stat.st_gid),
            }))),
            Ok(_) => Err(failed("it is exchanged while it is read; try again".to_owned())),
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error @ Error::TooLarge { .. }) => Ok(Some(Found::TooLarge(error.to_string()))),
            Err(error) => other(&error.to_string()),
        }
    }
}
