//! Hit ratios on made-up accesses, beside LRU and the optimum computed here: a guard against a change of the policy
//! that looks harmless. `cargo xtask bench --only p11` replays recorded ones.

#![expect(clippy::cast_precision_loss, reason = "requests and entries here are far below 2^52")]

use std::collections::{BTreeMap, HashMap};

use super::super::{Limits, Shard};

/// Cache sizes that every test is made with.
const SIZES: [usize; 3] = [10, 100, 600];
const REQUESTS: usize = 40_000;

fn percent(keys: &[u64], mut is_hit: impl FnMut(usize, u64) -> bool) -> f64 {
    let hits = keys.iter().enumerate().filter(|(at, key)| is_hit(*at, **key)).count();
    hits as f64 * 100.0 / keys.len() as f64
}

fn ours(keys: &[u64], entries: usize) -> f64 {
    let mut shard = Shard::new(Limits::entries(entries));
    let mut out = Vec::new();
    percent(keys, |_, key| {
        let (hash, same) = (Random(key).next(), |other: &u64| *other == key);
        let hit = shard.get(hash, same).is_some();
        if !hit {
            shard.insert(hash, key, 1, same, &mut out);
        }
        hit
    })
}

/// Of all entries, the one goes whose `rank` was lowest when it was last asked for.
fn ranked(keys: &[u64], entries: usize, rank: impl Fn(usize) -> usize) -> f64 {
    let (mut ranks, mut order) = (HashMap::new(), BTreeMap::new());
    percent(keys, |at, key| {
        let before = ranks.insert(key, rank(at));
        if let Some(before) = before {
            order.remove(&before);
        }
        order.insert(rank(at), key);
        if ranks.len() > entries {
            let (_, lowest) = order.pop_first().unwrap();
            ranks.remove(&lowest);
        }
        before.is_some()
    })
}

fn lru(keys: &[u64], entries: usize) -> f64 {
    ranked(keys, entries, |at| at)
}

fn optimum(keys: &[u64], entries: usize) -> f64 {
    let mut next = HashMap::new();
    let mut ranks: Vec<usize> = keys
        .iter()
        .enumerate()
        .rev()
        .map(|(at, key)| match next.insert(*key, at) {
            // Sooner is higher; never is lowest, and differs for each.
            Some(next) => usize::MAX - next,
            None => at,
        })
        .collect();
    ranks.reverse();
    ranked(keys, entries, |at| ranks[at])
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Keys of which the n-th is asked for in proportion to 1 / n^skew.
struct Zipf {
    sums: Vec<f64>,
    random: Random,
}

impl Zipf {
    fn new(keys: usize, skew: f64) -> Self {
        let weights = (1..=keys).map(|n| (n as f64).powf(-skew));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect(), random: Random(42) }
    }

    fn next(&mut self) -> u64 {
        let at = self.random.unit() * self.sums.last().unwrap();
        self.sums.partition_point(|sum| *sum < at) as u64
    }
}

fn rounds(length: usize) -> Vec<u64> {
    (0..REQUESTS).map(|n| (n % length) as u64).collect()
}

/// A cache that keeps what came last finds nothing in a loop that is larger than itself.
#[test]
fn a_loop_finds_nearly_what_the_optimum_finds() {
    for entries in SIZES {
        for tenths in [11, 12, 15, 20, 30, 60] {
            let keys = rounds(entries * tenths / 10);
            let (ours, optimum) = (ours(&keys, entries), optimum(&keys, entries));
            assert!(lru(&keys, entries) < 0.1);
            assert!(ours >= 0.85 * optimum, "{entries} entries, {tenths}/10: {ours:.1} of {optimum:.1}");
        }
    }
}

