//! Looking at inputs for the first time.

use std::{os::unix::ffi::OsStrExt, path::Path};

use super::{Evidence, Extent, Inputs, Seen};
use crate::{
    clock::{Clock, Timestamp},
    error::{Error, Result},
    fingerprint::{Digest, Stamp},
    fs::{Directory, Entries, Kind, c_path, look_at},
};

/// Larger files are judged by their stamp alone: reading them to prove that a touched file is the same
/// would cost more than most loaders.
pub(super) const LARGEST_READ: u64 = 256 << 20;

/// Directories that nest deeper are a loop or an attack.
const DEEPEST: usize = 64;

impl Evidence {
    /// Looks at all inputs. An input that cannot be looked at is an error: a value made from it could never
    /// be proven fresh.
    pub fn observe(inputs: &Inputs, clock: &dyn Clock) -> Result<Self> {
        let mut evidence = Self::default();
        if inputs.is_empty() {
            return Ok(evidence);
        }
        let began = clock.wall();
        for (extent, path) in &inputs.0 {
            match extent {
                Extent::File => evidence.seen.push(see_file(path, began)?),
                Extent::Directory => evidence.seen.push(see_directory(path, began)?.0),
                Extent::Tree => evidence.see_tree(path, began, DEEPEST)?,
            }
        }
        Ok(evidence)
    }

    fn see_tree(&mut self, path: &Path, began: Timestamp, deepest: usize) -> Result<()> {
        let Some(deepest) = deepest.checked_sub(1) else {
            return Err(Error::WrongKind {
                path: path.to_owned(),
                expected: "directory less than 64 levels deep",
            });
        };
        let (seen, entries) = see_directory(path, began)?;
        self.seen.push(seen);
        for (name, kind) in entries {
            let below = path.join(std::ffi::OsStr::from_bytes(&name));
            match kind {
                Kind::File => self.seen.push(see_file(&below, began)?),
                Kind::Directory if !is_link(&below)? => self.see_tree(&below, began, deepest)?,
                // A link that leads nowhere: what appears there changes no stamp of the directory.
                Kind::Other if stamp_of(&below)?.is_absent() => self.seen.push(absent(&below, false)),
                Kind::Directory | Kind::Other => {}
            }
        }
        Ok(())
    }
}

/// Asks by reading it as one: a link is the only thing that can be.
fn is_link(path: &Path) -> Result<bool> {
    match Directory::open_no_follow(path) {
        Ok(_) => Ok(false),
        Err(Error::Io { source, .. })
            if rustix::io::Errno::from_io_error(&source).is_some_and(|errno| {
                [rustix::io::Errno::LOOP, rustix::io::Errno::NOTDIR].contains(&errno)
            }) =>
        {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// The directory a path is in and its name there.
pub(super) fn place_of(path: &Path) -> (&Path, &[u8]) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (parent, path.file_name().map_or(b".", OsStrExt::as_bytes))
}

fn absent(path: &Path, is_directory: bool) -> Seen {
    Seen { path: path.to_owned(), is_directory, stamp: Stamp::ABSENT, digest: None, is_racy: false }
}

pub(super) fn see_file(path: &Path, began: Timestamp) -> Result<Seen> {
    let absent = || absent(path, false);
    let (parent, name) = place_of(path);
    let name = c_path(name)?;
    let Some(directory) = open_if_there(parent)? else { return Ok(absent()) };
    let (stamp, digest) = match directory.read(&name, LARGEST_READ) {
        Ok(observed) => (observed.stamp, Some(Digest::of(&observed.bytes))),
        Err(Error::TooLarge { .. }) => match directory.look(&name)? {
            Some(look) => (look.stamp, None),
            None => return Ok(absent()),
        },
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(absent()),
        Err(error) => return Err(error),
    };
    let is_racy = directory.granularity().is_racy(&stamp, began);
    Ok(Seen { path: path.to_owned(), is_directory: false, stamp, digest, is_racy })
}

pub(super) fn see_directory(path: &Path, began: Timestamp) -> Result<(Seen, Entries)> {
    let Some(directory) = open_if_there(path)? else {
        return Ok((absent(path, true), Vec::new()));
    };
    let (mut entries, stamp) = directory.list()?;
    entries.sort();
    let kinds: Vec<[u8; 1]> = entries.iter().map(|(_, kind)| [*kind as u8]).collect();
    let parts = entries.iter().zip(&kinds).flat_map(|((name, _), kind)| [name.as_slice(), kind]);
    let digest = Some(Digest::of_key(parts));
    let is_racy = directory.granularity().is_racy(&stamp, began);
    Ok((Seen { path: path.to_owned(), is_directory: true, stamp, digest, is_racy }, entries))
}

fn open_if_there(path: &Path) -> Result<Option<Directory>> {
    match Directory::open(path) {
        Ok(directory) => Ok(Some(directory)),
        Err(Error::Io { source, .. })
            if matches!(source.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The stamp of a path now.
pub(super) fn stamp_of(path: &Path) -> Result<Stamp> {
    let look = look_at(&c_path(path.as_os_str().as_bytes())?)?;
    Ok(look.map_or(Stamp::ABSENT, |look| look.stamp))
}
