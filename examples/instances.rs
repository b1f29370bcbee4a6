//! Running plugins: started once, reconfigured with a way back, replaced when their file is edited.
//!
//! `cargo run -p plugcache --example instances`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, fs, time::Duration};

use plugcache::{
    Hub, Inputs,
    instances::{Failure, Instance, InstanceError, InstanceKey, Instances, Upstream},
};
use serde_json::{Value, json};

/// A plugin whose code is a text file.
struct Greeter {
    code: String,
}

impl Instance for Greeter {
    type Config = Value;

    fn reconfigure(&self, config: &Value) -> Result<(), Failure> {
        println!("  {} is told {config}", self.code);
        match config["times"].as_i64() {
            Some(1..=3) => Ok(()),
            _ => Err("`times` is to be from 1 to 3".into()),
        }
    }

    fn command(&self, command: &Value) -> Result<(), Failure> {
        println!("  {} is commanded {command}", self.code);
        Ok(())
    }

    fn stop(&self) {
        println!("  {} stops", self.code);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("greeter.txt");
    fs::write(&file, "hello")?;

    // Files are looked at whenever an instance is asked for; by default, once a second.
    let greeters: Instances<Greeter> =
        Instances::builder("greeters").check_interval(Duration::ZERO).build(&Hub::in_memory())?;
    let key = InstanceKey::of("lobby", "greeter", "1");
    let inputs = Inputs::none().file(&file);
    let get = |config: &Value| {
        greeters
            .get_or_create_from(&key, &inputs, config, |_| Ok(Greeter { code: fs::read_to_string(&file)? }))
    };

    println!("started, then asked for again, then with another configuration:");
    let old = get(&json!({"times": 1}))?.handle;
    println!("  {:?}", get(&json!({"times": 1}))?.outcome);
    println!("  {:?}", get(&json!({"times": 2}))?.outcome);

    println!("with one that it refuses:");
    match get(&json!({"times": 9})) {
        Err(InstanceError::RolledBack(refused)) => println!("  {}; it keeps {}", refused.fault, refused.old),
        _ => return Err("it should have refused that".into()),
    }

    println!("with a command beside the configuration, which waits for the next time:");
    match Upstream::of(&json!({"times": 3, "INSTANCE_COMMAND": "wave"})) {
        Upstream::Command(command) => old.command(&command)?,
        Upstream::Config(config) => println!("  {:?}", get(&config)?.outcome),
    }

    println!("edited: new callers get a new one, the old one stops when it is let go:");
    fs::write(&file, "goodbye")?;
    let new = get(&json!({"times": 2}))?;
    println!("  {:?}: {} beside {}", new.outcome, new.handle.code, old.code);
    drop(old);

    println!("a start that fails is not tried again at once, and never given up:");
    for _ in 0..2 {
        let missing = InstanceKey::of("lobby", "greeter", "2");
        if let Err(error) = greeters.get_or_create(&missing, &json!({}), |_| Err("no such device".into())) {
            println!("  {error}");
        }
    }

    println!("shut down:");
    greeters.shutdown();
    Ok(())
}
