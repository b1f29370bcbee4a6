//! Caches that a trace is replayed against. Each is asked for a key, and given it if it had it not.

use std::collections::{BTreeMap, HashMap};

use foyer_memory::{EvictionConfig, LfuConfig, S3FifoConfig};
use plugcache_cache::tier::memory::{Limits, Shard};

/// How many requests of a trace were found.
pub(crate) type Replay = fn(&[u64], usize) -> usize;

/// Whom we have to come close to.
pub(crate) const PEERS: [(&str, Replay); 5] =
    [("LRU", lru), ("moka", moka), ("quick_cache", quick_cache), ("S3-FIFO", s3fifo), ("TinyLFU", lfu)];

/// Ours.
pub(crate) fn ours(keys: &[u64], entries: usize) -> usize {
    let mut shard = Shard::new(Limits::entries(entries));
    let mut out = Vec::new();
    count(keys, |key| {
        let (hash, same) = (mix(key), |other: &u64| *other == key);
        let hit = shard.get(hash, same).is_some();
        if !hit {
            shard.insert(hash, key, 1, same, &mut out);
            out.clear();
        }
        hit
    })
}

/// The most that any cache could find, which would have to know the future (Belady 1966): of all entries and the
/// newcomer, the one goes that is wanted last.
pub(crate) fn optimum(keys: &[u64], entries: usize) -> usize {
    let mut next_use = vec![usize::MAX; keys.len()];
    let mut seen = HashMap::new();
    for (at, key) in keys.iter().enumerate().rev() {
        if let Some(next) = seen.insert(*key, at) {
            next_use[at] = next;
        }
    }
    let mut wanted = HashMap::new();
    let mut order = BTreeMap::new();
    let mut requests = next_use.iter();
    // Keys that are never wanted again have no next use of their own to be told apart by.
    let mut never = usize::MAX;
    count(keys, |key| {
        let mut next = requests.next().copied().unwrap_or(usize::MAX);
        if next == usize::MAX {
            never -= 1;
            next = never;
        }
        let known = wanted.insert(key, next);
        if let Some(known) = known {
            order.remove(&known);
        }
        order.insert(next, key);
        if wanted.len() > entries
            && let Some((_, last)) = order.pop_last()
        {
            wanted.remove(&last);
        }
        known.is_some()
    })
}

fn lru(keys: &[u64], entries: usize) -> usize {
    let mut used = HashMap::new();
    let mut order = BTreeMap::new();
    let mut now = 0_u64;
    count(keys, |key| {
        now += 1;
        let before = used.insert(key, now);
        if let Some(before) = before {
            order.remove(&before);
        }
        order.insert(now, key);
        if used.len() > entries
            && let Some((_, oldest)) = order.pop_first()
        {
            used.remove(&oldest);
        }
        before.is_some()
    })
}

fn moka(keys: &[u64], entries: usize) -> usize {
    let cache = moka::sync::Cache::new(entries as u64);
    count(keys, |key| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.insert(key, ());
        }
        hit
    })
}

fn quick_cache(keys: &[u64], entries: usize) -> usize {
    let mut cache = quick_cache::unsync::Cache::new(entries);
    count(keys, |key| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.insert(key, ());
        }
        hit
    })
}

fn s3fifo(keys: &[u64], entries: usize) -> usize {
    foyer(keys, entries, S3FifoConfig::default().into())
}

fn lfu(keys: &[u64], entries: usize) -> usize {
    foyer(keys, entries, LfuConfig::default().into())
}

fn foyer(keys: &[u64], entries: usize, policy: EvictionConfig) -> usize {
    let builder = foyer_memory::CacheBuilder::new(entries).with_shards(1).with_eviction_config(policy);
    let cache: foyer_memory::Cache<u64, ()> = builder.build();
    count(keys, |key| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.insert(key, ());
        }
        hit
    })
}

fn count(keys: &[u64], mut is_hit: impl FnMut(u64) -> bool) -> usize {
    keys.iter().filter(|key| is_hit(**key)).count()
}

/// A hash of a key: `SplitMix64`'s last steps (Steele, Lea and Flood 2014).
fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::{lru, optimum, ours};

    #[test]
    fn the_optimum_of_a_loop_is_known() {
        let keys: Vec<u64> = (0..10_000).map(|n| n % 100).collect();
        // After the first round, the same 50 of 100 are always there: newcomers need not be let in.
        assert_eq!(optimum(&keys, 50), 4_950);
        assert_eq!(lru(&keys, 50), 0);
        assert!(ours(&keys, 50) > 4_700);
        assert_eq!(lru(&keys, 100), 9_900);
    }
}
