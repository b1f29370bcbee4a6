//! Many keys at once: what is loaded, by whom, how often, and what becomes of it when something goes wrong.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use plugcache_cache::{
    Cache, Hub,
    admin::Caches,
    cache::{Builder, LoadError},
};
use plugcache_testkit::Random;

type Lengths = Cache<str, usize>;

fn build(hub: &Hub, describe: impl FnOnce(Builder<str, usize>) -> Builder<str, usize>) -> Lengths {
    describe(Cache::builder("lengths").disk()).build(hub).unwrap()
}

fn on_disk(path: &Path) -> Hub {
    Hub::builder().directory(path).build().unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "a loader may fail, and this one does not")]
fn measure(keys: &[&str]) -> Result<Vec<usize>, Infallible> {
    Ok(keys.iter().map(|key| key.len()).collect())
}

fn values(got: Result<Vec<std::sync::Arc<usize>>, LoadError<Infallible>>) -> Vec<usize> {
    got.unwrap().iter().map(|value| **value).collect()
}

#[test]
fn what_is_missing_is_loaded_in_order_once_each() {
    let place = tempfile::tempdir().unwrap();
    let asked = Mutex::new(Vec::new());
    let load = |keys: &[&str]| {
        asked.lock().unwrap().push(keys.join(" "));
        measure(keys)
    };
    {
        let hub = on_disk(place.path());
        let cache = build(&hub, |it| it);
        assert_eq!(values(cache.get_or_load_many(&[], load)), [0_usize; 0]);
        assert_eq!(values(cache.get_or_load_many(&["ccc", "a", "ccc", "bb"], load)), [3, 1, 3, 2]);
        assert_eq!(values(cache.get_or_load_many(&["bb", "dddd", "a"], load)), [2, 4, 1]);
        assert_eq!(*asked.lock().unwrap(), ["ccc a bb", "dddd"]);
        let stats = cache.stats();
        assert_eq!((stats.loads, stats.memory_hits, stats.missed()), (4, 2, 4));
        assert_eq!(cache.disk_usage().unwrap().unwrap().entries, 4);
    }
    let hub = on_disk(place.path());
    let cache = build(&hub, |it| it);
    assert_eq!(values(cache.get_or_load_many(&["a", "new", "bb"], load)), [1, 3, 2]);
    assert_eq!(asked.lock().unwrap().last().unwrap(), "new");
    assert_eq!(cache.stats().disk_hits, 2);
}

#[test]
fn what_memory_does_not_keep_is_answered_all_the_same() {
    let hub = Hub::in_memory();
    let cache = build(&hub, |it| it.capacity(0));
    let keys: Vec<String> = (0..100).map(|number| "x".repeat(number)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(values(cache.get_or_load_many(&keys, measure)), (0..100).collect::<Vec<_>>());
    assert!(cache.is_empty());
}

/// A row may have an eighth of a cache's bytes on disk, and what is written at once half of them.
#[test]
fn a_batch_too_large_for_one_transaction_is_written_in_several() {
    let place = tempfile::tempdir().unwrap();
    let hub = on_disk(place.path());
    let cache: Cache<u32, Vec<u8>> = Cache::builder("n").disk_max_bytes(1 << 20).disk().build(&hub).unwrap();
    let keys: Vec<u32> = (0..90).collect();
    let keys: Vec<&u32> = keys.iter().collect();
    let load = |keys: &[&u32]| Ok::<_, Infallible>(keys.iter().map(|_| vec![7; 10_000]).collect());
    assert_eq!(cache.get_or_load_many(&keys, load).unwrap().len(), 90);
    assert_eq!(cache.disk_usage().unwrap().unwrap().entries, 90);
    assert_eq!(cache.stats().store_errors, 0);
}

#[test]
fn overlapping_batches_of_many_threads_load_each_key_once() {
    for seed in 0..20 {
        let hub = Hub::in_memory();
        let cache: Cache<u32, u32> = Cache::builder("n").build(&hub).unwrap();
        let loads: Vec<AtomicUsize> = (0..60).map(|_| AtomicUsize::new(0)).collect();
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (cache, loads, start) = (&cache, &loads, &start);
                scope.spawn(move || {
                    let mut random = Random::new(seed * 8 + thread);
                    let mut keys: Vec<u32> = (0..60).collect();
                    keys.sort_by_cached_key(|_| random.bits());
                    keys.truncate(40);
                    start.wait();
                    let keys: Vec<&u32> = keys.iter().collect();
                    let got = cache.get_or_load_many(&keys, |missing: &[&u32]| {
                        std::thread::yield_now();
                        for key in missing {
                            loads[usize::try_from(**key).unwrap()].fetch_add(1, Ordering::Relaxed);
                        }
                        Ok::<_, Infallible>(missing.iter().map(|key| **key * 3).collect())
                    });
                    let right: Vec<u32> = keys.iter().map(|key| **key * 3).collect();
                    assert_eq!(got.unwrap().iter().map(|value| **value).collect::<Vec<_>>(), right);
                });
            }
        });
        assert!(loads.iter().all(|loads| loads.load(Ordering::Relaxed) <= 1), "seed {seed}: {loads:?}");
    }
}

