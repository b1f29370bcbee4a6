//! A package judged as a whole: every source below a directory, and what lies beside them.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use plugcache_cache::{
    Stamp,
    fs::{Directory, Kind},
};

use super::{
    judge::{Judge, Judged},
    policy::Profile,
    violation::{Rule, Violation},
};

/// What Python runs, or reads as a part of its search path, without there being a source to judge.
const UNJUDGED: [&str; 13] =
    ["pyc", "pyo", "so", "pyd", "dll", "dylib", "sl", "pth", "zip", "egg", "whl", "pyz", "pyw"];

/// Directories that nest deeper are a loop or an attack.
const DEEPEST: usize = 64;

/// A package and what was decided about each of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The directory.
    pub path: PathBuf,
    /// Every source below it, and everything else that speaks against it, by path.
    pub files: Vec<Judged>,
}

impl Package {
    /// Whether all of it may be loaded. A directory without sources holds nothing to load, and is not allowed.
    pub fn is_allowed(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(Judged::is_allowed)
    }
}

impl Judge {
    /// Judges a package: every `.py` below the directory. Its modules may import each other relatively. The
    /// strict profile rejects files that Python would run without a source to judge (`.pyc`, `.so`, `.pth`, …).
    /// What cannot be listed or read is rejected; links to directories are followed, as imports do.
    pub fn package(&self, directory: &Path) -> Package {
        let mut files = Vec::new();
        self.below(directory, 0, &mut Vec::new(), &mut files);
        files.sort_by(|one: &Judged, other| one.path.cmp(&other.path));
        Package { path: directory.to_owned(), files }
    }

    fn below(&self, path: &Path, depth: u32, above: &mut Vec<Stamp>, files: &mut Vec<Judged>) {
        let reject =
            |rule, what: &str, why: String| Judged::unreadable(path, Violation::whole(rule, what, why));
        let listed = Directory::open(path).and_then(|directory| directory.list());
        let (entries, stamp) = match listed {
            Ok(listed) => listed,
            Err(error) => return files.push(reject(Rule::Unreadable, "directory", error.to_string())),
        };
        let is_above = above.iter().any(|one| (one.device, one.inode) == (stamp.device, stamp.inode));
        if is_above || above.len() >= DEEPEST {
            let why = "a link leads back to a directory above, or directories nest deeper than 64 levels";
            return files.push(reject(Rule::Unreadable, "directory", why.to_owned()));
        }
        above.push(stamp);
        for (name, kind) in entries {
            let below = path.join(OsStr::from_bytes(&name));
            let extension =
                below.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
            match (kind, extension.as_deref()) {
                (Kind::Directory, Some("egg")) if self.policy().profile == Profile::Strict => {
                    files.push(unjudged(&below));
                }
                (Kind::Directory, _) => self.below(&below, depth + 1, above, files),
                // A FIFO or a link that leads nowhere is refused where it is read.
                (_, Some("py")) => files.push(self.file_in(&below, depth + 1)),
                (_, Some(extension))
                    if self.policy().profile == Profile::Strict && UNJUDGED.contains(&extension) =>
                {
                    files.push(unjudged(&below));
                }
                _ => {}
            }
        }
        above.pop();
    }
}

fn unjudged(path: &Path) -> Judged {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let why = "Python would run it, and there is no source to judge; remove it";
    Judged::unreadable(path, Violation::whole(Rule::UnjudgedCode, name, why))
}
