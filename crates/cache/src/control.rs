//! Generations: how a cache is declared empty, a tag invalid, a key replaced, in every process at once.
//!
//! A few thousand counters in a file that all processes map. A value carries the counters' state from
//! before its loader began; whoever declares something wrong moves one on. So an invalidation costs an
//! addition or three however many values it hits, a load that was under way when it came cannot bring the old value
//! back, and a hit pays one load of a word that hardly ever changes.
//!
//! Tags and keys share counters by hash. Two that collide are invalidated together, which costs a load and
//! never a wrong answer.

use std::{
    ffi::CStr,
    sync::atomic::{AtomicU64, Ordering},
};

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    error::Result,
    freshness::StaleReason,
    fs::{Directory, SharedWords},
    policy::Marks,
};

/// Name of the file in a cache's directory.
pub(crate) const FILE: &CStr = c"generations";

/// Word 0: the cache's generation, from a random beginning. 1: changes before and after a tag's counter does.
const CACHE: usize = 0;
const INVALIDATED: usize = 1;
const TAGS: usize = 64;
const TAG_COUNT: usize = 1024;
const KEYS: usize = TAGS + TAG_COUNT;
const KEY_COUNT: usize = 8192;
const WORDS: usize = KEYS + KEY_COUNT;
/// What an invalidation adds. Odd and far from any power of two, so that no flipped bit leads from one state of
/// a counter to an earlier one, which would bring back what was declared wrong.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The counters of one cache.
#[derive(Debug)]
pub(crate) struct Control {
    words: SharedWords,
}

impl Control {
    /// Opens or creates the counters in a cache's directory.
    pub(crate) fn open(directory: &Directory) -> Result<Self> {
        Ok(Self::over(SharedWords::open(directory, FILE, WORDS)?))
    }

    /// Counters of this process alone, where there is no directory.
    pub(crate) fn private() -> Self {
        Self::over(SharedWords::anonymous(WORDS))
    }

    /// Lets a new file begin anywhere, so that values from before it was lost do not match by chance.
    fn over(words: SharedWords) -> Self {
        let control = Self { words };
        control.begin(CACHE);
        control
    }

    /// Gives a counter that was never used, or was lost to zeros, a state that it never had.
    fn begin(&self, index: usize) {
        let word = self.word(index);
        if word.load(Ordering::Relaxed) == 0 {
            let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), index) | 1;
            // Whoever comes first has begun it.
            let _ = word.compare_exchange(0, random, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    #[inline]
    fn word(&self, index: usize) -> &AtomicU64 {
        &self.words.words()[index]
    }

    /// Generation of the whole cache.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.word(CACHE).load(Ordering::Acquire)
    }

    /// Declares everything in the cache wrong.
    pub(crate) fn clear(&self) {
        self.word(CACHE).fetch_add(STEP, Ordering::AcqRel);
    }

    /// Declares everything with this tag wrong.
    pub(crate) fn invalidate_tag(&self, tag: &str) {
        // Before, so that who finds the tag's new state finds this one, too; and after, so that who asks then does
        // not wait for somebody who looked at the tag in between.
        self.word(INVALIDATED).fetch_add(STEP, Ordering::AcqRel);
        self.word(tag_index(tag)).fetch_add(STEP, Ordering::AcqRel);
        self.word(INVALIDATED).fetch_add(STEP, Ordering::AcqRel);
    }

    /// Changes with each tag that is invalidated. A loader names its tags while it runs: if this has changed
    /// since it began, nobody knows whether one of them was invalidated before or after it looked.
    #[inline]
    pub(crate) fn invalidations(&self) -> u64 {
        self.word(INVALIDATED).load(Ordering::Acquire)
    }

    fn tag(&self, tag: &str) -> u64 {
        self.word(tag_index(tag)).load(Ordering::Acquire)
    }

    /// How often the key with this hash was replaced or removed.
    #[inline]
    pub(crate) fn key(&self, hash: u64) -> u64 {
        self.word(key_index(hash)).load(Ordering::Acquire)
    }

    /// Tells everybody that the key with this hash was replaced or removed. Returns how its counter stood before.
    pub(crate) fn touch_key(&self, hash: u64) -> u64 {
        self.word(key_index(hash)).fetch_add(STEP, Ordering::AcqRel)
    }

    /// How a key's counter stands after one more touch.
    pub(crate) fn touched(count: u64) -> u64 {
        count.wrapping_add(STEP)
    }

    /// Changes with everything that is declared wrong for more than one key: who asks now must not wait for a
    /// loader that began before.
    pub(crate) fn epoch(&self) -> u64 {
        self.generation().wrapping_add(self.invalidations())
    }

    /// Tags with the state that a value is to carry of them.
    pub(crate) fn tags(&self, tags: Vec<String>) -> Vec<(String, u64)> {
        let now = |tag: String| {
            self.begin(tag_index(&tag));
            let generation = self.tag(&tag);
            (tag, generation)
        };
        tags.into_iter().map(now).collect()
    }

    /// Whether nothing was declared wrong since.
    pub(crate) fn check(&self, marks: &Marks) -> Result<(), StaleReason> {
        if marks.cache != self.generation() {
            return Err(StaleReason::Cleared);
        }
        self.check_tags(marks)
    }

    /// The part of [`check`](Self::check) about tags.
    pub(crate) fn check_tags(&self, marks: &Marks) -> Result<(), StaleReason> {
        match marks.tags.iter().find(|(tag, generation)| self.tag(tag) != *generation) {
            Some((tag, _)) => Err(StaleReason::Tag { tag: tag.clone() }),
            None => Ok(()),
        }
    }
}

fn tag_index(tag: &str) -> usize {
    TAGS + (xxh3_64(tag.as_bytes()) % TAG_COUNT as u64) as usize
}

fn key_index(hash: u64) -> usize {
    KEYS + (hash % KEY_COUNT as u64) as usize
}
