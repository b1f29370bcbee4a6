//! Numbers that processes share: a small file of 64-bit words, mapped by all of them and changed in place.
//!
//! For counts and times that may be off by a little and must cost nothing: no lock, no system call. What
//! must be right does not belong here; after a crash of the machine the words hold whatever was written
//! back by then. The words are in the machine's own byte order.

use std::{
    ffi::CStr,
    fmt,
    fs::File,
    os::fd::OwnedFd,
    sync::atomic::{AtomicU64, Ordering},
};

use memmap2::{MmapOptions, MmapRaw};
use rustix::{
    fs::{AtFlags, FallocateFlags, Mode, OFlags, RenameFlags},
    io::Errno,
};

use super::{Directory, Kind, publish::temporary_name};
use crate::error::{Error, Result};

/// Most words that a file of another's making is mapped with: 8 MiB.
const MOST_WORDS: u64 = 1 << 20;
/// How often a file is looked for again when others replace it meanwhile.
const ATTEMPTS: usize = 8;

/// A fixed number of 64-bit words, shared by every process that opened the same file.
pub struct SharedWords {
    place: Place,
}

enum Place {
    File { map: MmapRaw, words: usize },
    Heap(Box<[AtomicU64]>),
}

impl SharedWords {
    /// Opens the file `name` of exactly `words` words, or makes it, all zero. A file of another length is
    /// replaced: who mapped it keeps the old one. Symbolic links are refused.
    pub fn open(directory: &Directory, name: &CStr, words: usize) -> Result<Self> {
        let length = (words as u64).saturating_mul(8);
        if words == 0 {
            return Ok(Self::anonymous(0));
        }
        for _ in 0..ATTEMPTS {
            match open_regular(directory, name)? {
                Some((fd, found)) if found == length => {
                    // Holes in a file that came from elsewhere would be filled on the first write through
                    // the map, where a full disk is a signal and not an error.
                    allocate(&fd, length)
                        .map_err(|errno| failed(directory, "allocate", name)(errno.into()))?;
                    return Self::map(fd, words).map_err(failed(directory, "map", name));
                }
                Some((fd, _)) => replace(directory, name, &File::from(fd), length)?,
                None => create(directory, name, length)?,
            }
        }
        Err(Error::Unsettled { path: directory.join(name) })
    }

    /// Opens the file `name` with as many words as it has, for who only looks; `None` if there is none, or
    /// it is no whole number of words or more than 8 MiB.
    pub fn open_existing(directory: &Directory, name: &CStr) -> Result<Option<Self>> {
        let Some((fd, length)) = open_regular(directory, name)? else { return Ok(None) };
        if length == 0 || length % 8 != 0 || length / 8 > MOST_WORDS {
            return Ok(None);
        }
        allocate(&fd, length).map_err(|errno| failed(directory, "allocate", name)(errno.into()))?;
        let words = usize::try_from(length / 8).unwrap_or(0);
        Self::map(fd, words).map(Some).map_err(failed(directory, "map", name))
    }

    /// Words of this process alone, where there is no directory to share them in.
    pub fn anonymous(words: usize) -> Self {
        Self { place: Place::Heap((0..words).map(|_| AtomicU64::new(0)).collect()) }
    }

    /// The words.
    #[expect(unsafe_code, reason = "mapping a file is unsafe by nature")]
    #[expect(clippy::cast_ptr_alignment, reason = "a map begins at a page")]
    #[inline]
    pub fn words(&self) -> &[AtomicU64] {
        match &self.place {
            Place::Heap(words) => words,
            Place::File { map, words } => {
                // SAFETY: the map is readable and writable, `words * 8` bytes long, aligned to a page, and
                // lives as long as `self`. All access to it, in every process, is atomic. Its blocks are
                // allocated, and the directory is refused unless it is ours alone, so that nobody but this
                // user's own tampering could cut the file below the map.
                unsafe { std::slice::from_raw_parts(map.as_mut_ptr().cast::<AtomicU64>(), *words) }
            }
        }
    }

