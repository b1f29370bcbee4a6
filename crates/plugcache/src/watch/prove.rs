//! Proving the tree while it is watched, and knowing whether that still holds.

use std::{
    io,
    os::fd::OwnedFd,
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use plugcache_cache::Strength;
use plugcache_discovery::index::{Places, Session, Snapshot};
use rustix::event::{EventfdFlags, eventfd};

use super::{
    Builder, Change, State,
    change::{self, Print},
    plan,
    queue::{Queue, Unwatched},
    turn::Turns,
};
use crate::resolver::Resolver;

/// How often watching and proving take turns until all that was proven was watched before.
const ROUNDS: usize = 8;

/// What a watch and its thread share.
pub(super) struct Shared {
    pub(super) resolver: Resolver,
    pub(super) debounce: Duration,
    pub(super) longest: Duration,
    pub(super) interval: Duration,
    max_watches: usize,
    /// The process that made it.
    process: u32,
    /// Proves at `full`, or reads everything if that was asked for.
    session: Session,
    /// `None`: the system gave none.
    pub(super) queue: Result<Mutex<Queue>, Unwatched>,
    proven: Mutex<Arc<Proven>>,
    turns: Turns,
    /// Wakes the thread.
    pub(super) wake: OwnedFd,
    is_stopping: AtomicBool,
    subscribers: Mutex<Vec<mpsc::Sender<Change>>>,
}

/// A snapshot that was true at full strength, and since when somebody vouches for it.
pub(super) struct Proven {
    pub(super) snapshot: Snapshot,
    pub(super) prints: Vec<Print>,
    places: Places,
    /// Events that had mattered when its proof began.
    vouched: Result<u64, Unwatched>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(builder: &Builder) -> io::Result<Self> {
        let resolver = builder.resolver.clone();
        let mut session = resolver.session().clone();
        if session.strength != Strength::Hash {
            session.strength = Strength::Full;
        }
        let first = session.clone();
        session.refresh = false;
        let shared = Self {
            resolver,
            debounce: builder.debounce,
            longest: builder.longest,
            interval: builder.interval,
            max_watches: builder.max_watches,
            process: process::id(),
            session,
            queue: Queue::open().map(Mutex::new),
            proven: Mutex::new(Arc::new(look(&first))),
            turns: Turns::default(),
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            is_stopping: AtomicBool::new(false),
            subscribers: Mutex::default(),
        };
        if let Err(why) = &shared.prove().vouched {
            tracing::warn!("the roots are not watched, each answer is proven anew: {why}");
        }
        Ok(shared)
    }

    pub(super) fn now(&self) -> Instant {
        self.session.clock.monotonic()
    }

    /// A fork's child shares the queue's file with its parent, and would take its events away.
    pub(super) fn is_forked(&self) -> bool {
        process::id() != self.process
    }

    /// A snapshot that is true now, and how that is known.
    pub(super) fn current(&self) -> (Arc<Proven>, Strength) {
        if self.is_forked() {
            return (Arc::new(look(&self.session)), self.session.strength);
        }
        match self.vouched() {
            Some(proven) => (proven, Strength::Watched),
            None => (self.prove(), self.session.strength),
        }
    }

    /// The last proven snapshot, if nothing has happened since.
    pub(super) fn vouched(&self) -> Option<Arc<Proven>> {
        let events = self.drain()?;
        let proven = self.last();
        if proven.vouched.as_ref().is_ok_and(|then| *then >= events) {
            return Some(proven);
        }
        // Whoever drains the queue takes from the thread what would have woken it.
        self.wake();
        None
    }

    /// Events that have mattered so far; `None` if nobody tells.
    pub(super) fn drain(&self) -> Option<u64> {
        Some(locked(self.queue.as_ref().ok()?).drain())
    }

    /// What was proven last.
    pub(super) fn last(&self) -> Arc<Proven> {
        Arc::clone(&locked(&self.proven))
    }

    /// Makes what was proven last doubtful.
    pub(super) fn doubt(&self) {
        if let Ok(queue) = &self.queue {
            locked(queue).doubt();
        }
    }

    /// Proves the tree, watched from before the proof on.
    pub(super) fn prove(&self) -> Arc<Proven> {
        // A finder that asks while it is asked is answered by what it can see itself, and so is who has waited
        // long: the finder may wait for a lock that is held by who asks.
        let turn = self.turns.take(self.session.lock_timeout);
        let Some(_turn) = turn else { return Arc::new(look(&self.session)) };
        // Whoever had the turn before may have proven it.
        if let Some(proven) = self.vouched() {
            return proven;
        }
        let mut places = self.last().places.clone();
        let mut proven = None;
        for _ in 0..ROUNDS {
            let events = match self.arm(&places) {
                Ok(Some(events)) => events,
                // What was read on the way to these watches was not watched: once more.
                Ok(None) => continue,
                Err(why) => return self.keep(Proven { vouched: Err(why), ..look(&self.session) }),
            };
            let found = look(&self.session);
            if found.places.are_within(&places) {
                return self.keep(Proven { vouched: Ok(events), ..found });
            }
            places = found.places.clone();
            proven = Some(found);
        }
        self.keep(proven.unwrap_or_else(|| look(&self.session)))
    }

    /// Watches what these places depend on. Returns the events that had mattered before anything was looked
    /// at; `None` if something was not watched before.
    fn arm(&self, places: &Places) -> Result<Option<u64>, Unwatched> {
        let queue = self.queue.as_ref().map_err(Clone::clone)?;
        let events = locked(queue).drain();
        let mut wanted = plan::of(places);
        // Else an index that is kept below its own roots would be proven for ever, since proving may write it.
        for kept in self.session.location.directories.iter().filter_map(|path| plan::real(path)) {
            if let Some(interest) = wanted.get_mut(&kept) {
                interest.has_index = true;
            }
        }
        let is_new = locked(queue).arm(&wanted, self.max_watches)?;
        Ok((!is_new).then_some(events))
    }

    fn keep(&self, proven: Proven) -> Arc<Proven> {
        let proven = Arc::new(proven);
        *locked(&self.proven) = Arc::clone(&proven);
        self.wake();
        proven
    }

    /// After how long to look although nothing was heard; `None`: somebody vouches.
    pub(super) fn patience(&self, last: &Proven) -> Option<Duration> {
        match last.vouched {
            Ok(_) => None,
            Err(Unwatched::Unsettled) => Some(self.debounce),
            Err(_) => Some(self.interval),
        }
    }

    pub(super) fn state(&self) -> State {
        if self.is_forked() {
            return State::Polling { why: Unwatched::Forked };
        }
        match (&self.last().vouched, &self.queue) {
            (Ok(_), Ok(queue)) => State::Watching { directories: locked(queue).len() },
            (Err(why), _) | (_, Err(why)) => State::Polling { why: why.clone() },
        }
    }

    pub(super) fn subscribe(&self, sender: mpsc::Sender<Change>) {
        locked(&self.subscribers).push(sender);
    }

    /// Tells all subscribers, and forgets those who have gone. No lock is held meanwhile.
    pub(super) fn tell(&self, changes: &[Change]) {
        let mut subscribers = std::mem::take(&mut *locked(&self.subscribers));
        subscribers.retain(|subscriber| changes.iter().all(|change| subscriber.send(change.clone()).is_ok()));
        locked(&self.subscribers).append(&mut subscribers);
    }

    /// Ends all subscriptions.
    pub(super) fn dismiss(&self) {
        locked(&self.subscribers).clear();
    }

    pub(super) fn wake(&self) {
        // It fails only if the thread has been woken 2⁶⁴ times and has not come.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    pub(super) fn stop(&self) {
        if !self.is_forked() {
            self.is_stopping.store(true, Ordering::Release);
            self.wake();
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }
}

impl Proven {
    pub(super) fn is_vouched_for(&self) -> bool {
        self.vouched.is_ok()
    }

    /// Whether something has happened since its proof began.
    pub(super) fn is_doubtful(&self, events: Option<u64>) -> bool {
        match (&self.vouched, events) {
            (Ok(then), Some(events)) => *then < events,
            _ => true,
        }
    }

    /// What differs from an earlier answer.
    pub(super) fn since(&self, earlier: &Self) -> Vec<Change> {
        change::between((&earlier.snapshot, &earlier.prints), (&self.snapshot, &self.prints))
    }
}

/// Proves the tree, and vouches for nothing.
fn look(session: &Session) -> Proven {
    let (snapshot, (places, prints)) = session.ask(|snapshot| {
        let places = snapshot.index().places();
        (places.unwrap_or_else(|_| Places::of_roots(&session.roots)), change::prints(snapshot))
    });
    Proven { snapshot, prints, places, vouched: Err(Unwatched::Unsettled) }
}
