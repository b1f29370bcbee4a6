//! One process at a time: a lock that the kernel frees when its holder dies.

use std::{
    ffi::{CStr, CString},
    fs::{File, TryLockError},
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
    time::Duration,
};

use crate::{
    clock::Clock,
    error::{Error, Result},
    fs::Directory,
};

/// A held lock; dropping it frees it. The lock file stays, so that nobody locks a removed one.
#[derive(Debug)]
pub struct Lock {
    file: LockFile,
}

/// Takes the lock `name` in `directory`, waiting up to `timeout` for its holder. The error of a time-out
/// names the holder.
pub fn acquire(directory: &Directory, name: &CStr, timeout: Duration, clock: &dyn Clock) -> Result<Lock> {
    let file = LockFile::open(directory, name)?;
    file.wait(timeout, clock)?;
    Ok(Lock { file })
}

/// A lock file that stays open, for locks that are shared or taken again and again.
#[derive(Debug)]
pub struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Opens the lock file `name` in `directory`, and creates it if there is none. Takes no lock.
    pub fn open(directory: &Directory, name: &CStr) -> Result<Self> {
        let path = directory.path().join(name.to_string_lossy().as_ref());
        Ok(Self { file: directory.open_lock_file(name)?, path })
    }

    /// Takes the lock for itself alone, waiting up to `timeout`. The error of a time-out names the holder.
    /// Handles that were opened one by one exclude each other, threads that share a handle do not.
    pub fn wait(&self, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        self.wait_for(Self::try_exclusive, timeout, clock)?;
        // Who holds it is a courtesy to those who wait: failing to say so fails nothing.
        let _ = self.file.write_at(format!("{:<10}", std::process::id()).as_bytes(), 0);
        Ok(())
    }

    /// Takes the lock together with others who share it, waiting up to `timeout` for who has it alone.
    pub fn wait_shared(&self, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        self.wait_for(Self::try_shared, timeout, clock)
    }

    fn wait_for(&self, take: fn(&Self) -> Result<bool>, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        if take(self)? {
            return Ok(());
        }
        let began = clock.monotonic();
        let mut pause = Duration::from_micros(200);
        loop {
            let waited = clock.monotonic().saturating_duration_since(began);
            if waited >= timeout {
                return Err(self.timed_out(waited));
            }
            std::thread::sleep(pause.min(timeout.saturating_sub(waited)));
            if take(self)? {
                return Ok(());
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// The error of having waited so long.
    pub(crate) fn timed_out(&self, waited: Duration) -> Error {
        let (path, holder) = (self.path.clone(), self.holder());
        Error::LockTimeout { path, holder, waited_ms: waited.as_millis() as u64 }
    }

    /// Takes the lock together with others who share it. `false` if somebody has it alone.
    pub fn try_shared(&self) -> Result<bool> {
        self.tried(self.file.try_lock_shared())
    }

    /// Takes the lock alone. `false` if anybody else has it.
    pub fn try_exclusive(&self) -> Result<bool> {
        self.tried(self.file.try_lock())
    }

    /// Leaves a number in the file, for those who open it later.
    pub(crate) fn note(&self, number: u64) -> Result<()> {
        let written = self.file.write_at(format!("{number:<20}").as_bytes(), 0);
        written.map(|_| ()).map_err(|source| Error::io("write", &self.path, source))
    }

    /// The number that was left in the file.
    pub(crate) fn noted(&self) -> Option<u64> {
        let mut text = [0; 20];
        let read = self.file.read_at(&mut text, 0).ok()?;
        std::str::from_utf8(text.get(..read)?).ok()?.trim().parse().ok()
    }

    /// Frees the lock.
    pub fn unlock(&self) {
        // Closing the file frees the lock in any case.
        let _ = self.file.unlock();
    }

    fn tried(&self, outcome: Result<(), TryLockError>) -> Result<bool> {
        match outcome {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &self.path, source)),
        }
    }

    fn inode(&self) -> Result<u64> {
        self.file.metadata().map(|file| file.ino()).map_err(|source| Error::io("stat", &self.path, source))
    }

    fn holder(&self) -> String {
        match self.noted() {
            Some(process) => format!("process {process}"),
            None => "another process".to_owned(),
        }
    }
}

impl Drop for LockFile {
    /// Closing alone would leave the lock with a process that another thread is just starting: until it
    /// runs its program, it has all files of this one open.
    fn drop(&mut self) {
        self.unlock();
    }
}

/// A held lock whose file goes with it: for locks that are many and short.
#[derive(Debug)]
pub struct RemovableLock<'a> {
    directory: &'a Directory,
    name: CString,
    _lock: Lock,
}

/// Like [`acquire`], for a lock file that is removed when the lock is freed.
pub fn acquire_removable<'a>(
    directory: &'a Directory,
    name: &CStr,
    timeout: Duration,
    clock: &dyn Clock,
) -> Result<RemovableLock<'a>> {
    let began = clock.monotonic();
    loop {
        let waited = clock.monotonic().saturating_duration_since(began);
        let lock = acquire(directory, name, timeout.saturating_sub(waited), clock)?;
        // Its last holder may have removed the file between our opening it and our locking it: then we hold
        // a lock that nobody else will ever ask for.
        let ours = lock.file.inode()?;
        if directory.look(name)?.is_some_and(|there| there.stamp.inode == ours) {
            return Ok(RemovableLock { directory, name: name.to_owned(), _lock: lock });
        }
    }
}

impl Drop for RemovableLock<'_> {
    fn drop(&mut self) {
        // What stays is removed by the next holder.
        let _ = self.directory.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_second_taker_waits_and_is_told_who_holds_it() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let held = acquire(&directory, c"lock", Duration::ZERO, &SystemClock).unwrap();
        let refused = acquire(&directory, c"lock", Duration::from_millis(5), &SystemClock).unwrap_err();
        let own = format!("process {}", std::process::id());
        assert!(matches!(&refused, Error::LockTimeout { holder, .. } if *holder == own), "{refused}");
        drop(held);
        acquire(&directory, c"lock", Duration::ZERO, &SystemClock).unwrap();
    }

    #[test]
    fn sharers_keep_out_only_who_wants_it_alone() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let [one, two] = [(); 2].map(|()| LockFile::open(&directory, c"lock").unwrap());
        assert!(one.try_shared().unwrap() && two.try_shared().unwrap());
        assert!(!one.try_exclusive().unwrap());
        two.unlock();
        assert!(one.try_exclusive().unwrap());
        assert!(!two.try_shared().unwrap());
    }
}
