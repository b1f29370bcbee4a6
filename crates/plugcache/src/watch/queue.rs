//! What the operating system tells: one inotify queue, drained by whoever asks.
//!
//! The kernel queues an event before the call that caused it returns. So who drains the queue first and then
//! answers, answers with every edit in it that was over when the question came. A library that reads the queue
//! on a thread of its own could not promise that, which is why the queue is read here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::{OsStr, OsString},
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use plugcache_cache::{freshness::Granularity, fs::Directory};
use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

/// Names coming, going and changing their mode.
const STRUCTURE: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// Files being written. The closing is heard too: it is all that tells of most writes through a map.
const CONTENT: WatchFlags = WatchFlags::MODIFY.union(WatchFlags::CLOSE_WRITE);

/// What matters of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Interest {
    /// Every entry, not only those of `names`.
    pub(super) everything: bool,
    /// What is written into files, not only which there are.
    pub(super) content: bool,
    /// Entries that matter.
    pub(super) names: BTreeSet<OsString>,
    /// The index is kept here: that it is written is no event.
    pub(super) has_index: bool,
}

/// Directories by their real path, and what matters of each.
pub(super) type Interests = BTreeMap<PathBuf, Interest>;

/// Why nobody can vouch for the roots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unwatched {
    /// More directories than may be watched.
    #[error(
        "{directories} directories are more than the {most} that this watch may have; raise `max_watches`"
    )]
    TooMany {
        /// Directories to be watched.
        directories: usize,
        /// Most that may be.
        most: usize,
    },
    /// The user has no more watches, or no more queues.
    #[error("the system's limit of watches is reached at {}; raise fs.inotify.max_user_watches", path.display())]
    Limit {
        /// The directory that could not be watched.
        path: PathBuf,
    },
    /// A file system that does not tell of all changes, since others can write to it from elsewhere.
    #[error("{} is not on a local file system, whose changes the system would tell of", path.display())]
    NotLocal {
        /// The directory.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot watch {}: {reason}", path.display())]
    Refused {
        /// The directory.
        path: PathBuf,
        /// What it answered.
        reason: String,
    },
    /// The tree changed so quickly that it could not be watched and proven in turn.
    #[error("the tree changes faster than it can be proven")]
    Unsettled,
    /// A process that forked has the parent's queue, which is left to the parent.
    #[error("the watch belongs to the parent process; make another one")]
    Forked,
}

/// The queue, and what is watched.
#[derive(Debug)]
pub(super) struct Queue {
    fd: Arc<OwnedFd>,
    watched: HashMap<i32, Interest>,
    /// Events that mattered, since the beginning.
    events: u64,
}

impl Queue {
    pub(super) fn open() -> Result<Self, Unwatched> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .map_err(|errno| refused(Path::new("/"), errno))?;
        Ok(Self { fd: Arc::new(fd), watched: HashMap::new(), events: 0 })
    }

    /// The file to wait for.
    pub(super) fn file(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }

    /// How many directories are watched.
    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }

    /// Takes in what has happened. Returns how many events mattered since the beginning.
    pub(super) fn drain(&mut self) -> u64 {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 8 << 10];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    let flags = event.events();
                    let gone = flags.contains(ReadFlags::IGNORED);
                    let matters = flags.contains(ReadFlags::QUEUE_OVERFLOW)
                        || self
                            .watched
                            .get(&event.wd())
                            .is_some_and(|interest| name.is_none_or(|name| interest.is_in(name)));
                    if gone {
                        self.watched.remove(&event.wd());
                    }
                    self.events += u64::from(matters);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return self.events,
                // What cannot be read may have been anything.
                Err(_) => {
                    self.events += 1;
                    return self.events;
                }
            }
        }
    }

    /// Makes all that was proven so far doubtful.
    pub(super) fn doubt(&mut self) {
        self.events += 1;
    }

    /// Watches these directories and no others. Returns whether anything is watched now that was not before:
    /// then what was read of it before proves nothing.
    pub(super) fn arm(&mut self, wanted: &Interests, most: usize) -> Result<bool, Unwatched> {
        let mut armed: HashMap<i32, Interest> = HashMap::with_capacity(wanted.len());
        let outcome = self.arm_all(wanted, most, &mut armed);
        if outcome.is_err() {
            // A part of the tree vouches for nothing, and the system's watches are for others as well.
            for id in std::mem::take(&mut self.watched).into_keys().chain(armed.into_keys()) {
                let _ = inotify::remove_watch(&self.fd, id);
            }
            return outcome;
        }
        let before = std::mem::replace(&mut self.watched, armed);
        for id in before.into_keys().filter(|id| !self.watched.contains_key(id)) {
            // It fails for a directory that is gone, and with it its watch.
            let _ = inotify::remove_watch(&self.fd, id);
        }
        outcome
    }

    /// Adds the watches to `armed` as they are made.
    fn arm_all(
        &self,
        wanted: &Interests,
        most: usize,
        armed: &mut HashMap<i32, Interest>,
    ) -> Result<bool, Unwatched> {
        if wanted.len() > most {
            return Err(Unwatched::TooMany { directories: wanted.len(), most });
        }
        let mut is_new = false;
        for (path, interest) in wanted {
            let Some(id) = self.watch(path, interest, WatchFlags::empty())? else { continue };
            let known = armed.entry(id).or_default();
            is_new |= !self.watched.get(&id).is_some_and(|before| before.covers(interest));
            if interest.content && !self.watched.contains_key(&id) {
                require_local(path)?;
            }
            if *known != Interest::default() {
                // One directory under two paths, as bind mounts make them.
                self.watch(path, known, WatchFlags::MASK_ADD)?;
            }
            known.merge(interest);
        }
        Ok(is_new)
    }

    /// `None`: there is no such directory any more, which is an event of the directory above.
    fn watch(&self, path: &Path, interest: &Interest, more: WatchFlags) -> Result<Option<i32>, Unwatched> {
        let flags = if interest.content { STRUCTURE | CONTENT } else { STRUCTURE };
        let flags = flags | WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW | more;
        match inotify::add_watch(&self.fd, path, flags) {
            Ok(id) => Ok(Some(id)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(Errno::NOSPC) => Err(Unwatched::Limit { path: path.to_owned() }),
            Err(errno) => Err(refused(path, errno)),
        }
    }
}

