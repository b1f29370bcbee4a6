//! Freshness policies against a model: random sequences of everything that can be done to a cache, by several
//! processes' worth of hubs over one directory, and after each step the model says what may be served.
//!
//! A value names what it was made from (the state of its file, the signature, how many changes there were), so that
//! a lookup's answer can be judged by itself.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is not general enough over lifetimes"
)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, reason = "seeds and figures")]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plugcache_cache::{Cache, Digest, Hub, Inputs, Timestamp, cache::Answer};
use plugcache_testkit::ManualClock;
use proptest::{collection::vec, prelude::*};

const START: i64 = 1_800_000_000_000_000_000;
const KEYS: u8 = 3;

/// How a cache is described.
#[derive(Debug, Clone)]
struct Rules {
    ttl: Option<u64>,
    max_age: Option<u64>,
    negative: Option<u64>,
    has_inputs: bool,
    has_signature: bool,
    /// How many hubs share a directory; 0: one, in memory.
    hubs: usize,
    capacity: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Get(u8),
    Load(u8),
    LoadNothing(u8),
    Fail(u8),
    Insert(u8),
    InsertUnkept(u8),
    Remove(u8),
    Clear,
    Prune,
    Tag(u8),
    Advance(u64),
    Jump(i64),
    Edit(u8),
    Sign,
    Reopen,
}

fn rules() -> impl Strategy<Value = Rules> {
    let seconds = || prop::option::of(1_u64..40);
    (
        seconds(),
        seconds(),
        seconds(),
        any::<bool>(),
        any::<bool>(),
        0_usize..4,
        prop::sample::select(vec![0, 2, 100]),
    )
        .prop_map(|(ttl, max_age, negative, has_inputs, has_signature, hubs, capacity)| Rules {
            ttl,
            max_age,
            negative,
            has_inputs,
            has_signature,
            hubs,
            capacity,
        })
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let key = || 0..KEYS;
    let step = prop_oneof![
        6 => key().prop_map(Step::Get),
        6 => key().prop_map(Step::Load),
        2 => key().prop_map(Step::LoadNothing),
        1 => key().prop_map(Step::Fail),
        3 => key().prop_map(Step::Insert),
        1 => key().prop_map(Step::InsertUnkept),
        2 => key().prop_map(Step::Remove),
        1 => Just(Step::Clear),
        1 => Just(Step::Prune),
        2 => key().prop_map(Step::Tag),
        3 => (1_u64..25).prop_map(Step::Advance),
        1 => prop::sample::select(vec![-START, -3_600, 30, 315_360_000]).prop_map(Step::Jump),
        2 => key().prop_map(Step::Edit),
        1 => Just(Step::Sign),
        1 => Just(Step::Reopen),
    ];
    (0_usize..4, step)
}

/// What is made: a change's number, and the state of file and signature that it was made from.
type Made = (u64, u64, u64);

/// What the model knows of a value that nobody has declared wrong.
#[derive(Debug, Clone, Copy)]
struct Known {
    made: Made,
    is_missing: bool,
    /// Time that had passed when it was made.
    passed: u64,
    /// The wall clock has jumped since: its age is not certain any more.
    jumped: bool,
}

struct World<'a> {
    rules: Rules,
    place: &'a Path,
    clock: Arc<ManualClock>,
    signature: Arc<AtomicU64>,
    caches: Vec<(Hub, Cache<u8, Made>)>,
    /// What may be served of each key. Several processes may have loaded it, each its own.
    known: [Vec<Known>; KEYS as usize],
    files: [u64; KEYS as usize],
    changes: u64,
    wall: i64,
    passed: u64,
    /// Lookups of each cache since it was opened.
    lookups: Vec<u64>,
}

