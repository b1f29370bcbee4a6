//! Loading: what a loader is told and may say, and what is kept of its result.

mod error;
mod finish;
mod many;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

pub use error::LoadError;
pub(super) use finish::Keeping;

use super::{
    Answer, Cache, Shared, Stopped,
    read::{Begun, Lead, Why},
};
use crate::{
    Error,
    clock::Timestamp,
    counters::Event,
    evidence::{Evidence, Inputs},
    fingerprint::Digest,
    flight::{self, Outcome, Place},
    freshness::StaleReason,
    key::Key,
};

/// What a loader may say about the value that it makes.
pub struct Load<'a> {
    cache: &'a str,
    clock: &'a dyn crate::Clock,
    reason: Why,
    said: Mutex<Said>,
}

#[derive(Default)]
pub(super) struct Said {
    tags: Vec<String>,
    evidence: Evidence,
    ttl: Option<Duration>,
    reason: Option<String>,
    is_not_kept: bool,
}

impl Load<'_> {
    pub(super) fn into_said(self) -> Said {
        self.said.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn say<T>(&self, say: impl FnOnce(&mut Said) -> T) -> T {
        say(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the loader runs: what was wrong with what was kept.
    pub fn reason(&self) -> &StaleReason {
        self.reason.as_deref().unwrap_or(&StaleReason::Missing)
    }

    /// Declares inputs that the value is about to be made from. Call it *before* reading them: they are
    /// observed now, and again when the loader is done; a value whose inputs changed meanwhile is returned
    /// and not kept. An input that cannot be observed is an error; the value is then not kept either.
    pub fn inputs(&self, inputs: &Inputs) -> Result<(), Error> {
        match Evidence::observe(inputs, self.clock) {
            Ok(evidence) => {
                self.say(|said| said.evidence.extend(evidence));
                Ok(())
            }
            Err(error) => {
                tracing::debug!("cache `{}`: {error}", self.cache);
                self.say(|said| said.is_not_kept = true);
                Err(error)
            }
        }
    }

    /// Gives the value a tag to be invalidated by.
    pub fn tag(&self, tag: impl Into<String>) {
        self.say(|said| said.tags.push(tag.into()));
    }

    /// Gives the value a time to live of its own.
    pub fn ttl(&self, ttl: Duration) {
        self.say(|said| said.ttl = Some(ttl));
    }

    /// Says why there is no value, for those who ask later.
    pub fn because(&self, reason: impl Into<String>) {
        self.say(|said| said.reason = Some(reason.into()));
    }

    /// Lets the value be returned and not kept.
    pub fn do_not_keep(&self) {
        self.say(|said| said.is_not_kept = true);
    }
}

/// A load under way: what was true when it began.
pub(super) struct Started {
    generation: u64,
    invalidations: u64,
    signature: Option<Digest>,
    /// Wall time, if there is a disk tier: nobody else compares it with another clock's.
    made: Timestamp,
    /// In the time of [`Shared::now`].
    now: u64,
    clock: Instant,
}

impl Started {
    /// How long it has been under way, in nanoseconds.
    fn elapsed(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Cache<K, V> {
    /// The value of a key: a fresh one that is kept, or what `loader` makes. However many ask for a key at
    /// the same time, one loader runs and all get its result. Errors are not kept.
    pub fn get_or_load<E>(
        &self,
        key: &K,
        loader: impl FnOnce(&K) -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        match self.get_or_load_with(key, |key, _| loader(key).map(Some))? {
            Answer::Value(value) => Ok(value),
            Answer::Missing(reason) => Err(self.missing(key, &reason)),
        }
    }

    /// Like [`get_or_load`](Self::get_or_load) for a loader that may find nothing, and that may say what it
    /// made its value from. That there is nothing is remembered for the cache's
    /// [negative time to live](super::Builder::negative_ttl), if it has one.
    pub fn get_or_load_with<E>(
        &self,
        key: &K,
        loader: impl FnOnce(&K, &Load<'_>) -> Result<Option<V>, E>,
    ) -> Result<Answer<V>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let shared = &*self.shared;
        loop {
            match shared.begin(key, true)? {
                Begun::Answered(answer) => return Ok(answer),
                Begun::Wait(place) => {
                    if let Some(answer) = shared.block(key, place, shared.wait_timeout)? {
                        return Ok(answer);
                    }
                }
                Begun::Lead(mut lead) => {
                    let context = shared.load_for(&mut lead);
                    let started = shared.start(key);
                    let made = flight::inside(lead.ticket.id(), || loader(key, &context));
                    return shared.finish(key, lead, context, &started, made);
                }
            }
        }
    }

    /// [`get_or_load`](Self::get_or_load) for tasks, of any runtime. A task that is dropped while it loads
    /// lets one of those who wait load next. There is no time-out here but the runtime's own.
    pub async fn get_or_load_async<E>(
        &self,
        key: &K,
        loader: impl AsyncFnOnce(&K) -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let answer = self.get_or_load_async_with(key, async |key, _| loader(key).await.map(Some)).await?;
        match answer {
            Answer::Value(value) => Ok(value),
            Answer::Missing(reason) => Err(self.missing(key, &reason)),
        }
    }

    /// [`get_or_load_with`](Self::get_or_load_with) for tasks.
    pub async fn get_or_load_async_with<E>(
        &self,
        key: &K,
        loader: impl AsyncFnOnce(&K, &Load<'_>) -> Result<Option<V>, E>,
    ) -> Result<Answer<V>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let shared = &*self.shared;
        loop {
            // A task must not block its thread for another process.
            match shared.begin(key, false)? {
                Begun::Answered(answer) => return Ok(answer),
                Begun::Wait(place) => {
                    if let Some(answer) = shared.share(key, shared.wait(key, place)?.await)? {
                        return Ok(answer);
                    }
                }
                Begun::Lead(mut lead) => {
                    let context = shared.load_for(&mut lead);
                    let started = shared.start(key);
                    let made = flight::inside_task(lead.ticket.id(), loader(key, &context)).await;
                    return shared.finish(key, lead, context, &started, made);
                }
            }
        }
    }

    pub(super) fn missing<E>(&self, key: &K, reason: &str) -> LoadError<E> {
        LoadError::Missing {
            cache: self.shared.name.clone(),
            key: key.to_bytes().to_string(),
            reason: reason.to_owned(),
        }
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    fn load_for(&self, lead: &mut Lead<'_, K, V>) -> Load<'_> {
        self.count(Event::Load);
        self.load(lead.reason.take(), lead.evidence.take())
    }

    /// `evidence`: of the inputs that the cache declares; `None` if they cannot be observed.
    pub(super) fn load(&self, reason: Why, evidence: Option<Evidence>) -> Load<'_> {
        let is_not_kept = evidence.is_none();
        let said = Said { evidence: evidence.unwrap_or_default(), is_not_kept, ..Said::default() };
        Load { cache: &self.name, clock: &*self.clock, reason, said: Mutex::new(said) }
    }

    /// Notes what is true before a value is made.
    pub(super) fn start(&self, key: &K) -> Started {
        Started {
            generation: self.control.generation(),
            invalidations: self.control.invalidations(),
            signature: self.signature_of(key),
            made: if self.disk.is_some() { self.clock.wall() } else { Timestamp::default() },
            now: self.now(),
            clock: Instant::now(),
        }
    }

    /// Blocks until who loads a key has ended, but for no longer than `timeout`. `None`: try again.
    fn block<E>(&self, key: &K, place: Place<V>, timeout: Duration) -> Result<Option<Answer<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let waiter = self.wait(key, place)?;
        let mut left = timeout;
        loop {
            let slice = self.slice_of(left);
            if let Some(outcome) = waiter.block(slice) {
                return self.share(key, outcome);
            }
            left = left.saturating_sub(slice);
            if left.is_zero() {
                self.flights.give_up(self.entries.hash(key), waiter.flight());
                return Err(self.timed_out(key));
            }
            self.ask_to_go_on().map_err(|Stopped| self.interrupted(key))?;
        }
    }

    /// How much of a wait to wait before somebody is asked whether to go on.
    pub(super) fn slice_of(&self, left: Duration) -> Duration {
        self.patience.as_ref().map_or(left, |patience| patience.every.min(left))
    }

    /// Asks whether to go on waiting.
    pub(super) fn ask_to_go_on(&self) -> Result<(), Stopped> {
        let is_stopped = self.patience.as_ref().is_some_and(|patience| !(patience.go_on)());
        if is_stopped { Err(Stopped) } else { Ok(()) }
    }

    pub(super) fn interrupted<E>(&self, key: &K) -> LoadError<E> {
        LoadError::Interrupted { cache: self.name.clone(), key: key.to_bytes().to_string() }
    }

    fn timed_out<E>(&self, key: &K) -> LoadError<E> {
        self.count(Event::WaitTimeout);
        let (cache, key) = (self.name.clone(), key.to_bytes().to_string());
        LoadError::Timeout { cache, key, waited: self.wait_timeout }
    }

    /// What one who waited makes of the leader's result. `None`: try again.
    fn share<E: Send + Sync + 'static>(
        &self,
        key: &K,
        outcome: Outcome<V>,
    ) -> Result<Option<Answer<V>>, LoadError<E>> {
        let place = || (self.name.clone(), key.to_bytes().to_string());
        match outcome {
            Outcome::Value(value) => Ok(Some(Answer::Value(value))),
            Outcome::Missing(reason) => Ok(Some(Answer::Missing(reason))),
            // The leader's loader may fail in another way than ours can tell of: then ours says for itself.
            Outcome::Failed(error) => {
                error.downcast().map_or(Ok(None), |error| Err(LoadError::Loader(error)))
            }
            Outcome::Panicked => {
                let (cache, key) = place();
                Err(LoadError::Panicked { cache, key })
            }
            Outcome::Abandoned => Ok(None),
        }
    }
}

/// The value or the knowledge that there is none, as it is kept.
fn answer<V>(made: Option<V>, reason: Option<String>) -> Answer<V> {
    match made {
        Some(value) => Answer::Value(Arc::new(value)),
        None => Answer::Missing(reason.unwrap_or_else(|| "not found".to_owned()).into()),
    }
}
