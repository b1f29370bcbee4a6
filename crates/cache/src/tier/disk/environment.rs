//! An open database: opening and healing it, and closing it.
//!
//! Two locks stand around LMDB's own. `open.lock` is held alone while anybody opens, closes, deletes or
//! rewrites files; `use.lock` is shared for as long as a database is open. Whoever holds the first and can
//! have the second for a moment knows that nobody else has the files mapped, and may replace them.

use std::{
    ffi::CStr,
    fmt,
    fs::File,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use heed::{
    CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, MdbError, RoTxn, WithoutTls, types::Bytes,
};

use super::{
    bounds::Bounds,
    header::{self, Header},
    marker,
    recency::Recency,
    structure, totals,
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    fork,
    freshness::Granularity,
    fs::Directory,
    lock::{self, Lock, LockFile},
};

/// LMDB's names for its files.
pub(super) const DATA: &CStr = c"data.mdb";
const LOCK: &CStr = c"lock.mdb";
/// Bytes of LMDB's table of [`READERS`], and some more.
const LOCK_LENGTH: u64 = 72 << 10;
/// Names of our own locks.
const OPENING: &CStr = c"open.lock";
const IN_USE: &CStr = c"use.lock";
const WRITING: &CStr = c"write.lock";
/// How long to wait for who opens, closes, or rewrites. Closing may have to wait for the medium.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long who closes waits for others who do: each gives up his own use first, so the last of them finds himself
/// alone.
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);
/// How long a writer waits for another.
const WRITE_PATIENCE: Duration = Duration::from_secs(1);
/// The same, after another writer of this process waited in vain.
const STUCK_PATIENCE: Duration = Duration::from_millis(10);
/// Bytes of a file that is walked whenever it is opened alone: less than a millisecond.
const WALKED: u64 = 8 << 20;
/// Readers at the same time, over all processes.
const READERS: u32 = 1022;

/// Rows of bytes by digest, and the row of totals.
pub(super) type Rows = Database<'static, Bytes, Bytes>;

/// An open database. Fields are dropped in their order: the environment before the locks.
pub(super) struct Environment {
    pub(super) env: Env<WithoutTls>,
    pub(super) rows: Rows,
    pub(super) recency: Recency,
    pub(super) bounds: Bounds,
    pub(super) directory: Directory,
    /// Bytes of the map.
    pub(super) map_size: u64,
    /// State of the pseudo-random positions at which rows are drawn for eviction.
    pub(super) draws: AtomicU64,
    wrote: AtomicBool,
    /// The last writer waited in vain.
    is_stuck: AtomicBool,
    writing: Mutex<LockFile>,
    in_use: LockFile,
    /// Held from the begin of closing to its end.
    closing: Option<Lock>,
}

impl Environment {
    /// Opens the database, empty if what is there cannot be used.
    pub(super) fn open(directory: Directory, map_size: u64, clock: &dyn Clock) -> Result<Self> {
        require_local(&directory)?;
        let _opening = lock::acquire(&directory, OPENING, PATIENCE, clock)?;
        let in_use = LockFile::open(&directory, IN_USE)?;
        let alone = in_use.try_exclusive()?;
        let header = if alone { heal(&directory)? } else { inspect_between_writes(&directory, clock)? };
        // LMDB would follow a link, and write to what it leads to.
        if let Some((_, None)) = directory.open_for_inspection(LOCK)? {
            directory.remove(LOCK)?;
        }
        // LMDB writes to it through a map: where a block of it is missing and the disk is full, that is a signal
        // which kills the process.
        directory.allocate(LOCK, LOCK_LENGTH)?;
        in_use.unlock();
        in_use.wait_shared(PATIENCE, clock)?;
        // Whoever is first decides on the size of the map, and says so to those who come while it is open:
        // LMDB's writers with a larger map lock out everybody with a smaller one.
        let map_size = match in_use.noted() {
            Some(theirs) if !alone && theirs % header::MAP_STEP == 0 => theirs,
            _ => map_size.max(header.map_size),
        };
        if alone {
            in_use.note(map_size)?;
        }
        let opened = match open_lmdb(&directory, map_size) {
            Err(Refusal::Unusable(why)) if alone => {
                start_empty(&directory, &why)?;
                open_lmdb(&directory, map_size)
            }
            other => other,
        };
        let (env, rows) = opened.map_err(|refusal| match refusal {
            Refusal::Unusable(why) => damaged(&directory)(why),
            Refusal::Other(error) => failed("open", &directory)(error),
        })?;
        let (bounds, recency) = (Bounds::of(&env), Recency::open(&directory));
        let writing = Mutex::new(LockFile::open(&directory, WRITING)?);
        let draws = AtomicU64::new(clock.wall().0.cast_unsigned() ^ u64::from(std::process::id()));
        let [wrote, is_stuck] = [false, false].map(AtomicBool::new);
        Ok(Self {
            env,
            rows,
            recency,
            bounds,
            directory,
            map_size,
            draws,
            wrote,
            is_stuck,
            writing,
            in_use,
            closing: None,
        })
    }

