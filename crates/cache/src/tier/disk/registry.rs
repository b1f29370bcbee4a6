//! One open environment a directory and process.
//!
//! LMDB opened twice in one process loses its locks. And an environment must not cross a fork: the child
//! leaves the parent's alone and has a registry of its own.

use std::{
    collections::HashMap,
    mem::ManuallyDrop,
    ops::Deref,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::environment::Environment;
use crate::{
    clock::Clock,
    directory,
    error::{Error, Result},
    fork::PerFork,
    fs::Directory,
};

type Open = HashMap<(u64, u64), Weak<Environment>>;

static OPEN: PerFork<Mutex<Open>> = PerFork::new();

fn registry() -> MutexGuard<'static, Open> {
    let made = OPEN.get_or_make(|| Ok::<_, std::convert::Infallible>(Mutex::default()));
    let Ok(registry) = made;
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A share of an open environment. It is closed with the last one, before anybody can open it again.
#[derive(Debug)]
pub(super) struct Share(ManuallyDrop<Arc<Environment>>);

/// Opens the environment in the directory `path`, or takes a share of the one that this process has open.
pub(super) fn open(path: &Path, map_size: u64, clock: &dyn Clock) -> Result<Share> {
    let directory = directory::open_or_create(path)?;
    let stamp = directory.stamp()?;
    let place = (stamp.device, stamp.inode);
    let mut open = registry();
    if let Some(environment) = open.get(&place).and_then(Weak::upgrade) {
        return Ok(Share(ManuallyDrop::new(environment)));
    }
    let environment = Arc::new(Environment::open(directory, map_size, clock)?);
    open.retain(|_, environment| environment.strong_count() > 0);
    open.insert(place, Arc::downgrade(&environment));
    Ok(Share(ManuallyDrop::new(environment)))
}

/// Does something that needs the directory to be open nowhere in this process.
pub(super) fn while_closed<T>(path: &Path, work: impl FnOnce(Directory) -> Result<T>) -> Result<T> {
    let directory = directory::open_or_create(path)?;
    let stamp = directory.stamp()?;
    let open = registry();
    if open.get(&(stamp.device, stamp.inode)).is_some_and(|environment| environment.strong_count() > 0) {
        let holder = format!("process {}", std::process::id());
        return Err(Error::LockTimeout { path: path.to_owned(), holder, waited_ms: 0 });
    }
    work(directory)
}

impl Deref for Share {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _registry = registry();
        #[expect(unsafe_code, reason = "the environment has to be closed before the registry is unlocked")]
        // SAFETY: `self` is being dropped, so nothing uses the field again.
        unsafe {
            ManuallyDrop::drop(&mut self.0);
        }
    }
}