/// A loop that begins when the main queue is full of other things, none of which is ever asked for again.
#[test]
fn a_loop_is_recognised_after_something_else() {
    for entries in SIZES {
        let mut zipf = Zipf::new(entries * 10, 0.9);
        let before: Vec<u64> = (0..REQUESTS / 2).map(|_| (1 << 40) + zipf.next()).collect();
        for length in [entries * 2, entries * 5] {
            let keys = rounds(length);
            let both = [&before[..], &keys[..]].concat();
            let (ours, optimum) = (ours(&both, entries), optimum(&both, entries));
            assert!(ours >= 0.70 * optimum, "{entries} entries, {length}: {ours:.1} of {optimum:.1}");
        }
    }
}

#[test]
fn what_is_popular_survives_scans() {
    for entries in SIZES {
        for skew in [0.7, 0.9, 1.1] {
            let mut zipf = Zipf::new(entries * 10, skew);
            let (mut keys, mut fresh) = (Vec::new(), 1 << 40);
            while keys.len() < REQUESTS {
                keys.extend((0..entries * 3).map(|_| zipf.next()));
                keys.extend(fresh..fresh + entries as u64 * 2);
                fresh += entries as u64 * 2;
            }
            let (ours, lru, optimum) = (ours(&keys, entries), lru(&keys, entries), optimum(&keys, entries));
            assert!(ours >= 0.60 * optimum, "{entries} entries, {skew}: {ours:.1} of {optimum:.1}");
            assert!(ours >= lru + 3.0, "{entries} entries, {skew}: {ours:.1}, LRU {lru:.1}");
        }
    }
}

/// Sets of keys that fit, each used for a while and then never again: what LRU is best at.
#[test]
fn a_working_set_that_moves_is_followed() {
    for entries in SIZES {
        let (set, stay) = (entries as u64 * 8 / 10, entries * 8);
        let mut random = Random(7);
        let keys: Vec<u64> =
            (0..REQUESTS).map(|n| (n / stay) as u64 * 1_000_000 + random.next() % set).collect();
        let (ours, lru) = (ours(&keys, entries), lru(&keys, entries));
        assert!(ours >= 0.80 * lru, "{entries} entries: {ours:.1}, LRU {lru:.1}");
    }
}

/// One key in fifty weighs as much as forty others, and drives them out for a single use.
#[test]
fn heavy_entries_are_not_better_than_light_ones() {
    let weigh = |key: u64| if Random(key).next().is_multiple_of(50) { 400 } else { 10 };
    let limit = 1_800;
    let mut zipf = Zipf::new(1_000, 0.9);
    let keys: Vec<u64> = (0..REQUESTS).map(|_| zipf.next()).collect();
    let (mut shard, mut out) = (Shard::new(Limits::weight(limit)), Vec::new());
    let ours = percent(&keys, |_, key| {
        let (hash, same) = (Random(key).next(), |other: &u64| *other == key);
        let hit = shard.get(hash, same).is_some();
        if !hit {
            shard.insert(hash, key, weigh(key), same, &mut out);
        }
        hit
    });
    let (mut last, mut order, mut weight) = (HashMap::new(), BTreeMap::new(), 0);
    let lru = percent(&keys, |at, key| {
        let before = last.insert(key, at);
        if let Some(before) = before {
            order.remove(&before);
        } else {
            weight += weigh(key);
        }
        order.insert(at, key);
        while weight > limit {
            let (_, oldest) = order.pop_first().unwrap();
            last.remove(&oldest);
            weight -= weigh(oldest);
        }
        before.is_some()
    });
    assert!(ours >= lru + 3.0, "{ours:.1}, LRU {lru:.1}");
}

/// One or two entries leave no choice; the rest of the arithmetic must not fall over them.
#[test]
fn the_smallest_caches_work() {
    for entries in 1..10 {
        let mut zipf = Zipf::new(100, 1.2);
        let keys: Vec<u64> = (0..REQUESTS).map(|_| zipf.next()).collect();
        let (ours, lru) = (ours(&keys, entries), lru(&keys, entries));
        assert!(ours >= lru - 0.5, "{entries} entries: {ours:.1}, LRU {lru:.1}");
    }
}
