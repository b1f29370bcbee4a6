//! What weaker evidence would have seen: the yardstick beside which full validation is shown.
//!
//! The change harness looks at the tree after each mutation. [`Observer`] knows which files really
//! changed, because it reads them all, and counts for each kind of evidence how many changes it missed.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// What one kind of evidence compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Whole seconds of the modification time, and the size: what many caches keep.
    SecondsAndSize,
    /// The modification time in nanoseconds, and the size.
    MtimeAndSize,
    /// Also the time of the last change of the inode.
    CtimeToo,
    /// Also the inode's number.
    InodeToo,
}

impl Evidence {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::SecondsAndSize, Self::MtimeAndSize, Self::CtimeToo, Self::InodeToo];

    fn of(self, metadata: &fs::Metadata) -> [i64; 6] {
        let size = metadata.size().cast_signed();
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        let (ctime, ctime_nsec) = (metadata.ctime(), metadata.ctime_nsec());
        match self {
            Self::SecondsAndSize => [size, seconds, 0, 0, 0, 0],
            Self::MtimeAndSize => [size, seconds, nanoseconds, 0, 0, 0],
            Self::CtimeToo => [size, seconds, nanoseconds, ctime, ctime_nsec, 0],
            Self::InodeToo => [size, seconds, nanoseconds, ctime, ctime_nsec, metadata.ino().cast_signed()],
        }
    }
}

type Files = BTreeMap<PathBuf, (Vec<u8>, [[i64; 6]; 4])>;

/// Looks at a tree again and again.
#[derive(Debug, Default)]
pub struct Observer {
    before: Files,
    /// Files whose content changed between two looks while their path stayed.
    pub changes: u64,
    /// Of these, how many each kind of evidence did not see, in the order of [`Evidence::ALL`].
    pub missed: [u64; 4],
}

impl Observer {
    /// Reads every regular file below `root` and compares with the look before.
    pub fn look(&mut self, root: &Path) -> io::Result<()> {
        let mut now = Files::new();
        collect(root, &mut now)?;
        for (path, (content, evidence)) in &now {
            let Some((old_content, old_evidence)) = self.before.get(path) else { continue };
            if content == old_content {
                continue;
            }
            self.changes += 1;
            for (missed, (old, new)) in self.missed.iter_mut().zip(old_evidence.iter().zip(evidence)) {
                *missed += u64::from(old == new);
            }
        }
        self.before = now;
        Ok(())
    }
}

fn collect(directory: &Path, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            collect(&entry.path(), files)?;
        } else if metadata.is_file() {
            let evidence = Evidence::ALL.map(|evidence| evidence.of(&metadata));
            files.insert(entry.path(), (fs::read(entry.path())?, evidence));
        }
    }
    Ok(())
}