/// One waits for `a`, while a batch of `keys` fails. Returns what he gets.
fn while_a_batch_fails(
    cache: &Lengths,
    keys: &[&str],
    load: impl FnOnce(&str) -> Result<usize, &'static str> + Send,
) -> Result<usize, LoadError<&'static str>> {
    let (began, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            told.recv().unwrap();
            cache.get_or_load("a", load).map(|value| *value)
        });
        let failed = cache.get_or_load_many(keys, |_: &[&str]| {
            began.send(()).unwrap();
            until_somebody_waits(cache);
            Err("the batch")
        });
        assert_eq!(failed.unwrap_err().loader(), Some(&"the batch"));
        waiter.join().unwrap()
    })
}

/// It may be about any of the keys.
#[test]
fn the_error_of_a_batch_reaches_nobody_who_waits_and_nothing_is_kept() {
    let cache = build(&Hub::in_memory(), |it| it);
    assert_eq!(while_a_batch_fails(&cache, &["b", "a"], |key| Ok(key.len())).unwrap(), 1);
    assert_eq!((cache.len(), cache.get("b"), cache.stats().load_errors), (1, None, 2));
    let cache = build(&Hub::in_memory(), |it| it);
    let own = while_a_batch_fails(&cache, &["b", "a"], |_| Err("his own"));
    assert_eq!(own.unwrap_err().loader(), Some(&"his own"));
    assert!(cache.is_empty());
    assert_eq!(values(cache.get_or_load_many(&["a", "b"], measure)), [1, 1]);
}

#[test]
fn the_error_of_a_single_key_reaches_who_waits_for_it() {
    let cache = build(&Hub::in_memory(), |it| it);
    let shared = while_a_batch_fails(&cache, &["a"], |_| panic!("one try is enough"));
    assert_eq!(shared.unwrap_err().loader(), Some(&"the batch"));
    assert_eq!((cache.len(), cache.stats().load_errors), (0, 1));
}

