//! `plugcache plugins safety` as its user sees it: the whole output.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{fs, process::Command};

use tempfile::TempDir;

struct Desk {
    place: TempDir,
}

const HARMLESS: &str =
    "import json\n\nclass Greeter:\n    def greet(self):\n        return json.dumps('hello')\n";
const EVIL: &str =
    "import os\nrun = getattr(os, 'sys' + 'tem')\nx = ().__class__.__bases__[0].__subclasses__()\n";
/// BLAKE3 of [`EVIL`].
fn digest() -> String {
    plugcache_digest(EVIL)
}

/// As the command itself prints it.
fn plugcache_digest(text: &str) -> String {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.py"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
    let output =
        command.args(["plugins", "safety", "a.py", "--format", "json"]).current_dir(&place).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    document["files"][0]["digest"].as_str().unwrap().to_owned()
}

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("plugins/pack/__pycache__")).unwrap();
        let write =
            |name: &str, text: &str| fs::write(place.path().join("plugins").join(name), text).unwrap();
        write("greeter.py", HARMLESS);
        write("evil.py", EVIL);
        write("pack/__init__.py", "from .tools import add\n");
        write("pack/tools.py", "def add(a, b):\n    return a + b\n");
        write("pack/__pycache__/tools.cpython-311.pyc", "");
        Self { place }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
        command.env_clear().current_dir(self.place.path()).args(["plugins", "safety"]).args(arguments);
        let output = command.output().unwrap();
        format!(
            "exit {}\n--- data\n{}--- talk\n{}",
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    }
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(format!("safety_{name}"), text));
}

#[test]
fn files_and_packages() {
    let desk = Desk::new();
    snapshot("harmless", &desk.run(&["plugins/greeter.py"]));
    snapshot("rejected", &desk.run(&["plugins/evil.py"]));
    snapshot("package", &desk.run(&["plugins"]));
    snapshot("missing", &desk.run(&["plugins/none.py"]));
}

#[test]
fn profiles_and_lists() {
    let desk = Desk::new();
    snapshot("ratio1", &desk.run(&["plugins", "--profile", "ratio1"]));
    snapshot(
        "ratio1_import",
        &desk.run(&["plugins/greeter.py", "--profile", "ratio1", "--allow-import", "json"]),
    );
    let digest = digest();
    snapshot("listed", &desk.run(&["plugins/evil.py", "--allow-digest", &digest]));
    let only = ["plugins/evil.py", "plugins/greeter.py", "--only-listed", "--allow-digest", &digest];
    snapshot("only_listed", &desk.run(&only));
    snapshot("bad_digest", &desk.run(&["plugins", "--allow-digest", "abc"]));
}

#[test]
fn as_a_document() {
    let desk = Desk::new();
    snapshot("json", &desk.run(&["plugins", "--format", "json"]));
}

#[test]
fn help() {
    snapshot("help", &Desk::new().run(&["--help"]));
}