impl World<'_> {
    fn open(&self) -> (Hub, Cache<u8, Made>) {
        let hub = Hub::builder().clock(self.clock.clone());
        let hub =
            if self.rules.hubs == 0 { hub } else { hub.directory(self.place.join("hub")) }.build().unwrap();
        let mut it =
            Cache::builder("m").capacity(self.rules.capacity).tags(|key: &u8| vec![format!("t{key}")]);
        if let Some(ttl) = self.rules.ttl {
            it = it.ttl(Duration::from_secs(ttl));
        }
        if let Some(age) = self.rules.max_age {
            it = it.max_age(Duration::from_secs(age));
        }
        if let Some(ttl) = self.rules.negative {
            it = it.negative_ttl(Duration::from_secs(ttl));
        }
        if self.rules.has_inputs {
            let place = self.place.to_owned();
            it = it.inputs(move |key| Inputs::none().file(place.join(key.to_string())));
        }
        if self.rules.has_signature {
            let signature = Arc::clone(&self.signature);
            it = it.signature(move |_| Digest::of(&signature.load(Ordering::SeqCst).to_le_bytes()));
        }
        let it = if self.rules.hubs == 0 { it } else { it.disk() };
        let cache = it.build(&hub).unwrap();
        (hub, cache)
    }

    fn made(&self, key: u8) -> Made {
        (self.changes, self.files[usize::from(key)], self.signature.load(Ordering::SeqCst))
    }

    fn know(&mut self, key: u8, is_missing: bool) {
        let known = Known { made: self.made(key), is_missing, passed: self.passed, jumped: false };
        self.known[usize::from(key)].push(known);
    }

    /// Whether a value may be served: `None` where jumps of the clock leave both right.
    fn may_serve(&self, key: u8, known: &Known) -> Option<bool> {
        if self.rules.has_inputs && known.made.1 != self.files[usize::from(key)] {
            return Some(false);
        }
        if self.rules.has_signature && known.made.2 != self.signature.load(Ordering::SeqCst) {
            return Some(false);
        }
        let ttl = if known.is_missing { self.rules.negative } else { self.rules.ttl };
        let Some(life) = ttl.into_iter().chain(self.rules.max_age).min() else { return Some(true) };
        if known.jumped {
            return None;
        }
        Some(self.passed - known.passed < life)
    }

    fn forget(&mut self, key: u8) {
        self.known[usize::from(key)].clear();
    }

    /// Judges a lookup that was answered without a loader.
    fn hit(&self, key: u8, got: Option<&Made>) {
        let all = &self.known[usize::from(key)];
        let is_right = |known: &&Known| {
            got == (!known.is_missing).then_some(&known.made) && self.may_serve(key, known) != Some(false)
        };
        assert!(all.iter().any(|known| is_right(&known)), "key {key}: {got:?} is served, known is {all:?}");
    }

    fn run(&mut self, at: usize, step: &Step) {
        let at = at % self.caches.len();
        let cache = self.caches[at].1.clone();
        self.changes += 1;
        match *step {
            Step::Get(key) => {
                self.lookups[at] += 1;
                match cache.lookup(&key) {
                    Some(Answer::Value(made)) => self.hit(key, Some(&made)),
                    Some(Answer::Missing(_)) => self.hit(key, None),
                    None => {}
                }
            }
            Step::Load(key) | Step::LoadNothing(key) => {
                self.lookups[at] += 1;
                let (made, mut ran) = (self.made(key), false);
                let finds = matches!(step, Step::Load(_));
                let answer = cache.get_or_load_with(&key, |_, _| {
                    ran = true;
                    Ok::<_, std::convert::Infallible>(finds.then_some(made))
                });
                let got = answer.unwrap().value();
                if ran {
                    assert_eq!(got.as_deref(), finds.then_some(&made));
                    if finds || self.rules.negative.is_some() {
                        self.know(key, !finds);
                    }
                } else {
                    self.hit(key, got.as_deref());
                }
                // With room for all and nothing that ages, what was just made must be there.
                if ran && finds && self.rules.capacity == 100 {
                    self.lookups[at] += 1;
                    assert_eq!(cache.get(&key).as_deref(), Some(&made), "it is not kept");
                }
            }
            Step::Fail(key) => {
                self.lookups[at] += 1;
                match cache.get_or_load_with(&key, |_, _| Err("no")) {
                    Ok(answer) => self.hit(key, answer.value().as_deref()),
                    Err(error) => assert_eq!(error.loader(), Some(&"no")),
                }
            }
            Step::Insert(key) => {
                let made = self.made(key);
                cache.insert(&key, made);
                self.forget(key);
                self.know(key, false);
            }
            Step::InsertUnkept(key) => {
                cache.insert_with(&key, self.made(key), |load| load.do_not_keep());
                self.forget(key);
            }
            Step::Remove(key) => {
                cache.remove(&key);
                self.forget(key);
            }
            Step::Clear => {
                cache.clear().unwrap();
                self.known = Default::default();
            }
            Step::Prune => _ = cache.prune().unwrap(),
            Step::Tag(key) => {
                cache.invalidate_tag(&format!("t{key}"));
                self.forget(key);
            }
            Step::Advance(seconds) => {
                self.clock.advance(Duration::from_secs(seconds));
                self.wall += i64::try_from(seconds).unwrap() * 1_000_000_000;
                self.passed += seconds;
            }
            Step::Jump(seconds) => {
                self.wall = self.wall.saturating_add(seconds.saturating_mul(1_000_000_000));
                self.clock.jump(Timestamp(self.wall));
                self.known.iter_mut().flatten().for_each(|known| known.jumped = true);
            }
            Step::Edit(key) => {
                self.files[usize::from(key)] = self.changes;
                // One size, whatever the number: only stamps and content tell.
                fs::write(self.place.join(key.to_string()), format!("{:08}", self.changes)).unwrap();
            }
            Step::Sign => _ = self.signature.fetch_add(1, Ordering::SeqCst),
            Step::Reopen => self.reopen(at),
        }
        let stats = self.caches[at].1.stats();
        assert_eq!(stats.hits() + stats.missed(), self.lookups[at], "after {step:?}: {stats:?}");
    }

    fn reopen(&mut self, at: usize) {
        if self.rules.hubs == 0 {
            self.known = Default::default();
        }
        self.caches.remove(at);
        self.caches.insert(at, self.open());
        self.lookups[at] = 0;
    }
}

fn config() -> ProptestConfig {
    let seed = std::env::var("PLUGCACHE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let cases = if std::env::var_os("PLUGCACHE_LONG").is_some() { 10_000 } else { 150 };
    println!("seed {seed}, {cases} cases");
    let rng_seed = proptest::test_runner::RngSeed::Fixed(seed);
    ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn policies_serve_what_the_model_allows(rules in rules(), steps in vec(step(), 1..60)) {
        let place = tempfile::tempdir().unwrap();
        for key in 0..KEYS {
            fs::write(place.path().join(key.to_string()), format!("{:08}", 0)).unwrap();
        }
        let clock = Arc::new(ManualClock::at(Timestamp(START)));
        let (signature, hubs) = (Arc::new(AtomicU64::new(0)), rules.hubs.max(1));
        let mut world = World {
            rules, place: place.path(), clock, signature, caches: Vec::new(), known: Default::default(),
            files: [0; KEYS as usize], changes: 0, wall: START, passed: 0, lookups: vec![0; hubs],
        };
        world.caches = (0..hubs).map(|_| world.open()).collect();
        for (at, step) in &steps {
            world.run(*at, step);
        }
    }
}