impl Interest {
    fn is_in(&self, name: &OsStr) -> bool {
        self.names.contains(name) || (self.everything && !(self.has_index && is_of_index(name)))
    }

    fn covers(&self, other: &Self) -> bool {
        (self.everything || !other.everything)
            && (self.content || !other.content)
            && (self.everything || other.names.is_subset(&self.names))
    }

    fn merge(&mut self, other: &Self) {
        self.everything |= other.everything;
        self.content |= other.content;
        self.has_index |= other.has_index;
        self.names.extend(other.names.iter().cloned());
    }
}

/// Whether an index is kept under this name, or written before it gets one.
fn is_of_index(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b".tmp-") || name.ends_with(b".plugidx") || name.ends_with(b".plugidx.lock")
}

fn require_local(path: &Path) -> Result<(), Unwatched> {
    match Directory::open(path) {
        Ok(directory) if directory.granularity() != Granularity::LOCAL => {
            Err(Unwatched::NotLocal { path: path.to_owned() })
        }
        // One that is gone again is an event of the directory above.
        _ => Ok(()),
    }
}

fn refused(path: &Path, errno: Errno) -> Unwatched {
    match errno {
        Errno::MFILE => Unwatched::Limit { path: path.to_owned() },
        errno => Unwatched::Refused { path: path.to_owned(), reason: errno.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interests(path: &Path, interest: Interest) -> Interests {
        BTreeMap::from([(path.to_owned(), interest)])
    }

    fn only(name: &str) -> Interest {
        Interest { names: BTreeSet::from([name.into()]), ..Interest::default() }
    }

    #[test]
    fn what_is_of_no_interest_is_no_event() {
        let place = tempfile::tempdir().unwrap();
        let mut queue = Queue::open().unwrap();
        assert_eq!(queue.arm(&interests(place.path(), only("a")), 9), Ok(true));
        assert_eq!(queue.arm(&interests(place.path(), only("a")), 9), Ok(false));
        std::fs::write(place.path().join("b"), "").unwrap();
        assert_eq!(queue.drain(), 0);
        std::fs::write(place.path().join("a"), "").unwrap();
        let created = queue.drain();
        assert_eq!(created, 1, "its content is of no interest");
        let all = Interest { everything: true, content: true, ..Interest::default() };
        assert_eq!(queue.arm(&interests(place.path(), all), 9), Ok(true));
        std::fs::write(place.path().join("b"), "more").unwrap();
        assert!(queue.drain() > created);
        assert_eq!(queue.arm(&Interests::new(), 9), Ok(false));
        let before = queue.drain();
        std::fs::write(place.path().join("b"), "").unwrap();
        assert_eq!((queue.drain(), queue.len()), (before, 0), "it is not watched any more");
    }

    /// What the queue had no room for may have been anything.
    #[test]
    #[expect(clippy::print_stderr, reason = "a test that skips says so")]
    fn an_overflow_matters_whatever_it_was() {
        let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let limit: usize = limit.trim().parse().unwrap();
        if limit > 100_000 {
            eprintln!("SKIPPED: it would take {limit} events to overflow this system's queue");
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let mut queue = Queue::open().unwrap();
        queue.arm(&interests(place.path(), only("never")), 9).unwrap();
        // Like events are queued once: these differ.
        for number in 0..=limit {
            std::fs::write(place.path().join(format!("{}", number % 2)), "").unwrap();
            std::fs::remove_file(place.path().join(format!("{}", number % 2))).unwrap();
        }
        assert_eq!(queue.drain(), 1);
    }

    #[test]
    fn what_was_armed_before_a_failure_is_given_back() {
        use std::os::fd::AsRawFd as _;

        let place = tempfile::tempdir().unwrap();
        let mut queue = Queue::open().unwrap();
        let entry = format!("/proc/self/fdinfo/{}", queue.fd.as_raw_fd());
        let watches = || std::io::read_to_string(std::fs::File::open(&entry).unwrap()).unwrap();
        let content = || Interest { everything: true, content: true, ..Interest::default() };
        let mut wanted = Interests::from([(place.path().to_owned(), content())]);
        assert!(queue.arm(&wanted, 10).unwrap());
        assert!(watches().contains("inotify wd"));
        // No local file system: all are watched, or none.
        wanted.insert(PathBuf::from("/proc/self/task"), content());
        assert!(queue.arm(&wanted, 10).is_err());
        assert!(!watches().contains("inotify wd") && queue.len() == 0, "{}", watches());
    }
}
