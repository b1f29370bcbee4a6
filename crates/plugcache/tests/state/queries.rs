//! Queries: side by side, kept for a while, and none of them stops the others.

use std::{
    sync::{Arc, Barrier, mpsc},
    thread,
    time::{Duration, Instant},
};

use plugcache::{
    Hub,
    state::{PluginError, QueryError, QueryOutcome, StateManager, plugins::Files},
};
use serde_json::json;

use crate::tools::{Desk, Faulty, count};

#[test]
fn a_plugin_that_fails_panics_or_never_answers_does_not_stop_the_others() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("x"), "x").unwrap();
    let make = |name| Faulty::new(name, place.path());
    let ((fails, seen_fails), (panics, seen_panics)) = (make("fails"), make("panics"));
    let ((hangs, seen_hangs), (well, _)) = (make("hangs"), make("well"));
    let (scope_panics, _) = make("missing");
    seen_fails.before("query", || Err(PluginError::new("no space left")));
    seen_panics.before("query", || panic!("at the disco"));
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    seen_hangs.before("query", move || {
        // Until the test is through.
        let _ = gate.lock().unwrap().recv();
        Ok(())
    });
    let manager = StateManager::builder()
        .plugin(fails)
        .plugin(panics)
        .plugin(hangs)
        .plugin(well)
        .plugin(scope_panics)
        .plugin(Files::new(place.path().join("nowhere")))
        .timeout(Duration::from_secs(4))
        .build(&Hub::in_memory())
        .unwrap();

    let began = Instant::now();
    let states = manager.query_all();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let failed = |name: &str| match &states[name] {
        QueryOutcome::Failed(error) => error.to_string(),
        other => panic!("{name}: {other:?}"),
    };
    assert!(failed("fails").contains("no space left"));
    assert!(failed("panics").contains("panicked when it was to tell its state: at the disco"));
    assert!(failed("hangs").contains("within 4s"));
    assert_eq!(states["well"].value().unwrap()["x"]["size"], 1);
    assert_eq!(states["missing"].value().unwrap()["x"]["size"], 1);
    assert!(matches!(&states["files"], QueryOutcome::Unavailable(why) if why.contains("nowhere")));

    // One that never answers costs one thread, not one a query.
    assert!(matches!(&*manager.query("hangs").unwrap_err(), QueryError::Overdue { .. }));
    assert_eq!(count(&seen_hangs.queries), 1);
    // Errors are not kept.
    seen_fails.forget_hooks();
    seen_panics.forget_hooks();
    assert!(manager.query("fails").is_ok() && manager.query("panics").is_ok());
    seen_hangs.forget_hooks();
    release.send(()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while manager.query("hangs").is_err() {
        assert!(Instant::now() < deadline, "it has ended, and is not asked again");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn plugins_are_asked_side_by_side_and_not_more_than_allowed() {
    let place = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d"];
    let build = |parallel, hook: &dyn Fn(&crate::tools::Seen)| {
        let mut builder = StateManager::builder().parallel(parallel).timeout(Duration::from_mins(1));
        for name in names {
            let (plugin, seen) = Faulty::new(name, place.path());
            hook(&seen);
            builder = builder.plugin(plugin);
        }
        builder.build(&Hub::in_memory()).unwrap()
    };
    // Each waits for all: nobody would get through alone.
    let all = Arc::new(Barrier::new(4));
    let manager = build(4, &|seen| {
        let all = Arc::clone(&all);
        seen.before("query", move || {
            all.wait();
            Ok(())
        });
    });
    assert!(manager.query_all().values().all(|state| state.value().is_some()));

    let (now, most) =
        (Arc::new(std::sync::atomic::AtomicUsize::new(0)), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let manager = build(2, &|seen| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        seen.before("query", move || {
            use std::sync::atomic::Ordering::SeqCst;
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, SeqCst);
            Ok(())
        });
    });
    assert!(manager.query_all().values().all(|state| state.value().is_some()));
    assert!(count(&most) <= 2, "{}", count(&most));
}

#[test]
fn a_state_is_kept_for_five_seconds_and_asked_for_once_however_many_want_it() {
    let desk = Desk::new();
    let start = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                assert!(desk.manager.query("files").is_ok());
            });
        }
    });
    assert_eq!(count(&desk.seen.queries), 1);
    desk.pass(4);
    desk.manager.query("files").unwrap();
    assert_eq!(count(&desk.seen.queries), 1);
    desk.pass(2);
    desk.manager.query("files").unwrap();
    assert_eq!(count(&desk.seen.queries), 2);
    let stats = &desk.hub.stats()["queries"];
    assert_eq!((stats.loads, stats.ttl), (2, Some(Duration::from_secs(5))));
    // Another version of the plugin says other things.
    desk.seen.version.store(1, std::sync::atomic::Ordering::SeqCst);
    desk.manager.query("files").unwrap();
    assert_eq!(count(&desk.seen.queries), 3);
}

