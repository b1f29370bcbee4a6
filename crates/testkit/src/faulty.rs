//! A storage that fails, by a plan that a seed decides.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use plugcache_cache::{
    Digest, Error,
    error::Result,
    tier::{Storage, Usage, Visit},
};

use crate::Random;

/// What can go wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The medium does not answer.
    Io,
    /// There is no room to write.
    Full,
    /// A bit is another one.
    Flip,
    /// The end of a row is missing.
    Cut,
    /// A row lies under another's name.
    Swap,
    /// A row is gone, and so is the one that it replaced.
    Lose,
    /// It takes a moment.
    Delay,
    /// Another row is gone.
    Evict,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Io, Self::Full, Self::Flip, Self::Cut, Self::Swap, Self::Lose, Self::Delay, Self::Evict];
}

/// A real storage behind a layer of faults.
#[derive(Debug)]
pub struct FaultyStorage {
    inner: Arc<dyn Storage>,
    faults: Vec<Fault>,
    once_in: usize,
    plan: Mutex<Plan>,
}

#[derive(Debug)]
struct Plan {
    random: Random,
    /// A row that was seen before, to be given in the place of others: never of its own, which nobody could notice.
    other: (Digest, Vec<u8>),
    done: BTreeMap<Fault, u64>,
}

impl FaultyStorage {
    /// Lets one call in `once_in` fail, in one of these ways.
    pub fn new(inner: Arc<dyn Storage>, faults: &[Fault], once_in: usize, seed: u64) -> Self {
        let plan = Plan { random: Random::new(seed), other: Default::default(), done: BTreeMap::new() };
        Self { inner, faults: faults.to_owned(), once_in, plan: Mutex::new(plan) }
    }

    /// How often each fault happened.
    pub fn done(&self) -> BTreeMap<Fault, u64> {
        self.with_plan(|plan| plan.done.clone())
    }

    fn with_plan<T>(&self, look: impl FnOnce(&mut Plan) -> T) -> T {
        look(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next(&self) -> Option<Fault> {
        self.with_plan(|plan| {
            let fault = plan.random.once_in(self.once_in).then(|| plan.random.pick(&self.faults).copied());
            let fault = fault.flatten()?;
            *plan.done.entry(fault).or_default() += 1;
            Some(fault)
        })
    }

    /// What is to fail, after a delay and an eviction have been dealt with.
    fn strike(&self, action: &'static str) -> Result<Option<Fault>> {
        let fault = self.next();
        let failed = |source: io::Error| Err(Error::Io { action, path: PathBuf::from("/faulty"), source });
        match fault {
            Some(Fault::Io) => return failed(io::Error::from_raw_os_error(5)),
            Some(Fault::Full) if action == "write" => return failed(io::ErrorKind::StorageFull.into()),
            Some(Fault::Delay) => std::thread::yield_now(),
            Some(Fault::Evict) => {
                let mut evicted = false;
                self.inner.sweep(&mut |_, _| {
                    if std::mem::replace(&mut evicted, true) { Visit::Stop } else { Visit::Remove }
                })?;
            }
            _ => {}
        }
        Ok(fault)
    }

    /// A row as a fault leaves it.
    fn spoilt(&self, id: &Digest, fault: Option<Fault>, row: &[u8]) -> Vec<u8> {
        self.with_plan(|plan| {
            let mut spoilt = row.to_vec();
            match fault {
                Some(Fault::Flip) => {
                    let bit = plan.random.below(row.len() * 8);
                    if let Some(byte) = spoilt.get_mut(bit / 8) {
                        *byte ^= 1 << (bit % 8);
                    }
                }
                Some(Fault::Cut) => spoilt.truncate(plan.random.below(row.len())),
                Some(Fault::Swap) if plan.other.0 != *id => spoilt.clone_from(&plan.other.1),
                _ => {}
            }
            plan.other = (*id, row.to_vec());
            spoilt
        })
    }
}

impl Storage for FaultyStorage {
    fn read(&self, id: &Digest, read: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let fault = self.strike("read")?;
        if fault == Some(Fault::Lose) {
            return self.inner.remove(id).map(|_| false);
        }
        self.inner.read(id, &mut |row| read(&self.spoilt(id, fault, row)))
    }

    fn write(&self, rows: &[(Digest, &[u8])]) -> Result<u64> {
        let fault = self.strike("write")?;
        if fault == Some(Fault::Lose) {
            return rows
                .iter()
                .try_fold(0, |lost, (id, _)| self.inner.remove(id).map(|was| lost + u64::from(was)));
        }
        let spoilt: Vec<_> = rows.iter().map(|(id, row)| (*id, self.spoilt(id, fault, row))).collect();
        let rows: Vec<_> = spoilt.iter().map(|(id, row)| (*id, row.as_slice())).collect();
        self.inner.write(&rows)
    }

    fn remove(&self, id: &Digest) -> Result<bool> {
        self.strike("write")?;
        self.inner.remove(id)
    }

    fn sweep(&self, visit: &mut dyn FnMut(&Digest, &[u8]) -> Visit) -> Result<u64> {
        let fault = self.strike("read")?;
        self.inner.sweep(&mut |id, row| visit(id, &self.spoilt(id, fault, row)))
    }

    fn clear(&self) -> Result<u64> {
        self.strike("write")?;
        self.inner.clear()
    }

    fn usage(&self) -> Result<Usage> {
        self.strike("read")?;
        self.inner.usage()
    }
}
