//! The next keys, predicted from the last.

use std::{
    hash::Hash,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;

use super::{brief, judge::Judge, successors::Successors};

/// Something to be run by the host's executor.
pub type Job = Box<dyn FnOnce() + Send>;

/// Learns which keys follow which, and says which to load ahead.
///
/// It remembers four followers each of a bounded number of keys, with counts that fade. A prediction is used if
/// its key is asked for within the next 32 accesses (see [`PrefetchSettings`]), else wasted. **Where fewer than
/// a quarter of the last 64 were used it stops**: it goes on to learn and to predict for itself alone, and tells
/// its predictions again only once half of the last 64 of those would have been used. So a host whose accesses
/// follow no habit pays for 64 loads once.
///
/// Accesses that have nothing to do with each other hide what follows what: use one for each stream of them.
#[derive(Clone)]
pub struct Prefetcher<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    state: Mutex<State<K>>,
    loaded: AtomicU64,
}

struct State<K> {
    successors: Successors<K>,
    judge: Judge<K>,
    confidence: f64,
    predicted: u64,
    used: u64,
    wasted: u64,
}

/// How predictions fared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PrefetchStats {
    /// Keys that were told to be loaded.
    pub predicted: u64,
    /// Those that were loaded ahead.
    pub loaded: u64,
    /// Those of the predicted ones that were asked for in time.
    pub used: u64,
    /// Those that were not.
    pub wasted: u64,
    /// Whether it has stopped, since too few were used.
    pub is_stopped: bool,
}

/// How a [`Prefetcher`] predicts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrefetchSettings {
    /// Most keys whose followers are remembered. Default: 4,096.
    pub keys: usize,
    /// Share of a key's occurrences that a follower must have, from 0 to 1. Default: 0.5.
    pub confidence: f64,
    /// Accesses within which a predicted key must be asked for. Default: 32.
    pub window: u64,
}

impl Default for PrefetchSettings {
    fn default() -> Self {
        Self { keys: 4_096, confidence: 0.5, window: 32 }
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> Prefetcher<K> {
    /// One that has learned nothing.
    pub fn new(settings: PrefetchSettings) -> Self {
        let state = State {
            successors: Successors::new(settings.keys),
            judge: Judge::new(settings.window.max(1)),
            confidence: settings.confidence,
            predicted: 0,
            used: 0,
            wasted: 0,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), loaded: AtomicU64::new(0) }) }
    }

    /// Notes an access. Returns the keys to be loaded ahead, most likely first: at most four, none that was told
    /// and is still to come.
    pub fn note(&self, key: &K) -> Vec<K> {
        let Some(mut state) = brief::lock(&self.shared.state) else { return Vec::new() };
        let verdicts = state.judge.access(key);
        state.used += verdicts.used;
        state.wasted += verdicts.wasted;
        state.successors.learn(key);
        let mut likely = state.successors.likely(key, state.confidence);
        likely.retain(|next| state.judge.predict(next.clone()));
        if state.judge.is_stopped() {
            return Vec::new();
        }
        state.predicted += likely.len() as u64;
        likely
    }

    /// Says that a predicted key was loaded ahead.
    pub fn loaded(&self) {
        self.shared.loaded.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes an access, and gives the host's executor a job for each key to be loaded ahead. `load` says whether
    /// it loaded anything: what is cached already needs no loading.
    pub fn run(
        &self,
        key: &K,
        mut spawn: impl FnMut(Job),
        load: impl Fn(&K) -> bool + Clone + Send + 'static,
    ) {
        for next in self.note(key) {
            let (load, prefetcher) = (load.clone(), self.clone());
            spawn(Box::new(move || {
                if load(&next) {
                    prefetcher.loaded();
                }
            }));
        }
    }

    /// How predictions fared so far.
    pub fn stats(&self) -> PrefetchStats {
        let Some(state) = brief::lock(&self.shared.state) else { return PrefetchStats::default() };
        PrefetchStats {
            predicted: state.predicted,
            loaded: self.shared.loaded.load(Ordering::Relaxed),
            used: state.used,
            wasted: state.wasted,
            is_stopped: state.judge.is_stopped(),
        }
    }
}