    /// A view of the rows as they are now.
    pub(super) fn reading(&self) -> Result<RoTxn<'_, WithoutTls>> {
        let begun = match self.env.read_txn() {
            // The slots of killed readers stay taken until somebody looks.
            Err(heed::Error::Mdb(MdbError::ReadersFull)) => {
                self.env.clear_stale_readers().and_then(|_| self.env.read_txn())
            }
            begun => begun,
        };
        begun.map_err(failed("read", &self.directory))
    }

    /// Does something as the only writer of all processes. LMDB's own lock has no time-out: a writer that
    /// was stopped would stop all others for ever.
    pub(super) fn writing<T>(&self, clock: &dyn Clock, write: impl FnOnce() -> Result<T>) -> Result<T> {
        let file = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // While another process has the lock and does not go on, one thread waits for it: if each of many did
        // in its turn, the last would wait for minutes.
        let is_stuck = self.is_stuck.load(Ordering::Relaxed);
        let patience = if is_stuck { STUCK_PATIENCE } else { WRITE_PATIENCE };
        let waited = file.wait(patience, clock);
        self.is_stuck.store(waited.is_err(), Ordering::Relaxed);
        waited?;
        let _unlock = Unlock(&file);
        if !self.wrote.load(Ordering::Relaxed) {
            marker::set(&self.directory)?;
            self.wrote.store(true, Ordering::Relaxed);
        }
        let written = write();
        self.bounds.lengthen(&self.env);
        written
    }

    /// The error for what LMDB answered.
    pub(super) fn failed<'a>(&'a self, action: &'static str) -> impl Fn(heed::Error) -> Error + use<'a> {
        failed(action, &self.directory)
    }
}

struct Unlock<'a>(&'a LockFile);

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("directory", &self.directory.path()).finish_non_exhaustive()
    }
}

impl Drop for Environment {
    /// Who wrote and is the last to close brings everything to the medium, so that the rows outlive the
    /// machine's next start. Where that fails, the marker stays and they do not.
    fn drop(&mut self) {
        if !self.wrote.load(Ordering::Relaxed) {
            return;
        }
        let clock = crate::clock::SystemClock;
        self.closing = lock::acquire(&self.directory, OPENING, CLOSE_PATIENCE, &clock).ok();
        if self.closing.is_none() {
            return;
        }
        self.in_use.unlock();
        if self.in_use.try_exclusive().unwrap_or(false) && self.env.force_sync().is_ok() {
            let _ = marker::clear(&self.directory);
        }
    }
}

/// Takes what is needed to replace the files of a database that nobody has open.
pub(super) fn alone(directory: &Directory, clock: &dyn Clock) -> Result<(Lock, LockFile)> {
    require_local(directory)?;
    let opening = lock::acquire(directory, OPENING, PATIENCE, clock)?;
    let in_use = LockFile::open(directory, IN_USE)?;
    if !in_use.try_exclusive()? {
        return Err(in_use.timed_out(Duration::ZERO));
    }
    Ok((opening, in_use))
}

