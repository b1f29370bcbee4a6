//! Files as they are to be: what would change, the change, and a change that fails and is taken back.
//!
//! `cargo run -p plugcache --example state`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, fs};

use plugcache::{
    Hub,
    state::{ApplyReport, StateManager, plugins::Files},
};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::temp_dir().join(format!("plugcache-example-state-{}", std::process::id()));
    fs::create_dir_all(place.join("etc"))?;
    fs::write(place.join("etc/motd"), "hello\n")?;
    let hub = Hub::in_memory();
    let manager = StateManager::builder()
        .plugin(Files::new(place.join("etc")))
        .checkpoints(place.join("checkpoints"))
        .on_operation(|plugin, operation, _| println!("for the log: {operation} by {plugin}"))
        .build(&hub)?;
    println!("now: {}", manager.query("files")?);

    let desired = json!({ "files": {
        "motd": { "content": "welcome\n" },
        "conf.d/limits": { "content": "1024\n", "mode": "0600" },
    } });
    for (plugin, diff) in manager.diff(&desired)? {
        for action in &diff?.actions {
            println!("{plugin} would change {}", action.path());
        }
    }
    tell(&manager.apply(&desired)?);
    println!("motd says {:?}", fs::read_to_string(place.join("etc/motd"))?);

    // The second file cannot be there, because a directory is. The first one is taken back.
    let broken = json!({ "files": {
        "a-new-file": { "content": "short-lived\n" },
        "conf.d": { "content": "in the way\n" },
    } });
    tell(&manager.apply(&broken)?);
    println!("a-new-file is there: {}", place.join("etc/a-new-file").exists());
    let stats = &hub.stats()["queries"];
    println!("{} queries, {} hits", stats.loads, stats.hits());
    Ok(fs::remove_dir_all(place)?)
}

fn tell(report: &ApplyReport) {
    for plugin in &report.plugins {
        println!("{}: {:?} {}", plugin.diff.plugin, plugin.outcome, plugin.errors.join("; "));
    }
    println!("success: {}", report.is_success());
}
