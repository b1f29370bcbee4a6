//! What a cache does, in one thread.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    cell::Cell,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use plugcache_cache::{
    Cache, Digest, Error, Hub, Inputs, StaleReason, Timestamp,
    cache::{Answer, Cause, Eviction, LoadError},
};
use plugcache_testkit::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

#[expect(clippy::unnecessary_wraps, reason = "loaders may fail, and this one does not")]
fn ok<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

fn hub_with_clock() -> (Hub, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp(1_800_000_000_000_000_000)));
    (Hub::builder().clock(clock.clone()).build().unwrap(), clock)
}

#[test]
fn a_loader_runs_once() {
    let cache: Cache<str, String> = Cache::builder("names").build(&Hub::in_memory()).unwrap();
    let loads = Cell::new(0);
    for _ in 0..3 {
        let value = cache.get_or_load("a", |key| {
            loads.set(loads.get() + 1);
            ok(key.to_uppercase())
        });
        assert_eq!(*value.unwrap(), "A");
    }
    assert_eq!(loads.get(), 1);
    let stats = cache.stats();
    assert_eq!((stats.memory_hits, stats.missed(), stats.loads, stats.entries), (2, 1, 1, 1));
    assert_eq!(stats.misses["absent"], 1);
}

#[test]
fn nothing_none_and_absent_differ() {
    let (hub, clock) = hub_with_clock();
    let cache: Cache<u32, Option<u8>> = Cache::builder("n").negative_ttl(SECOND).build(&hub).unwrap();
    assert_eq!(*cache.get_or_load(&1, |_| ok(None)).unwrap(), None);
    assert_eq!(cache.get(&1), Some(Arc::new(None)));
    assert!(cache.lookup(&2).is_none());

    let find = |loads: &Cell<u32>| {
        cache.get_or_load_with(&2, |_, load| {
            loads.set(loads.get() + 1);
            load.because("no such plugin");
            ok(None)
        })
    };
    let loads = Cell::new(0);
    for _ in 0..3 {
        assert!(matches!(find(&loads).unwrap(), Answer::Missing(reason) if &*reason == "no such plugin"));
    }
    assert_eq!((loads.get(), cache.stats().negative_hits), (1, 2));
    let error = cache.get_or_load(&2, |_| ok(None)).unwrap_err();
    assert_eq!(error.to_string(), "cache `n` remembers that `2` has no value: no such plugin");
    clock.advance(SECOND);
    find(&loads).unwrap();
    assert_eq!(loads.get(), 2, "not for ever");
}

#[test]
fn without_a_negative_ttl_nothing_is_remembered_of_nothing() {
    let cache: Cache<str, u8> = Cache::builder("n").build(&Hub::in_memory()).unwrap();
    for _ in 0..2 {
        assert!(cache.get_or_load_with("x", |_, _| ok(None)).unwrap().value().is_none());
    }
    assert_eq!((cache.stats().loads, cache.len()), (2, 0));
}

#[test]
fn errors_are_not_kept() {
    let cache: Cache<str, u8> = Cache::builder("n").build(&Hub::in_memory()).unwrap();
    let error = cache.get_or_load("x", |_| Err("disk on fire")).unwrap_err();
    assert!(matches!(&error, LoadError::Loader(text) if **text == "disk on fire"));
    assert_eq!(error.to_string(), "disk on fire");
    assert_eq!(*cache.get_or_load("x", |_| ok(1)).unwrap(), 1);
    assert_eq!(cache.stats().load_errors, 1);
}

#[test]
fn what_is_released_leaves_memory_and_is_not_declared_wrong() {
    let place = tempfile::tempdir().unwrap();
    let hub = Hub::builder().directory(place.path()).build().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let cache: Cache<str, u8> = Cache::builder("n")
        .disk()
        .on_eviction(move |key: &str, _, cause| listener.lock().unwrap().push((key.to_owned(), cause)))
        .build(&hub)
        .unwrap();
    assert!(!cache.release_if("x", || panic!("there is nothing to be asked about")));
    let made = cache.get_or_load("x", |key| {
        assert!(!cache.release_if(key, || true));
        ok(1)
    });
    assert_eq!((*made.unwrap(), cache.len(), cache.stats().not_kept), (1, 1, 0));
    assert!(!cache.release_if("x", || false) && cache.len() == 1);
    assert!(cache.release_if("x", || true) && cache.is_empty());
    assert_eq!(*told.lock().unwrap(), [("x".to_owned(), Cause::Removed)]);
    assert_eq!((cache.stats().removed, cache.stats().entries), (1, 0));
    assert_eq!(cache.get("x").as_deref(), Some(&1), "still on disk");
}

