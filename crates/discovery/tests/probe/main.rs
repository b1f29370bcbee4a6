//! Modules imported in child processes, by a real Python.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, reason = "what is left out is said, and how much was compared")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use plugcache_cache::{Hub, Timestamp};
use plugcache_discovery::probe::{
    Builder, Failure, Network, Outcome, Probe, Probed, Quarantine, Retry, Target,
};
use plugcache_testkit::ManualClock;
use tempfile::TempDir;

/// The interpreter itself, not a script that starts one.
fn python() -> PathBuf {
    let named = std::env::var_os("PLUGCACHE_PYTHON").unwrap_or_else(|| "python3".into());
    let output =
        Command::new(named).args(["-I", "-c", "import sys; print(sys.executable)"]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A directory of modules.
struct Desk {
    place: TempDir,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let desk = Self { place: tempfile::tempdir().unwrap() };
        fs::create_dir(desk.root()).unwrap();
        for (name, text) in files {
            desk.write(name, text);
        }
        desk
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.root().join(name), text).unwrap();
    }

    fn target(&self, module: &str) -> Target {
        Target { module: module.to_owned(), file: self.root().join(format!("{module}.py")) }
    }

    /// With time enough for a machine that is busy.
    fn builder(&self) -> Builder {
        Probe::builder(python()).root(self.root()).timeout(Duration::from_mins(1))
    }

    fn probe(&self, module: &str) -> Arc<Outcome> {
        self.builder().build(&Hub::in_memory()).unwrap().module(&self.target(module)).unwrap()
    }
}

fn probed(outcome: &Outcome) -> &Probed {
    match outcome {
        Outcome::Probed(probed) => probed,
        Outcome::Quarantined(quarantine) => panic!("{quarantine:?}"),
    }
}

fn quarantined(outcome: &Outcome) -> &Quarantine {
    match outcome {
        Outcome::Quarantined(quarantine) => quarantine,
        Outcome::Probed(probed) => panic!("{probed:?}"),
    }
}

/// Until stamps are older than a probe that is about to begin.
fn settle() {
    std::thread::sleep(Duration::from_millis(40));
}

const DYNAMIC: &str = r#"
from base import Base
for code in ("de", "fr"):
    globals()["Greeter" + code.title()] = type("Greeter" + code.title(), (Base,), {
        "language": code, "limits": [1, 2.5, None, {"a": True}], "big": 2 ** 70, "run": lambda self: 0,
        "__doc__": "Greets in " + code})
"#;

#[test]
fn classes_that_are_made_at_run_time_are_told() {
    let base = "class Base:\n    language = None\n    kind = 'greeter'\n    def run(self): ...\n";
    let desk = Desk::new(&[("dynamic.py", DYNAMIC), ("base.py", base)]);
    let outcome = desk.probe("dynamic");
    let found = probed(&outcome);
    let names: Vec<_> = found.classes.iter().map(|class| class.name.as_str()).collect();
    assert_eq!(names, ["GreeterDe", "GreeterFr"]);
    let class = &found.classes[1];
    assert_eq!((class.module.as_str(), class.qualname.as_str()), ("dynamic", "GreeterFr"));
    assert_eq!(class.bases, ["base:Base", "builtins:object"]);
    assert!(class.is_below("base:Base") && !class.is_below("base:Other"));
    assert_eq!(class.doc.as_deref(), Some("Greets in fr"));
    let attributes = serde_json::to_value(&class.attributes).unwrap();
    let expected =
        serde_json::json!({ "kind": "greeter", "language": "fr", "limits": [1, 2.5, null, { "a": true }] });
    assert_eq!(attributes, expected);
    for name in ["dynamic.py", "base.py"] {
        assert!(found.files.contains(&desk.root().join(name)), "{:?}", found.files);
    }
}

/// The lines of a module that holds a lock as long as one of its processes lives.
const LOCKS: &str =
    "import fcntl, os, time\nlock = open(__file__ + '.lock', 'w')\nfcntl.flock(lock, fcntl.LOCK_EX)\n";

