//! Manifests: what the service that the cache stands for promised, and what it did not keep.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    convert::Infallible,
    fs, io,
    path::Path,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use plugcache::{
    Hub,
    cache::{Timestamp, cache::LoadError},
    manifests::{Builder, ManifestCache, ManifestCacheError, ReadError},
};
use plugcache_testkit::ManualClock;
use serde_json::{Value, json};

/// A cache and its clock.
fn timed(describe: impl FnOnce(Builder) -> Builder) -> (ManifestCache, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp(0)));
    let hub = Hub::builder().clock(Arc::clone(&clock) as _).build().unwrap();
    (describe(ManifestCache::builder()).build(&hub).unwrap(), clock)
}

fn cache() -> ManifestCache {
    timed(|builder| builder).0
}

/// A loader that counts.
fn counted(count: &AtomicUsize, value: Option<Value>) -> impl Fn(&str) -> Result<Option<Value>, Infallible> {
    move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(value.clone())
    }
}

#[test]
fn one_load_in_its_time_to_live() {
    let (manifests, clock) = timed(|builder| builder.ttl(Duration::from_secs(1)));
    let loads = AtomicUsize::new(0);
    let load = counted(&loads, Some(json!({ "id": "test" })));
    for _ in 0..3 {
        assert_eq!(*manifests.get("test", &load).unwrap().unwrap(), json!({ "id": "test" }));
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_millis(999));
    manifests.get("test", &load).unwrap();
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_millis(1));
    manifests.get("test", &load).unwrap();
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    // A wall clock that jumps ages nothing.
    clock.jump(Timestamp(i64::MIN));
    manifests.get("test", &load).unwrap();
    clock.jump(Timestamp(i64::MAX));
    manifests.get("test", &load).unwrap();
    assert_eq!(loads.load(Ordering::SeqCst), 2);
}

#[test]
fn one_or_all_are_cleared() {
    let manifests = cache();
    let loads = AtomicUsize::new(0);
    let load = counted(&loads, Some(json!(1)));
    for id in ["one", "two", ""] {
        manifests.get(id, &load).unwrap();
    }
    assert!(manifests.clear("one") && !manifests.clear("one"));
    // The empty id is an id like any other, and does not stand for all.
    assert!(manifests.clear(""));
    manifests.get("two", &load).unwrap();
    assert_eq!(loads.load(Ordering::SeqCst), 3);
    manifests.get("one", &load).unwrap();
    assert_eq!(loads.load(Ordering::SeqCst), 4);
    assert_eq!(manifests.clear_all().unwrap(), 2);
    manifests.get("one", &load).unwrap();
    manifests.get("two", &load).unwrap();
    assert_eq!(loads.load(Ordering::SeqCst), 6);
}

#[test]
fn nothing_is_told_from_empty_and_remembered_only_if_asked() {
    let manifests = cache();
    let loads = AtomicUsize::new(0);
    for _ in 0..2 {
        assert_eq!(manifests.get("missing", counted(&loads, None)).unwrap(), None);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 2, "not found is not kept");
    for (at, empty) in
        [json!({}), json!([]), json!(null), json!(0), json!(""), json!(false)].into_iter().enumerate()
    {
        let loads = AtomicUsize::new(0);
        for _ in 0..2 {
            let found = manifests.get(&at.to_string(), counted(&loads, Some(empty.clone()))).unwrap();
            assert_eq!(found.as_deref(), Some(&empty));
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1, "{empty} is a manifest");
    }

    let (manifests, clock) = timed(|builder| builder.negative_ttl(Duration::from_secs(5)));
    let loads = AtomicUsize::new(0);
    for _ in 0..2 {
        assert_eq!(manifests.get("missing", counted(&loads, None)).unwrap(), None);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_secs(5));
    assert!(manifests.get("missing", counted(&loads, Some(json!(1)))).unwrap().is_some());
}

#[test]
fn errors_are_returned_and_not_kept() {
    let manifests = cache();
    let failed = manifests.get("one", |_| Err::<Option<Value>, _>(io::Error::other("no space"))).unwrap_err();
    assert_eq!(failed.to_string(), "no space");
    assert_eq!(manifests.stats().total_entries, 0);
    let found = manifests.get("one", |_| Ok::<_, io::Error>(Some(json!(1)))).unwrap();
    assert_eq!(found.as_deref(), Some(&json!(1)));
}