#[test]
fn a_panic_leaves_the_next_call_free_to_try() {
    let cache: Cache<str, u8> = Cache::builder("n").build(&Hub::in_memory()).unwrap();
    let panicking = cache.clone();
    let joined = std::thread::spawn(move || {
        panicking.get_or_load("x", |_| -> Result<u8, Infallible> { panic!("no") })
    });
    assert!(joined.join().is_err());
    assert_eq!(*cache.get_or_load("x", |_| ok(1)).unwrap(), 1);
}

#[test]
fn entries_expire_and_say_so() {
    let (hub, clock) = hub_with_clock();
    let cache: Cache<str, u8> = Cache::builder("n").ttl(5 * SECOND).build(&hub).unwrap();
    cache.insert("x", 1);
    clock.advance(4 * SECOND);
    assert!(cache.get("x").is_some());
    // The wall clock may jump as it likes.
    clock.jump(Timestamp(0));
    assert!(cache.get("x").is_some());
    clock.advance(SECOND);
    assert!(matches!(cache.explain("x").tiers[0].stale, Some(StaleReason::Expired { .. })));
    assert!(cache.get("x").is_none());
    assert_eq!(cache.stats().misses["expired"], 1);
}

#[test]
fn a_value_may_live_shorter_than_its_cache_says() {
    let (hub, clock) = hub_with_clock();
    let cache: Cache<str, u8> = Cache::builder("n").ttl(5 * SECOND).build(&hub).unwrap();
    let load = || {
        cache.get_or_load_with("x", |_, load| {
            load.ttl(SECOND);
            ok(Some(1))
        })
    };
    load().unwrap();
    clock.advance(SECOND);
    assert!(cache.get("x").is_none());
    cache.insert_with("y", 1, |load| load.ttl(Duration::ZERO));
    assert!(cache.get("y").is_none(), "no time at all is not to be kept");
}

#[test]
fn inputs_that_change_make_a_value_stale() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("colors.toml");
    std::fs::write(&file, "red").unwrap();
    let path = file.clone();
    let cache: Cache<str, String> =
        Cache::builder("n").inputs(move |_| Inputs::none().file(&path)).build(&Hub::in_memory()).unwrap();
    let load = || cache.get_or_load("x", |_| std::fs::read_to_string(&file)).unwrap();
    assert_eq!(*load(), "red");
    assert_eq!(*load(), "red");
    assert_eq!(cache.stats().loads, 1);
    std::fs::write(&file, "tan").unwrap();
    assert!(
        matches!(&cache.explain("x").tiers[0].stale, Some(StaleReason::Input { path, .. }) if *path == file)
    );
    assert_eq!(*load(), "tan");
    std::fs::remove_file(&file).unwrap();
    assert!(cache.get("x").is_none());
    assert_eq!(cache.stats().misses["input"], 2);
}

#[test]
fn a_value_whose_input_changes_while_it_is_made_is_returned_and_not_kept() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("f");
    std::fs::write(&file, "old").unwrap();
    let cache: Cache<str, String> = Cache::builder("n").build(&Hub::in_memory()).unwrap();
    let load = |change: bool| {
        let answer = cache.get_or_load_with("x", |_, load| {
            load.inputs(&Inputs::none().file(&file)).unwrap();
            let text = std::fs::read_to_string(&file);
            if change {
                std::fs::write(&file, "new").unwrap();
            }
            text.map(Some)
        });
        answer.unwrap().value().unwrap()
    };
    assert_eq!(*load(true), "old");
    assert_eq!((cache.len(), cache.stats().not_kept), (0, 1));
    assert_eq!(*load(false), "new");
    assert_eq!(cache.len(), 1);
}

