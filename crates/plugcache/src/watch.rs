//! Roots watched by the operating system: subscribers are told what changed, and answers need no `stat`.
//!
//! Events only wake. What is told are differences between two proven answers of the index: plugins that were
//! added, changed, removed, with their records, never raw file events.
//!
//! # What an answer rests on
//! A [`Watch`] keeps the last snapshot that was proven at `full`, and watches every directory that it rests on,
//! the directories on the way to them, and what links lead to; all of that from before the proof began. An
//! answer drains the system's queue first, which is one call. If nothing has happened, the snapshot answers, at
//! strength [`Watched`](Strength::Watched); if anything has, the tree is proven at `full` first.
//!
//! **On a local file system an edit that was over before the question was asked is in the answer**, whichever
//! process made it, since the kernel queues the event before the call that caused it returns. Subscribers are
//! told later: once the tree was quiet for [`debounce`](Builder::debounce).
//!
//! The system does not tell of: writes through a memory map (only of the closing of the file), writes through
//! a hard link in a directory that is not watched, a mount over a directory, and what other machines do to a
//! network file system. The last is noticed, and then nothing is vouched for: so it is when watches run out, a
//! directory may not be watched, or the process was forked. Every answer is then proven at `full`, subscribers
//! are told of what a proof at intervals finds, and [`Watch::state`] says why.

mod change;
mod notify;
mod plan;
mod prove;
mod queue;
mod turn;

use std::{
    io,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use change::Change;
use plugcache_cache::Strength;
use plugcache_discovery::index::Report;
pub use queue::Unwatched;

use crate::resolver::{Answer, Resolution, Resolver};
use prove::{Proven, Shared};

/// Describes a watch; made by [`Watch::builder`].
#[derive(Clone)]
#[must_use]
pub struct Builder {
    resolver: Resolver,
    debounce: Duration,
    longest: Duration,
    interval: Duration,
    max_watches: usize,
}

/// Watched roots. Dropping it stops and joins its thread; who was subscribed then gets no more.
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The state of the roots that an answer rests on.
pub struct Held(Arc<Proven>);

/// Whether answers come without looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The system tells of changes.
    Watching {
        /// How many directories are watched.
        directories: usize,
    },
    /// It does not, or not of all: each answer is proven at `full`, and subscribers wait for the next proof at
    /// an interval.
    Polling {
        /// Why, and what to do.
        why: Unwatched,
    },
}

impl Builder {
    /// How long nothing must have happened before subscribers are told. Default: 50 ms.
    pub fn debounce(mut self, quiet: Duration) -> Self {
        self.debounce = quiet;
        self
    }

    /// How long they wait for quiet at most. Default: 1 s.
    pub fn longest_debounce(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// How often the tree is proven for subscribers while nobody vouches for it. Default: 2 s.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Most directories that are watched; the system bounds all of a user's watches together. Default:
    /// 100,000.
    pub fn max_watches(mut self, directories: usize) -> Self {
        self.max_watches = directories;
        self
    }

    /// Watches and proves, and starts the thread that tells subscribers. Fails only if there can be no thread:
    /// roots that cannot be watched are [polled](State::Polling).
    pub fn start(self) -> io::Result<Watch> {
        let shared = Arc::new(Shared::new(&self)?);
        let (for_thread, told) = (Arc::clone(&shared), shared.last());
        let thread = std::thread::Builder::new()
            .name("plugcache-watch".to_owned())
            .spawn(move || notify::run(&for_thread, told))?;
        Ok(Watch { shared, thread: Some(thread) })
    }
}

impl Watch {
    /// Begins to describe a watch over what a resolver resolves. The resolver's session says where the index
    /// is kept; in memory only, every proof of a changed tree reads all of it.
    pub fn builder(resolver: Resolver) -> Builder {
        Builder {
            resolver,
            debounce: Duration::from_millis(50),
            longest: Duration::from_secs(1),
            interval: Duration::from_secs(2),
            max_watches: 100_000,
        }
    }

    /// The plugin of that name, as [`Resolver::resolve`] would find it. The report says how it was proven.
    pub fn resolve(&self, name: &str) -> Answer {
        let began = self.shared.now();
        let (proven, strength) = self.shared.current();
        let outcome = self.shared.resolver.resolve_in(&proven.snapshot, name);
        if self.is_damaged(&proven) {
            return self.shared.resolver.resolve(name);
        }
        Answer { outcome, report: self.report(&proven, proven.snapshot.report(), strength, began) }
    }

    /// Like [`resolve`](Self::resolve), with what it takes to ask [`still_holds`](Self::still_holds) later; `None` if
    /// nobody vouches for the answer.
    pub fn resolve_and_hold(&self, name: &str) -> (Answer, Option<Held>) {
        let (before, strength) = self.shared.current();
        let answer = self.resolve(name);
        let is_vouched = strength == Strength::Watched && answer.outcome.is_ok();
        let held = Held(before);
        let is_held = is_vouched && self.still_holds(&held);
        (answer, is_held.then_some(held))
    }

    /// Whether nothing has happened since: the question costs a look into the system's queue. `false` says no more than
    /// that it has to be resolved anew.
    pub fn still_holds(&self, held: &Held) -> bool {
        !self.shared.is_forked()
            && self.shared.vouched().is_some_and(|proven| Arc::ptr_eq(&proven, &held.0))
            && !held.0.snapshot.index().is_damaged()
    }

    /// Every plugin, as [`Resolver::list`] would list them.
    pub fn list(&self) -> (Vec<Resolution>, Report) {
        let began = self.shared.now();
        let (proven, strength) = self.shared.current();
        let all = self.shared.resolver.list_in(&proven.snapshot);
        let report = self.report(&proven, &proven.snapshot.full_report(), strength, began);
        if self.is_damaged(&proven) { self.shared.resolver.list() } else { (all, report) }
    }

    /// What changes from now on. Whoever subscribes first and lists then misses nothing, and may be told of a
    /// change that the list has already. The channel is not bounded, so that a slow subscriber holds up nobody:
    /// it holds what its reader has not taken. It ends when the watch does.
    pub fn subscribe(&self) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel();
        self.subscribe_to(sender);
        receiver
    }

    /// The same into a channel that there is already: several watches may tell one reader.
    pub fn subscribe_to(&self, sender: mpsc::Sender<Change>) {
        self.shared.subscribe(sender);
    }

    /// Whether answers come without looking, as of the last proof.
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// Whether a part of the index that an answer touched was damaged: then the answer is void, and so is what
    /// was proven.
    fn is_damaged(&self, proven: &Proven) -> bool {
        let is_damaged = proven.snapshot.index().is_damaged();
        if is_damaged {
            self.shared.doubt();
        }
        is_damaged
    }

    fn report(&self, proven: &Proven, report: &Report, strength: Strength, began: Instant) -> Report {
        let elapsed = self.shared.now().saturating_duration_since(began);
        let report = Report { strength, elapsed, ..report.clone() };
        if strength != Strength::Watched {
            return report;
        }
        // What the proof had to read is not what this answer took.
        Report { stale: Vec::new(), parsed: 0, reused: proven.snapshot.index().file_count(), ..report }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stop();
        // After a fork, the thread is the parent's.
        if let Some(thread) = self.thread.take()
            && !self.shared.is_forked()
        {
            // A finder that panicked there has been told of by its panic.
            let _ = thread.join();
        }
    }
}
