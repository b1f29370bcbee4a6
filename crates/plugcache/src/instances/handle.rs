//! Using an instance.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc, sync::MutexGuard};

use serde_json::Value;

use super::{
    Instance, InstanceError, InstanceKey, Outcome, Refused, Shared,
    foreign::contained,
    slot::{Occupancy, Slot, Unoccupied, Unsettled},
    stats::count,
};

/// An instance in use: it is not evicted before this and all its clones are dropped. Whichever thread drops
/// the last one of a replaced instance runs its stop hook.
pub struct Handle<P: Instance> {
    used: Arc<Used<P>>,
}

/// One user, as the table counts them.
struct Used<P: Instance> {
    shared: Arc<Shared<P>>,
    slot: Arc<Slot<P>>,
}

impl<P: Instance> Drop for Used<P> {
    fn drop(&mut self) {
        self.shared.release(&self.slot);
    }
}

impl<P: Instance> Clone for Handle<P> {
    fn clone(&self) -> Self {
        Self { used: Arc::clone(&self.used) }
    }
}

impl<P: Instance> Deref for Handle<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.used.slot.plugin
    }
}

impl<P: Instance> fmt::Debug for Handle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(self.key()).finish()
    }
}

/// The lifecycle lock of an instance: as long as this lives, nobody reconfigures it. It belongs to the thread
/// that took it.
pub struct Occupied<'a, P: Instance> {
    _occupancy: Occupancy<'a, P>,
    _of_this_thread: PhantomData<MutexGuard<'static, ()>>,
}

impl<P: Instance> Handle<P> {
    /// For a user that the table has counted.
    pub(super) fn new(shared: Arc<Shared<P>>, slot: Arc<Slot<P>>) -> Self {
        Self { used: Arc::new(Used { shared, slot }) }
    }

    pub(super) fn slot(&self) -> &Arc<Slot<P>> {
        &self.used.slot
    }

    /// The instance's key.
    pub fn key(&self) -> &InstanceKey {
        &self.used.slot.key
    }

    /// Its configuration.
    pub fn config(&self) -> Arc<P::Config> {
        self.used.slot.config()
    }

    /// The configuration that waits until it is not busy any more.
    pub fn pending(&self) -> Option<Arc<P::Config>> {
        self.used.slot.pending()
    }

    /// Whether two handles are to the same instance.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.used.slot, &other.used.slot)
    }

    /// Whether it was replaced or stopped: others get another one, and this one is stopped when its last user
    /// lets go.
    pub fn is_old(&self) -> bool {
        self.used.shared.table().is_old(self.used.slot.number)
    }

    /// Whether it was stopped, which happens to an instance in use only when all are shut down.
    pub fn is_stopped(&self) -> bool {
        self.used.slot.is_stopped()
    }

    /// Applies the configuration that is pending, if there is one.
    pub fn refresh(&self) -> Result<Outcome, InstanceError<P>> {
        self.tell(self.used.slot.refresh(self.used.shared.limits.busy_wait))
    }

    /// Gives it a command. That changes no configuration, and does not wait until it is not busy: a command
    /// may be what ends that.
    pub fn command(&self, command: &Value) -> Result<(), InstanceError<P>> {
        if self.is_stopped() {
            return Err(InstanceError::ShutDown { key: self.key().clone() });
        }
        contained(|| self.command_of(command))
            .map_err(|fault| InstanceError::Command { key: self.key().clone(), fault })
    }

    fn command_of(&self, command: &Value) -> Result<(), super::Failure> {
        self.used.slot.plugin.command(command)
    }

    /// Takes the lifecycle lock, for work that a new configuration must not come into the middle of. A bounded
    /// wait: [`InstanceError::Busy`] after that.
    pub fn occupy(&self) -> Result<Occupied<'_, P>, InstanceError<P>> {
        let waited = self.used.shared.limits.busy_wait;
        let key = || self.key().clone();
        match self.used.slot.occupy(waited) {
            Ok(occupancy) => Ok(Occupied { _occupancy: occupancy, _of_this_thread: PhantomData }),
            Err(Unoccupied::Reentrant) => Err(InstanceError::Reentrant { key: key() }),
            Err(Unoccupied::Busy) => Err(InstanceError::Busy { key: key(), waited }),
        }
    }

    /// Brings it a configuration.
    pub(super) fn wish(&self, config: &P::Config) -> Result<Outcome, InstanceError<P>> {
        self.tell(self.used.slot.settle(config, self.used.shared.limits.busy_wait))
    }

    fn tell(&self, settled: Result<Outcome, Unsettled<P::Config>>) -> Result<Outcome, InstanceError<P>> {
        let counters = &self.used.shared.counters;
        let key = || self.key().clone();
        match settled {
            Ok(outcome) => {
                match outcome {
                    Outcome::Applied => count(&counters.reconfigured),
                    Outcome::Pending => count(&counters.pending),
                    Outcome::Started | Outcome::Unchanged => {}
                }
                Ok(outcome)
            }
            Err(Unsettled::Reentrant) => Err(InstanceError::Reentrant { key: key() }),
            Err(Unsettled::Stopped) => Err(InstanceError::ShutDown { key: key() }),
            Err(Unsettled::Refused { old, new, fault, rollback }) => {
                let is_rolled_back = rollback.is_none();
                let refused = Refused { handle: self.clone(), old, new, fault, rollback };
                if is_rolled_back {
                    count(&counters.rolled_back);
                    return Err(InstanceError::RolledBack(refused));
                }
                // Nobody knows how it is configured.
                self.used.shared.retire(&self.used.slot, &counters.not_rolled_back);
                Err(InstanceError::NotRolledBack(refused))
            }
        }
    }
}
