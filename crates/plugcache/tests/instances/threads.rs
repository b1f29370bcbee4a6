//! Many threads, few keys: nothing is started twice at a time, stopped twice, or stopped while it is used.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use plugcache::{
    Hub, Inputs,
    instances::{Failure, Instance, InstanceError, InstanceKey, Instances},
};
use plugcache_testkit::{Random, TreeBuilder};

/// What is true at any moment, whoever does what.
#[derive(Default)]
struct World {
    started: AtomicU64,
    stopped: AtomicU64,
    /// Keys whose factory runs.
    starting: Mutex<HashMap<usize, u32>>,
    violations: Mutex<Vec<String>>,
}

impl World {
    fn check(&self, is_right: bool, what: &str) {
        if !is_right {
            self.violations.lock().unwrap().push(what.to_owned());
        }
    }
}

struct Worker {
    world: Arc<World>,
    is_stopped: AtomicBool,
    is_configuring: AtomicBool,
}

impl Worker {
    fn work(&self) {
        self.world.check(!self.is_stopped.load(Ordering::SeqCst), "used after its end");
    }
}

impl Instance for Worker {
    type Config = u64;

    fn reconfigure(&self, config: &u64) -> Result<(), Failure> {
        self.work();
        self.world.check(!self.is_configuring.swap(true, Ordering::SeqCst), "configured by two at a time");
        thread::yield_now();
        self.is_configuring.store(false, Ordering::SeqCst);
        if config % 5 == 4 { Err("refused".into()) } else { Ok(()) }
    }

    fn stop(&self) {
        self.world.check(!self.is_stopped.swap(true, Ordering::SeqCst), "stopped twice");
        self.world.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

fn start(world: &Arc<World>, number: usize, random: &mut Random) -> Result<Worker, Failure> {
    let mut starting = world.starting.lock().unwrap();
    let running = starting.entry(number).or_default();
    *running += 1;
    world.check(*running == 1, "two factories of a key at a time");
    drop(starting);
    thread::yield_now();
    *world.starting.lock().unwrap().get_mut(&number).unwrap() -= 1;
    if random.once_in(10) {
        return Err("not today".into());
    }
    world.started.fetch_add(1, Ordering::SeqCst);
    let (is_stopped, is_configuring) = (AtomicBool::new(false), AtomicBool::new(false));
    Ok(Worker { world: Arc::clone(world), is_stopped, is_configuring })
}

#[test]
fn hammered_instances_are_started_and_stopped_once() {
    const KEYS: usize = 6;
    let world = Arc::new(World::default());
    let tree = TreeBuilder::new().files("p", [("0.py", "0"), ("1.py", "0"), ("2.py", "0")]).build().unwrap();
    let instances: Instances<Worker> = Instances::builder("workers")
        .capacity(4)
        .idle_after(Some(Duration::from_millis(5)))
        .check_interval(Duration::ZERO)
        .busy_wait(Duration::from_mins(2))
        .start_wait(Duration::from_mins(2))
        .retry(Duration::ZERO, Duration::ZERO)
        .build(&Hub::in_memory())
        .unwrap();
    thread::scope(|scope| {
        for seed in 0..8 {
            let (instances, world, tree) = (instances.clone(), Arc::clone(&world), &tree);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut held = Vec::new();
                for step in 0..250 {
                    let number = random.below(KEYS);
                    let key = InstanceKey::of("s", "p", &number);
                    let inputs = Inputs::none().file(tree.path().join(format!("p/{number}.py")));
                    let config = random.bits() % 5;
                    let mut dice = Random::new(random.bits());
                    let factory = |_: &u64| start(&world, number, &mut dice);
                    match instances.get_or_create_from(&key, &inputs, &config, factory) {
                        Ok(obtained) => held.push(obtained.handle),
                        Err(InstanceError::RolledBack(refused)) => held.push(refused.handle),
                        Err(InstanceError::NotRolledBack(_) | InstanceError::Start(_)) => {}
                        Err(other) => panic!("{other}"),
                    }
                    for handle in &held {
                        handle.work();
                    }
                    if held.len() > 3 {
                        // The last one who holds it may sit in any thread.
                        let handle = held.swap_remove(random.below(held.len()));
                        if random.once_in(4) {
                            scope.spawn(move || drop(handle));
                        } else {
                            drop(handle);
                        }
                    }
                    if random.once_in(40) {
                        let file = format!("p/{}.py", random.below(3));
                        tree.write(file, format!("{seed} {step}")).unwrap();
                    }
                    if random.once_in(20) {
                        instances.prune();
                    }
                }
            });
        }
    });
    let stats = instances.stats();
    assert_eq!(stats.old_side, 0, "nobody holds anything any more");
    assert_eq!(stats.started, world.started.load(Ordering::SeqCst));
    assert_eq!(stats.live + stats.stopped, stats.started);
    assert!(stats.replaced > 0 && stats.reconfigured > 0 && stats.start_failures > 0, "{stats:?}");
    instances.shutdown();
    assert_eq!(world.stopped.load(Ordering::SeqCst), world.started.load(Ordering::SeqCst));
    assert_eq!(*world.violations.lock().unwrap(), [""; 0]);
}

#[test]
fn a_shutdown_amid_starts_leaves_nothing_running() {
    for seed in 0..20 {
        let world = Arc::new(World::default());
        let instances: Instances<Worker> = Instances::builder("workers").build(&Hub::in_memory()).unwrap();
        thread::scope(|scope| {
            for thread in 0..4 {
                let (instances, world) = (instances.clone(), Arc::clone(&world));
                scope.spawn(move || {
                    let mut random = Random::new(seed * 100 + thread);
                    for _ in 0..20 {
                        let number = random.below(50);
                        let mut dice = Random::new(random.bits());
                        let factory = |_: &u64| start(&world, number, &mut dice);
                        let key = InstanceKey::of("s", "p", &number);
                        if let Err(InstanceError::ShutDown { .. }) =
                            instances.get_or_create(&key, &0, factory)
                        {
                            return;
                        }
                    }
                });
            }
            scope.spawn(|| instances.shutdown());
        });
        assert_eq!(world.stopped.load(Ordering::SeqCst), world.started.load(Ordering::SeqCst));
        assert_eq!((instances.stats().live, *world.violations.lock().unwrap() == [""; 0]), (0, true));
    }
}
