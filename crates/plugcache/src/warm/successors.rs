//! What usually follows a key: counts that fade, in bounded memory.

use std::hash::{BuildHasher, Hash, RandomState};

use plugcache_cache::tier::memory::{Limits, Shard};

/// Followers that are remembered of a key.
pub(super) const FOLLOWERS: usize = 4;
/// Once a key was followed so often, all its counts are halved: habits change.
const MOST_SEEN: u16 = 32;
/// A follower seen once is a chance.
const FEWEST: u16 = 2;

/// Which keys follow which.
pub(super) struct Successors<K> {
    hasher: RandomState,
    contexts: Shard<Context<K>>,
    last: Option<K>,
}

struct Context<K> {
    key: K,
    /// How often anything followed.
    seen: u16,
    followers: Vec<(K, u16)>,
}

impl<K: Clone + Eq + Hash> Successors<K> {
    pub(super) fn new(keys: usize) -> Self {
        let contexts = Shard::new(Limits::entries(keys));
        Self { hasher: RandomState::new(), contexts, last: None }
    }

    /// Notes that `key` follows the key before. One that follows itself says nothing.
    pub(super) fn learn(&mut self, key: &K) {
        if self.last.as_ref() == Some(key) {
            return;
        }
        let Some(before) = self.last.replace(key.clone()) else { return };
        let hash = self.hasher.hash_one(&before);
        let same = |context: &Context<K>| context.key == before;
        // The look that counts as a use: what is learned about stays.
        if self.contexts.get(hash, same).is_some()
            && let Some(context) = self.contexts.peek_mut(hash, same)
        {
            context.follow(key);
            return;
        }
        let context = Context { key: before.clone(), seen: 1, followers: vec![(key.clone(), 1)] };
        self.contexts.insert(hash, context, 1, same, &mut Vec::new());
    }

    /// What follows `key` with at least this share of its occurrences, most likely first.
    pub(super) fn likely(&self, key: &K, confidence: f64) -> Vec<K> {
        let hash = self.hasher.hash_one(key);
        let Some(context) = self.contexts.peek(hash, |context| context.key == *key) else {
            return Vec::new();
        };
        let mut likely: Vec<&(K, u16)> = context
            .followers
            .iter()
            .filter(|(_, count)| {
                *count >= FEWEST && f64::from(*count) >= confidence * f64::from(context.seen)
            })
            .collect();
        likely.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        likely.into_iter().map(|(follower, _)| follower.clone()).collect()
    }

    /// How many keys there are, and how many followers together.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.contexts.len(), self.contexts.iter().map(|context| context.followers.len()).sum())
    }
}

impl<K: Clone + Eq> Context<K> {
    fn follow(&mut self, key: &K) {
        self.seen += 1;
        if let Some((_, count)) = self.followers.iter_mut().find(|(follower, _)| follower == key) {
            *count += 1;
        } else if self.followers.len() < FOLLOWERS {
            self.followers.push((key.clone(), 1));
        } else if let Some(weakest) = self.followers.iter_mut().min_by_key(|(_, count)| *count) {
            // Who is new has to come again and again to take the place of one who did.
            weakest.1 -= 1;
            if weakest.1 == 0 {
                *weakest = (key.clone(), 1);
            }
        }
        if self.seen >= MOST_SEEN {
            self.seen /= 2;
            self.followers.iter_mut().for_each(|(_, count)| *count /= 2);
            self.followers.retain(|(_, count)| *count > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use plugcache_testkit::Random;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn memory_is_bounded(keys in prop::collection::vec(0_u16..200, 0..3_000), most in 0_usize..50) {
            let mut successors = Successors::new(most);
            for key in &keys {
                successors.learn(key);
                let (contexts, followers) = successors.sizes();
                prop_assert!(contexts <= most && followers <= contexts * FOLLOWERS);
            }
        }
    }

    #[test]
    fn habits_change() {
        let mut successors = Successors::new(10);
        let mut repeat = |pair: [&'static str; 2], times: usize| {
            for _ in 0..times {
                for key in pair.iter().chain([&"between"]) {
                    successors.learn(key);
                }
            }
            successors.likely(&"a", 0.5)
        };
        assert_eq!(repeat(["a", "b"], 1), [""; 0], "once is a chance");
        assert_eq!(repeat(["a", "b"], 100), ["b"]);
        assert_eq!(repeat(["a", "c"], 60), ["c"], "what was usual once is forgotten");
        let repeated = successors.likely(&"between", 0.5);
        successors.learn(&"between");
        successors.learn(&"between");
        assert_eq!(successors.likely(&"between", 0.5), repeated, "one that follows itself says nothing");
    }

    /// More followers than there is room for: the usual one stays.
    #[test]
    fn noise_does_not_push_out_the_usual_follower() {
        let mut successors = Successors::new(10);
        let mut random = Random::new(1);
        for _ in 0..1_000 {
            successors.learn(&0);
            successors.learn(&if random.once_in(4) { 1_000 + random.below(1_000) } else { 1 });
        }
        assert_eq!(successors.likely(&0, 0.5), [1]);
    }
}
