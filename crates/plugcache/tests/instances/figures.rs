//! What finding, reconfiguring and starting an instance cost. Not run with the others:
//! `cargo test -p plugcache --release --test instances -- --ignored --nocapture figures`

#![expect(clippy::print_stdout, reason = "a measurement tells figures")]

use std::{hint::black_box, time::Instant};

use plugcache::{
    Hub, Inputs,
    instances::{Failure, Instance, InstanceKey, Instances},
};
use plugcache_testkit::TreeBuilder;

struct Idle;

impl Instance for Idle {
    type Config = u64;

    fn reconfigure(&self, _: &u64) -> Result<(), Failure> {
        Ok(())
    }

    fn stop(&self) {}
}

const MANY: u64 = 10_000;

#[test]
#[ignore = "a measurement"]
fn figures() {
    let tree = TreeBuilder::new().file("plugin.py", "class Plugin: ...\n").build().unwrap();
    let file = Inputs::none().file(tree.path().join("plugin.py"));
    std::thread::sleep(std::time::Duration::from_millis(50));
    let each = |what: &str, run: &mut dyn FnMut(&InstanceKey)| {
        let keys: Vec<_> = (0..MANY).map(|n| InstanceKey::of("stream", "plugin", &n)).collect();
        let began = Instant::now();
        keys.iter().for_each(run);
        println!("{what}: {:?} each, {MANY} instances", began.elapsed() / u32::try_from(MANY).unwrap());
    };
    let build = |name: &str| Instances::<Idle>::builder(name);
    let instances = build("a").build(&Hub::in_memory()).unwrap();
    each("start", &mut |key| drop(black_box(instances.get_or_create(key, &0, |_| Ok(Idle)))));
    each("found", &mut |key| drop(black_box(instances.get_or_create(key, &0, |_| Ok(Idle)))));
    each("reconfigured", &mut |key| drop(black_box(instances.get_or_create(key, &1, |_| Ok(Idle)))));
    let began = Instant::now();
    instances.shutdown();
    println!("shut down: {:?} in all", began.elapsed());
    let small = build("b").capacity(1_000).build(&Hub::in_memory()).unwrap();
    each("start that evicts", &mut |key| drop(black_box(small.get_or_create(key, &0, |_| Ok(Idle)))));
    let looking = build("c").check_interval(std::time::Duration::ZERO).build(&Hub::in_memory()).unwrap();
    each("start with a file", &mut |key| {
        drop(black_box(looking.get_or_create_from(key, &file, &0, |_| Ok(Idle))));
    });
    each("found, file looked at", &mut |key| {
        drop(black_box(looking.get_or_create_from(key, &file, &0, |_| Ok(Idle))));
    });
    each("key made", &mut |_| drop(black_box(InstanceKey::of("stream", "plugin", "1"))));
}
