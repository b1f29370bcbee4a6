//! Instances of plugins: started once, reconfigured with a way back, replaced, evicted, stopped once.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod figures;
mod leaving;
mod lifecycle;
mod model;
mod starting;
mod threads;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

use plugcache::{
    Hub,
    cache::Timestamp,
    instances::{Builder, Failure, Instance, InstanceKey, Instances},
};
use plugcache_testkit::ManualClock;
use serde_json::{Value, json};

/// What happens to all plugins of a test.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A plugin that does as its configuration says: an odd number is refused, one above 900 panics.
struct Plugin {
    name: String,
    rate: AtomicI64,
    stops: AtomicU32,
    log: Arc<Log>,
}

fn rate(config: &Value) -> i64 {
    config.get("rate").and_then(Value::as_i64).unwrap()
}

impl Plugin {
    fn start(name: &str, log: &Arc<Log>, config: &Value) -> Result<Self, Failure> {
        log.add(format!("start {name} {}", rate(config)));
        if rate(config) % 2 != 0 {
            return Err(format!("{} is odd", rate(config)).into());
        }
        let rate = AtomicI64::new(rate(config));
        Ok(Self { name: name.to_owned(), rate, stops: AtomicU32::new(0), log: Arc::clone(log) })
    }
}

impl Instance for Plugin {
    type Config = Value;

    fn reconfigure(&self, config: &Value) -> Result<(), Failure> {
        let rate = rate(config);
        self.log.add(format!("configure {} {rate}", self.name));
        assert!(rate <= 900, "too much");
        // Half done already when it finds out: the way back has work to do.
        self.rate.store(rate, Ordering::SeqCst);
        if rate % 2 == 0 { Ok(()) } else { Err(format!("{rate} is odd").into()) }
    }

    fn command(&self, command: &Value) -> Result<(), Failure> {
        self.log.add(format!("command {} {command}", self.name));
        if command.is_null() { Err("nothing to do".into()) } else { Ok(()) }
    }

    fn stop(&self) {
        assert_eq!(self.stops.fetch_add(1, Ordering::SeqCst), 0, "stopped twice");
        self.log.add(format!("stop {}", self.name));
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        if self.stops.load(Ordering::SeqCst) != 1 {
            self.log.add(format!("{} was not stopped", self.name));
        }
    }
}

/// Instances under a clock that stands still.
struct Host {
    clock: Arc<ManualClock>,
    log: Arc<Log>,
    instances: Instances<Plugin>,
}

impl Host {
    fn new(describe: impl FnOnce(Builder<Plugin>) -> Builder<Plugin>) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000_000)));
        let hub = Hub::builder().clock(clock.clone()).build().unwrap();
        let instances = describe(Instances::builder("plugins")).build(&hub).unwrap();
        Self { clock, log: Arc::default(), instances }
    }

    fn get(
        &self,
        name: &str,
        rate: i64,
    ) -> Result<plugcache::instances::Obtained<Plugin>, plugcache::instances::InstanceError<Plugin>> {
        self.instances.get_or_create(&key(name), &json!({"rate": rate}), |config| {
            Plugin::start(name, &self.log, config)
        })
    }
}

fn key(name: &str) -> InstanceKey {
    InstanceKey::of("stream", "plugin", name)
}
