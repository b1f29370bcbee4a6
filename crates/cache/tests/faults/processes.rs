//! Faults 15, 18 and 22: many processes over one directory.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use plugcache_cache::{
    cache::Builder,
    fs::{Directory, SharedWords},
};
use plugcache_testkit::Random;

use crate::tools::{Figures, ask, ended, hub, list, lists, spawn, times, version};

const SHARED: u64 = 16;

/// What all processes agree on: for each shared key the version that its source has, and the oldest version that
/// anybody may still be given.
struct Truth(SharedWords);

impl Truth {
    fn open(place: &Path) -> Self {
        Self(SharedWords::open(&Directory::open(place).unwrap(), c"truth", 64).unwrap())
    }

    fn source(&self, key: u64) -> &AtomicU64 {
        &self.0.words()[usize::try_from(key).unwrap()]
    }

    fn oldest(&self, key: u64) -> &AtomicU64 {
        &self.0.words()[usize::try_from(SHARED + key).unwrap()]
    }
}

/// Reads, loads, replaces and removes keys that all processes share, and some of its own. A version that was
/// declared wrong before a lookup began must not be what it gives, whichever process declared it.
pub(crate) fn side_by_side(place: &Path) {
    let lists = lists(&hub(place), |it| it.tags(|key: &u64| vec![format!("t{}", key % 3)]));
    let truth = Truth::open(place);
    let own = u64::from(std::process::id()) << 8;
    let until = Instant::now() + Duration::from_millis(times(1_500, 20_000));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (lists, truth) = (lists.clone(), &truth);
            let mut random = Random::new(crate::tools::seed() ^ own ^ thread);
            scope.spawn(move || {
                for step in 1.. {
                    if step % 16 == 0 && Instant::now() > until {
                        break;
                    }
                    let key = random.below(usize::try_from(SHARED).unwrap()) as u64;
                    match random.below(16) {
                        0 => {
                            let new = truth.source(key).fetch_add(1, Ordering::SeqCst) + 1;
                            match random.below(8) {
                                0 => drop(lists.clear()),
                                1 => lists.invalidate_tag(&format!("t{}", key % 3)),
                                _ => _ = lists.remove(&key),
                            }
                            truth.oldest(key).fetch_max(new, Ordering::SeqCst);
                        }
                        1 => drop(lists.prune()),
                        2 => {
                            let mine = own + thread;
                            lists.insert(&mine, list(mine, step));
                            let kept = lists.get(&mine).map(|found| version(mine, &found));
                            assert!(
                                kept.is_none_or(|kept| kept == Some(step)),
                                "its own key: {kept:?}, not {step}"
                            );
                        }
                        choice => {
                            let oldest = truth.oldest(key).load(Ordering::SeqCst);
                            let found = if choice < 9 {
                                lists.get(&key)
                            } else {
                                let load = |key: &u64| {
                                    crate::tools::ok(list(*key, truth.source(*key).load(Ordering::SeqCst)))
                                };
                                Some(lists.get_or_load(&key, load).unwrap())
                            };
                            if let Some(found) = found {
                                let got = version(key, &found).expect("a list that nobody wrote");
                                assert!(
                                    got >= oldest,
                                    "key {key}, choice {choice}: version {got}, and {oldest} was declared"
                                );
                            }
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn fault_15_18_processes_side_by_side() {
    let mut figures = Figures::of("15, 18", "2, 8, 32 processes read, write, remove, clear, prune");
    for count in [2, 8, if crate::tools::is_long() { 32 } else { 12 }] {
        let place = tempfile::tempdir().unwrap();
        let children: Vec<_> = (0..count).map(|_| spawn("side by side", place.path())).collect();
        for child in children {
            figures.ended(ended(child), || format!("one of {count} processes"));
        }
    }
    figures.done();
}

pub(crate) fn load_once(place: &Path) {
    let lists = lists(&hub(place), Builder::once_per_host);
    fs::write(place.join(format!("ready-{}", std::process::id())), "").unwrap();
    while !place.join("go").exists() {
        std::thread::sleep(Duration::from_micros(200));
    }
    let load = |key: &u64| {
        let mut log = OpenOptions::new().create(true).append(true).open(place.join("loads")).unwrap();
        log.write_all(b"loaded\n").unwrap();
        std::thread::sleep(Duration::from_millis(30));
        crate::tools::ok(list(*key, 1))
    };
    let found = lists.get_or_load(&1, load).unwrap();
    assert_eq!(version(1, &found), Some(1));
}

#[test]
fn fault_22_many_processes_one_cold_key() {
    let mut figures = Figures::of("22", "processes on one cold key: loads on the host");
    let count = times(12, 64);
    for _ in 0..times(1, 5) {
        let place = tempfile::tempdir().unwrap();
        // So that nobody has to wait for who makes the directory.
        drop(lists(&hub(place.path()), |it| it).get(&2));
        let children: Vec<_> = (0..count).map(|_| spawn("load once", place.path())).collect();
        let ready = || fs::read_dir(place.path()).unwrap().count() as u64 - 1;
        let until = Instant::now() + Duration::from_mins(2);
        while ready() < count && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        fs::write(place.path().join("go"), "").unwrap();
        for child in children {
            figures.ended(ended(child), || "a process".to_owned());
        }
        let loads = fs::read_to_string(place.path().join("loads")).unwrap().lines().count();
        figures.right(loads == 1, || format!("{loads} loads by {count} processes"));
        assert_eq!(ask(&lists(&hub(place.path()), |it| it), 1, 2), Some(1));
    }
    figures.done();
}
