//! One instance: its configurations, its commands, its lifecycle lock.

use std::{
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use plugcache::{
    Hub,
    instances::{Failure, Fault, Instance, InstanceError, Instances, Outcome},
};
use serde_json::json;

use super::{Host, key, rate};

#[test]
fn an_equal_configuration_calls_nothing() {
    let host = Host::new(|instances| instances);
    let first = host.get("a", 2).unwrap();
    let again = host.get("a", 2).unwrap();
    assert_eq!((first.outcome, again.outcome), (Outcome::Started, Outcome::Unchanged));
    assert!(first.handle.is_same(&again.handle));
    assert_eq!(host.log.take(), ["start a 2"]);
}

#[test]
fn another_configuration_reconfigures_the_same_instance() {
    let host = Host::new(|instances| instances);
    let first = host.get("a", 2).unwrap().handle;
    let again = host.get("a", 4).unwrap();
    assert_eq!(again.outcome, Outcome::Applied);
    assert!(first.is_same(&again.handle));
    assert_eq!(rate(&first.config()), 4);
    assert_eq!(host.log.take(), ["start a 2", "configure a 4"]);
    assert_eq!(host.instances.stats().reconfigured, 1);
}

/// Behaviour 24: a failed reconfiguration rolls back.
#[test]
fn a_refused_configuration_is_rolled_back_and_the_instance_goes_on() {
    let host = Host::new(|instances| instances);
    let first = host.get("a", 2).unwrap().handle;
    let Err(InstanceError::RolledBack(refused)) = host.get("a", 3) else { panic!("3 is odd") };
    assert_eq!((rate(&refused.old), rate(&refused.new)), (2, 3));
    assert_eq!(refused.fault, Fault::Error("3 is odd".to_owned()));
    assert!(refused.handle.is_same(&first) && !first.is_old());
    assert_eq!(first.rate.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(host.log.take(), ["start a 2", "configure a 3", "configure a 2"]);
    // A panic is a refusal, too.
    let Err(InstanceError::RolledBack(refused)) = host.get("a", 1_000) else { panic!("that panics") };
    assert_eq!(refused.fault, Fault::Panic("too much".to_owned()));
    assert_eq!(host.get("a", 4).unwrap().outcome, Outcome::Applied);
    assert_eq!(host.instances.stats().rolled_back, 2);
}

#[test]
fn an_instance_that_takes_neither_configuration_is_replaced() {
    let host = Host::new(|instances| instances);
    // 902 was fine for the factory; reconfiguring to it panics.
    let first = host.get("a", 902).unwrap().handle;
    let Err(InstanceError::NotRolledBack(refused)) = host.get("a", 3) else { panic!("both are refused") };
    assert!(refused.rollback.is_some() && first.is_old());
    drop(refused);
    let next = host.get("a", 4).unwrap();
    assert_eq!(next.outcome, Outcome::Started);
    assert!(!next.handle.is_same(&first));
    assert_eq!(host.instances.stats().old_side, 1);
    host.log.take();
    drop(first);
    assert_eq!(host.log.take(), ["stop a"]);
    assert_eq!(host.instances.stats().old_side, 0);
}

#[test]
fn a_busy_instance_gets_its_configuration_later() {
    let host = Host::new(|instances| instances.busy_wait(Duration::from_millis(20)));
    let handle = host.get("a", 2).unwrap().handle;
    thread::scope(|scope| {
        let (occupied, is_occupied) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<()>();
        let worker = handle.clone();
        scope.spawn(move || {
            let _work = worker.occupy().unwrap();
            occupied.send(()).unwrap();
            is_done.recv().unwrap();
        });
        is_occupied.recv().unwrap();
        assert_eq!(host.get("a", 4).unwrap().outcome, Outcome::Pending);
        assert_eq!(host.get("a", 6).unwrap().outcome, Outcome::Pending);
        assert_eq!(rate(&handle.pending().unwrap()), 6);
        assert_eq!(handle.refresh().unwrap(), Outcome::Pending);
        assert!(matches!(handle.occupy(), Err(InstanceError::Busy { .. })));
        // A command is not a configuration: it may be what ends the work.
        handle.command(&json!("hurry")).unwrap();
        done.send(()).unwrap();
    });
    assert_eq!(rate(&handle.config()), 2);
    assert_eq!(handle.refresh().unwrap(), Outcome::Applied);
    assert_eq!(rate(&handle.config()), 6);
    assert_eq!(handle.refresh().unwrap(), Outcome::Unchanged);
    assert_eq!(host.log.take(), ["start a 2", "command a \"hurry\"", "configure a 6"]);
}

#[test]
fn the_latest_wish_wins_over_what_is_pending() {
    let host = Host::new(|instances| instances.busy_wait(Duration::ZERO));
    let handle = host.get("a", 2).unwrap().handle;
    let pend = || {
        thread::scope(|scope| {
            let work = handle.occupy().unwrap();
            scope.spawn(|| assert_eq!(host.get("a", 4).unwrap().outcome, Outcome::Pending)).join().unwrap();
            drop(work);
        });
    };
    pend();
    assert_eq!(host.get("a", 2).unwrap().outcome, Outcome::Unchanged);
    assert_eq!(handle.refresh().unwrap(), Outcome::Unchanged);
    pend();
    assert_eq!(host.get("a", 8).unwrap().outcome, Outcome::Applied);
    assert_eq!(handle.refresh().unwrap(), Outcome::Unchanged);
    pend();
    assert_eq!(host.get("a", 4).unwrap().outcome, Outcome::Applied);
}

/// A slow plugin is just going over to another configuration: to want the old one then is a wish, too.
#[test]
fn the_old_configuration_may_be_wanted_again_while_it_is_being_changed() {
    struct Slow(Mutex<mpsc::Receiver<()>>, mpsc::Sender<()>);
    impl Instance for Slow {
        type Config = u32;
        fn reconfigure(&self, _: &u32) -> Result<(), Failure> {
            self.1.send(()).unwrap();
            self.0.lock().unwrap().recv().unwrap();
            Ok(())
        }
        fn stop(&self) {}
    }
    let instances: Instances<Slow> =
        Instances::builder("slow").busy_wait(Duration::from_millis(20)).build(&Hub::in_memory()).unwrap();
    let (go, may_go) = mpsc::channel();
    let (inside, is_inside) = mpsc::channel();
    let slow = Slow(Mutex::new(may_go), inside);
    let handle = instances.get_or_create(&key("a"), &1, |_| Ok(slow)).unwrap().handle;
    let want = |config: u32| instances.get_or_create(&key("a"), &config, |_| unreachable!("it runs"));
    thread::scope(|scope| {
        let changing = scope.spawn(|| want(2).unwrap().outcome);
        is_inside.recv().unwrap();
        assert_eq!(want(1).unwrap().outcome, Outcome::Pending);
        go.send(()).unwrap();
        assert_eq!(changing.join().unwrap(), Outcome::Applied);
        go.send(()).unwrap();
        assert_eq!(handle.refresh().unwrap(), Outcome::Applied);
    });
    assert_eq!(*handle.config(), 1);
}

#[test]
fn whoever_occupies_an_instance_does_not_wait_for_himself() {
    let host = Host::new(|instances| instances);
    let handle = host.get("a", 2).unwrap().handle;
    let _work = handle.occupy().unwrap();
    assert!(matches!(host.get("a", 4), Err(InstanceError::Reentrant { .. })));
    assert!(matches!(handle.occupy(), Err(InstanceError::Reentrant { .. })));
    assert_eq!(host.get("a", 2).unwrap().outcome, Outcome::Unchanged);
}

#[test]
fn a_command_changes_no_configuration() {
    let host = Host::new(|instances| instances);
    let handle = host.get("a", 2).unwrap().handle;
    handle.command(&json!({"rate": 4})).unwrap();
    assert_eq!(rate(&handle.config()), 2);
    let error = handle.command(&json!(null)).unwrap_err();
    assert!(matches!(&error, InstanceError::Command { key: failed, .. } if *failed == key("a")));
    assert_eq!(error.to_string(), "instance (stream, plugin, a) failed at a command: nothing to do");
}

#[test]
fn plugins_of_several_types_share_a_table() {
    use plugcache::{
        Hub,
        instances::{Failure, Instance, Instances},
    };
    struct Quiet;
    impl Instance for Quiet {
        type Config = serde_json::Value;
        fn reconfigure(&self, _: &Self::Config) -> Result<(), Failure> {
            Ok(())
        }
        fn stop(&self) {}
    }
    type Any = Box<dyn Instance<Config = serde_json::Value>>;
    let log = std::sync::Arc::default();
    let instances: Instances<Any> = Instances::builder("any").build(&Hub::in_memory()).unwrap();
    let config = json!({"rate": 2});
    let loud = |config: &serde_json::Value| Ok(Box::new(super::Plugin::start("a", &log, config)?) as Any);
    instances.get_or_create(&key("a"), &config, loud).unwrap();
    let quiet = instances.get_or_create(&key("b"), &config, |_| Ok(Box::new(Quiet) as Any)).unwrap().handle;
    assert!(quiet.command(&json!(1)).unwrap_err().to_string().contains("takes no commands"));
    assert_eq!(instances.shutdown(), 2);
    assert_eq!(log.take(), ["start a 2", "stop a"]);
}

/// Asks its own table for things in each of its hooks: a lock held there would never be got.
struct Curious {
    instances: plugcache::instances::Instances<Curious>,
    name: &'static str,
    log: std::sync::Arc<super::Log>,
}

impl Curious {
    fn look_around(&self, hook: &str) {
        let others = self.instances.stats().live;
        let friend = self.instances.get_or_create(&key("friend"), &0, |_| Ok(self.like("friend")));
        let own = match self.instances.get_or_create(&key(self.name), &99, |_| Err("not again".into())) {
            Ok(_) => "had",
            Err(InstanceError::Reentrant { .. }) => "reentrant",
            Err(InstanceError::Start(_)) => "failed",
            Err(InstanceError::ShutDown { .. }) => "shut down",
            Err(_) => "other",
        };
        self.instances.prune();
        self.log.add(format!("{hook} {}: {others} live, friend {}, itself {own}", self.name, friend.is_ok()));
    }

    fn like(&self, name: &'static str) -> Self {
        Self { instances: self.instances.clone(), name, log: self.log.clone() }
    }
}

impl plugcache::instances::Instance for Curious {
    type Config = u32;

    fn reconfigure(&self, _: &u32) -> Result<(), plugcache::instances::Failure> {
        self.look_around("reconfigure");
        Ok(())
    }

    fn command(&self, _: &serde_json::Value) -> Result<(), plugcache::instances::Failure> {
        self.log.add(format!("command {}", self.name));
        Ok(())
    }

    fn stop(&self) {
        if self.name != "friend" {
            self.look_around("stop");
        }
    }
}

#[test]
fn hooks_may_use_the_table_that_calls_them() {
    let log: std::sync::Arc<super::Log> = std::sync::Arc::default();
    let instances: Instances<Curious> =
        Instances::builder("curious").capacity(2).build(&Hub::in_memory()).unwrap();
    let start = |name| {
        let curious = Curious { instances: instances.clone(), name, log: log.clone() };
        move |_: &u32| {
            curious.look_around("factory");
            Ok(curious)
        }
    };
    let a = instances.get_or_create(&key("a"), &1, start("a")).unwrap().handle;
    instances.get_or_create(&key("a"), &2, start("a")).unwrap();
    a.command(&json!(1)).unwrap();
    drop(a);
    drop(instances.get(&key("friend")));
    // Makes room: the one that was unused for longest is stopped.
    let _b = instances.get_or_create(&key("b"), &1, |_| {
        Ok(Curious { instances: instances.clone(), name: "b", log: log.clone() })
    });
    instances.shutdown();
    assert_eq!(
        log.take(),
        [
            "factory a: 0 live, friend true, itself reentrant",
            "reconfigure a: 2 live, friend true, itself reentrant",
            "command a",
            "stop a: 2 live, friend true, itself failed",
            "stop b: 0 live, friend false, itself shut down",
        ]
    );
}
