//! One instance: its plugin, its configuration, and its lifecycle lock.
//!
//! The lifecycle lock is a note who occupies the instance, not a mutex that would be held while foreign code
//! runs. Whoever finds it occupied waits a while and then goes without.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

use plugcache_cache::{
    Clock, StaleReason, Strength,
    evidence::{Evidence, Proof},
};

use super::{Fault, Instance, InstanceKey, Outcome, foreign::contained};

pub(super) struct Slot<P: Instance> {
    pub(super) number: u64,
    pub(super) key: InstanceKey,
    pub(super) plugin: P,
    state: Mutex<State<P::Config>>,
    freed: Condvar,
}

struct State<C> {
    occupant: Option<ThreadId>,
    config: Arc<C>,
    /// It is being told another one, and may refuse it.
    is_changing: bool,
    pending: Option<Arc<C>>,
    /// Of the files that the plugin was made from, from before that.
    evidence: Arc<Evidence>,
    checked_at: u64,
    is_stopped: bool,
}

/// Why a configuration was not applied.
pub(super) enum Unsettled<C> {
    /// The caller itself occupies the instance.
    Reentrant,
    Stopped,
    /// It was refused; the old one too, if there is a second fault.
    Refused {
        old: Arc<C>,
        new: Arc<C>,
        fault: Fault,
        rollback: Option<Fault>,
    },
}

/// Why an instance cannot be occupied.
pub(super) enum Unoccupied {
    Reentrant,
    Busy,
}

/// The lifecycle lock.
pub(super) struct Occupancy<'a, P: Instance>(&'a Slot<P>);

impl<P: Instance> Drop for Occupancy<'_, P> {
    fn drop(&mut self) {
        self.0.state().occupant = None;
        self.0.freed.notify_one();
    }
}

impl<P: Instance> Slot<P> {
    pub(super) fn new(
        number: u64,
        key: InstanceKey,
        plugin: P,
        config: Arc<P::Config>,
        (evidence, checked_at): (Arc<Evidence>, u64),
    ) -> Self {
        let state = State {
            occupant: None,
            config,
            is_changing: false,
            pending: None,
            evidence,
            checked_at,
            is_stopped: false,
        };
        Self { number, key, plugin, state: Mutex::new(state), freed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<P::Config>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn config(&self) -> Arc<P::Config> {
        Arc::clone(&self.state().config)
    }

    pub(super) fn pending(&self) -> Option<Arc<P::Config>> {
        self.state().pending.clone()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().is_stopped
    }

    pub(super) fn note_stop(&self) {
        self.state().is_stopped = true;
    }

    /// Takes the lifecycle lock.
    pub(super) fn occupy(&self, wait: Duration) -> Result<Occupancy<'_, P>, Unoccupied> {
        let own = thread::current().id();
        let state = self.state();
        if state.occupant == Some(own) {
            return Err(Unoccupied::Reentrant);
        }
        let (mut state, _) = self
            .freed
            .wait_timeout_while(state, wait, |state| state.occupant.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        if state.occupant.is_some() {
            return Err(Unoccupied::Busy);
        }
        state.occupant = Some(own);
        Ok(Occupancy(self))
    }

    /// Brings a configuration to the plugin, if it has another one. The latest wish wins: one that was pending
    /// is forgotten.
    pub(super) fn settle(&self, new: &P::Config, wait: Duration) -> Result<Outcome, Unsettled<P::Config>> {
        if self.settled_config().is_some_and(|config| *config == *new) {
            self.replace_pending(None);
            return Ok(Outcome::Unchanged);
        }
        let new = Arc::new(new.clone());
        let occupancy = match self.occupy(wait) {
            Ok(occupancy) => occupancy,
            Err(Unoccupied::Reentrant) => return Err(Unsettled::Reentrant),
            Err(Unoccupied::Busy) => {
                self.replace_pending(Some(new));
                return Ok(Outcome::Pending);
            }
        };
        if self.is_stopped() {
            return Err(Unsettled::Stopped);
        }
        // Whoever cannot wait for us leaves a wish that is younger than ours.
        self.replace_pending(None);
        let old = self.config();
        if *old == *new {
            return Ok(Outcome::Unchanged);
        }
        let settled = self.change(&old, new);
        drop(occupancy);
        settled
    }

    /// Its configuration, unless it is just going over to another one.
    fn settled_config(&self) -> Option<Arc<P::Config>> {
        let state = self.state();
        (!state.is_changing).then(|| Arc::clone(&state.config))
    }

    fn change(&self, old: &Arc<P::Config>, new: Arc<P::Config>) -> Result<Outcome, Unsettled<P::Config>> {
        self.state().is_changing = true;
        let changed = self.try_change(old, new);
        self.state().is_changing = false;
        changed
    }

    fn try_change(&self, old: &Arc<P::Config>, new: Arc<P::Config>) -> Result<Outcome, Unsettled<P::Config>> {
        match contained(|| self.plugin.reconfigure(&new)) {
            Ok(()) => {
                // The old one is dropped by the caller, who holds no lock.
                let _old = std::mem::replace(&mut self.state().config, new);
                Ok(Outcome::Applied)
            }
            Err(fault) => {
                let rollback = contained(|| self.plugin.reconfigure(old)).err();
                Err(Unsettled::Refused { old: Arc::clone(old), new, fault, rollback })
            }
        }
    }

    /// Applies what is pending.
    pub(super) fn refresh(&self, wait: Duration) -> Result<Outcome, Unsettled<P::Config>> {
        match self.pending() {
            Some(pending) => self.settle(&pending, wait),
            None => Ok(Outcome::Unchanged),
        }
    }

    fn replace_pending(&self, pending: Option<Arc<P::Config>>) {
        // What was there is foreign: dropped when the lock is not held any more.
        let before = std::mem::replace(&mut self.state().pending, pending);
        drop(before);
    }

    /// What has changed of the files, if it is time to look.
    pub(super) fn outdated(&self, interval: Duration, clock: &dyn Clock) -> Option<StaleReason> {
        let evidence = {
            let mut state = self.state();
            if state.evidence.is_empty() || !is_due(&mut state.checked_at, interval, clock.coarse()) {
                return None;
            }
            Arc::clone(&state.evidence)
        };
        match evidence.check(Strength::Full, clock) {
            Proof::Holds => None,
            Proof::Renewed(renewed) => {
                self.state().evidence = Arc::new(renewed);
                None
            }
            Proof::Broken(reason) => proves_a_change(&reason).then_some(reason),
        }
    }
}

/// Whether an interval is over, and begins the next if so.
pub(super) fn is_due(last: &mut u64, interval: Duration, now: u64) -> bool {
    let is_due = u128::from(now.saturating_sub(*last)) >= interval.as_nanos();
    if is_due {
        *last = now;
    }
    is_due
}

/// What cannot be looked at (too many open files, say) may well be unchanged: no reason to stop anything.
pub(super) fn proves_a_change(reason: &StaleReason) -> bool {
    match reason {
        StaleReason::Input { reason, .. } => !matches!(**reason, StaleReason::Unreadable { .. }),
        _ => true,
    }
}