/// Waits until nobody holds the lock of a module any more. What was killed may take a moment to be gone.
fn all_are_gone(desk: &Desk, module: &str) -> bool {
    let lock = fs::File::open(desk.root().join(format!("{module}.py.lock"))).unwrap();
    let began = Instant::now();
    while lock.try_lock().is_err() {
        if began.elapsed() > Duration::from_secs(30) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn one_that_never_ends_is_stopped_with_all_that_it_started() {
    let text = format!("{LOCKS}os.fork()\ntime.sleep(600)\n");
    let desk = Desk::new(&[("sleepy.py", &text)]);
    let began = Instant::now();
    let probe = desk.builder().timeout(Duration::from_secs(6)).build(&Hub::in_memory()).unwrap();
    let outcome = probe.module(&desk.target("sleepy")).unwrap();
    let found = quarantined(&outcome);
    assert_eq!(found.failure, Failure::TimedOut(Duration::from_secs(6)));
    assert_eq!(found.retry, Retry::WhenInputsChangeOrAfter(Duration::from_mins(10)));
    assert!(began.elapsed() < Duration::from_mins(1));
    assert!(all_are_gone(&desk, "sleepy"));
}

#[test]
fn crashes_and_exits_are_told_apart() {
    let desk = Desk::new(&[
        ("exits.py", "import os\nos._exit(3)\n"),
        ("crashes.py", "import ctypes\nctypes.string_at(0)\n"),
        ("leaves.py", "raise SystemExit(7)\n"),
        ("raises.py", "print('so far')\nraise ValueError('no \\ud800 luck')\n"),
        ("wrong.py", "class A(\n"),
    ]);
    let failure = |module: &str| quarantined(&desk.probe(module)).failure.clone();
    assert_eq!(failure("exits"), Failure::Exited(3));
    assert_eq!(failure("crashes"), Failure::Crashed(11));
    assert!(matches!(failure("leaves"), Failure::Raised { kind, .. } if kind == "SystemExit"));
    assert!(matches!(failure("wrong"), Failure::Raised { kind, .. } if kind == "SyntaxError"));
    let outcome = desk.probe("raises");
    let found = quarantined(&outcome);
    let message = "no \\ud800 luck".to_owned();
    assert_eq!(found.failure, Failure::Raised { kind: "ValueError".into(), message });
    assert_eq!((found.retry, found.output.trim_end()), (Retry::WhenInputsChange, "so far"));
}

#[test]
fn memory_and_processor_time_are_bounded() {
    let desk = Desk::new(&[
        ("hog.py", "kept = []\nwhile True:\n    kept.append(bytearray(10_000_000))\n"),
        ("busy.py", "while True:\n    pass\n"),
    ]);
    // Each has one limit: on a slow machine the hog would reach the other's first.
    let probe = desk.builder().memory(512 << 20).build(&Hub::in_memory()).unwrap();
    let hog = probe.module(&desk.target("hog")).unwrap();
    assert_eq!(quarantined(&hog).failure, Failure::Memory(512 << 20));
    let builder = desk.builder().processor_time(Duration::from_secs(1));
    let probe = builder.build(&Hub::in_memory()).unwrap();
    let busy = probe.module(&desk.target("busy")).unwrap();
    assert_eq!(quarantined(&busy).failure, Failure::ProcessorTime(Duration::from_secs(1)));
}

#[test]
fn a_flood_of_output_is_cut_and_said() {
    let text = "import os\nfor _ in range(2000):\n    os.write(1, b'x' * 1000)\nclass A: pass\n";
    let desk = Desk::new(&[("flood.py", text)]);
    let probe = desk.builder().output(1000).build(&Hub::in_memory()).unwrap();
    let outcome = probe.module(&desk.target("flood")).unwrap();
    let found = probed(&outcome);
    assert_eq!((found.output.len(), found.output_was_cut, found.classes.len()), (1000, true, 1));
}

#[test]
fn what_holds_the_pipes_is_not_waited_for() {
    let text = format!(
        "{LOCKS}if os.fork() == 0:\n    os.setsid()\n    time.sleep(90)\n    os._exit(0)\nclass A: pass\n"
    );
    let desk = Desk::new(&[("daemon.py", &text)]);
    let began = Instant::now();
    let outcome = desk.probe("daemon");
    assert_eq!(probed(&outcome).classes.len(), 1);
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    match &probed(&outcome).network {
        // Namespaces were given: nothing gets out of them alive.
        Network::Cut => assert!(all_are_gone(&desk, "daemon")),
        Network::Open(reason) => {
            println!("NOT TESTED: a process that leaves its group survives here: {reason}");
        }
    }
}

#[test]
fn the_child_gets_the_environment_that_it_is_given_and_nothing_else() {
    let text = "import os\nclass A:\n    names = sorted(os.environ)\n    given = os.environ.get('GIVEN')\n    stdin = os.read(0, 10).decode()\n";
    let desk = Desk::new(&[("looks.py", text)]);
    let probe = desk.builder().variable("GIVEN", "yes").build(&Hub::in_memory()).unwrap();
    let outcome = probe.module(&desk.target("looks")).unwrap();
    let attributes = serde_json::to_value(&probed(&outcome).classes[0].attributes).unwrap();
    // Python itself may add how it understands the locale.
    let names: Vec<_> =
        attributes["names"].as_array().unwrap().iter().filter(|name| *name != "LC_CTYPE").collect();
    assert_eq!(names, ["GIVEN", "LANG"]);
    assert_eq!((&attributes["given"], &attributes["stdin"]), (&"yes".into(), &"".into()));
}

#[test]
fn what_is_printed_is_not_taken_for_an_answer() {
    let text = r#"
import json, os, sys
fake = json.dumps({"classes": [{"name": "Fake", "module": "m", "qualname": "Fake", "bases": [], "doc": None,
                                "attributes": {}}], "files": [], "executable": "/x"})
for word in ("plugcache", "plugcache-0123456789abcdef0123456789abcdef", ""):
    print("\n" + word + " answer " + fake + "\n" + word + " status 0\n", flush=True)
for fd in range(1, 20):
    try:
        os.write(fd, ("\n answer " + fake + "\n status 0\n").encode())
    except OSError:
        pass
class Real: pass
"#;
    let desk = Desk::new(&[("spoof.py", text)]);
    let outcome = desk.probe("spoof");
    let names: Vec<_> = probed(&outcome).classes.iter().map(|class| class.name.clone()).collect();
    assert_eq!(names, ["Real"]);
}

#[test]
fn the_network_is_cut_or_it_is_said_why_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!(
        "import socket\nclass A:\n    try:\n        socket.create_connection(('127.0.0.1', {port}), 5).close()\n        reached = True\n    except OSError:\n        reached = False\n"
    );
    let desk = Desk::new(&[("calls.py", &text)]);
    let reached = |outcome: &Outcome| probed(outcome).classes[0].attributes["reached"].as_bool().unwrap();
    let outcome = desk.probe("calls");
    match &probed(&outcome).network {
        Network::Cut => assert!(!reached(&outcome)),
        Network::Open(reason) => {
            println!("NOT TESTED: this system does not let the network be cut: {reason}");
            assert!(!reason.is_empty() && reached(&outcome));
        }
    }
    let open = desk.builder().allow_network().build(&Hub::in_memory()).unwrap();
    let outcome = open.module(&desk.target("calls")).unwrap();
    assert!(matches!(probed(&outcome).network, Network::Open(_)) && reached(&outcome));
}

/// Each import adds a line to a file.
const COUNTED: &str = "import os\nwith open(os.path.join(os.path.dirname(__file__), '..', 'count'), 'a') as count:\n    count.write('x')\n";

fn count(desk: &Desk) -> usize {
    fs::read(desk.place.path().join("count")).map_or(0, |bytes| bytes.len())
}

#[test]
fn an_answer_is_kept_until_a_file_that_it_rests_on_changes() {
    let desk = Desk::new(&[
        ("counted.py", &format!("{COUNTED}from helper import name\nA = type(name, (), {{}})\n")),
        ("helper.py", "name = 'One'\n"),
    ]);
    settle();
    let cache = desk.place.path().join("cache");
    let ask = || {
        let hub = Hub::builder().directory(&cache).build().unwrap();
        let outcome = desk.builder().build(&hub).unwrap().module(&desk.target("counted")).unwrap();
        (probed(&outcome).classes[0].qualname.clone(), count(&desk))
    };
    assert_eq!(ask(), ("One".into(), 1));
    assert_eq!(ask(), ("One".into(), 1), "kept on disk, no process started");
    desk.write("helper.py", "name = 'Two'\n");
    settle();
    assert_eq!(ask(), ("Two".into(), 2), "an imported file changed");
    desk.write("counted.py", &format!("{COUNTED}A = type('Three', (), {{}})\n"));
    settle();
    assert_eq!(ask(), ("Three".into(), 3), "the module changed");
    assert_eq!(ask(), ("Three".into(), 3));
}

#[test]
fn a_missing_dependency_that_appears_is_found() {
    let desk = Desk::new(&[
        ("needs.py", &format!("{COUNTED}import later\nclass A: pass\n")),
        ("other.py", "class B: pass\n"),
    ]);
    settle();
    let probe = desk.builder().build(&Hub::in_memory()).unwrap();
    let first = probe.module(&desk.target("needs")).unwrap();
    assert!(
        matches!(&quarantined(&first).failure, Failure::Raised { kind, .. } if kind == "ModuleNotFoundError")
    );
    _ = probe.module(&desk.target("needs")).unwrap();
    assert_eq!(count(&desk), 1, "quarantined: not tried again");
    let other = probe.module(&desk.target("other")).unwrap();
    assert_eq!(probed(&other).classes.len(), 1, "it hides nothing else");
    desk.write("later.py", "");
    settle();
    let second = probe.module(&desk.target("needs")).unwrap();
    assert_eq!((probed(&second).classes.len(), count(&desk)), (1, 2));
    assert!(probe.forget(&desk.target("needs")), "it was kept");
    _ = probe.module(&desk.target("needs")).unwrap();
    assert_eq!(count(&desk), 3, "what is forgotten is tried again");
}

#[test]
fn a_dependency_that_a_module_did_without_is_found_when_it_appears() {
    let text =
        format!("{COUNTED}try:\n    import later\nexcept ImportError:\n    pass\nelse:\n    class A: pass\n");
    let desk = Desk::new(&[("optional.py", &text)]);
    settle();
    let probe = desk.builder().build(&Hub::in_memory()).unwrap();
    for _ in 0..2 {
        let without = probe.module(&desk.target("optional")).unwrap();
        assert_eq!((probed(&without).classes.len(), count(&desk)), (0, 1));
    }
    desk.write("later.py", "");
    settle();
    let with = probe.module(&desk.target("optional")).unwrap();
    assert_eq!((probed(&with).classes.len(), count(&desk)), (1, 2));
}

#[test]
fn what_took_too_long_is_tried_again_after_a_while() {
    let text = format!("{COUNTED}import time\ntime.sleep(600)\n");
    let desk = Desk::new(&[("slow.py", &text)]);
    settle();
    let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000_000)));
    let hub = Hub::builder().clock(Arc::clone(&clock) as _).build().unwrap();
    let builder = desk.builder().timeout(Duration::from_secs(6)).back_off(Duration::from_mins(5));
    let probe = builder.build(&hub).unwrap();
    let mut seen = Vec::new();
    for minutes in [0, 4, 2] {
        clock.advance(Duration::from_mins(minutes));
        _ = quarantined(&probe.module(&desk.target("slow")).unwrap());
        seen.push(count(&desk));
    }
    assert_eq!(seen, [1, 1, 2]);
}

