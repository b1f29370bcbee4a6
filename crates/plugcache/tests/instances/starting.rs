//! Starts: keys, single-flight, failures that are tried again.

use std::{
    collections::HashSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use plugcache::{
    Inputs,
    instances::{Builder, Fault, InstanceError, InstanceKey, Outcome, StartFailed},
};
use plugcache_testkit::TreeBuilder;
use proptest::prelude::*;
use serde_json::json;

use super::{Host, Plugin, key};

/// naeural's keys have 20 bits: two of 1,360 instances are the same one. Here none of 10,000 are, nor any whose
/// parts run together.
#[test]
fn ten_thousand_instances_have_ten_thousand_keys() {
    let host = Host::new(|instances| instances);
    let handles: Vec<_> = (0..10_000).map(|n| host.get(&n.to_string(), 2).unwrap()).collect();
    assert!(handles.iter().all(|obtained| obtained.outcome == Outcome::Started));
    for (n, first) in handles.iter().enumerate() {
        let again = host.get(&n.to_string(), 2).unwrap();
        assert!(again.outcome == Outcome::Unchanged && again.handle.is_same(&first.handle));
    }
    let stats = host.instances.stats();
    assert_eq!((stats.live, stats.started, stats.over_capacity), (10_000, 10_000, 0));
    drop(handles);
    assert_eq!(host.instances.shutdown(), 10_000);
}

#[test]
fn parts_do_not_run_together_and_equal_parts_are_equal() {
    let keys = [
        InstanceKey::of("a", "bc", "d"),
        InstanceKey::of("ab", "c", "d"),
        InstanceKey::of("a", "b", "cd"),
        InstanceKey::of("", "abc", "d"),
        InstanceKey::of("a", "bc", &1_u8),
        InstanceKey::of("a", "bc", "1"),
        InstanceKey::of("a", "bc", &b"1"[..]),
        InstanceKey::of("a", &("b".to_owned(), "c".to_owned()), "d"),
    ];
    assert_eq!(keys.iter().map(InstanceKey::digest).collect::<HashSet<_>>().len(), keys.len());
    assert_eq!(InstanceKey::of("a", "b", &7_u8), InstanceKey::of(&"a".to_owned(), "b", &7_i64));
    assert_eq!(InstanceKey::of("a", "b", &7_u8).to_string(), "(a, b, 7)");
}

proptest! {
    #[test]
    fn keys_are_equal_just_if_their_parts_are(one: [String; 3], other: [String; 3]) {
        let key = |parts: &[String; 3]| InstanceKey::of(&parts[0], &parts[1], &parts[2]);
        prop_assert_eq!(key(&one) == key(&other), one == other);
        let joined = [one.concat(), String::new(), String::new()];
        prop_assert_eq!(key(&one) == key(&joined), one == joined);
    }
}

/// Behaviour 8.
#[test]
fn many_threads_start_one_instance() {
    let host = Host::new(|instances| instances);
    let barrier = Barrier::new(16);
    let starts = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                let obtained = host.instances.get_or_create(&key("a"), &json!({"rate": 2}), |config| {
                    starts.fetch_add(1, Ordering::SeqCst);
                    thread::yield_now();
                    Plugin::start("a", &host.log, config)
                });
                obtained.unwrap();
            });
        }
    });
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    assert_eq!(host.log.take(), ["start a 2"]);
}

