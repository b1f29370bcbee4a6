//! Every command as its user sees it: the whole output, paths and times made the same everywhere.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The example host, copied so that it may be changed, and a cache of its own.
struct Desk {
    place: TempDir,
}

const SELECT: [&str; 6] = ["--root", "tree", "--package", "host.plugins", "--rule", "base=host.base:Greeter"];

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/host");
        copy(&examples, &place.path().join("tree/host"));
        settle();
        Self { place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
        let kept = ["PATH", "HOME"];
        command.env_clear().envs(std::env::vars().filter(|(name, _)| kept.contains(&name.as_str())));
        command.current_dir(self.place.path()).args(arguments);
        command.env("PLUGCACHE_DIR", self.path("cache")).env("XDG_CACHE_HOME", self.path("home-cache"));
        command
    }

    /// Exit code, data and talk, as one text that is the same on every machine.
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = format!(
            "exit {}\n--- data\n{}--- talk\n{}",
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let place = self.place.path().display().to_string();
        text.replace(&place, "PLACE")
    }

    fn select(&self, before: &[&str], after: &[&str]) -> String {
        self.run(&[before, &SELECT, after].concat())
    }
}

/// Waits until stamps are old enough to prove something, so that no output speaks of their youth.
fn settle() {
    std::thread::sleep(std::time::Duration::from_millis(40));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            // The Rust half of the example is not what plugins are looked for in.
            if entry.file_name() != "__pycache__" && entry.file_name() != "tour" {
                copy(&entry.path(), &to.join(entry.file_name()));
            }
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Times, digests, stamps and the columns after a path of varying length are made the same.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"in \d+\.\d ms", "in T ms");
    settings.add_filter(r#""elapsed_ms":[0-9.e-]+"#, r#""elapsed_ms":0"#);
    settings.add_filter(r"[0-9a-f]{32}", "DIGEST");
    settings.add_filter(r#""(device|inode|modified|changed)":-?\d+"#, r#""$1":0"#);
    settings.add_filter(r"inode \d+", "inode N");
    // How fast this machine is decides whether a file just written is still too young.
    settings.add_filter(", too young to prove anything: read each time until it is quiet", "");
    settings.add_filter(r"(m|c)time -?\d+ ns", "${1}time T ns");
    settings.add_filter(r"\[\d+(,\d+){15}\]", r#""DIGEST""#);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn ls() {
    let desk = Desk::new();
    snapshot("ls_cold", &desk.select(&["plugins", "ls"], &[]));
    snapshot("ls_warm", &desk.select(&["plugins", "ls"], &[]));
    snapshot(
        "ls_json",
        &desk.select(&["plugins", "ls"], &["--key", "attribute:language", "--format", "json"]),
    );
}

#[test]
fn ls_tells_what_stood_in_the_way() {
    let desk = Desk::new();
    fs::write(desk.path("tree/host/plugins/broken.py"), "class Broken(Greeter\n").unwrap();
    fs::write(
        desk.path("tree/host/plugins/twice.py"),
        "from .english import English as E\nclass English(E): pass\n",
    )
    .unwrap();
    snapshot("ls_problems", &desk.select(&["plugins", "ls"], &[]));
}

#[test]
fn functions() {
    let desk = Desk::new();
    let text = "def tool(f): return f\n\n@tool\ndef add(a: int, b=2, *rest, key: str = \"x\", **more) -> int:\n    \"\"\"Adds.\"\"\"\n    return a\n";
    fs::write(desk.path("tree/host/tools.py"), text).unwrap();
    settle();
    let arguments =
        ["plugins", "ls", "--root", "tree", "--package", "host", "--rule", "function-decorator=tool"];
    snapshot("functions_json", &desk.run(&[&arguments[..], &["--format", "json"]].concat()));
    snapshot("functions_show", &desk.run(&[&["plugins", "show", "add"], &arguments[2..]].concat()));
}

#[test]
fn manifests() {
    let desk = Desk::new();
    for (name, text) in [
        ("a", r#"{"domain": "a", "name": "A"}"#),
        ("b", r#"{"domain": "b", "requirements": []}"#),
        ("c", "{"),
    ] {
        fs::create_dir_all(desk.path(&format!("tree/components/{name}"))).unwrap();
        fs::write(desk.path(&format!("tree/components/{name}/manifest.json")), text).unwrap();
    }
    settle();
    let arguments =
        ["plugins", "ls", "--root", "tree", "--manifest", "components/*/manifest.json", "--key", "domain"];
    snapshot("manifests", &desk.run(&arguments));
    snapshot("manifests_json", &desk.run(&[&arguments[..], &["--format", "json"]].concat()));
}

#[test]
fn resolve_show_search() {
    let desk = Desk::new();
    snapshot("resolve", &desk.select(&["plugins", "resolve", "German"], &[]));
    snapshot("resolve_json", &desk.select(&["plugins", "resolve", "German"], &["--format", "json"]));
    snapshot("resolve_unknown", &desk.select(&["plugins", "resolve", "Germna"], &[]));
    snapshot("resolve_loose", &desk.select(&["plugins", "resolve", "polite_english"], &["--case", "loose"]));
    snapshot("show", &desk.select(&["plugins", "show", "PoliteEnglish"], &[]));
    snapshot("search", &desk.select(&["plugins", "search", "good"], &[]));
}

#[test]
fn explain() {
    let desk = Desk::new();
    desk.select(&["plugins", "ls"], &[]);
    snapshot("explain_hit", &desk.select(&["explain", "German"], &[]));
    fs::write(desk.path("tree/host/base.py"), "class Greeter:\n    language = None\n").unwrap();
    snapshot("explain_changed", &desk.select(&["explain", "German"], &[]));
    // Until the new stamp is old enough to prove something, and that has been noticed.
    settle();
    desk.select(&["plugins", "ls"], &[]);
    snapshot("explain_unknown", &desk.select(&["explain", "French"], &[]));
}

#[test]
fn cache() {
    let desk = Desk::new();
    desk.select(&["plugins", "ls"], &[]);
    snapshot("cache_dir", &desk.run(&["cache", "dir"]));
    snapshot("cache_verify", &desk.run(&["cache", "verify"]));
    let index = fs::read_dir(desk.path("cache")).unwrap().map(|entry| entry.unwrap().path());
    let index = index.into_iter().find(|path| path.extension().is_some_and(|e| e == "plugidx")).unwrap();
    let mut bytes = fs::read(&index).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&index, bytes).unwrap();
    snapshot("cache_verify_damaged", &desk.run(&["cache", "verify"]));
    fs::write(desk.path("cache/somebody-elses"), "stays").unwrap();
    snapshot("cache_clear_dry", &desk.run(&["cache", "clear", "--dry-run"]));
    snapshot("cache_clear", &desk.run(&["cache", "clear"]));
    assert!(desk.path("cache/somebody-elses").exists() && !index.exists());
}

#[test]
fn project_file_and_usage() {
    let desk = Desk::new();
    snapshot("usage_no_root", &desk.run(&["plugins", "ls"]));
    snapshot("usage_no_such_root", &desk.run(&["plugins", "ls", "--root", "nowhere"]));
    snapshot("usage_bad_rule", &desk.run(&["plugins", "ls", "--root", "tree", "--rule", "bas=x"]));
    let text = "roots = [\"tree\"]\npackages = [\"host.plugins\"]\nrules = [\"base=host.base:Greeter\"]\n";
    fs::write(desk.path("plugcache.toml"), text).unwrap();
    snapshot("project_file", &desk.run(&["plugins", "ls"]));
}

#[test]
fn a_world_writable_cache_is_refused_with_the_remedy() {
    let desk = Desk::new();
    fs::create_dir(desk.path("cache")).unwrap();
    fs::set_permissions(desk.path("cache"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    snapshot("world_writable", &desk.select(&["plugins", "ls"], &[]));
    assert_eq!(fs::read_dir(desk.path("cache")).unwrap().count(), 0);
}

#[test]
fn completions_and_closed_pipes() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = desk.command(&["completions", shell]).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 1000, "{shell}");
    }
    let mut child = desk
        .command(&[&["plugins", "ls"], &SELECT[..]].concat())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn demo_runs_to_its_end_with_and_without_python() {
    let desk = Desk::new();
    let output = desk.command(&["demo"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("Answered in"), "{text}");
    let output = desk.command(&["demo"]).env("PATH", "/nowhere").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("example host"), "{text}");
}