    /// Whether other processes see them.
    pub fn is_shared(&self) -> bool {
        matches!(self.place, Place::File { .. })
    }

    fn map(fd: OwnedFd, words: usize) -> std::io::Result<Self> {
        let map = MmapOptions::new().len(words * 8).map_raw(&File::from(fd))?;
        Ok(Self { place: Place::File { map, words } })
    }
}

impl fmt::Debug for SharedWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.words().iter().filter(|word| word.load(Ordering::Relaxed) != 0).count();
        f.debug_struct("SharedWords").field("words", &self.words().len()).field("used", &used).finish()
    }
}

fn failed<'a>(
    directory: &'a Directory,
    action: &'static str,
    name: &'a CStr,
) -> impl Fn(std::io::Error) -> Error + 'a {
    move |error| Error::io(action, directory.join(name), error)
}

/// Opens a regular file for reading and writing, and says how long it is.
fn open_regular(directory: &Directory, name: &CStr) -> Result<Option<(OwnedFd, u64)>> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let fd = match rustix::fs::openat(&directory.fd, name, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(Error::io("open", directory.join(name), errno)),
    };
    let stat = rustix::fs::fstat(&fd).map_err(|errno| Error::io("stat", directory.join(name), errno))?;
    let look = super::look(&stat);
    if look.kind != Kind::File {
        return Err(Error::WrongKind { path: directory.join(name), expected: "regular file" });
    }
    Ok(Some((fd, look.stamp.size)))
}

/// Gives a file all of its blocks, so that no write through a map needs one. Costs nothing if it has them.
fn allocate(fd: &OwnedFd, length: u64) -> rustix::io::Result<()> {
    match rustix::fs::fallocate(fd, FallocateFlags::empty(), 0, length) {
        // Where blocks cannot be asked for, `create` has written them.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        other => other,
    }
}

/// Makes the file if there is still none: under another name, then put in place whole.
fn create(directory: &Directory, name: &CStr, length: u64) -> Result<()> {
    with_temporary(directory, name, length, |temporary| {
        let fd = &directory.fd;
        match rustix::fs::renameat_with(fd, temporary, fd, name, RenameFlags::NOREPLACE) {
            // Another process was first: its file is the one.
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                match rustix::fs::linkat(fd, temporary, fd, name, AtFlags::empty()) {
                    Err(Errno::EXIST) => Ok(()),
                    other => other,
                }
            }
            Err(errno) => Err(errno),
        }
    })
}

/// Puts a new file in the place of `old`. Of several processes that find the same old file only one does:
/// the others wait for its lock and see that the name leads elsewhere.
fn replace(directory: &Directory, name: &CStr, old: &File, length: u64) -> Result<()> {
    old.lock().map_err(|error| Error::io("lock", directory.join(name), error))?;
    let stat = rustix::fs::fstat(old).map_err(|errno| Error::io("stat", directory.join(name), errno))?;
    let now = directory.look(name)?;
    if now.is_none_or(|now| (now.stamp.device, now.stamp.inode) != (stat.st_dev, stat.st_ino)) {
        return Ok(());
    }
    with_temporary(directory, name, length, |temporary| {
        rustix::fs::renameat(&directory.fd, temporary, &directory.fd, name)
    })
}

fn with_temporary(
    directory: &Directory,
    name: &CStr,
    length: u64,
    place: impl FnOnce(&CStr) -> rustix::io::Result<()>,
) -> Result<()> {
    let temporary = temporary_name()?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = rustix::fs::openat(&directory.fd, &temporary, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| Error::io("create", directory.join(name), errno))?;
    let filled = fill(&fd, length).map_err(|errno| Error::io("allocate", directory.join(name), errno));
    let placed = filled
        .and_then(|()| place(&temporary).map_err(|errno| Error::io("replace", directory.join(name), errno)));
    // It is gone if it was renamed; else what is left is removed now or by `remove_abandoned`.
    let _ = rustix::fs::unlinkat(&directory.fd, &temporary, AtFlags::empty());
    placed
}

