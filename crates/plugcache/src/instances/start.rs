//! Starting: one factory for a key at a time, and failures that are remembered for a while.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use plugcache_cache::{
    Inputs, Strength,
    cache::LoadError,
    evidence::{Evidence, Proof},
};

use super::{
    Failure, Fault, Handle, Instance, InstanceError, InstanceKey, Limits, Shared, StartFailed,
    foreign::contained,
    slot::{Slot, is_due, proves_a_change},
    stats::count,
    table::{Failed, NotEntered},
};

/// So many failed starts are remembered, however few instances there may be.
const FEWEST_FAILURES: usize = 1_000;

/// Why a flight ended without an instance.
#[derive(Debug, thiserror::Error)]
enum NotStarted {
    #[error(transparent)]
    Failed(StartFailed),
    #[error("all instances have been shut down")]
    ShutDown,
    /// The factory ran and came too late, and what was started in its place is gone too.
    #[error("the start took too long")]
    Spent,
}

impl<P: Instance> Shared<P> {
    /// Starts an instance, or waits for who does. `None`: look again.
    pub(super) fn start<F>(
        self: &Arc<Self>,
        key: &InstanceKey,
        inputs: &Inputs,
        config: &P::Config,
        factory: &mut Option<F>,
    ) -> Result<Option<Handle<P>>, InstanceError<P>>
    where
        F: FnOnce(&P::Config) -> Result<P, Failure>,
    {
        if let Some(failed) = self.remembered(key, config) {
            return Err(InstanceError::Start(failed));
        }
        let mut made = None;
        let flight = self.starts.get_or_load_with(key, |_, load| {
            load.do_not_keep();
            made = self.lead(key, inputs, config, factory)?;
            Ok(Some(()))
        });
        let key = || key.clone();
        match flight {
            Ok(_) => Ok(made),
            Err(LoadError::Loader(error)) => match &*error {
                // Of a leader's failure its followers learn from what is remembered: they may have another
                // configuration, which may well succeed.
                NotStarted::Failed(_) | NotStarted::Spent if factory.is_some() => Ok(None),
                NotStarted::Spent => {
                    Err(InstanceError::StartTimeout { key: key(), waited: self.limits.start_wait })
                }
                NotStarted::Failed(failed) => Err(InstanceError::Start(failed.clone())),
                NotStarted::ShutDown => Err(InstanceError::ShutDown { key: key() }),
            },
            Err(LoadError::Reentrant { .. }) => Err(InstanceError::Reentrant { key: key() }),
            Err(LoadError::Timeout { waited, .. }) => Err(InstanceError::StartTimeout { key: key(), waited }),
            // What panics in a flight is contained, and no flight ends without a value: what else there may
            // be is told as it is.
            Err(other) => Err(InstanceError::Start(StartFailed {
                key: key(),
                fault: Fault::Error(other.to_string()),
                attempts: 0,
                retry_in: Duration::ZERO,
            })),
        }
    }

    /// What the leader of a flight does.
    fn lead<F>(
        self: &Arc<Self>,
        key: &InstanceKey,
        inputs: &Inputs,
        config: &P::Config,
        factory: &mut Option<F>,
    ) -> Result<Option<Handle<P>>, NotStarted>
    where
        F: FnOnce(&P::Config) -> Result<P, Failure>,
    {
        // The last leader may have ended between our look and our flight.
        let (is_live, is_shut_down) = {
            let table = self.table();
            (table.is_live(key), table.is_shut_down())
        };
        if is_shut_down {
            return Err(NotStarted::ShutDown);
        }
        if is_live {
            return Ok(None);
        }
        if let Some(failed) = self.remembered(key, config) {
            *factory = None;
            return Err(NotStarted::Failed(failed));
        }
        let Some(factory) = factory.take() else { return Err(NotStarted::Spent) };
        let _starting = Starting::begin(self);
        let began = self.clock.coarse();
        let config = Arc::new(config.clone());
        let evidence = match Evidence::observe(inputs, &*self.clock) {
            Ok(evidence) => Arc::new(evidence),
            Err(error) => {
                let fault = Fault::Error(format!("its files cannot be observed: {error}"));
                return Err(self.fail(key, fault, config, Arc::default(), began));
            }
        };
        match contained(|| factory(&config)) {
            Ok(plugin) => {
                let number = self.table().number();
                self.publish(Slot::new(number, key.clone(), plugin, config, (evidence, began)))
            }
            Err(fault) => Err(self.fail(key, fault, config, evidence, began)),
        }
    }