#[test]
fn tags_signatures_and_clearing() {
    let signature = Arc::new(Mutex::new(Digest::of(b"1")));
    let now = Arc::clone(&signature);
    let cache: Cache<str, u8> = Cache::builder("n")
        .tags(|key: &str| vec![key[..1].to_owned()])
        .signature(move |_| *now.lock().unwrap())
        .build(&Hub::in_memory())
        .unwrap();
    for key in ["a1", "a2", "b1"] {
        cache.insert(key, 1);
    }
    cache.invalidate_tag("a");
    assert!(matches!(&cache.explain("a1").tiers[0].stale, Some(StaleReason::Tag { tag }) if tag == "a"));
    assert_eq!([cache.get("a1"), cache.get("a2")], [None, None]);
    assert!(cache.get("b1").is_some());
    *signature.lock().unwrap() = Digest::of(b"2");
    assert!(cache.get("b1").is_none());
    cache.insert("b1", 2);
    assert_eq!(cache.clear().unwrap(), 3);
    assert!(cache.get("b1").is_none() && cache.is_empty());
}

#[test]
fn exactly_the_least_recently_used_goes_where_that_is_asked_for() {
    let cache: Cache<u64, u64> =
        Cache::builder("n").capacity(40).eviction(Eviction::Lru).build(&Hub::in_memory()).unwrap();
    // The newest last.
    let mut model: Vec<u64> = Vec::new();
    let mut random = 7_u64;
    for _ in 0..20_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (key, kind) = (random >> 33 & 63, random >> 60);
        let position = model.iter().position(|held| *held == key);
        match kind {
            0 => assert_eq!(cache.remove(&key), position.map(|position| model.remove(position)).is_some()),
            1..8 => {
                position.map(|position| model.remove(position));
                model.push(key);
                if model.len() > 40 {
                    model.remove(0);
                }
                cache.insert(&key, key);
            }
            _ => {
                assert_eq!(cache.get(&key).is_some(), position.is_some(), "{key} {model:?}");
                if let Some(position) = position {
                    model.remove(position);
                    model.push(key);
                }
            }
        }
    }
    assert_eq!(cache.len(), 40);
}

#[test]
fn what_was_declared_wrong_while_it_was_made_is_not_kept() {
    let cache: Cache<str, u8> = Cache::builder("n").build(&Hub::in_memory()).unwrap();
    let wrong: [&dyn Fn(); 3] =
        [&|| _ = cache.remove("x"), &|| drop(cache.clear()), &|| cache.invalidate_tag("t")];
    for (position, declare) in wrong.iter().enumerate() {
        let answer = cache.get_or_load_with("x", |_, load| {
            declare();
            load.tag("t");
            ok(Some(position as u8))
        });
        assert_eq!(*answer.unwrap().value().unwrap(), position as u8);
        assert!(cache.get("x").is_none(), "{position}");
    }
    // What somebody put in meanwhile is newer than what the loader makes.
    let value = cache.get_or_load("x", |_| {
        cache.insert("x", 9);
        ok(1)
    });
    assert_eq!((*value.unwrap(), *cache.get("x").unwrap()), (1, 9));
}

fn load_in_a_circle(cache: &Cache<u8, u8>, key: u8, depth: u32) -> Result<Arc<u8>, LoadError<String>> {
    assert!(depth < 10);
    cache.get_or_load(&key, |key| match load_in_a_circle(cache, (key + 1) % 3, depth + 1) {
        Ok(value) => Ok(*value),
        Err(error) => Err(error.to_string()),
    })
}

#[test]
fn a_loader_that_asks_for_its_own_key_is_told() {
    let cache: Cache<u8, u8> = Cache::builder("n").build(&Hub::in_memory()).unwrap();
    let error = load_in_a_circle(&cache, 0, 0).unwrap_err();
    assert!(error.to_string().contains("the loader of `0` in cache `n` asks for its own value"), "{error}");
    assert_eq!(*cache.get_or_load(&0, |_| ok(7)).unwrap(), 7);
}

