//! Two storages as one: a near one that is asked first, and a far one behind it.

use std::sync::Arc;

use super::{Storage, Usage, Visit};
use crate::{error::Result, fingerprint::Digest};

/// Where a row that is written goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WritePolicy {
    /// To both. The default.
    #[default]
    Through,
    /// To the near one only: the far one is somebody else's to fill.
    Near,
}

/// A near storage over a far one: a disk over a server that many machines share, say.
///
/// A row that only the far one has is copied to the near one when it is read. The far one failing costs what
/// it would have had, and no more; clearing, sweeping and measuring are of the near one, since the far one may
/// belong to others.
#[derive(Debug)]
pub struct Stacked {
    near: Arc<dyn Storage>,
    far: Arc<dyn Storage>,
    policy: WritePolicy,
}

impl Stacked {
    /// Puts `near` over `far`.
    pub fn new(near: Arc<dyn Storage>, far: Arc<dyn Storage>, policy: WritePolicy) -> Self {
        Self { near, far, policy }
    }
}

impl Storage for Stacked {
    fn read(&self, id: &Digest, read: &mut dyn FnMut(&[u8])) -> Result<bool> {
        // A near one that fails is one that has nothing, as long as there is another to ask.
        if self.near.read(id, read).unwrap_or(false) {
            return Ok(true);
        }
        let mut copy = Vec::new();
        if !self.far.read(id, &mut |row| copy.extend_from_slice(row))? {
            return Ok(false);
        }
        read(&copy);
        // What cannot be copied is asked for again next time. What was removed from the far one or replaced there
        // meanwhile must not live on in the near one.
        let still = || {
            let mut is_same = false;
            self.far.read(id, &mut |row| is_same = row == copy.as_slice()).is_ok() && is_same
        };
        let _ = self.near.write_if(&[(*id, &copy)], &still);
        Ok(true)
    }

    fn write(&self, rows: &[(Digest, &[u8])]) -> Result<u64> {
        let far = match self.policy {
            WritePolicy::Through => self.far.write(rows),
            WritePolicy::Near => Ok(0),
        };
        let evicted = self.near.write(rows)?;
        far.map(|_| evicted)
    }

    fn write_if(&self, rows: &[(Digest, &[u8])], still: &dyn Fn() -> bool) -> Result<Option<u64>> {
        let Some(evicted) = self.near.write_if(rows, still)? else { return Ok(None) };
        if self.policy == WritePolicy::Through && self.far.write_if(rows, still)?.is_none() {
            // Wrong since it was written to the near one.
            for (id, _) in rows {
                self.near.remove(id)?;
            }
            return Ok(None);
        }
        Ok(Some(evicted))
    }

    fn remove(&self, id: &Digest) -> Result<bool> {
        // Both, whatever becomes of the first: what stays in one would come back. The far one first, so that
        // whoever copies from it meanwhile either finds it gone or is undone by what follows.
        let far = self.far.remove(id);
        Ok(self.near.remove(id)? | far?)
    }

    fn sweep(&self, visit: &mut dyn FnMut(&Digest, &[u8]) -> Visit) -> Result<u64> {
        self.near.sweep(visit)
    }

    fn clear(&self) -> Result<u64> {
        self.near.clear()
    }

    fn usage(&self) -> Result<Usage> {
        self.near.usage()
    }
}