/// Nobody can tell a module that kills itself from one that was killed: it is left alone for a while.
#[test]
fn one_that_is_killed_is_tried_again_after_a_while() {
    let text = format!("{COUNTED}import signal\nos.kill(os.getpid(), signal.SIGKILL)\n");
    let desk = Desk::new(&[("killed.py", &text)]);
    settle();
    let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000_000)));
    let hub = Hub::builder().clock(Arc::clone(&clock) as _).build().unwrap();
    let probe = desk.builder().back_off(Duration::from_mins(5)).build(&hub).unwrap();
    let mut seen = Vec::new();
    for minutes in [0, 4, 2] {
        clock.advance(Duration::from_mins(minutes));
        let outcome = probe.module(&desk.target("killed")).unwrap();
        let found = quarantined(&outcome);
        assert_eq!(found.failure, Failure::Crashed(9));
        assert_eq!(found.retry, Retry::WhenInputsChangeOrAfter(Duration::from_mins(5)));
        seen.push(count(&desk));
    }
    assert_eq!(seen, [1, 1, 2]);
}

/// Run by [`nothing_outlives_a_host_that_is_killed`].
#[test]
fn child_that_probes() {
    let Some(root) = std::env::var_os("PLUGCACHE_TEST_ROOT").map(PathBuf::from) else { return };
    let target = Target { module: "sleepy".to_owned(), file: root.join("sleepy.py") };
    let builder = Probe::builder(python()).root(&root).timeout(Duration::from_mins(10));
    _ = builder.build(&Hub::in_memory()).unwrap().module(&target);
}

#[test]
fn nothing_outlives_a_host_that_is_killed() {
    let text = format!("{LOCKS}open(__file__ + '.ready', 'w').close()\ntime.sleep(600)\n");
    let desk = Desk::new(&[("sleepy.py", &text)]);
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_probes"])
        .env("PLUGCACHE_TEST_ROOT", desk.root())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !desk.root().join("sleepy.py.ready").exists() {
        assert!(began.elapsed() < Duration::from_mins(2), "the module was never imported");
        std::thread::sleep(Duration::from_millis(20));
    }
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(all_are_gone(&desk, "sleepy"));
}

#[test]
fn an_interpreter_that_is_none_is_told() {
    let desk = Desk::new(&[("a.py", "")]);
    let ask = |python: &Path| {
        let probe = Probe::builder(python).build(&Hub::in_memory()).unwrap();
        probe.module(&desk.target("a")).unwrap_err().to_string()
    };
    assert!(ask(&desk.root().join("nowhere")).contains("name a Python 3 interpreter"));
    let error = ask(Path::new("/bin/false"));
    assert!(error.contains("/bin/false"), "{error}");
}
