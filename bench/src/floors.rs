//! What the machine cannot do faster: the same system calls with nothing around them.

use std::{
    ffi::CString,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::Path,
};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};

use crate::Result;

/// Directories, and the files in each that are looked at.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    directories: Vec<(CString, Vec<CString>)>,
}

impl Layout {
    /// Lists the files below a directory whose names end so.
    pub(crate) fn of(root: &Path, suffix: &str) -> Result<Self> {
        let mut layout = Self::default();
        layout.add(root, suffix)?;
        Ok(layout)
    }

    /// Lists what an answer about entry points has to look at: in each distribution's directory
    /// `entry_points.txt`, there or not, and the metadata of those that have one.
    pub(crate) fn of_distributions(site: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(site)? {
            let name = entry?.file_name();
            if !name.as_bytes().ends_with(b".dist-info") {
                continue;
            }
            files.push(CString::new([name.as_bytes(), b"/entry_points.txt"].concat())?);
            if site.join(&name).join("entry_points.txt").is_file() {
                files.push(CString::new([name.as_bytes(), b"/METADATA"].concat())?);
            }
        }
        Ok(Self { directories: vec![(CString::new(site.as_os_str().as_bytes())?, files)] })
    }

    fn add(&mut self, directory: &Path, suffix: &str) -> Result {
        let mut files = Vec::new();
        let mut below = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                below.push(path);
            } else if entry.file_name().as_bytes().ends_with(suffix.as_bytes()) {
                files.push(CString::new(entry.file_name().as_bytes())?);
            }
        }
        self.directories.push((CString::new(directory.as_os_str().as_bytes())?, files));
        below.iter().try_for_each(|directory| self.add(directory, suffix))
    }

    /// Opens each directory, stats each of its files relative to it, closes it. Returns the number of
    /// files.
    pub(crate) fn stat(&self) -> Result<u64> {
        let mut found = 0;
        for (directory, files) in &self.directories {
            let directory = open_directory(directory)?;
            for file in files {
                // Absent is an answer too.
                found += u64::from(statat(&directory, file, AtFlags::SYMLINK_NOFOLLOW).is_ok());
            }
        }
        Ok(found)
    }

    /// Opens, reads and closes every file. Returns the number of files.
    pub(crate) fn read(&self) -> Result<u64> {
        let mut found = 0;
        let mut content = vec![0_u8; 1 << 20];
        for (directory, files) in &self.directories {
            let directory = open_directory(directory)?;
            for file in files {
                let file = openat(&directory, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
                while rustix::io::read(&file, &mut content[..])? > 0 {}
                found += 1;
            }
        }
        Ok(found)
    }
}

fn open_directory(path: &CString) -> Result<OwnedFd> {
    Ok(openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a file, maps it, unmaps and closes it: what any index that is a file costs before it answers.
#[expect(unsafe_code, reason = "mapping a file is unsafe by nature")]
pub(crate) fn map(path: &Path) -> Result<u64> {
    let file = std::fs::File::open(path)?;
    // SAFETY: nothing reads through the map, so nobody can see the file change below it.
    let map = unsafe { memmap2::Mmap::map(&file) }?;
    Ok(map.len() as u64)
}
