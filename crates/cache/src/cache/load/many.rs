//! Loading many keys at once.
//!
//! Three steps, and again for keys whose load by somebody else came to nothing:
//!
//! 1. Each key is looked up and, if it is missing, led here or, where somebody leads it already, queued for.
//! 2. The loader makes the values of the keys that are led here, which then land.
//! 3. Only now, leading nothing, the caller waits for others: two batches that overlap cannot wait for each other.

use std::{sync::Arc, time::Instant};

use hashbrown::HashMap;

use super::{LoadError, Started, finish::Landing};
use crate::{
    cache::{
        Answer, Cache, Load, Shared,
        read::{Begun, Lead},
    },
    flight::{Inside, Outcome, Place},
    key::Key,
};

impl<K: Key + ?Sized, V: Send + Sync + 'static> Cache<K, V> {
    /// The values of many keys, in their order: fresh ones that are kept, what others are just loading, and what
    /// `loader` makes of the rest.
    ///
    /// The loader gets, in the order of their first appearance, each once, the keys that are missing and that nobody
    /// else is loading, and gives a value for each, in that order; [`LoadError::Count`] says so if it does not. It is not
    /// called without a key, and a second time only for keys whose load by somebody else came to nothing.
    ///
    /// Nothing is kept of its error, which may be about any of the keys that it got: whoever waits for one of several
    /// is not told of it and tries for himself, with a loader of his own; who waits for the only one gets it.
    ///
    /// Everything else is as in [`get_or_load`](Self::get_or_load), key by key, but that, as tasks do, it does not wait for
    /// [other processes](crate::cache::Builder::once_per_host). One key without a value fails all,
    /// though what the others got is kept. Rows on disk are written together.
    ///
    /// ```
    /// use plugcache_cache::{Cache, Hub};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let lengths: Cache<str, usize> = Cache::builder("lengths").build(&Hub::in_memory())?;
    /// lengths.insert("a", 1);
    /// let found = lengths.get_or_load_many(&["bb", "a", "bb"], |missing: &[&str]| {
    ///     assert_eq!(missing, ["bb"]);
    ///     Ok::<_, std::io::Error>(missing.iter().map(|key| key.len()).collect())
    /// })?;
    /// assert_eq!(found.iter().map(|length| **length).collect::<Vec<_>>(), [2, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_or_load_many<E>(
        &self,
        keys: &[&K],
        mut loader: impl FnMut(&[&K]) -> Result<Vec<V>, E>,
    ) -> Result<Vec<Arc<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let mut positions = HashMap::with_capacity(keys.len());
        let mut distinct = Vec::with_capacity(keys.len());
        let order: Vec<usize> = keys
            .iter()
            .map(|key| {
                *positions.entry(*key).or_insert_with(|| {
                    distinct.push(*key);
                    distinct.len() - 1
                })
            })
            .collect();
        let mut batch = Batch { shared: &*self.shared, answers: vec![None; distinct.len()], keys: distinct };
        let mut open: Vec<usize> = (0..batch.keys.len()).collect();
        while !open.is_empty() {
            let places = batch.load(&open, &mut loader)?;
            open = batch.wait(places)?;
        }
        let answer = |position: usize| match &batch.answers[position] {
            Some(Answer::Value(value)) => Ok(Arc::clone(value)),
            Some(Answer::Missing(reason)) => Err(self.missing(batch.keys[position], reason)),
            None => unreachable!("no key is left open"),
        };
        order.into_iter().map(answer).collect()
    }
}

/// Keys that are loaded together, each once.
struct Batch<'a, K: Key + ?Sized, V> {
    shared: &'a Shared<K, V>,
    keys: Vec<&'a K>,
    answers: Vec<Option<Answer<V>>>,
}

/// A key that is loaded here.
struct Led<'a, K: Key + ?Sized, V> {
    position: usize,
    lead: Lead<'a, K, V>,
    context: Load<'a>,
    started: Started,
}

/// Keys that others load, and where to wait for them.
type Places<V> = Vec<(usize, Place<V>)>;

