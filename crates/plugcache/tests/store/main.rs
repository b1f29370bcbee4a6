//! Plugins' data on real files: what comes back, who is refused, what a kill leaves, what the original reads.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stderr, reason = "says loudly what was skipped")]

mod faults;
mod ids;
mod original;
mod values;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use plugcache::store::{Category, PluginData, Store};

const ROLE: &str = "PLUGCACHE_TEST_ROLE";
const PLACE: &str = "PLUGCACHE_TEST_PLACE";

/// What the children do; not a test of its own.
#[test]
#[ignore = "run as a child process by the tests"]
fn child() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    match std::env::var(ROLE).unwrap().as_str() {
        "save for ever" => faults::save_for_ever(&place),
        "save a little" => faults::save_a_little(&place),
        "count" => faults::count(&place),
        role => panic!("unknown role {role}"),
    }
}

/// This test program as a child, perhaps under another program.
fn command(under: &[&str], role: &str, place: &Path) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut command = match under {
        [] => Command::new(own),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
    };
    command.args(["child", "--exact", "--nocapture", "--ignored"]).env(ROLE, role).env(PLACE, place);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn spawn(role: &str, place: &Path) -> Child {
    command(&[], role, place).spawn().unwrap()
}

/// Runs a child, and kills it so long after it has done something.
fn kill(role: &str, place: &Path, after: Duration) {
    let begun = place.join("begun");
    let _ = std::fs::remove_file(&begun);
    let mut child = spawn(role, place);
    while !begun.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn store(place: &Path) -> Store {
    Store::open(place.join("data")).unwrap()
}

fn plugin(place: &Path, id: &str) -> PluginData {
    store(place).plugin(&Category::PLUGINS, id)
}

/// Of how many system calls one is met: each of them under `PLUGCACHE_LONG`.
fn step() -> usize {
    if std::env::var_os("PLUGCACHE_LONG").is_some() { 1 } else { 5 }
}