/// Lets one who waits for a loader of `cache` come first.
fn until_somebody_waits(cache: &Lengths) {
    while cache.stats().waits == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_wrong_number_of_values_is_explained_and_who_waits_loads() {
    let hub = Hub::in_memory();
    let cache = build(&hub, |it| it);
    let (began, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let waiting = &cache;
        let waiter = scope.spawn(move || {
            told.recv().unwrap();
            *waiting.get_or_load("bb", |key| Ok::<_, Infallible>(key.len())).unwrap()
        });
        let failed = cache.get_or_load_many(&["a", "bb", "a"], |_: &[&str]| {
            began.send(()).unwrap();
            until_somebody_waits(&cache);
            Ok::<_, Infallible>(vec![1])
        });
        let error = failed.unwrap_err();
        assert!(matches!(error, LoadError::Count { expected: 2, got: 1, .. }), "{error}");
        assert!(error.to_string().contains("`lengths` was asked for 2 values and gave 1"), "{error}");
        assert_eq!(waiter.join().unwrap(), 2);
    });
    assert_eq!(cache.get("a"), None);
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_panic_strands_nobody() {
    let hub = Hub::in_memory();
    let cache = build(&hub, |it| it);
    let (began, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let waiting = &cache;
        let waiter = scope.spawn(move || {
            told.recv().unwrap();
            waiting.get_or_load_many(&["x", "b"], measure).map(|_| ())
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cache.get_or_load_many(&["a", "b"], |_: &[&str]| -> Result<Vec<usize>, Infallible> {
                began.send(()).unwrap();
                until_somebody_waits(&cache);
                panic!("the loader")
            })
        }));
        assert!(panicked.is_err());
        let error = waiter.join().unwrap().unwrap_err();
        assert!(matches!(&error, LoadError::Panicked { key, .. } if key == "b"), "{error}");
    });
    assert_eq!(values(cache.get_or_load_many(&["a", "b"], measure)), [1, 1]);
}

#[test]
fn loaders_that_ask_for_their_own_keys_are_told() {
    let hub = Hub::in_memory();
    let cache = build(&hub, |it| it);
    let got = cache.get_or_load_many(&["a", "b"], |_: &[&str]| {
        let one = cache.get_or_load("b", |_| Ok::<_, Infallible>(1)).unwrap_err();
        assert!(matches!(one, LoadError::Reentrant { .. }), "{one}");
        let many = cache.get_or_load_many(&["other", "a"], measure).unwrap_err();
        assert!(matches!(many, LoadError::Reentrant { .. }), "{many}");
        Err::<Vec<usize>, _>("told")
    });
    assert_eq!(got.unwrap_err().loader(), Some(&"told"));
    let within = cache.get_or_load("a", |_| cache.get_or_load_many(&["a"], measure).map(|_| 0));
    let error = within.unwrap_err();
    assert!(matches!(error.loader(), Some(LoadError::Reentrant { .. })), "{error:?}");
}

#[test]
fn what_is_declared_wrong_while_it_is_loaded_is_returned_and_not_kept() {
    let place = tempfile::tempdir().unwrap();
    let hub = on_disk(place.path());
    let cache = build(&hub, |it| it.tags(|key: &str| vec![key.to_owned()]));
    let got = cache.get_or_load_many(&["a", "bb", "ccc"], |keys: &[&str]| {
        cache.remove("bb");
        measure(keys)
    });
    assert_eq!(values(got), [1, 2, 3]);
    assert_eq!((cache.get("bb"), cache.len(), cache.stats().not_kept), (None, 2, 1));
    assert_eq!(cache.disk_usage().unwrap().unwrap().entries, 2);
    let got = cache.get_or_load_many(&["x", "y"], |keys: &[&str]| {
        cache.invalidate_tag("unrelated");
        measure(keys)
    });
    assert_eq!(values(got), [1, 1]);
    assert_eq!((cache.get("x"), cache.get("y")), (None, None));
    let got = cache.get_or_load_many(&["z"], |keys: &[&str]| {
        cache.clear().unwrap();
        measure(keys)
    });
    assert_eq!(values(got), [1]);
    assert_eq!((cache.get("z"), cache.len()), (None, 0));
}

