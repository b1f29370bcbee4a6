//! Random lives of a few instances beside a model that is too simple to be wrong.

use std::{collections::BTreeMap, time::Duration};

use plugcache::instances::{Handle, InstanceError, Outcome};
use proptest::prelude::*;

use super::{Host, Plugin};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const CAPACITY: usize = 2;
const IDLE: u64 = 10;

#[derive(Debug, Clone)]
enum Step {
    Get { name: usize, rate: i64, keep: bool },
    Drop(usize),
    Pass(u64),
    Prune,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..NAMES.len(), 0_i64..5, any::<bool>()).prop_map(|(name, rate, keep)| Step::Get { name, rate, keep }),
        3 => (0_usize..8).prop_map(Step::Drop),
        2 => (1_u64..8).prop_map(Step::Pass),
        1 => Just(Step::Prune),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Debug, Clone)]
struct Running {
    rate: i64,
    users: usize,
    /// When it was let go, and how many had been let go before.
    idle: (u64, u64),
}

#[derive(Default)]
struct Model {
    now: u64,
    releases: u64,
    running: BTreeMap<usize, Running>,
    /// When it may be tried again, how often it has failed, and with which rate.
    failed: BTreeMap<usize, (u64, u32, i64)>,
    log: Vec<String>,
}

impl Model {
    fn get(&mut self, name: usize, rate: i64) -> Option<Outcome> {
        if let Some(running) = self.running.get_mut(&name) {
            running.users += 1;
            if running.rate == rate {
                return Some(Outcome::Unchanged);
            }
            self.log.push(format!("configure {} {rate}", NAMES[name]));
            if rate % 2 != 0 {
                self.log.push(format!("configure {} {}", NAMES[name], running.rate));
                return None;
            }
            running.rate = rate;
            return Some(Outcome::Applied);
        }
        let (until, failures, tried) = self.failed.get(&name).copied().unwrap_or((0, 0, -1));
        if until > self.now && tried == rate {
            return None;
        }
        self.log.push(format!("start {} {rate}", NAMES[name]));
        if rate % 2 != 0 {
            let wait = (1 << failures.min(4)).min(5);
            self.failed.insert(name, (self.now + wait, failures + 1, rate));
            return None;
        }
        self.failed.remove(&name);
        self.running.insert(name, Running { rate, users: 1, idle: (0, 0) });
        self.make_room();
        Some(Outcome::Started)
    }

    fn release(&mut self, name: usize) {
        self.releases += 1;
        let (now, releases) = (self.now, self.releases);
        let running = self.running.get_mut(&name).unwrap();
        running.users -= 1;
        running.idle = (now, releases);
    }

    fn make_room(&mut self) {
        loop {
            let idle = self.running.iter().filter(|(_, running)| running.users == 0);
            let Some((&name, running)) = idle.min_by_key(|(_, running)| running.idle) else { return };
            if running.idle.0 + IDLE > self.now && self.running.len() <= CAPACITY {
                return;
            }
            self.log.push(format!("stop {}", NAMES[name]));
            self.running.remove(&name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn instances_live_as_the_model_says(steps in steps()) {
        let host = Host::new(|instances| {
            instances
                .capacity(CAPACITY)
                .idle_after(Some(Duration::from_secs(IDLE)))
                .retry(Duration::from_secs(1), Duration::from_secs(5))
        });
        let mut model = Model::default();
        let mut held: Vec<(usize, Handle<Plugin>)> = Vec::new();
        for step in steps {
            match step {
                Step::Get { name, rate, keep } => {
                    let was_running = model.running.contains_key(&name);
                    let expected = model.get(name, rate);
                    let handle = match host.get(NAMES[name], rate) {
                        Ok(obtained) => {
                            prop_assert_eq!(Some(obtained.outcome), expected);
                            Some(obtained.handle)
                        }
                        Err(InstanceError::RolledBack(refused)) => {
                            prop_assert!(expected.is_none() && was_running);
                            Some(refused.handle)
                        }
                        Err(InstanceError::Start(_)) => {
                            prop_assert!(expected.is_none() && !was_running);
                            None
                        }
                        Err(other) => panic!("{other}"),
                    };
                    if let Some(handle) = handle {
                        if keep { held.push((name, handle)) } else { drop(handle); model.release(name) }
                    }
                }
                Step::Drop(position) if position < held.len() => {
                    let (name, handle) = held.remove(position);
                    drop(handle);
                    model.release(name);
                }
                Step::Drop(_) => {}
                Step::Pass(seconds) => {
                    host.clock.advance(Duration::from_secs(seconds));
                    model.now += seconds;
                }
                Step::Prune => {
                    host.instances.prune();
                    model.make_room();
                    // Long due failures are forgotten.
                    let now = model.now;
                    model.failed.retain(|_, (until, ..)| *until + 5 > now);
                }
            }
            prop_assert_eq!(host.log.take(), std::mem::take(&mut model.log));
            let stats = host.instances.stats();
            let expected = (model.running.len() as u64, model.failed.len() as u64);
            prop_assert_eq!((stats.live, stats.failed), expected);
            prop_assert_eq!(stats.over_capacity, (model.running.len().saturating_sub(CAPACITY)) as u64);
            for (name, handle) in &held {
                prop_assert_eq!(super::rate(&handle.config()), model.running[name].rate);
            }
        }
    }
}
