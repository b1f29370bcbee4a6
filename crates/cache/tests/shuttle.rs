//! Threads in every order: a scheduler runs the same few threads thousands of times, each time in another order
//! of their locks, and finds those in which somebody waits for ever or gets what he must not.
//!
//! A loader that panics is not among them: while a thread unwinds, the scheduler takes all of them for
//! unwinding. It ends its flight as a dropped one does, and `faults` has it with real threads.
//!
//! `PLUGCACHE_SEED` repeats a run, `PLUGCACHE_LONG` tries many more orders.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, reason = "seeds and figures")]

use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Waker},
    time::Duration,
};

use plugcache_cache::{
    Cache, Hub,
    cache::{Builder, Cause, LoadError},
};
use shuttle::{
    Runner,
    scheduler::{PctScheduler, RandomScheduler},
    sync::atomic::{AtomicU32, AtomicU64},
    thread,
};

type Numbers = Cache<u8, u64>;

/// Runs `schedule` in many orders: random ones, and ones with few switches at the worst places.
fn in_every_order(schedule: fn()) {
    let seed = std::env::var("PLUGCACHE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let orders = if std::env::var_os("PLUGCACHE_LONG").is_some() { 20_000 } else { 400 };
    println!("seed {seed}, 2 × {orders} orders");
    Runner::new(RandomScheduler::new_from_seed(seed, orders), shuttle::Config::default()).run(schedule);
    Runner::new(PctScheduler::new_from_seed(seed, 3, orders), shuttle::Config::default()).run(schedule);
}

fn cache(describe: impl FnOnce(Builder<u8, u64>) -> Builder<u8, u64>) -> Numbers {
    describe(Cache::builder("n")).build(&Hub::in_memory()).unwrap()
}

/// A loader that others may overtake.
fn slow(value: u64) -> Result<u64, Infallible> {
    thread::yield_now();
    Ok(value)
}

fn joined<T>(threads: Vec<thread::JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn one_of_many_loads() {
    in_every_order(|| {
        let (cache, loads) = (cache(|it| it), Arc::new(AtomicU32::new(0)));
        let ask = |own: u64| {
            let (cache, loads) = (cache.clone(), Arc::clone(&loads));
            thread::spawn(move || {
                let load = |_: &u8| {
                    loads.fetch_add(1, Ordering::SeqCst);
                    slow(own)
                };
                *cache.get_or_load(&1, load).unwrap()
            })
        };
        let got = joined((0..3).map(ask).collect());
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert!(got.iter().all(|value| *value == got[0]), "{got:?}");
        assert_eq!(cache.stats().loads, 1);
    });
}

#[test]
fn an_error_reaches_who_waits_and_is_not_kept() {
    in_every_order(|| {
        let cache = cache(|it| it);
        let ask = |own: u64| {
            let cache = cache.clone();
            thread::spawn(move || {
                let fail = |_: &u8| {
                    thread::yield_now();
                    Err::<u64, u64>(own)
                };
                cache.get_or_load(&1, fail).unwrap_err()
            })
        };
        for error in joined((0..3).map(ask).collect()) {
            assert!(error.loader().is_some_and(|own| *own < 3), "{error}");
        }
        assert_eq!(cache.get(&1), None);
        assert_eq!(*cache.get_or_load(&1, |_| slow(7)).unwrap(), 7);
    });
}

/// Is ready when it is looked at for the second time.
async fn once_more() {
    let mut was_asked = false;
    std::future::poll_fn(|_| {
        let ready = std::mem::replace(&mut was_asked, true);
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[test]
fn a_dropped_leader_hands_over() {
    in_every_order(|| {
        let cache = cache(|it| it);
        let dropped = {
            let cache = cache.clone();
            thread::spawn(move || {
                let mut task = pin!(cache.get_or_load_async(&1, async |_| {
                    once_more().await;
                    Ok::<_, Infallible>(0)
                }));
                let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                thread::yield_now();
            })
        };
        let thread = {
            let cache = cache.clone();
            thread::spawn(move || *cache.get_or_load(&1, |_| slow(1)).unwrap())
        };
        let task = {
            let cache = cache.clone();
            thread::spawn(move || {
                *shuttle::future::block_on(cache.get_or_load_async(&1, async |_| slow(2))).unwrap()
            })
        };
        let got = [thread.join().unwrap(), task.join().unwrap()];
        dropped.join().unwrap();
        assert!(got == [1, 1] || got == [2, 2], "{got:?}");
        assert_eq!(cache.get(&1).as_deref(), Some(&got[0]));
    });
}

#[test]
fn who_has_waited_long_enough_is_told_and_the_next_loads() {
    in_every_order(|| {
        let cache = cache(|it| it.wait_timeout(Duration::ZERO));
        let ask = |own: u64| {
            let cache = cache.clone();
            thread::spawn(move || match cache.get_or_load(&1, |_| slow(own)) {
                Ok(value) => *value < 3,
                Err(error) => matches!(error, LoadError::Timeout { .. }),
            })
        };
        assert!(joined((0..3).map(ask).collect()).into_iter().all(|right| right));
        assert!(*cache.get_or_load(&1, |_| slow(3)).unwrap() <= 3);
    });
}

/// While others load what `source` holds, one changes it and says so by `declare`: whoever asks after that must
/// not get the old value, not even from a loader that began before.
fn changed_while_loaded(describe: fn(Builder<u8, u64>) -> Builder<u8, u64>, declare: fn(&Numbers)) {
    let (cache, source) = (cache(describe), Arc::new(AtomicU64::new(1)));
    let ask = |cache: Numbers, source: Arc<AtomicU64>| {
        move || *cache.get_or_load(&1, |_| slow(source.load(Ordering::SeqCst))).unwrap()
    };
    let readers = (0..2).map(|_| thread::spawn(ask(cache.clone(), Arc::clone(&source)))).collect();
    let changer = {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        thread::spawn(move || {
            source.store(2, Ordering::SeqCst);
            declare(&cache);
            assert_eq!(ask(cache, source)(), 2, "asked after the change");
        })
    };
    assert!(joined(readers).into_iter().all(|value| value == 1 || value == 2));
    changer.join().unwrap();
    assert!(cache.get(&1).is_none_or(|value| *value == 2), "the old value came back");
    assert_eq!(ask(cache, source)(), 2);
}

#[test]
fn what_was_removed_does_not_come_back() {
    in_every_order(|| changed_while_loaded(|it| it, |cache| _ = cache.remove(&1)));
}

#[test]
fn what_was_cleared_does_not_come_back() {
    in_every_order(|| changed_while_loaded(|it| it, |cache| _ = cache.clear()));
}

#[test]
fn what_was_invalidated_does_not_come_back() {
    in_every_order(|| {
        changed_while_loaded(|it| it.tags(|_| vec!["t".to_owned()]), |cache| cache.invalidate_tag("t"));
    });
}

#[test]
fn what_was_inserted_is_not_replaced_by_what_is_older() {
    in_every_order(|| changed_while_loaded(|it| it, |cache| _ = cache.insert(&1, 2)));
}

#[test]
fn what_is_evicted_is_counted_once_and_nothing_else_is_lost() {
    in_every_order(|| {
        let left = Arc::new(AtomicU64::new(0));
        let heard = Arc::clone(&left);
        let cache = cache(|it| {
            it.capacity(2).on_eviction(move |key, value, cause| {
                assert_eq!(value.map(|value| **value / 10), Some(u64::from(*key)));
                assert!(matches!(cause, Cause::Capacity | Cause::Replaced), "{cause:?}");
                heard.fetch_add(1, Ordering::SeqCst);
            })
        });
        let write = |own: u64| {
            let cache = cache.clone();
            thread::spawn(move || {
                for key in 0..3_u8 {
                    let value = u64::from(key) * 10 + own;
                    if own == 2 {
                        assert_eq!(*cache.get_or_load(&key, |_| slow(value)).unwrap() / 10, u64::from(key));
                    } else {
                        cache.insert(&key, value);
                    }
                    assert!(cache.len() <= 2);
                }
            })
        };
        joined((0..3).map(write).collect());
        let stats = cache.stats();
        let came = stats.inserts + stats.loads - stats.not_kept;
        assert_eq!(came, left.load(Ordering::SeqCst) + cache.len() as u64);
        for key in 0..3 {
            assert!(cache.get(&key).is_none_or(|value| *value / 10 == u64::from(key)));
        }
    });
}

#[test]
fn loaders_that_ask_for_each_other_are_told() {
    in_every_order(|| {
        let cache = cache(|it| it);
        let ask = |key: u8| {
            let cache = cache.clone();
            thread::spawn(move || {
                let load = |key: &u8| {
                    thread::yield_now();
                    let other = 1 - *key;
                    cache.get_or_load(&other, |_| slow(1)).map(|it| *it).map_err(|error| error.to_string())
                };
                cache.get_or_load(&key, load).map(|it| *it)
            })
        };
        for got in joined((0..2).map(ask).collect()) {
            assert!(got.is_ok_and(|value| value == 1) || cache.stats().load_errors > 0);
        }
        for key in 0..2 {
            assert_eq!(*cache.get_or_load(&key, |_| slow(1)).unwrap(), 1);
        }
    });
}

/// Two batches that overlap in opposite orders, and one who wants a single key: nobody waits for ever, and of each
/// key one is loaded.
#[test]
fn batches_that_overlap_load_each_key_once() {
    in_every_order(|| {
        let (cache, loads) = (cache(|it| it), Arc::new(AtomicU32::new(0)));
        let ask = |keys: &'static [u8]| {
            let (cache, loads) = (cache.clone(), Arc::clone(&loads));
            thread::spawn(move || {
                let keys: Vec<&u8> = keys.iter().collect();
                let load = |missing: &[&u8]| {
                    loads.fetch_add(missing.len() as u32, Ordering::SeqCst);
                    thread::yield_now();
                    Ok::<_, Infallible>(missing.iter().map(|key| u64::from(**key) * 10).collect())
                };
                let got = cache.get_or_load_many(&keys, load).unwrap();
                assert!(got.iter().zip(&keys).all(|(value, key)| **value == u64::from(**key) * 10));
            })
        };
        joined([&[1, 2][..], &[2, 1, 3], &[3]].map(ask).into());
        assert_eq!(loads.load(Ordering::SeqCst), 3);
        assert_eq!(cache.stats().loads, 3);
    });
}

#[test]
fn what_was_removed_from_a_batch_does_not_come_back() {
    in_every_order(|| {
        let (cache, source) = (cache(|it| it), Arc::new(AtomicU64::new(1)));
        let reader = {
            let (cache, source) = (cache.clone(), Arc::clone(&source));
            thread::spawn(move || {
                let load = |missing: &[&u8]| {
                    let read = missing.iter().map(|_| source.load(Ordering::SeqCst)).collect();
                    thread::yield_now();
                    Ok::<_, Infallible>(read)
                };
                cache.get_or_load_many(&[&1, &2], load).unwrap();
            })
        };
        source.store(2, Ordering::SeqCst);
        cache.remove(&1);
        assert_eq!(*cache.get_or_load(&1, |_| slow(source.load(Ordering::SeqCst))).unwrap(), 2);
        reader.join().unwrap();
        assert!(cache.get(&1).is_none_or(|value| *value == 2), "the old value came back");
    });
}
