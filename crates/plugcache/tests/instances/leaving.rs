//! How instances leave: unused, out of room, replaced, shut down.

use std::time::Duration;

use plugcache::{
    Inputs,
    instances::{InstanceError, Outcome},
};
use plugcache_testkit::{PluginTree, TreeBuilder};
use serde_json::json;

use super::{Host, Plugin, key};

#[test]
fn only_what_nobody_uses_gets_too_old() {
    let host = Host::new(|instances| instances.idle_after(Some(Duration::from_mins(1))));
    let used = host.get("used", 2).unwrap().handle;
    host.get("unused", 2).unwrap();
    host.log.take();
    host.clock.advance(Duration::from_secs(59));
    assert_eq!(host.instances.prune().idle, 0);
    host.get("again", 2).unwrap();
    host.clock.advance(Duration::from_secs(1));
    assert_eq!(host.instances.prune().idle, 1);
    assert_eq!(host.log.take(), ["start again 2", "stop unused"]);
    // A minute from when it was let go, not from when it was asked for.
    drop(used);
    host.clock.advance(Duration::from_secs(59));
    host.instances.prune();
    assert_eq!(host.log.take(), ["stop again"]);
    // Without the host's help, the next start sees to it.
    host.clock.advance(Duration::from_secs(1));
    host.get("next", 2).unwrap();
    assert_eq!(host.log.take(), ["start next 2", "stop used"]);
    assert_eq!(host.instances.stats().evicted_idle, 3);
}

#[test]
fn the_longest_unused_make_room_and_the_used_do_not() {
    let host = Host::new(|instances| instances.capacity(3).idle_after(None));
    let a = host.get("a", 2).unwrap().handle;
    for name in ["b", "c", "b"] {
        host.get(name, 2).unwrap();
    }
    host.log.take();
    let d = host.get("d", 2).unwrap().handle;
    assert_eq!(host.log.take(), ["start d 2", "stop c"]);
    let e = host.get("e", 2).unwrap().handle;
    assert_eq!(host.log.take(), ["start e 2", "stop b"]);
    let f = host.get("f", 2).unwrap().handle;
    let stats = host.instances.stats();
    assert_eq!((stats.live, stats.over_capacity, stats.evicted_for_room), (4, 1, 2));
    host.log.take();
    drop((d, e));
    assert_eq!(host.instances.prune().for_room, 1);
    assert_eq!(host.log.take(), ["stop d"]);
    drop((a, f));
}

fn get(host: &Host, tree: &PluginTree, name: &str) -> plugcache::instances::Obtained<Plugin> {
    let inputs = Inputs::none().tree(tree.path());
    let start = |config: &_| Plugin::start(name, &host.log, config);
    host.instances.get_or_create_from(&key("a"), &inputs, &json!({"rate": 2}), start).unwrap()
}

#[test]
fn a_plugin_whose_files_changed_is_replaced_when_its_users_let_go() {
    let host = Host::new(|instances| instances);
    let tree = TreeBuilder::new().file("a.py", "one").build().unwrap();
    let old = get(&host, &tree, "old").handle;
    let second = old.clone();
    tree.replace("a.py", "two").unwrap();
    // Not looked at yet.
    assert_eq!(get(&host, &tree, "never").outcome, Outcome::Unchanged);
    host.clock.advance(Duration::from_secs(1));
    let new = get(&host, &tree, "new");
    assert_eq!(new.outcome, Outcome::Started);
    assert!(old.is_old() && !old.is_stopped() && !new.handle.is_old());
    let stats = host.instances.stats();
    assert_eq!((stats.live, stats.old_side, stats.replaced), (1, 1, 1));
    assert_eq!(host.log.take(), ["start old 2", "start new 2"]);
    drop(old);
    assert_eq!(host.log.take(), [""; 0], "somebody still uses it");
    std::thread::spawn(move || drop(second)).join().unwrap();
    assert_eq!(host.log.take(), ["stop old"]);
    assert_eq!(host.instances.stats().old_side, 0);
}