fn require_local(directory: &Directory) -> Result<()> {
    // A database mapped on a network file system is not the same for all who map it. On a 32-bit machine
    // LMDB's files look otherwise.
    if directory.granularity() == Granularity::LOCAL && cfg!(target_pointer_width = "64") {
        return Ok(());
    }
    Err(Error::NotLocal { path: directory.path().to_owned() })
}

fn damaged(directory: &Directory) -> impl Fn(String) -> Error + '_ {
    |reason| Error::Storage { action: "open", path: directory.path().to_owned(), reason }
}

/// The error for what LMDB answered.
pub(super) fn failed<'a>(
    action: &'static str,
    directory: &'a Directory,
) -> impl Fn(heed::Error) -> Error + use<'a> {
    move |error| match error {
        heed::Error::Io(source) => Error::io(action, directory.path(), source),
        heed::Error::Mdb(MdbError::MapFull) => Error::StorageFull { path: directory.path().to_owned() },
        other => Error::Storage { action, path: directory.path().to_owned(), reason: other.to_string() },
    }
}

/// Reads the header without mapping anything.
fn inspect(directory: &Directory) -> Result<Result<Header, String>> {
    Ok(match directory.open_for_inspection(DATA)? {
        None => Ok(Header::default()),
        Some((file, Some(length))) => header::check(&file, length),
        Some((_, None)) => Err("it is not a regular file".to_owned()),
    })
}

/// Like [`inspect`], when no other process is writing: its file is too short from its commit until it has been
/// lengthened.
fn inspect_between_writes(directory: &Directory, clock: &dyn Clock) -> Result<Header> {
    let writing = LockFile::open(directory, WRITING)?;
    // A writer that was stopped keeps nobody from trying.
    let _ = writing.wait(WRITE_PATIENCE, clock);
    inspect(directory)?.map_err(damaged(directory))
}

/// What is wrong with the database of a directory that nobody has open.
pub(super) fn check(directory: &Directory, clock: &dyn Clock) -> Result<Option<String>> {
    let _locks = alone(directory, clock)?;
    if let Err(problem) = inspect(directory)? {
        return Ok(Some(problem));
    }
    let whole = directory.map(DATA)?;
    Ok(whole.and_then(|file| structure::check(&file).err()).map(str::to_owned))
}

/// Makes sure, as the only one who has it, that the database can be opened.
pub(super) fn heal(directory: &Directory) -> Result<Header> {
    for (name, kind) in directory.list()?.0 {
        if kind == crate::fs::Kind::File && name.starts_with(ALIAS.as_bytes()) {
            directory.remove(&crate::fs::c_path(&name)?)?;
        }
    }
    let problem = match inspect(directory)? {
        Ok(header) if header.claimed == 0 => return marker::clear(directory).map(|()| header),
        Ok(header) => match distrust(directory, header)? {
            None => return Ok(header),
            Some(problem) => problem.to_owned(),
        },
        Err(problem) => problem,
    };
    start_empty(directory, &problem)?;
    Ok(Header::default())
}

/// Looks for damage behind a sound header: always in a small file, and in any that somebody wrote to and
/// did not close, because that may have been its doing.
fn distrust(directory: &Directory, header: Header) -> Result<Option<&'static str>> {
    let left = marker::found(directory)?;
    if left == Some(marker::Boot::Another) {
        return Ok(Some("the machine stopped before it was written to the medium"));
    }
    if header.claimed > WALKED && left.is_none() {
        return Ok(None);
    }
    let whole = directory.map(DATA)?;
    Ok(whole.and_then(|file| structure::check(&file).err()))
}

/// Removes a database that cannot be used.
fn start_empty(directory: &Directory, why: &str) -> Result<()> {
    let path = directory.path().join("data.mdb");
    tracing::warn!("starting with an empty cache, {} cannot be used: {why}", path.display());
    remove_files(directory)
}

/// Removes LMDB's files; the caller is alone.
pub(super) fn remove_files(directory: &Directory) -> Result<()> {
    for name in [DATA, LOCK, marker::NAME] {
        directory.remove(name)?;
    }
    Ok(())
}

/// Removes LMDB's table of readers, which belongs to a file that was replaced; the caller is alone.
pub(super) fn remove_lock(directory: &Directory) -> Result<()> {
    directory.remove(LOCK).map(|_| ())
}