fn fill(fd: &OwnedFd, length: u64) -> rustix::io::Result<()> {
    match rustix::fs::fallocate(fd, FallocateFlags::empty(), 0, length) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        other => return other,
    }
    let zeros = [0_u8; 4096];
    let mut at = 0;
    while at < length {
        let count = zeros.len().min(usize::try_from(length - at).unwrap_or(usize::MAX));
        at += rustix::io::pwrite(fd, zeros.split_at(count).0, at)? as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn two_handles_see_each_others_additions() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        assert!(SharedWords::open_existing(&directory, c"w").unwrap().is_none());
        let [one, two] = [(); 2].map(|()| SharedWords::open(&directory, c"w", 1000).unwrap());
        one.words()[999].fetch_add(5, Ordering::Relaxed);
        two.words()[999].fetch_add(2, Ordering::Relaxed);
        let reader = SharedWords::open_existing(&directory, c"w").unwrap().unwrap();
        assert!(reader.is_shared());
        assert_eq!((reader.words().len(), reader.words()[999].load(Ordering::Relaxed)), (1000, 7));
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
        assert!(!SharedWords::anonymous(3).is_shared());
    }

    #[test]
    fn another_length_is_replaced_and_old_maps_stay_good() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let old = SharedWords::open(&directory, c"w", 4096).unwrap();
        std::fs::write(place.path().join("odd"), b"seven b").unwrap();
        assert!(SharedWords::open_existing(&directory, c"odd").unwrap().is_none());
        let new = SharedWords::open(&directory, c"w", 8).unwrap();
        old.words()[4095].store(1, Ordering::Relaxed);
        assert_eq!((old.words().len(), new.words().len()), (4096, 8));
        assert_eq!(SharedWords::open(&directory, c"odd", 2).unwrap().words().len(), 2);
        assert_eq!(SharedWords::open(&directory, c"none", 0).unwrap().words().len(), 0);
    }

    #[test]
    fn processes_that_start_together_share_one_file() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        for words in [64, 32, 48] {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let mine = SharedWords::open(&directory, c"w", words).unwrap();
                        mine.words()[0].fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
            let all = SharedWords::open(&directory, c"w", words).unwrap();
            assert_eq!(all.words()[0].load(Ordering::Relaxed), 8);
        }
    }

    #[test]
    fn links_and_other_things_are_refused() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("secret"), [0; 64]).unwrap();
        std::os::unix::fs::symlink("secret", place.path().join("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, place.path().join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        let directory = Directory::open(place.path()).unwrap();
        assert!(SharedWords::open(&directory, c"link", 8).is_err());
        assert!(matches!(SharedWords::open(&directory, c"pipe", 8), Err(Error::WrongKind { .. })));
    }

    /// A sparse file written through a map kills the process with SIGBUS when the disk is full.
    #[test]
    #[expect(clippy::print_stderr, reason = "says that it was skipped")]
    fn a_full_disk_is_an_error_and_no_signal() {
        let place = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(place.path());
        if !mount.status().is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED a_full_disk_is_an_error_and_no_signal: mounting a small tmpfs needs root");
            return;
        }
        let directory = Directory::open(place.path()).unwrap();
        // A sparse file of the right length, as another program might leave.
        let sparse = File::create(place.path().join("sparse")).unwrap();
        sparse.set_len(1 << 20).unwrap();
        let outcomes = [c"new", c"sparse"].map(|name| SharedWords::open(&directory, name, 1 << 17));
        let left = std::fs::read_dir(place.path()).unwrap().count();
        let small = SharedWords::open(&directory, c"small", 512);
        drop(directory);
        drop(sparse);
        let fits = small.map(|small| small.words()[511].store(1, Ordering::Relaxed));
        Command::new("umount").arg(place.path()).status().unwrap();
        for outcome in outcomes {
            assert!(matches!(outcome, Err(Error::Io { action: "allocate", .. })), "{outcome:?}");
        }
        assert_eq!(left, 1, "nothing half-made stays");
        fits.unwrap();
    }
}
