//! A plugin judged from its source before any of it runs, and the list of digests that decides.
//!
//! `cargo run -p plugcache --example safety`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, path::Path};

use plugcache::{
    Hub,
    discovery::safety::{Judge, Policy, SourceDigest},
};

const PLUGIN: &str = "\
import json

class Greeter:
    def greet(self):
        return json.dumps('hello')
";

const SLY: &str = "\
import random
shell = random._os.system
found = ().__class__.__bases__[0].__subclasses__()
";

fn main() -> Result<(), Box<dyn Error>> {
    let judge = Judge::new(Policy::default(), &Hub::in_memory())?;
    let judged = judge.source(Path::new("greeter.py"), PLUGIN.into());
    println!("greeter.py: {:?}", judged.verdict.reason);
    // What is compiled is what was judged: these bytes, not the file.
    println!("{} bytes to compile", judged.allowed_source()?.len());

    match judge.source(Path::new("sly.py"), SLY.into()).allowed_source() {
        Ok(_) => println!("sly.py: nothing found, which proves nothing"),
        Err(rejected) => println!("{rejected}"),
    }

    // A scan is a hint. The list decides: what is on it loads, and nothing else does.
    let allowed_digests = [SourceDigest::of(PLUGIN.as_bytes())].into();
    let policy = Policy { only_listed: true, allowed_digests, ..Policy::default() };
    let gate = Judge::new(policy, &Hub::in_memory())?;
    for (name, source) in [("greeter.py", PLUGIN), ("greeter.py, a space more", &format!("{PLUGIN} "))] {
        let judged = gate.source(Path::new(name), source.into());
        println!("{name}: {:?}", judged.verdict.reason);
    }
    Ok(())
}