#[test]
fn figures_of_an_empty_cache_and_of_one_that_ages() {
    let (manifests, clock) = timed(|builder| builder);
    let stats = |manifests: &ManifestCache| serde_json::to_value(manifests.stats()).unwrap();
    assert_eq!(stats(&manifests), json!({ "total_entries": 0, "expired_entries": 0, "ttl_seconds": 300 }));
    let loads = AtomicUsize::new(0);
    manifests.get("one", counted(&loads, Some(json!(1)))).unwrap();
    clock.advance(Duration::from_secs(200));
    manifests.get("two", counted(&loads, Some(json!(2)))).unwrap();
    clock.advance(Duration::from_secs(100));
    assert_eq!(stats(&manifests), json!({ "total_entries": 2, "expired_entries": 1, "ttl_seconds": 300 }));
    manifests.get("one", counted(&loads, Some(json!(1)))).unwrap();
    assert_eq!(stats(&manifests), json!({ "total_entries": 2, "expired_entries": 0, "ttl_seconds": 300 }));
}

#[test]
fn no_time_to_live_is_an_error_that_names_it() {
    let error = ManifestCache::builder().ttl(Duration::ZERO).build(&Hub::in_memory()).unwrap_err();
    assert!(matches!(error, ManifestCacheError::Ttl { ttl } if ttl.is_zero()));
    assert!(error.to_string().contains("0ns"), "{error}");
}

/// The service held its lock while a loader ran: sixteen plugins took sixteen times as long. Here no loader
/// returns before all sixteen run.
#[test]
fn different_manifests_load_side_by_side_and_one_loads_once() {
    let manifests = cache();
    let all_in = Barrier::new(16);
    let loads = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..16 {
            let (manifests, all_in, loads) = (&manifests, &all_in, &loads);
            for _ in 0..2 {
                scope.spawn(move || {
                    let load = |_: &str| {
                        loads.fetch_add(1, Ordering::SeqCst);
                        all_in.wait();
                        Ok::<_, Infallible>(Some(json!(number)))
                    };
                    let found = manifests.get(&format!("plugin-{number}"), load).unwrap();
                    assert_eq!(found.as_deref(), Some(&json!(number)));
                });
            }
        }
    });
    assert_eq!(loads.load(Ordering::SeqCst), 16);
}

#[test]
fn what_a_caller_does_to_a_manifest_is_his_own_affair() {
    let manifests = cache();
    let loads = AtomicUsize::new(0);
    let mut mine = manifests.get("one", counted(&loads, Some(json!({ "inputs": [] })))).unwrap().unwrap();
    Arc::make_mut(&mut mine)["inputs"] = json!("changed");
    let again = manifests.get("one", counted(&loads, None)).unwrap().unwrap();
    assert_eq!(*again, json!({ "inputs": [] }));
}

#[test]
fn a_loader_may_ask_for_other_manifests_and_not_for_its_own() {
    let manifests = cache();
    let found = manifests.get("outer", |_| {
        let inner = manifests.get("inner", |_| Ok::<_, Infallible>(Some(json!(1))))?;
        Ok::<_, LoadError<Infallible>>(inner.map(|inner| json!([*inner])))
    });
    assert_eq!(found.unwrap().as_deref(), Some(&json!([1])));
    let own = manifests.get("own", |_| match manifests.get("own", |_| Ok::<_, Infallible>(None)) {
        Err(LoadError::Reentrant { .. }) => Ok::<_, Infallible>(Some(json!("told"))),
        other => panic!("{other:?}"),
    });
    assert_eq!(own.unwrap().as_deref(), Some(&json!("told")));
}

