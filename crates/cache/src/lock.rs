//! One process at a time: a lock that the kernel frees when its holder dies.

use std::{
    ffi::{CStr, CString},
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::MetadataExt,
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
    file: File,
}

/// Takes the lock `name` in `directory`, waiting up to `timeout` for its holder. The error of a time-out
/// names the holder.
pub fn acquire(directory: &Directory, name: &CStr, timeout: Duration, clock: &dyn Clock) -> Result<Lock> {
    let mut file = directory.open_lock_file(name)?;
    let path = directory.path().join(name.to_string_lossy().as_ref());
    let began = clock.monotonic();
    let mut pause = Duration::from_micros(200);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", path, source)),
        }
        let waited = clock.monotonic().saturating_duration_since(began);
        if waited >= timeout {
            let holder = holder_of(&mut file);
            return Err(Error::LockTimeout { path, holder, waited_ms: waited.as_millis() as u64 });
        }
        std::thread::sleep(pause.min(timeout.saturating_sub(waited)));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    // Who holds it is a courtesy to those who wait: failing to say so fails nothing.
    let _ = sign(&mut file);
    Ok(Lock { file })
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
        let ours = lock.file.metadata().map_err(|error| Error::io("stat", directory.path(), error))?.ino();
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

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder_of(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(process)) => format!("process {process}"),
        _ => "another process".to_owned(),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file frees the lock in any case.
        let _ = self.file.unlock();
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
}
