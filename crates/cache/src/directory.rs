//! Where a cache may live: a directory that only its owner can touch.

use std::{
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    fs::Directory,
};

/// Tells backup programs to leave the directory out.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory holds a cache made by plugcache. It may be deleted at any time.\n";

/// Opens a cache directory if it exists, and refuses one that others could tamper with: not a directory
/// but a link, owned by somebody else, or writable by group or others.
pub fn open_existing(path: &Path) -> Result<Option<Directory>> {
    let directory = match Directory::open_own(path) {
        Ok(directory) => directory,
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    directory.check_private()?;
    Ok(Some(directory))
}

/// Opens a cache directory, creating it with mode 0700 and marking it as a cache.
#[expect(clippy::disallowed_methods, reason = "courtesy files")]
pub fn open_or_create(path: &Path) -> Result<Directory> {
    if let Some(directory) = open_existing(path)? {
        return Ok(directory);
    }
    let directory = open_or_create_plain(path)?;
    for (name, text) in [("CACHEDIR.TAG", CACHEDIR_TAG), (".gitignore", "*\n")] {
        // Both are courtesies: a cache without them works.
        let _ = std::fs::write(path.join(name), text);
    }
    Ok(directory)
}

/// Opens a directory that is private and not marked as a cache, creating it with mode 0700: one inside of a
/// cache directory, or one for durable data.
#[expect(clippy::disallowed_methods, reason = "there is no handle to go by before the directory exists")]
pub fn open_or_create_plain(path: &Path) -> Result<Directory> {
    if let Some(directory) = open_existing(path)? {
        return Ok(directory);
    }
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(|source| Error::io("create directory", path, source))?;
    open_existing(path)?
        .ok_or_else(|| Error::io("open directory", path, std::io::Error::from(std::io::ErrorKind::NotFound)))
}

/// The first of `candidates` that can be opened or created and written to, with the errors of those
/// before it. `None` if there is no such directory: the caller then keeps its work in memory.
pub fn first_usable(candidates: &[PathBuf]) -> (Option<Directory>, Vec<Error>) {
    let mut errors = Vec::new();
    for candidate in candidates {
        match open_or_create(candidate).and_then(|directory| directory.check_writable().map(|()| directory)) {
            Ok(directory) => return (Some(directory), errors),
            Err(error) => errors.push(error),
        }
    }
    (None, errors)
}

impl Directory {
    /// Follows a symbolic link only if it is this user's own.
    fn open_own(path: &Path) -> Result<Self> {
        match Self::open_no_follow(path) {
            Err(Error::Io { .. }) if is_own_link(path) => Self::open(path),
            other => other,
        }
    }

    /// Refuses a directory that another user owns or could write to.
    fn check_private(&self) -> Result<()> {
        let (owner, mode) = self.owner_and_mode()?;
        let own = rustix::process::geteuid().as_raw();
        let unsafe_because = |why| Err(Error::UnsafeDirectory { path: self.path().to_owned(), why });
        if owner != own {
            return unsafe_because(format!("user {owner} owns it and this process runs as user {own}"));
        }
        if mode & 0o022 != 0 {
            return unsafe_because(format!("others may write to it (mode {:04o})", mode & 0o7777));
        }
        Ok(())
    }

    fn check_writable(&self) -> Result<()> {
        self.probe_write().map_err(|source| Error::io("write to", self.path(), source))
    }
}

#[expect(clippy::disallowed_methods, reason = "asks about the link itself, which has no handle")]
fn is_own_link(path: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(path).is_ok_and(|link| link.file_type().is_symlink() && link.uid() == own)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn creates_privately_and_refuses_the_open_door() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        open_or_create(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(path.join("CACHEDIR.TAG").exists());

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        let refused = open_or_create(&path).unwrap_err();
        assert!(matches!(refused, Error::UnsafeDirectory { .. }), "{refused}");
        assert!(refused.to_string().contains("chmod 700"));
    }

    #[test]
    fn falls_back_to_the_next_candidate() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let good = place.path().join("good");
        let (directory, errors) = first_usable(&[file.join("below"), good.clone()]);
        assert_eq!(directory.unwrap().path(), good);
        assert_eq!(errors.len(), 1);
        assert!(first_usable(&[file.join("x")]).0.is_none());
    }
}