impl<'a, K: Key + ?Sized, V: Send + Sync + 'static> Batch<'a, K, V> {
    /// Looks the `open` keys up and loads those that are missing. Returns those that others are loading.
    fn load<E: Send + Sync + 'static>(
        &mut self,
        open: &[usize],
        loader: &mut impl FnMut(&[&K]) -> Result<Vec<V>, E>,
    ) -> Result<Places<V>, LoadError<E>> {
        let shared = self.shared;
        // Whatever of the host runs from here on to the landing is told if it asks for one of these keys.
        let inside = Inside::begin();
        let (mut leads, mut places) = (Vec::new(), Vec::new());
        for &position in open {
            let key = self.keys[position];
            match shared.begin(key, false)? {
                Begun::Answered(answer) => self.answers[position] = Some(answer),
                Begun::Wait(place) => places.push((position, place)),
                Begun::Lead(lead) => {
                    inside.enter(lead.ticket.id());
                    leads.push((position, lead));
                }
            }
        }
        if leads.is_empty() {
            return Ok(places);
        }
        let missing: Vec<&K> = leads.iter().map(|(position, _)| self.keys[*position]).collect();
        let begin = |(position, mut lead): (usize, Lead<'a, K, V>)| {
            let context = shared.load_for(&mut lead);
            Led { position, lead, context, started: shared.start(self.keys[position]) }
        };
        let led: Vec<Led<'_, K, V>> = leads.into_iter().map(begin).collect();
        let clock = Instant::now();
        let made = loader(&missing);
        let cost = clock.elapsed().as_nanos() as u64 / missing.len() as u64;
        match made {
            Ok(values) if values.len() == led.len() => self.land(led, values, cost),
            // Those who wait try for themselves, with loaders of their own.
            Ok(values) => {
                let (cache, expected, got) = (shared.name.clone(), led.len(), values.len());
                return Err(LoadError::Count { cache, expected, got });
            }
            Err(error) => {
                let error = Arc::new(error);
                // Of several keys it may be about any one: who waits for another tries for himself.
                let is_about_one = led.len() == 1;
                for led in led {
                    shared.fail(led.lead, cost, || {
                        if is_about_one {
                            Outcome::Failed(Arc::clone(&error) as _)
                        } else {
                            Outcome::Abandoned
                        }
                    });
                }
                return Err(LoadError::Loader(error));
            }
        }
        Ok(places)
    }

    /// Keeps what was made, each value at a cost of `cost` nanoseconds.
    fn land(&mut self, led: Vec<Led<'a, K, V>>, values: Vec<V>, cost: u64) {
        let shared = self.shared;
        let mut landings: Vec<(&K, Landing<'a, K, V>)> = Vec::with_capacity(led.len());
        for (led, value) in led.into_iter().zip(values) {
            let key = self.keys[led.position];
            let (answer, landing) =
                shared.conclude(key, led.lead, led.context, &led.started, Some(value), cost);
            self.answers[led.position] = Some(answer);
            landings.extend(landing.map(|landing| (key, landing)));
        }
        let rows =
            landings.iter().filter_map(|(_, landing)| Some((landing.lead.bytes.as_ref()?, &landing.kept)));
        let rows: Vec<_> = rows.collect();
        let are_right = || landings.iter().all(|(_, landing)| shared.is_right(landing));
        if !rows.is_empty() && !shared.write_disk_together(&rows, &are_right) {
            // One was declared wrong, or cannot be a row, or all are too many for one transaction.
            for (_, landing) in &landings {
                if let Some(bytes) = &landing.lead.bytes {
                    let _ = shared.write_disk(bytes, &landing.kept, &|| shared.is_right(landing));
                }
            }
        }
        for (key, landing) in landings {
            shared.land(key, landing);
        }
    }

    /// Waits for what others load, all together no longer than for one. Returns those that are to be tried again.
    fn wait<E: Send + Sync + 'static>(&mut self, places: Places<V>) -> Result<Vec<usize>, LoadError<E>> {
        let (began, mut again) = (Instant::now(), Vec::new());
        for (position, place) in places {
            let left = self.shared.wait_timeout.saturating_sub(began.elapsed());
            match self.shared.block(self.keys[position], place, left)? {
                Some(answer) => self.answers[position] = Some(answer),
                None => again.push(position),
            }
        }
        Ok(again)
    }
}
