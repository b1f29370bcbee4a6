//! Fault 17: a process with an open cache and busy threads forks; parent and child go on, and are right.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use plugcache_cache::{Cache, Hub};

use crate::tools::{Figures, Lists, ask, ended, hub, list, lists, ok, spawn, times, version};

type Numbers = Cache<u64, u64>;

/// What a process does to be sure that its caches work: changes are seen, removed values stay away.
fn works(lists: &Lists, numbers: &Numbers, own: u64) -> bool {
    (0..30).all(|key| {
        let old = numbers.get_or_load(&key, |_| ok(0)).unwrap();
        numbers.insert(&key, own);
        let inserted = numbers.get(&key).is_none_or(|found| *found == own);
        numbers.remove(&key);
        let removed = numbers.get(&key).is_none();
        let loaded = *numbers.get_or_load(&key, |_| ok(own + 1)).unwrap() == own + 1;
        let key = key + 1_000 * own;
        lists.insert(&key, list(key, own));
        let on_disk = ask(lists, key, 1).is_some_and(|found| found == own || found == 1);
        lists.remove(&key);
        let gone = lists.get(&key).is_none();
        *old < 1_000 && inserted && removed && loaded && on_disk && gone
    })
}

#[expect(unsafe_code, reason = "a fork without exec is what is tested")]
pub(crate) fn child(place: &Path) {
    let lists = lists(&hub(place), |it| it);
    let numbers: Numbers = Cache::builder("numbers").capacity(50).build(&Hub::in_memory()).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for own in 0..4_u64 {
            let (lists, numbers, is_over) = (&lists, &numbers, &is_over);
            scope.spawn(move || {
                // Between 40 and 100: keys that the forks do not touch, behind the same locks.
                for at in 0_u64.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = 40 + (at * 7 + own) % 60;
                    assert_eq!(*numbers.get_or_load(&key, |_| ok(5)).unwrap(), 5);
                    if at % 16 == 0 {
                        numbers.remove(&key);
                        assert!(ask(lists, key, 1).is_some());
                    }
                    if at % 256 == own {
                        lists.insert(&key, list(key, 2));
                    }
                }
            });
        }
        let mut failed = Vec::new();
        for round in 1..=times(25, 400) {
            // SAFETY: the child calls what a forked child of a host would call, and then leaves at once.
            let forked = unsafe { libc::fork() };
            assert!(forked >= 0);
            let right = works(&lists, &numbers, if forked == 0 { 500 } else { 600 });
            if forked == 0 {
                // SAFETY: leaves without running the parent's exit handlers.
                unsafe { libc::_exit(i32::from(!right)) };
            }
            let mut status = -1;
            // SAFETY: waits for a child of this process, with room for its status.
            assert_eq!(unsafe { libc::waitpid(forked, &raw mut status, 0) }, forked);
            if !right || status != 0 {
                failed.push((round, right, status));
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(failed.is_empty(), "round, parent right, child's status: {failed:?}");
    });
    assert!(lists.get(&40).is_none_or(|found| version(40, &found).is_some()));
}

#[test]
fn fault_17_a_fork_with_open_caches_and_busy_threads() {
    let mut figures = Figures::of("17", "fork with open caches and busy threads");
    let place = tempfile::tempdir().unwrap();
    figures.ended(ended(spawn("fork", place.path())), || "forks".to_owned());
    figures.runs = times(25, 400);
    figures.done();
}
