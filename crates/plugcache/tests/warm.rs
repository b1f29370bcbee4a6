//! Loading ahead: once, what was used before, and what comes next as long as that pays.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test unwraps what it expects, and prints its figures"
)]

mod traces;

use std::{
    io,
    process::Command,
    sync::{
        Arc, Barrier, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use plugcache::{
    Hub,
    cache::{Timestamp, cache::LoadError},
    warm::{AccessLog, Lazy, PrefetchSettings, PrefetchStats, Prefetcher, Warmed, warm},
};
use plugcache_testkit::{ManualClock, Random};
use proptest::prelude::*;

#[test]
fn a_singleton_is_made_once_by_sixteen_threads() {
    let loads = Arc::new(AtomicUsize::new(0));
    let for_loader = Arc::clone(&loads);
    let lazy = Lazy::new(&Hub::in_memory(), "model", move || {
        for_loader.fetch_add(1, Ordering::SeqCst);
        Ok::<_, io::Error>("model".to_owned())
    })
    .unwrap();
    assert!(lazy.get_if_made().is_none());
    let start = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(*lazy.get().unwrap(), "model");
            });
        }
    });
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    let kept = lazy.get_if_made().unwrap();
    assert!(lazy.reset() && !lazy.reset());
    assert!(!Arc::ptr_eq(&kept, &lazy.get().unwrap()));
    assert_eq!((kept.as_str(), loads.load(Ordering::SeqCst)), ("model", 2));
}

static OWN: OnceLock<Lazy<(), String>> = OnceLock::new();

#[test]
fn a_failure_is_not_for_ever_and_a_circle_is_told() {
    let tries = AtomicUsize::new(0);
    let lazy = Lazy::new(&Hub::in_memory(), "model", move || match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Err(io::Error::other("not yet")),
        1 => panic!("a loader that panics"),
        _ => Ok(()),
    })
    .unwrap();
    assert_eq!(lazy.get().unwrap_err().to_string(), "not yet");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lazy.get()));
    assert!(panicked.is_err());
    lazy.get().unwrap();

    let own = Lazy::new(&Hub::in_memory(), "own", || match OWN.get().unwrap().get() {
        Err(LoadError::Reentrant { .. }) => Err("told".to_owned()),
        other => panic!("{other:?}"),
    });
    assert_eq!(OWN.get_or_init(|| own.unwrap()).get().unwrap_err().to_string(), "told");
}

#[test]
fn what_is_idle_is_released() {
    let clock = Arc::new(ManualClock::at(Timestamp(0)));
    let lazy =
        Lazy::with_clock(&Hub::in_memory(), "model", Arc::clone(&clock) as _, || Ok::<_, io::Error>(7));
    let lazy = lazy.unwrap();
    let idle = Duration::from_mins(5);
    lazy.get().unwrap();
    clock.advance(Duration::from_secs(299));
    assert!(!lazy.release_idle(idle));
    lazy.get().unwrap();
    clock.advance(Duration::from_secs(1));
    assert!(!lazy.release_idle(idle), "it was asked for meanwhile");
    clock.advance(idle);
    assert!(lazy.release_idle(idle) && lazy.get_if_made().is_none());
    assert_eq!(*lazy.get().unwrap(), 7);
}

/// Loading a model may take minutes: who waits for it would load another one.
#[test]
fn minutes_are_waited_for_a_singleton() {
    let lazy = Lazy::new(&Hub::in_memory(), "model", || Ok::<_, io::Error>(7)).unwrap();
    let shown = format!("{lazy:?}");
    assert!(shown.contains("wait_timeout: 600s"), "{shown}");
}