    fn publish(self: &Arc<Self>, slot: Slot<P>) -> Result<Option<Handle<P>>, NotStarted> {
        count(&self.counters.started);
        let slot = Arc::new(slot);
        let mut table = self.table();
        let entered = table.enter(&slot);
        let forgotten = if entered.is_ok() { table.failures.remove(&slot.key) } else { None };
        drop(table);
        drop(forgotten);
        match entered {
            Ok(()) => {
                let handle = Handle::new(Arc::clone(self), slot);
                self.make_room();
                Ok(Some(handle))
            }
            // It took so long that somebody gave up waiting for it and started another one.
            Err(NotEntered::Taken) => {
                count(&self.counters.superseded);
                self.stop(slot);
                Ok(None)
            }
            Err(NotEntered::ShutDown) => {
                self.stop(slot);
                Err(NotStarted::ShutDown)
            }
        }
    }

    /// Remembers a failure.
    fn fail(
        &self,
        key: &InstanceKey,
        fault: Fault,
        config: Arc<P::Config>,
        evidence: Arc<Evidence>,
        checked_at: u64,
    ) -> NotStarted {
        count(&self.counters.start_failures);
        let now = self.clock.coarse();
        let mut table = self.table();
        let attempts = table.failures.get(key).map_or(0, |failed| failed.attempts).saturating_add(1);
        let wait = u64::try_from(self.wait_after(attempts).as_nanos()).unwrap_or(u64::MAX);
        let next_try = now.saturating_add(wait);
        let failed = Failed { key: key.clone(), fault, attempts, next_try, config, evidence, checked_at };
        let told = failed.told(now);
        let before = table.failures.insert(key.clone(), failed);
        // Whoever asks for ever new keys that fail must not fill the memory.
        let is_full = table.failures.len() > self.limits.capacity.max(FEWEST_FAILURES);
        let forgotten = if is_full { table.forget_failure_but(key) } else { None };
        drop(table);
        drop((before, forgotten));
        NotStarted::Failed(told)
    }

    /// How long to wait after so many failures.
    fn wait_after(&self, attempts: u32) -> Duration {
        let Limits { first_retry, longest_retry, .. } = self.limits;
        let schedule = ExponentialBuilder::new()
            .with_min_delay(first_retry)
            .with_max_delay(longest_retry)
            .with_factor(2.0)
            .without_max_times();
        // After so many doublings any first wait has reached the longest.
        let position = attempts.saturating_sub(1).min(64);
        schedule.build().nth(position as usize).map_or(longest_retry, |wait| wait.min(longest_retry))
    }

    /// The failure of a key that is not to be tried again yet. Another configuration, or a plugin whose files
    /// have changed, is tried at once.
    fn remembered(&self, key: &InstanceKey, config: &P::Config) -> Option<StartFailed> {
        let now = self.clock.coarse();
        let (told, tried, evidence) = {
            let mut table = self.table();
            let failed = table.failures.get_mut(key).filter(|failed| failed.next_try > now)?;
            let is_due = is_due(&mut failed.checked_at, self.limits.check_interval, now);
            let evidence = is_due.then(|| Arc::clone(&failed.evidence));
            (failed.told(now), Arc::clone(&failed.config), evidence)
        };
        if *tried != *config {
            return None;
        }
        let proof = evidence.map(|evidence| evidence.check(Strength::Full, &*self.clock));
        if let Some(Proof::Broken(reason)) = proof
            && proves_a_change(&reason)
        {
            // For whoever comes first.
            if let Some(failed) = self.table().failures.get_mut(key) {
                failed.next_try = now;
            }
            return None;
        }
        Some(told)
    }
}

/// Counts a factory that runs.
struct Starting<'a, P: Instance>(&'a Shared<P>);

impl<'a, P: Instance> Starting<'a, P> {
    fn begin(shared: &'a Shared<P>) -> Self {
        shared.counters.starting.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl<P: Instance> Drop for Starting<'_, P> {
    fn drop(&mut self) {
        self.0.counters.starting.fetch_sub(1, Ordering::Relaxed);
    }
}
