//! The words of one cache.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::fs::SharedWords;

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What is counted. The order is the order in the file: append only, see `docs/format.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Event { $($(#[$doc])* $variant,)* }

        impl Event {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

events! {
    /// Answers out of memory. Striped.
    MemoryHit = "memory_hits",
    /// Nanoseconds that hits have saved. Striped.
    SavedNanos = "saved_ns",
    DiskHit = "disk_hits",
    NegativeHit = "negative_hits",
    StaleHit = "stale_hits",
    Load = "loads",
    LoadError = "load_errors",
    LoadNanos = "load_ns",
    Wait = "waits",
    WaitTimeout = "wait_timeouts",
    Insert = "inserts",
    NotKept = "not_kept",
    StoreError = "store_errors",
    MissAbsent = "absent",
    MissExpired = "expired",
    MissTooOld = "too_old",
    MissFuture = "future",
    MissVersion = "version",
    MissSignature = "signature",
    MissInput = "input",
    MissCleared = "cleared",
    MissTag = "tag",
    MissReplaced = "replaced",
    MissDamaged = "damaged",
    MissAsked = "asked",
    EvictedForRoom = "capacity",
    EvictedExpired = "evicted_expired",
    EvictedHeavy = "too_heavy",
    EvictedDisk = "disk_capacity",
    Removed = "removed",
    Cleared = "clears",
    LookupNanos = "lookup_ns",
}

/// What goes up and down, or stays. The order is the order in the file, as with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gauge {
    Entries,
    /// One more than the capacity; 0 stands for none.
    Capacity,
    Bytes,
    MaxBytes,
    TtlMillis,
    HasDisk,
}

/// How many events are spread over stripes: those of a hit.
const STRIPED: usize = 2;
const STRIPES: usize = 16;
/// Words of one line of the processor's cache.
const LINE: usize = 8;

const NAME: usize = 0;
const NAME_WORDS: usize = 8;
const GAUGES: usize = NAME + NAME_WORDS;
const EVENTS: usize = GAUGES + 8;
const STRIPED_AT: usize = EVENTS + 48;
/// Where the two events of a hit are counted by those who take turns: in words of the first line that no stripe has.
const IN_TURN_AT: usize = STRIPED_AT + STRIPED;
/// Words of one block.
pub(crate) const WORDS: usize = STRIPED_AT + STRIPES * LINE;

/// Longest name of a cache, in bytes.
pub(crate) const LONGEST_NAME: usize = NAME_WORDS * 8;

/// A view of one cache's words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a>(&'a [AtomicU64]);

impl<'a> Block<'a> {
    /// The block at a position; `None` if the words end before.
    pub(crate) fn at(words: &'a [AtomicU64], start: usize) -> Option<Self> {
        words.get(start..start.checked_add(WORDS)?).map(Self)
    }

    #[inline]
    fn word(self, index: usize) -> &'a AtomicU64 {
        &self.0[index]
    }

    /// The cache's name; empty for a block nobody uses.
    pub(crate) fn name(self) -> String {
        let words = self.0.iter().take(NAME_WORDS).map(|word| word.load(Ordering::Acquire).to_le_bytes());
        let bytes: Vec<u8> = words.flatten().take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn set_name(self, name: &str) {
        let mut bytes = [0; LONGEST_NAME];
        bytes.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
        for (word, chunk) in self.0.iter().zip(bytes.chunks_exact(8)) {
            word.store(u64::from_le_bytes(chunk.try_into().unwrap_or_default()), Ordering::Release);
        }
    }

    #[inline]
    pub(crate) fn add(self, event: Event, count: u64) {
        self.word(EVENTS + event as usize).fetch_add(count, Ordering::Relaxed);
    }

    /// How often it happened.
    pub(crate) fn count(self, event: Event) -> u64 {
        let index = event as usize;
        let spread = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let spread: u64 = self.spread(index).map(spread).fold(0, u64::wrapping_add);
        spread.wrapping_add(self.word(EVENTS + index).load(Ordering::Relaxed))
    }

    /// The words beside its own in which an event is counted: those of a hit.
    fn spread(self, event: usize) -> impl Iterator<Item = &'a AtomicU64> {
        let stripes = (0..STRIPES).map(move |stripe| STRIPED_AT + stripe * LINE + event);
        let all = stripes.chain([IN_TURN_AT + event]);
        all.filter(move |_| event < STRIPED).map(move |index| self.word(index))
    }

    pub(crate) fn gauge(self, gauge: Gauge) -> u64 {
        self.word(GAUGES + gauge as usize).load(Ordering::Relaxed)
    }

    /// Adds to a gauge; what is to be taken from it wraps around.
    pub(crate) fn shift(self, gauge: Gauge, by: u64) {
        if by != 0 {
            self.word(GAUGES + gauge as usize).fetch_add(by, Ordering::Relaxed);
        }
    }

    pub(crate) fn set(self, gauge: Gauge, value: u64) {
        self.word(GAUGES + gauge as usize).store(value, Ordering::Relaxed);
    }

    /// Adds to a stripe's time.
    #[inline]
    fn saved(self, line: usize, nanoseconds: u64) {
        let total = self.word(line + Event::SavedNanos as usize);
        total.store(total.load(Ordering::Relaxed).wrapping_add(nanoseconds), Ordering::Relaxed);
    }

    /// Adds another block's counts to this one's, and takes them away there, so that a process killed
    /// midway loses a count and never doubles one.
    pub(crate) fn absorb(self, other: Block<'_>) {
        for event in Event::ALL {
            let mut count = other.word(EVENTS + *event as usize).swap(0, Ordering::Relaxed);
            for word in other.spread(*event as usize) {
                count = count.wrapping_add(word.swap(0, Ordering::Relaxed));
            }
            self.add(*event, count);
        }
    }
}

/// The counters of one cache of this process.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    words: Arc<SharedWords>,
    start: usize,
}

impl Counters {
    /// The block at `start` of `words`.
    pub(crate) fn new(words: Arc<SharedWords>, start: usize) -> Self {
        Self { words, start }
    }

    /// Counters that only this process sees.
    pub(crate) fn private() -> Self {
        Self::new(Arc::new(SharedWords::anonymous(WORDS)), 0)
    }

    #[inline]
    pub(crate) fn block(&self) -> Block<'_> {
        Block(&self.words.words()[self.start..self.start + WORDS])
    }

    #[inline]
    pub(crate) fn add(&self, event: Event, count: u64) {
        self.block().add(event, count);
    }

    /// Counts a hit in memory that saved this many nanoseconds. The time is an estimate anyway, so two
    /// threads of one stripe may lose one of their additions to it; none is lost of the count.
    #[inline]
    pub(crate) fn memory_hit(&self, stripe: usize, saved: u64) {
        let block = self.block();
        let line = STRIPED_AT + (stripe % STRIPES) * LINE;
        block.word(line + Event::MemoryHit as usize).fetch_add(1, Ordering::Relaxed);
        block.saved(line, saved);
    }

    /// The same for callers who take turns, which spares the atomic addition: in words that nobody else counts in.
    #[inline]
    pub(crate) fn memory_hit_in_turn(&self, saved: u64) {
        let block = self.block();
        let hits = block.word(IN_TURN_AT + Event::MemoryHit as usize);
        hits.store(hits.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        block.saved(IN_TURN_AT, saved);
    }
}
