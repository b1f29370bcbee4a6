//! Classes that are made at run time, told by a child process within limits.
//!
//! `cargo run -p plugcache --example probe`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, path::Path, process::Command};

use plugcache::{
    Hub,
    discovery::probe::{Outcome, Probe, Target},
};

fn main() -> Result<(), Box<dyn Error>> {
    let named = std::env::var_os("PLUGCACHE_PYTHON").unwrap_or_else(|| "python3".into());
    let Ok(answer) = Command::new(named).args(["-I", "-c", "import sys; print(sys.executable)"]).output()
    else {
        println!("there is no Python here to probe with");
        return Ok(());
    };
    let python = String::from_utf8(answer.stdout)?.trim().to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dynamic");
    let hub = Hub::in_memory();
    let probe = Probe::builder(python).root(&root).build(&hub)?;
    for module in ["generated", "broken", "generated"] {
        let target = Target { module: module.to_owned(), file: root.join(format!("{module}.py")) };
        match &*probe.module(&target)? {
            Outcome::Probed(probed) => {
                for class in &probed.classes {
                    println!(
                        "{module}: {} below {}: {:?}",
                        class.name,
                        class.bases.join(", "),
                        class.attributes
                    );
                }
                println!("{module}: the network was {:?}", probed.network);
            }
            Outcome::Quarantined(quarantine) => {
                println!("{module}: quarantined, {}; tried again {:?}", quarantine.failure, quarantine.retry);
            }
        }
    }
    let stats = hub.stats();
    println!("{} imports, {} answers from the cache", stats["probe"].loads, stats["probe"].hits());
    Ok(())
}