#[test]
fn a_manifest_is_made_anew_when_its_files_change() {
    let place = tempfile::tempdir().unwrap();
    let (manifest, extra) = (place.path().join("manifest.json"), place.path().join("extra"));
    let loads = AtomicUsize::new(0);
    let load = |_: &str| {
        loads.fetch_add(1, Ordering::SeqCst);
        fs::read_to_string(&manifest).map(|text| Some(json!(text)))
    };
    let get = |manifests: &ManifestCache| {
        manifests.get_from("one", [&manifest, &extra], load).unwrap().unwrap().as_str().unwrap().to_owned()
    };
    let manifests = cache();
    fs::write(&manifest, "1").unwrap();
    assert_eq!((get(&manifests), get(&manifests)), ("1".into(), "1".into()));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    // The same size, in the same tick.
    fs::write(&manifest, "2").unwrap();
    assert_eq!((get(&manifests), get(&manifests)), ("2".into(), "2".into()));
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    // One of them appears, and goes.
    fs::write(&extra, "").unwrap();
    get(&manifests);
    fs::remove_file(&extra).unwrap();
    get(&manifests);
    assert_eq!(loads.load(Ordering::SeqCst), 4);

    let path = manifest.clone();
    let declared = timed(|builder| builder.files(move |_| vec![path.clone()])).0;
    let plain = |_: &str| fs::read_to_string(&manifest).map(|text| Some(json!(text)));
    assert_eq!(*declared.get("one", plain).unwrap().unwrap(), "2");
    fs::write(&manifest, "3").unwrap();
    assert_eq!(*declared.get("one", plain).unwrap().unwrap(), "3");
}

#[test]
fn manifest_files_of_three_kinds_are_read() {
    let place = tempfile::tempdir().unwrap();
    let manifests = cache();
    let expected = json!({ "name": "ocr", "tools": ["a", "b"], "depth": 2 });
    for (name, text) in [
        ("a.json", r#"{"name": "ocr", "tools": ["a", "b"], "depth": 2}"#),
        ("a.toml", "name = 'ocr'\ntools = ['a', 'b']\ndepth = 2\n"),
        ("a.yaml", "name: ocr\ntools: [a, b]\ndepth: 2\n"),
    ] {
        fs::write(place.path().join(name), text).unwrap();
        let found = manifests.read(name, &place.path().join(name)).unwrap();
        assert_eq!(found.as_deref(), Some(&expected), "{name}");
    }
    assert_eq!(manifests.read("none", &place.path().join("none.json")).unwrap(), None);
    assert_eq!(manifests.read("none", &place.path().join("no/such/place.json")).unwrap(), None);

    let broken = place.path().join("broken.json");
    fs::write(&broken, "{\n  \"name\": }").unwrap();
    let error = manifests.read("broken", &broken).unwrap_err();
    assert!(matches!(error.loader(), Some(ReadError::Manifest { .. })), "{error:?}");
    assert!(error.to_string().contains("broken.json:2:"), "{error}");
    fs::write(&broken, "{}").unwrap();
    assert_eq!(manifests.read("broken", &broken).unwrap().as_deref(), Some(&json!({})));
    assert!(matches!(
        manifests.read("directory", Path::new("/")).unwrap_err().loader(),
        Some(ReadError::File(_))
    ));
}

#[test]
fn a_watch_says_which_manifests_to_forget() {
    use plugcache::{
        Resolver,
        discovery::{
            index::{Location, Session},
            manifest::{ManifestFinder, Options},
        },
        watch::Watch,
    };
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("plugins");
    fs::create_dir(&root).unwrap();
    let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
    write("one.json", r#"{"name": "one", "version": 1}"#);
    write("two.json", r#"{"name": "two", "version": 1}"#);
    let options = Options { patterns: vec!["*.json".to_owned()], ..Options::default() };
    let mut session = Session::new(Arc::new(ManifestFinder::new(options).unwrap()), vec![root.clone()]);
    session.location = Location { directories: vec![place.path().join("cache")] };
    let watch = Watch::builder(Resolver::new(session)).start().unwrap();
    let changes = watch.subscribe();

    let manifests = cache();
    let loaded = Mutex::new(Vec::new());
    let version = |id: &str| {
        let load = |id: &str| {
            loaded.lock().unwrap().push(id.to_owned());
            let plugin = watch.resolve(id).outcome?.plugin;
            Ok::<_, plugcache::ResolveError>(serde_json::to_value(plugin.attributes).ok())
        };
        manifests.get(id, load).unwrap().unwrap()
    };
    let (first, other) = (version("one"), version("two"));
    write("one.json", r#"{"name": "one", "version": 2}"#);
    // Written in two steps, it may have been seen half-way.
    while version("one") == first {
        assert!(manifests.forget(&changes.recv_timeout(Duration::from_secs(30)).unwrap()));
    }
    assert_eq!(version("two"), other);
    assert_eq!(loaded.lock().unwrap().iter().filter(|id| *id == "two").count(), 1);
}