#[test]
fn entries_and_bytes_are_bounded_and_listeners_hear_of_it() {
    let heard: Arc<Mutex<Vec<(u32, Cause)>>> = Arc::default();
    let ear = Arc::clone(&heard);
    let cache: Cache<u32, Vec<u8>> = Cache::builder("n")
        .capacity(10)
        .max_bytes(1000)
        .weigher(|_, value: &Vec<u8>| value.len() as u64)
        .on_eviction(move |key, _, cause| ear.lock().unwrap().push((*key, cause)))
        .build(&Hub::in_memory())
        .unwrap();
    for key in 0..100 {
        cache.insert(&key, vec![0; 10]);
    }
    assert_eq!(cache.len(), 10);
    cache.insert(&200, vec![0; 990]);
    let stats = cache.stats();
    assert!(stats.bytes <= 1000 && stats.entries <= 10, "{stats:?}");
    cache.insert(&300, vec![0; 1001]);
    assert!(cache.get(&300).is_none());
    assert_eq!(cache.stats().evictions["too_heavy"], 1);
    let heard = heard.lock().unwrap();
    assert!(heard.iter().filter(|(_, cause)| *cause == Cause::Capacity).count() >= 90);
    assert!(heard.contains(&(300, Cause::TooHeavy)));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let hub = Hub::in_memory();
    for name in ["", "Names", "a/b", "..", "-a", &"a".repeat(64)] {
        let refused = Cache::<str, u8>::builder(name).build(&hub);
        assert!(matches!(refused, Err(Error::Cache { .. })), "{name}");
    }
    let first = Cache::<str, u8>::builder("a").build(&hub).unwrap();
    assert!(Cache::<str, u8>::builder("a").build(&hub).unwrap_err().to_string().contains("one of that name"));
    drop(first);
    assert!(Cache::<str, u8>::builder("a").build(&hub).is_ok());
    assert!(
        Cache::<str, u8>::builder("b").max_bytes(1).build(&hub).unwrap_err().to_string().contains("weigher")
    );
}

#[test]
fn functions_are_computed_once_a_set_of_arguments() {
    use plugcache_cache::hub::Given;
    let place = tempfile::tempdir().unwrap();
    let runs = Cell::new(0);
    let compute = |hub: &Hub, argument: &str| {
        hub.memoize("colormaps", Given::nothing().argument(argument).version("1"), || {
            runs.set(runs.get() + 1);
            vec![argument.to_owned(), "viridis".to_owned()]
        })
    };
    {
        let hub = Hub::builder().directory(place.path().join("c")).build().unwrap();
        assert_eq!(compute(&hub, "a")[0], "a");
        assert_eq!(compute(&hub, "b")[0], "b");
        assert_eq!(compute(&hub, "a").len(), 2);
        assert_eq!(runs.get(), 2);
        // One of another type goes uncached and is right.
        assert_eq!(*hub.memoize("colormaps", (), || 7_u8), 7);
    }
    let hub = Hub::builder().directory(place.path().join("c")).build().unwrap();
    assert_eq!(compute(&hub, "a")[0], "a");
    assert_eq!(runs.get(), 2, "a later process finds it on disk");
}

#[test]
fn one_caller_makes_anew_what_expires_while_others_are_served() {
    let (hub, clock) = hub_with_clock();
    let cache: Cache<str, u8> = Cache::builder("n")
        .ttl(10 * SECOND)
        .refresh_early(SECOND)
        .serve_stale(5 * SECOND)
        .build(&hub)
        .unwrap();
    let another = || {
        let look = || *cache.get_or_load("x", |_| ok(0)).unwrap();
        std::thread::scope(|scope| scope.spawn(look).join().unwrap())
    };
    cache.insert("x", 1);
    clock.advance(9 * SECOND);
    let seen = cache.get_or_load("x", |_| {
        // Meanwhile, another is served what there is.
        assert_eq!(another(), 1);
        ok(2)
    });
    assert_eq!((*seen.unwrap(), *cache.get("x").unwrap()), (2, 2));
    clock.advance(12 * SECOND);
    let seen = cache.get_or_load("x", |_| {
        assert_eq!(another(), 2);
        ok(3)
    });
    assert_eq!((*seen.unwrap(), cache.stats().stale_hits), (3, 1));
    clock.advance(16 * SECOND);
    assert!(cache.get("x").is_none());
}