/// A state that was read before a change and handed out after it must not be served any more.
#[test]
fn what_was_being_asked_while_something_was_applied_is_not_kept() {
    let desk = Desk::new();
    let (entered, has_entered) = mpsc::channel();
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(Some((entered, gate)));
    desk.seen.before("query", move || {
        // Only the first one waits, with what it has read already.
        let first = gate.lock().unwrap().take();
        if let Some((entered, gate)) = first {
            entered.send(()).unwrap();
            gate.recv().unwrap();
        }
        Ok(())
    });
    thread::scope(|scope| {
        let early = scope.spawn(|| desk.manager.query("files").unwrap());
        has_entered.recv().unwrap();
        let report = desk.manager.apply(&json!({ "files": { "a": { "content": "new" } } })).unwrap();
        assert!(report.is_success());
        release.send(()).unwrap();
        assert_eq!(early.join().unwrap()["a"]["size"], 5, "it had read the old file");
    });
    assert_eq!(desk.manager.query("files").unwrap()["a"]["size"], 3);
}

#[test]
fn two_directories_or_namespaces_never_see_each_others_states() {
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("cache");
    for (name, files) in [("one", 1), ("two", 2)] {
        let directory = place.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        for file in 0..files {
            std::fs::write(directory.join(file.to_string()), "").unwrap();
        }
        let hub = Hub::builder().directory(&cache).build().unwrap();
        let manager = StateManager::builder().plugin(Files::new(&directory)).build(&hub).unwrap();
        assert_eq!(manager.query("files").unwrap().as_object().unwrap().len(), files);
    }
    // And what is on disk answers for the same one in a later process.
    let hub = Hub::builder().directory(&cache).build().unwrap();
    let manager = StateManager::builder().plugin(Files::new(place.path().join("two"))).build(&hub).unwrap();
    manager.query("files").unwrap();
    assert_eq!(hub.stats()["queries"].disk_hits, 1);
}

#[test]
fn names_are_told_apart() {
    let place = tempfile::tempdir().unwrap();
    let twice = StateManager::builder().plugin(Files::new(place.path())).plugin(Files::new(place.path()));
    assert!(twice.build(&Hub::in_memory()).err().unwrap().to_string().contains("named so already"));
    let desk = Desk::new();
    let said = desk.manager.query("flies").unwrap_err().to_string();
    assert!(said.contains("`flies`") && said.contains("there are files"), "{said}");
}

/// One process asks for `/srv` and changes it as `/srv/sub`, or with other prefixes.
#[test]
fn a_change_is_news_to_plugins_of_the_same_name_with_another_scope() {
    let place = tempfile::tempdir().unwrap();
    let managed = place.path().join("managed");
    std::fs::create_dir_all(managed.join("sub")).unwrap();
    std::fs::write(managed.join("sub/x"), "old").unwrap();
    let hub = || Hub::builder().directory(place.path().join("cache")).build().unwrap();
    let build = |hub: &Hub, root: std::path::PathBuf| {
        // Nothing expires meanwhile, however slow this machine is.
        let builder = StateManager::builder().plugin(Files::new(root)).query_ttl(Duration::from_hours(1));
        builder.build(hub).unwrap()
    };
    let size = |manager: &StateManager| manager.query("files").unwrap()["sub/x"]["size"].clone();
    let (one, other) = (hub(), hub());
    let whole = build(&one, managed.clone());
    assert_eq!(size(&whole), 3);
    let desired = json!({ "files": { "x": { "content": "newer" } } });
    assert!(build(&other, managed.join("sub")).apply(&desired).unwrap().is_success());
    assert_eq!(size(&whole), 5);
    // Nor from the disk.
    assert_eq!(size(&build(&hub(), managed)), 5);
}
