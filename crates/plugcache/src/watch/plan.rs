//! Which directories to watch, if nothing is to happen unseen to some places.
//!
//! A place depends on every directory on the way to it, links followed: each could be renamed, replaced or
//! pointed elsewhere. Of those, the one name that the way takes matters; of the place itself, everything.

use std::{
    collections::HashMap,
    ffi::OsStr,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Component, Path, PathBuf},
};

use plugcache_discovery::index::Places;
use rustix::{
    fs::{CWD, Dir, FileType, Mode, OFlags, readlinkat},
    io::Errno,
};

use super::queue::{Interest, Interests};

/// Links that are followed one after the other, as in the kernel.
const LONGEST_CHAIN: usize = 40;

/// The directories to watch for `places`, as the file system stands now.
pub(super) fn of(places: &Places) -> Interests {
    let mut plan = Plan::default();
    for directory in &places.directories {
        plan.directory(directory);
    }
    for file in &places.files {
        plan.way_to(file, true);
    }
    plan.interests
}

/// Where a path leads, links followed.
pub(super) fn real(path: &Path) -> Option<PathBuf> {
    Plan::default().way_to(path, false)
}

#[derive(Default)]
struct Plan {
    interests: Interests,
    /// Where paths lead that were walked already.
    walked: HashMap<PathBuf, Option<PathBuf>>,
}

impl Plan {
    /// Everything in a directory, and whatever the links in it lead to.
    fn directory(&mut self, path: &Path) {
        let Some(real) = self.way_to(path, false) else { return };
        let interest = self.interests.entry(real.clone()).or_default();
        if std::mem::replace(&mut interest.everything, true) {
            return;
        }
        interest.content = true;
        for link in links(&real) {
            self.step(&real, OsStr::from_bytes(&link), true, 0);
        }
    }

    /// Where a path leads; every name on the way is of interest. `None`: nowhere.
    fn way_to(&mut self, path: &Path, content: bool) -> Option<PathBuf> {
        if let Some(known) = self.walked.get(path) {
            return known.clone();
        }
        let real = match (path.parent(), path.file_name()) {
            (Some(above), Some(name)) => {
                let above = self.way_to(above, false);
                above.and_then(|above| self.step(&above, name, content, 0))
            }
            _ => self.walk(Path::new("/"), path, content, 0),
        };
        self.walked.insert(path.to_owned(), real.clone());
        real
    }

    /// Where a path leads from a directory.
    fn walk(&mut self, from: &Path, path: &Path, content: bool, depth: usize) -> Option<PathBuf> {
        let mut at = from.to_owned();
        for component in path.components() {
            match component {
                Component::RootDir => at = PathBuf::from("/"),
                Component::ParentDir => _ = at.pop(),
                Component::Normal(name) => at = self.step(&at, name, content, depth)?,
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Some(at)
    }

    /// Where a name in a directory leads.
    fn step(&mut self, above: &Path, name: &OsStr, content: bool, depth: usize) -> Option<PathBuf> {
        let Interest { names, content: is_content, .. } = self.interests.entry(above.to_owned()).or_default();
        names.insert(name.to_owned());
        *is_content |= content;
        if depth > LONGEST_CHAIN {
            return None;
        }
        let path = above.join(name);
        match readlinkat(CWD, &path, Vec::new()) {
            Ok(target) => {
                let target = PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes()));
                self.walk(above, &target, content, depth + 1)
            }
            // No link.
            Err(Errno::INVAL) => Some(path),
            Err(_) => None,
        }
    }
}

/// Names of the links in a directory; none if it cannot be read, which watching it will tell.
fn links(directory: &Path) -> Vec<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = rustix::fs::openat(CWD, directory, flags, Mode::empty()).and_then(Dir::new);
    let entries = opened.into_iter().flatten().filter_map(Result::ok);
    let may_be_link = |kind| matches!(kind, FileType::Symlink | FileType::Unknown);
    entries
        .filter(|entry| may_be_link(entry.file_type()))
        .map(|entry| entry.file_name().to_bytes().to_vec())
        .filter(|name| name != b"." && name != b"..")
        .collect()
}