/// A load that takes longer than the time that counts as idle.
#[test]
fn what_is_being_made_is_not_idle() {
    let clock = Arc::new(ManualClock::at(Timestamp(1_000_000_000_000)));
    let (own, loads) = (Arc::clone(&clock), Arc::new(AtomicUsize::new(0)));
    let (idle, for_loader) = (Duration::from_mins(1), Arc::clone(&loads));
    let (began, told) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let lazy = Lazy::with_clock(&Hub::in_memory(), "model", Arc::clone(&clock) as _, move || {
        began.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        own.advance(Duration::from_mins(10));
        Ok::<_, io::Error>(for_loader.fetch_add(1, Ordering::SeqCst))
    });
    let lazy = lazy.unwrap();
    let during_a_load = |during: &dyn Fn()| {
        thread::scope(|scope| {
            let made = scope.spawn(|| *lazy.get().unwrap());
            told.recv().unwrap();
            during();
            release.send(()).unwrap();
            made.join().unwrap()
        })
    };
    let made = during_a_load(&|| {
        assert!(!lazy.release_idle(idle), "it is just asked for");
        clock.advance(idle * 2);
        assert!(!lazy.release_idle(idle) && !lazy.release_idle(Duration::ZERO), "it is being made");
    });
    assert_eq!(made, 0);
    assert!(!lazy.release_idle(idle), "it was asked for until now");
    assert_eq!(lazy.get_if_made().as_deref(), Some(&0));
    assert_eq!((*lazy.get().unwrap(), loads.load(Ordering::SeqCst)), (0, 1));
    clock.advance(idle);
    assert!(lazy.release_idle(idle) && lazy.get_if_made().is_none());
    // Whoever says that it is wrong means what is being made as well.
    assert_eq!(during_a_load(&|| assert!(!lazy.reset())), 1);
    assert!(lazy.get_if_made().is_none());
}

/// Somebody releases again and again, whatever others do: what is asked for is never made in vain.
#[test]
fn releasing_is_never_in_the_way_of_who_asks() {
    let hub = Hub::in_memory();
    let lazy = Lazy::new(&hub, "model", || {
        thread::yield_now();
        Ok::<_, io::Error>(())
    });
    let (lazy, start, ended) = (lazy.unwrap(), Barrier::new(3), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                (0..20_000).for_each(|_| drop(lazy.get().unwrap()));
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        scope.spawn(|| {
            start.wait();
            while ended.load(Ordering::SeqCst) < 2 {
                lazy.release_idle(Duration::ZERO);
            }
        });
    });
    let stats = hub.stats().remove("model").unwrap();
    assert_eq!(stats.not_kept, 0, "{stats:?}");
}

#[test]
fn one_that_cannot_be_warmed_keeps_no_other_from_it() {
    let warmed = warm(["a", "bad", "b"], |key| if *key == "bad" { Err("broken") } else { Ok(()) });
    assert_eq!(warmed, Warmed { loaded: 2, failed: vec![("bad", "broken")] });
}

#[test]
fn the_list_goes_by_runs_more_than_by_loops() {
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let run = |keys: &[&str]| {
        let log = AccessLog::with_clock(place.path(), "host", Arc::clone(&clock) as _).unwrap();
        for key in keys {
            clock.advance(Duration::from_secs(1));
            log.note(key);
        }
        log.flush().unwrap();
        // Nothing new: nothing is counted twice.
        log.flush().unwrap();
        log.warm_list(3).unwrap()
    };
    assert_eq!(run(&["a", "b"]), ["b", "a"], "of equals the last one first");
    assert_eq!(run(&["a", "b"]), ["b", "a"]);
    assert_eq!(run(&[&["a", "b"][..], &["loop"; 20]].concat()), ["loop", "b", "a"]);
    assert_eq!(run(&["a", "b"]), ["loop", "b", "a"]);
    assert_eq!(run(&["b", "a"]), ["loop", "a", "b"]);
    // What every run needs outweighs what one run did twenty times.
    assert_eq!(run(&["a", "b"]), ["b", "a", "loop"]);
    for _ in 0..60 {
        run(&["b"]);
    }
    assert_eq!(run(&["b"]), ["b"], "what has faded is forgotten");
}