enum Refusal {
    /// Whoever is alone may start empty.
    Unusable(String),
    Other(heed::Error),
}

impl From<heed::Error> for Refusal {
    fn from(error: heed::Error) -> Self {
        match &error {
            heed::Error::Mdb(MdbError::ReadersFull | MdbError::MapFull | MdbError::MapResized) => {
                Self::Other(error)
            }
            heed::Error::Mdb(_) | heed::Error::Decoding(_) => Self::Unusable(error.to_string()),
            _ => Self::Other(error),
        }
    }
}

/// Start of the names under which files are opened for a second time.
const ALIAS: &str = "alias-";

fn open_lmdb(directory: &Directory, map_size: u64) -> Result<(Env<WithoutTls>, Rows), Refusal> {
    let env = open_env(directory, map_size)?;
    env.clear_stale_readers()?;
    let view = env.read_txn()?;
    let opened = env.open_databases_and_commit(view, |opener, view| {
        opener.open_database::<Bytes, Bytes>(view, None).map(CommitOrAbort::<_, ()>::Commit)
    })?;
    let CommitOrAbort::Commit(Some(rows)) = opened else {
        return Err(Refusal::Unusable("it has no rows".to_owned()));
    };
    let view = env.read_txn()?;
    let sound = totals::are_sound(&rows, &view)?;
    drop(view);
    if sound { Ok((env, rows)) } else { Err(Refusal::Unusable("another format wrote it".to_owned())) }
}

/// Opens LMDB's files. heed keeps a list of the paths that it has open, which a forked child inherits and
/// where a directory stays that was removed and made anew; then they are opened by other names.
pub(super) fn open_env(directory: &Directory, map_size: u64) -> heed::Result<Env<WithoutTls>> {
    if fork::generation() > 0 {
        return open_by_alias(directory, map_size);
    }
    match open_at(directory.path(), map_size, EnvFlags::NO_SYNC) {
        Err(heed::Error::EnvAlreadyOpened) => open_by_alias(directory, map_size),
        opened => opened,
    }
}

/// Opens LMDB without synchronising commits to the medium, which a cache does not need; see [`marker`].
pub(super) fn open_at(path: &Path, map_size: u64, flags: EnvFlags) -> heed::Result<Env<WithoutTls>> {
    let map_size = usize::try_from(map_size).unwrap_or(usize::MAX);
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_size).max_readers(READERS);
    // heed holds the lock of its list while it opens.
    fork::undisturbed(|| {
        #[expect(unsafe_code, reason = "mapping a file is unsafe by nature")]
        // SAFETY: the directory is refused unless it is ours alone and on a local file system; the file is as
        // long as it claims; nobody cuts it, because the locks of this module stand before all that would;
        // this process opens it once. Values are believed only with the checksum of their envelope.
        unsafe {
            options.flags(flags).open(path)
        }
    })
}

/// Opens the files under names of their own, which are gone at once. The files, and so LMDB's locks, are the
/// same.
fn open_by_alias(directory: &Directory, map_size: u64) -> heed::Result<Env<WithoutTls>> {
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let name = format!("{ALIAS}{}-{}", std::process::id(), OPENED.fetch_add(1, Ordering::Relaxed));
    let names = [(DATA, name.clone()), (LOCK, format!("{name}-lock"))];
    let names: Vec<_> =
        names.iter().filter_map(|(of, name)| Some((*of, crate::fs::c_path(name.as_bytes()).ok()?))).collect();
    let linked = names.iter().try_for_each(|(of, name)| directory.link_or_create(of, name));
    let opened = match linked {
        Ok(()) => open_at(&directory.path().join(&name), map_size, EnvFlags::NO_SYNC | EnvFlags::NO_SUB_DIR),
        Err(error) => Err(heed::Error::Io(error)),
    };
    for (_, name) in &names {
        // What stays is removed by the next who is alone.
        let _ = directory.remove(name);
    }
    opened
}

/// The database's file.
pub(super) fn file_of(env: &Env<WithoutTls>) -> Option<File> {
    env.try_clone_inner_file().ok()
}