#[test]
fn what_nobody_uses_is_replaced_by_prune() {
    let host = Host::new(|instances| instances.check_interval(Duration::ZERO));
    let tree = TreeBuilder::new().file("a.py", "one").build().unwrap();
    get(&host, &tree, "old");
    assert_eq!(host.instances.prune().replaced, 0);
    // Touched, with the same content: nothing has changed.
    tree.replace("a.py", "one").unwrap();
    assert_eq!(host.instances.prune().replaced, 0);
    tree.write("b.py", "new").unwrap();
    assert_eq!(host.instances.prune().replaced, 1);
    assert_eq!(host.log.take(), ["start old 2", "stop old"]);
    assert!(host.instances.get(&key("a")).is_none());
}

/// The factory may have read the file before or after: the next look finds out.
#[test]
fn an_edit_during_the_start_replaces_the_instance() {
    let host = Host::new(|instances| instances.check_interval(Duration::ZERO));
    let tree = TreeBuilder::new().file("a.py", "one").build().unwrap();
    let inputs = Inputs::none().tree(tree.path());
    let start = |config: &_| {
        tree.replace("a.py", "two").unwrap();
        Plugin::start("a", &host.log, config)
    };
    host.instances.get_or_create_from(&key("a"), &inputs, &json!({"rate": 2}), start).unwrap();
    assert_eq!(get(&host, &tree, "b").outcome, Outcome::Started);
    assert_eq!(get(&host, &tree, "c").outcome, Outcome::Unchanged);
}

#[test]
fn files_that_cannot_be_observed_are_a_failed_start() {
    let host = Host::new(|instances| instances);
    let tree = TreeBuilder::new().fifo("pipe.py").build().unwrap();
    let inputs = Inputs::none().file(tree.path().join("pipe.py"));
    let start = |config: &_| Plugin::start("a", &host.log, config);
    let error = host.instances.get_or_create_from(&key("a"), &inputs, &json!({"rate": 2}), start);
    let message = error.err().unwrap().to_string();
    assert!(message.contains("its files cannot be observed") && message.contains("pipe.py"), "{message}");
}

#[test]
fn all_are_shut_down_the_youngest_first() {
    let host = Host::new(|instances| instances);
    let a = host.get("a", 2).unwrap().handle;
    host.get("b", 2).unwrap();
    host.get("c", 2).unwrap();
    host.get("a", 2).unwrap();
    host.log.take();
    assert_eq!(host.instances.shutdown(), 3);
    assert_eq!(host.log.take(), ["stop c", "stop b", "stop a"]);
    assert!(a.is_stopped() && a.is_old());
    assert!(matches!(host.get("a", 2), Err(InstanceError::ShutDown { .. })));
    assert!(matches!(a.command(&json!(1)), Err(InstanceError::ShutDown { .. })));
    assert_eq!(host.instances.shutdown(), 0);
    drop(a);
    assert_eq!(host.log.take(), [""; 0]);
    assert_eq!(host.instances.stats().stopped, 3);
}

#[test]
fn what_is_dropped_is_stopped_too() {
    let host = Host::new(|instances| instances);
    let a = host.get("a", 2).unwrap().handle;
    host.get("b", 2).unwrap();
    let log = host.log.clone();
    drop(host);
    assert_eq!(log.take(), ["start a 2", "start b 2"], "a handle still holds the table");
    drop(a);
    assert_eq!(log.take(), ["stop b", "stop a"]);
}

#[test]
fn a_stop_hook_that_panics_stops_the_others_too() {
    let host = Host::new(|instances| instances);
    let a = host.get("a", 2).unwrap().handle;
    host.get("b", 2).unwrap();
    // The hook of this test's plugin panics when it is called a second time.
    plugcache::instances::Instance::stop(&*a);
    host.log.take();
    drop(a);
    assert_eq!(host.instances.shutdown(), 2);
    let stats = host.instances.stats();
    assert_eq!((stats.stopped, stats.stop_panics), (2, 1));
    assert_eq!(host.log.take()[0], "stop b");
}