#[test]
fn who_never_ends_is_given_up() {
    let hub = Hub::in_memory();
    let cache = build(&hub, |it| it.wait_timeout(Duration::from_millis(50)));
    let (began, told) = mpsc::channel();
    let (release, released) = mpsc::channel();
    std::thread::scope(|scope| {
        let stuck = &cache;
        scope.spawn(move || {
            stuck.get_or_load("b", |_| {
                began.send(()).unwrap();
                released.recv().unwrap();
                Ok::<_, Infallible>(7)
            })
        });
        told.recv().unwrap();
        let error = cache.get_or_load_many(&["a", "b"], measure).unwrap_err();
        assert!(matches!(&error, LoadError::Timeout { key, .. } if key == "b"), "{error}");
        assert_eq!(cache.get("a").as_deref(), Some(&1), "our own have landed");
        assert_eq!(values(cache.get_or_load_many(&["a", "b"], measure)), [1, 1]);
        release.send(()).unwrap();
    });
    assert_eq!(cache.get("b").as_deref(), Some(&1));
}

#[test]
fn scopes_share_a_directory_and_no_value() {
    let place = tempfile::tempdir().unwrap();
    let scoped = |hub: &Hub, scope: &str| build(hub, |it| it.scope(scope));
    let load = |number: usize| move |_: &str| Ok::<_, Infallible>(number);
    let (one, two, none) = (on_disk(place.path()), on_disk(place.path()), on_disk(place.path()));
    let (one, two, none) = (scoped(&one, "one"), scoped(&two, "two"), build(&none, |it| it));
    assert_eq!(*one.get_or_load("key", load(1)).unwrap(), 1);
    assert_eq!(two.get("key"), None);
    assert!(!two.explain("key").is_hit());
    assert_eq!(*two.get_or_load("key", load(2)).unwrap(), 2);
    assert_eq!(*none.get_or_load("key", load(3)).unwrap(), 3);
    // Seen as these, on disk, and by a later program of the same scope only as its own.
    let later = on_disk(place.path());
    let later = scoped(&later, "one");
    assert!(later.explain("key").is_hit());
    assert_eq!(later.get("key").as_deref(), Some(&1));
    let caches = Caches::open(place.path()).unwrap().unwrap();
    let on_disk = caches.cache("lengths").unwrap().unwrap();
    let mut shown = Vec::new();
    on_disk
        .each_entry(|listed| {
            shown.push(listed.key);
            true
        })
        .unwrap();
    shown.sort();
    assert_eq!(shown, ["key", "key in one", "key in two"]);
    // What one says of its key is not said of the other's: neither the row nor what others have in memory goes.
    assert!(later.remove("key"));
    assert_eq!((one.get("key"), later.get("key")), (None, None));
    assert_eq!((two.get("key").as_deref(), none.get("key").as_deref()), (Some(&2), Some(&3)));
    assert!(two.explain("key").is_hit());
    assert!(none.remove("key"));
    let found = on_disk.explain("key").unwrap();
    assert_eq!(found.iter().map(|it| it.entry.key.as_str()).collect::<Vec<_>>(), ["key in two"]);
    one.clear().unwrap();
    assert_eq!(two.get("key"), None, "clearing is of all scopes");
}

#[test]
fn a_scope_and_the_content_of_inputs_go_together() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("input");
    let ask = |scope: &str, content: &str, value: usize| {
        std::fs::write(&file, content).unwrap();
        let hub = on_disk(&place.path().join("cache"));
        let input = file.clone();
        let cache = build(&hub, |it| {
            it.inputs(move |_| plugcache_cache::Inputs::none().file(&input)).content_addressed().scope(scope)
        });
        let load = |keys: &[&str]| Ok::<_, Infallible>(vec![value; keys.len()]);
        *cache.get_or_load_many(&["k"], load).unwrap()[0]
    };
    assert_eq!(ask("a", "one", 1), 1);
    assert_eq!(ask("a", "two!", 2), 2);
    assert_eq!(ask("b", "one", 3), 3);
    assert_eq!((ask("a", "one", 9), ask("a", "two!", 9), ask("b", "one", 9)), (1, 2, 3));
}