#[test]
fn a_run_may_flush_as_often_as_it_likes() {
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [often, once] = places.each_ref().map(|place| AccessLog::open(place.path(), "host").unwrap());
    for step in 0..100 {
        for log in [&often, &once] {
            log.note("many");
            if step % 3 == 0 {
                log.note("some");
            }
            if step == 98 {
                log.note("last");
            }
        }
        often.flush().unwrap();
        assert_eq!(often.pending(), 0);
    }
    assert!(once.pending() > 100);
    once.flush().unwrap();
    assert_eq!(often.warm_list(9).unwrap(), ["many", "some", "last"]);
    assert_eq!(once.warm_list(9).unwrap(), ["many", "some", "last"]);
}

#[test]
fn a_damaged_history_is_as_good_as_none() {
    let place = tempfile::tempdir().unwrap();
    let log = AccessLog::open(place.path(), "host").unwrap();
    log.note("a");
    log.flush().unwrap();
    let file = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "uses"))
        .unwrap();
    let whole = std::fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&file, &flipped).unwrap();
        assert_eq!(log.warm_list(9).unwrap(), Vec::<String>::new(), "byte {at}");
        std::fs::write(&file, &whole[..at]).unwrap();
        assert_eq!(log.warm_list(9).unwrap(), Vec::<String>::new(), "cut at {at}");
    }
    log.note("b");
    log.flush().unwrap();
    assert_eq!(log.warm_list(9).unwrap(), ["b"]);
    // Another log in the same directory, and the file of one in the place of the other.
    let other = AccessLog::open(place.path(), "other").unwrap();
    assert_eq!(other.warm_list(9).unwrap(), Vec::<String>::new());
}

/// Told by [`processes_that_flush_side_by_side_lose_nothing`], which runs it in children.
#[test]
fn child_that_flushes() {
    let Some(place) = std::env::var_os("PLUGCACHE_TEST_PLACE") else { return };
    let own = std::env::var("PLUGCACHE_TEST_KEY").unwrap();
    let log = AccessLog::open(place.as_ref(), "host").unwrap();
    for step in 0..50 {
        log.note("common");
        log.note(&format!("{own}-{step}"));
        log.flush().unwrap();
    }
}

#[test]
fn processes_that_flush_side_by_side_lose_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut children: Vec<_> = (0..4)
        .map(|number| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child_that_flushes"])
                .env("PLUGCACHE_TEST_PLACE", place.path())
                .env("PLUGCACHE_TEST_KEY", format!("key-{number}"))
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let list = AccessLog::open(place.path(), "host").unwrap().warm_list(1_000).unwrap();
    assert_eq!(list.first().map(String::as_str), Some("common"));
    assert_eq!(list.len(), 4 * 50 + 1);
}

/// Every prediction is loaded.
fn replay<K: Clone + Eq + std::hash::Hash + Send + 'static>(
    settings: PrefetchSettings,
    keys: impl IntoIterator<Item = K>,
) -> PrefetchStats {
    let prefetcher = Prefetcher::new(settings);
    for key in keys {
        prefetcher.run(&key, |job| job(), |_| true);
    }
    prefetcher.stats()
}

#[test]
fn a_habit_is_learned_and_a_broken_one_given_up() {
    let stats = replay(PrefetchSettings::default(), (0..1_000).map(|at| at % 10));
    assert!(stats.used > 900 && stats.wasted == 0 && !stats.is_stopped, "{stats:?}");
    assert_eq!(stats.loaded, stats.predicted);

    let prefetcher = Prefetcher::new(PrefetchSettings::default());
    let mut random = Random::new(3);
    let habit = || (0..2_000).map(|at| at % 100);
    habit().for_each(|key| _ = prefetcher.note(&key));
    assert!(!prefetcher.stats().is_stopped);
    // The first half of the habit, and then anything.
    let before = prefetcher.stats();
    while !prefetcher.stats().is_stopped {
        prefetcher.note(&(random.below(100)));
        prefetcher.note(&(1_000_000 + random.below(1_000_000)));
        assert!(prefetcher.stats().predicted < before.predicted + 200, "it never stops");
    }
    let stopped = prefetcher.stats();
    (0..1_000).for_each(|_| assert!(prefetcher.note(&random.below(1_000_000)).is_empty()));
    assert_eq!(prefetcher.stats().predicted, stopped.predicted);
    // The habit is back: what it thinks comes true, so it speaks again.
    habit().for_each(|key| _ = prefetcher.note(&key));
    assert!(!prefetcher.stats().is_stopped);
    assert!(prefetcher.stats().used > stopped.used + 1_000);
}

