//! Whatever is done to a shard: its limits hold, it tells the truth, and every item leaves exactly once.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::{Inserted, Limits, Shard};

/// An item: its key, and the number of the operation that inserted it.
type Item = (u8, usize);

#[derive(Debug, Clone)]
enum Step {
    Get(u8),
    Peek(u8),
    Insert(u8, u64),
    Remove(u8),
    RetainOdd(bool),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => any::<u8>().prop_map(Step::Get),
        2 => any::<u8>().prop_map(Step::Peek),
        30 => (any::<u8>(), 0_u64..12).prop_map(|(key, weight)| Step::Insert(key, weight)),
        // A few keys again and again, so that ghosts are met and uses pile up.
        15 => (0_u8..20).prop_map(Step::Get),
        15 => (0_u8..20, 0_u64..12).prop_map(|(key, weight)| Step::Insert(key, weight)),
        6 => any::<u8>().prop_map(Step::Remove),
        1 => any::<bool>().prop_map(Step::RetainOdd),
        1 => Just(Step::Clear),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let entries = prop_oneof![Just(usize::MAX), 0_usize..4, 4_usize..60];
    let weight = prop_oneof![Just(u64::MAX), 0_u64..10, 10_u64..300];
    (entries, weight).prop_map(|(entries, weight)| Limits { entries, weight })
}

/// A bad hash, so that different keys share one, and its ghosts a tag.
fn hash(key: u8) -> u64 {
    u64::from(key / 3).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn same(key: u8) -> impl Fn(&Item) -> bool {
    move |item| item.0 == key
}

/// A shard beside what it was told.
struct Pair {
    shard: Shard<Item>,
    limits: Limits,
    /// What may be in the shard, by key: the item, and its weight.
    model: HashMap<u8, (Item, u64)>,
    most: usize,
}

impl Pair {
    fn take(&mut self, step: &Step, number: usize) -> Result<(), TestCaseError> {
        match *step {
            Step::Get(key) => self.look(key, self.shard.get(hash(key), same(key)).copied())?,
            Step::Peek(key) => self.look(key, self.shard.peek(hash(key), same(key)).copied())?,
            Step::Insert(key, weight) => self.insert(key, weight, number)?,
            Step::Remove(key) => {
                let removed = self.shard.remove(hash(key), same(key));
                prop_assert_eq!(removed, self.model.remove(&key).map(|(item, _)| item));
            }
            Step::RetainOdd(odd) => {
                let mut out = Vec::new();
                self.shard.retain(|item| (item.0 % 2 == 1) == odd, &mut out);
                prop_assert!(out.iter().all(|item| (item.0 % 2 == 1) != odd));
                self.left(&out)?;
                prop_assert!(self.model.keys().all(|key| (key % 2 == 1) == odd));
            }
            Step::Clear => {
                let out = self.shard.clear();
                self.left(&out)?;
                prop_assert!(self.model.is_empty());
            }
        }
        self.check()
    }

    fn look(&self, key: u8, found: Option<Item>) -> Result<(), TestCaseError> {
        prop_assert_eq!(found, self.model.get(&key).map(|(item, _)| *item));
        Ok(())
    }

    fn insert(&mut self, key: u8, weight: u64, number: usize) -> Result<(), TestCaseError> {
        let item = (key, number);
        let mut out = Vec::new();
        let known = self.model.get(&key).map(|(item, _)| *item);
        let fits = weight <= self.limits.weight && self.limits.entries > 0;
        match self.shard.insert(hash(key), item, weight, same(key), &mut out) {
            Inserted::New => prop_assert!(fits && known.is_none()),
            Inserted::Replaced(before) => {
                prop_assert!(fits);
                prop_assert_eq!(Some(before), known);
                self.model.remove(&key);
            }
            Inserted::TooHeavy(back) => {
                prop_assert!(!fits);
                prop_assert_eq!(back, item);
                prop_assert_eq!(out.first().copied(), known);
            }
        }
        self.left(&out)?;
        if fits {
            self.model.insert(key, (item, weight));
        }
        Ok(())
    }

    /// Each of these was in, and is in no more.
    fn left(&mut self, out: &[Item]) -> Result<(), TestCaseError> {
        for item in out {
            prop_assert_eq!(self.model.remove(&item.0).map(|(item, _)| item), Some(*item));
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        prop_assert!(self.shard.len() <= self.limits.entries);
        prop_assert!(self.shard.weight() <= self.limits.weight);
        prop_assert_eq!(self.shard.weight(), self.model.values().map(|(_, weight)| weight).sum::<u64>());
        let mut items: Vec<_> = self.shard.iter().copied().collect();
        let mut expected: Vec<_> = self.model.values().map(|(item, _)| *item).collect();
        items.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(items, expected);
        self.most = self.most.max(self.shard.len());
        let (nodes, ghosts) = self.shard.sizes();
        // One beside, in which the newcomer waits, would be allowed; it is not even needed.
        prop_assert!(nodes <= self.most, "{nodes} nodes for {} items", self.most);
        prop_assert!(ghosts <= self.most + self.most / 2 + 1, "{ghosts} ghosts of {} items", self.most);
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_shard_does_what_the_model_does(limits in limits(), steps in prop::collection::vec(step(), 1..400)) {
        let mut pair = Pair { shard: Shard::new(limits), limits, model: HashMap::new(), most: 0 };
        for (number, step) in steps.iter().enumerate() {
            pair.take(step, number)?;
        }
    }
}

#[test]
fn a_heavy_item_drives_out_as_many_as_it_must() {
    let mut shard = Shard::new(Limits::weight(100));
    let mut out = Vec::new();
    for key in 0..100 {
        shard.insert(hash(key), (key, 0), 1, same(key), &mut out);
    }
    assert!(out.is_empty());
    assert_eq!(shard.insert(hash(200), (200, 0), 60, same(200), &mut out), Inserted::New);
    assert_eq!((out.len(), shard.len(), shard.weight()), (60, 41, 100));
}

/// A value replaced by one that no longer fits would otherwise be served for ever.
#[test]
fn what_became_too_heavy_leaves_nothing_stale() {
    let mut shard = Shard::new(Limits::weight(10));
    let mut out = Vec::new();
    shard.insert(hash(1), (1, 0), 3, same(1), &mut out);
    assert_eq!(shard.insert(hash(1), (1, 1), 11, same(1), &mut out), Inserted::TooHeavy((1, 1)));
    assert_eq!((out, shard.len()), (vec![(1, 0)], 0));
}

#[test]
fn a_shard_takes_no_memory_until_used_and_gives_it_back() {
    let mut shard = Shard::new(Limits::entries(1 << 40));
    assert_eq!(shard.sizes(), (0, 0));
    shard.insert(hash(1), (1, 0), 1, same(1), &mut Vec::new());
    assert_eq!(shard.clear(), [(1, 0)]);
    assert_eq!((shard.sizes(), shard.is_empty()), ((0, 0), true));
}