#[test]
fn other_keys_start_side_by_side_and_hits_wait_for_no_start() {
    let host = Host::new(|instances| instances);
    host.get("quick", 2).unwrap();
    let (inside, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let shared = &host;
    thread::scope(|scope| {
        let slow = scope.spawn(move || {
            let host = shared;
            let factory = |config: &_| {
                inside.send(()).unwrap();
                may_go.recv().unwrap();
                Plugin::start("slow", &host.log, config)
            };
            host.instances.get_or_create(&key("slow"), &json!({"rate": 2}), factory).unwrap().outcome
        });
        is_inside.recv().unwrap();
        assert_eq!(host.get("quick", 4).unwrap().outcome, Outcome::Applied);
        assert_eq!(host.get("other", 2).unwrap().outcome, Outcome::Started);
        assert_eq!(host.instances.stats().starting, 1);
        go.send(()).unwrap();
        assert_eq!(slow.join().unwrap(), Outcome::Started);
    });
    assert_eq!(host.instances.stats().starting, 0);
}

fn failed(result: Result<plugcache::instances::Obtained<Plugin>, InstanceError<Plugin>>) -> StartFailed {
    match result {
        Err(InstanceError::Start(failed)) => failed,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it started"),
    }
}

/// naeural stores a failed start as `None` and never tries again.
#[test]
fn a_failed_start_is_tried_again_ever_more_seldom() {
    let host = Host::new(|instances| instances.retry(Duration::from_secs(1), Duration::from_secs(5)));
    for (attempt, wait) in [(1, 1), (2, 2), (3, 4), (4, 5), (5, 5)] {
        let told = failed(host.get("a", 3));
        assert_eq!((told.attempts, told.retry_in), (attempt, Duration::from_secs(wait)));
        assert_eq!(told.fault, Fault::Error("3 is odd".to_owned()));
        assert_eq!(host.log.take(), ["start a 3"]);
        host.clock.advance(Duration::from_millis(wait * 1_000 - 300));
        let told = failed(host.get("a", 3));
        assert_eq!((told.attempts, told.retry_in), (attempt, Duration::from_millis(300)));
        assert_eq!(host.log.take(), [""; 0], "it was tried too early");
        host.clock.advance(Duration::from_millis(300));
    }
    assert_eq!(host.instances.failures().len(), 1);
    // What repairs it need not be the configuration.
    let repaired = |_: &_| Plugin::start("a", &host.log, &json!({"rate": 2}));
    let obtained = host.instances.get_or_create(&key("a"), &json!({"rate": 3}), repaired).unwrap();
    assert_eq!(obtained.outcome, Outcome::Started);
    let stats = host.instances.stats();
    assert_eq!((stats.failed, stats.start_failures, stats.started), (0, 5, 1));
}

#[test]
fn a_failed_start_is_tried_at_once_when_there_is_a_reason_to() {
    let host = Host::new(|instances| instances.retry(Duration::from_mins(1), Duration::from_mins(1)));
    failed(host.get("a", 3));
    assert_eq!(failed(host.get("a", 3)).attempts, 1);
    assert!(host.instances.retry_now(&key("a")) && !host.instances.retry_now(&key("a")));
    failed(host.get("a", 3));
    host.log.take();
    // Another configuration may be right.
    assert_eq!(host.get("a", 2).unwrap().outcome, Outcome::Started);

    // And so may an edited plugin.
    let tree = TreeBuilder::new().file("b.py", "broken").build().unwrap();
    let inputs = Inputs::none().file(tree.path().join("b.py"));
    let get = |rate| {
        let start = |_: &_| Plugin::start("b", &host.log, &json!({"rate": rate}));
        host.instances.get_or_create_from(&key("b"), &inputs, &json!({"rate": 2}), start)
    };
    failed(get(3));
    host.clock.advance(Duration::from_secs(1));
    failed(get(2));
    tree.replace("b.py", "repaired").unwrap();
    failed(get(2));
    host.clock.advance(Duration::from_secs(1));
    assert_eq!(get(2).unwrap().outcome, Outcome::Started);
}

/// Behaviour 19.
#[test]
fn a_factory_that_panics_or_asks_for_itself_is_a_failure_like_others() {
    let host = Host::new(|instances| instances.retry(Duration::ZERO, Duration::ZERO));
    let panics = |_: &_| panic!("no such device");
    let told = failed(host.instances.get_or_create(&key("a"), &json!({"rate": 2}), panics));
    assert_eq!(told.fault, Fault::Panic("no such device".to_owned()));
    let asks = |_: &_| match host.get("a", 2) {
        Err(InstanceError::Reentrant { key: asked }) if asked == key("a") => Err("asked for itself".into()),
        _ => panic!("that is a circle"),
    };
    let told = failed(host.instances.get_or_create(&key("a"), &json!({"rate": 2}), asks));
    assert_eq!(told.fault, Fault::Error("asked for itself".to_owned()));
    // Through another: b's factory asks for a, whose factory asks for b.
    let outer = |config: &_| {
        let inner = |_: &_| match host.get("b", 2) {
            Err(InstanceError::Reentrant { .. }) => Err("circle".into()),
            _ => panic!("that is a circle"),
        };
        failed(host.instances.get_or_create(&key("a"), config, inner));
        Plugin::start("b", &host.log, config)
    };
    host.instances.get_or_create(&key("b"), &json!({"rate": 2}), outer).unwrap();
    assert_eq!(host.get("a", 2).unwrap().outcome, Outcome::Started);
}

#[test]
fn a_start_that_does_not_end_holds_up_nobody_for_ever() {
    let host = Host::new(|instances| instances.start_wait(Duration::from_millis(20)));
    let (inside, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let shared = &host;
    thread::scope(|scope| {
        let late = scope.spawn(move || {
            let host = shared;
            let factory = |config: &_| {
                inside.send(()).unwrap();
                may_go.recv().unwrap();
                Plugin::start("late", &host.log, config)
            };
            host.instances.get_or_create(&key("a"), &json!({"rate": 2}), factory).unwrap()
        });
        is_inside.recv().unwrap();
        assert!(matches!(host.get("a", 2), Err(InstanceError::StartTimeout { .. })));
        let second = host.get("a", 2).unwrap();
        assert_eq!(second.outcome, Outcome::Started);
        go.send(()).unwrap();
        // What came too late is stopped; its caller gets the one that is there.
        let late = late.join().unwrap();
        assert!(late.handle.is_same(&second.handle));
    });
    assert_eq!(host.log.take(), ["start a 2", "start late 2", "stop late"]);
    assert_eq!(host.instances.stats().superseded, 1);
}

/// It went round and round: its factory was spent, and the instance that had come before it was gone.
#[test]
fn a_start_that_came_too_late_for_an_instance_that_is_gone_ends() {
    let patience = |instances: Builder<Plugin>| {
        instances.start_wait(Duration::from_millis(20)).check_interval(Duration::ZERO)
    };
    let host = Host::new(patience);
    let tree = TreeBuilder::new().file("a.py", "one").build().unwrap();
    let inputs = Inputs::none().tree(tree.path());
    let (inside, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let config = json!({"rate": 2});
    let (host, inputs, config) = (&host, &inputs, &config);
    thread::scope(|scope| {
        let late = scope.spawn(move || {
            let factory = |config: &_| {
                inside.send(()).unwrap();
                may_go.recv().unwrap();
                Plugin::start("late", &host.log, config)
            };
            host.instances.get_or_create_from(&key("a"), inputs, config, factory)
        });
        is_inside.recv().unwrap();
        let start = |config: &_| Plugin::start("a", &host.log, config);
        let timed_out = host.instances.get_or_create_from(&key("a"), inputs, config, start);
        assert!(matches!(timed_out, Err(InstanceError::StartTimeout { .. })));
        drop(host.instances.get_or_create_from(&key("a"), inputs, config, start).unwrap());
        tree.replace("a.py", "two").unwrap();
        go.send(()).unwrap();
        assert!(matches!(late.join().unwrap(), Err(InstanceError::StartTimeout { .. })));
    });
    assert_eq!(host.instances.stats().live, 0);
}

#[test]
fn followers_of_a_failed_start_are_told_and_do_not_start_too() {
    let host = Host::new(|instances| instances);
    let tries = Arc::new(AtomicU32::new(0));
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                let factory = |_: &_| {
                    tries.fetch_add(1, Ordering::SeqCst);
                    Err("no".into())
                };
                failed(host.instances.get_or_create(&key("a"), &json!({"rate": 2}), factory));
            });
        }
    });
    assert_eq!(tries.load(Ordering::SeqCst), 1);
}

#[test]
fn failures_do_not_fill_the_memory() {
    let host = Host::new(|instances| instances.capacity(10));
    for n in 0..1_010 {
        failed(host.get(&n.to_string(), 3));
        host.clock.advance(Duration::from_millis(1));
    }
    let keys: Vec<_> = host.instances.failures().into_iter().map(|failed| failed.key).collect();
    assert!(keys.len() == 1_000 && !keys.contains(&key("9")) && keys.contains(&key("10")));
    host.clock.advance(Duration::from_mins(10));
    host.instances.prune();
    assert_eq!(host.instances.stats().failed, 0);
}