/// Random keys are hardly ever predicted at all; with a confidence that takes any chance, predicting soon stops.
#[test]
fn random_keys_are_left_alone() {
    for keys in [50, 1_000, 100_000] {
        let mut random = Random::new(keys as u64);
        let accesses: Vec<usize> = (0..100_000).map(|_| random.below(keys)).collect();
        let usual = replay(PrefetchSettings { window: 4, ..PrefetchSettings::default() }, accesses.clone());
        let rash = PrefetchSettings { confidence: 0.0, window: 4, ..PrefetchSettings::default() };
        let rash = replay(rash, accesses);
        println!("{keys} random keys, 100,000 accesses: usual {usual:?}, at any chance {rash:?}");
        for stats in [usual, rash] {
            assert!(stats.wasted < 400, "{keys} keys: {stats:?}");
        }
    }
}

/// Accesses of real programs: what is predicted is used, or predicting stops.
#[test]
fn recorded_accesses() {
    for (name, keys) in traces::all() {
        let count = keys.len();
        let stats = replay(PrefetchSettings::default(), keys);
        let share = |part: u64| part * 1_000 / stats.predicted.max(1);
        println!("{name}: {count} accesses, {stats:?}, {} ‰ of the predicted used", share(stats.used));
        assert!(stats.is_stopped || stats.used * 4 > stats.predicted, "{name}: {stats:?}");
    }
}

proptest! {
    /// Whatever is asked for, what is told is bounded, and every prediction is judged once.
    #[test]
    fn predictions_are_bounded(
        keys in prop::collection::vec(0_u8..20, 0..2_000),
        confidence in -1.0..2.0_f64,
        window in 0_u64..50,
        most in 0_usize..30,
    ) {
        let prefetcher = Prefetcher::new(PrefetchSettings { keys: most, confidence, window });
        for key in &keys {
            let told = prefetcher.note(key);
            prop_assert!(told.len() <= 4 && !told.contains(key));
            let stats = prefetcher.stats();
            prop_assert!(stats.used + stats.wasted <= stats.predicted);
            prop_assert!(stats.predicted - stats.used - stats.wasted <= 4 * window.max(1));
        }
    }

    /// Any number of keys in any order: the list has each once, at most as many as asked for.
    #[test]
    fn the_warm_list_is_a_set(keys in prop::collection::vec("[a-e]{1,2}", 1..60), most in 0_usize..40) {
        let place = tempfile::tempdir().unwrap();
        let log = AccessLog::open(place.path(), "host").unwrap();
        for key in &keys {
            log.note(key);
        }
        log.flush().unwrap();
        let list = log.warm_list(most).unwrap();
        let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
        prop_assert_eq!(list.len(), distinct.len().min(most));
        let listed: std::collections::BTreeSet<&String> = list.iter().collect();
        prop_assert!(listed.len() == list.len() && listed.is_subset(&distinct));
    }
}

#[test]
fn many_threads_note_without_getting_lost() {
    let place = tempfile::tempdir().unwrap();
    let log = AccessLog::open(place.path(), "host").unwrap();
    let noted = Mutex::new(0_u64);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (log, noted) = (&log, &noted);
            scope.spawn(move || {
                for step in 0..2_000 {
                    log.note(&format!("{}", (step * 7 + thread) % 100));
                    if step % 500 == 0 {
                        log.flush().unwrap();
                    }
                }
                *noted.lock().unwrap() += 2_000;
            });
        }
    });
    log.flush().unwrap();
    assert_eq!(*noted.lock().unwrap(), 8_000);
    assert_eq!(log.warm_list(200).unwrap().len(), 100);
}
