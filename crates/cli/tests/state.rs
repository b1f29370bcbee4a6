//! `plugcache state …` as its user sees it, on a managed directory; and what the variables of op-dbus do.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A directory with two files in it, caches, and a place for checkpoints.
struct Desk {
    place: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { place: tempfile::tempdir().unwrap() };
        fs::create_dir(desk.path("etc")).unwrap();
        fs::write(desk.path("etc/motd"), "hello\n").unwrap();
        fs::write(desk.path("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
        for name in ["etc/motd", "etc/hosts"] {
            // Whatever the mask for new files is.
            fs::set_permissions(desk.path(name), fs::Permissions::from_mode(0o644)).unwrap();
        }
        desk.write("desired.json", r#"{"plugins": {"files": {
            "motd": {"content": "welcome\n", "mode": "0600"}, "hosts": null, "conf.d/limits": {"content": "1024\n"}
        }}}"#);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
        let kept = ["PATH", "HOME"];
        command.env_clear().envs(std::env::vars().filter(|(name, _)| kept.contains(&name.as_str())));
        command.current_dir(self.place.path()).args(arguments);
        command.env("PLUGCACHE_DIR", self.path("cache")).env("PLUGCACHE_DATA_DIR", self.path("data"));
        command
            .env("XDG_CACHE_HOME", self.path("home-cache"))
            .env("XDG_CONFIG_HOME", self.path("home-config"));
        command.env("XDG_DATA_HOME", self.path("home-data"));
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, &[])
    }

    /// Exit code, data and talk, as one text that is the same on every machine.
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        let text = format!(
            "exit {}\n--- data\n{}--- talk\n{}",
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        text.replace(&self.place.path().display().to_string(), "PLACE")
    }

    /// With the managed directory.
    fn state(&self, arguments: &[&str]) -> String {
        self.run(&[&["state"], arguments, &["--managed", "etc"]].concat())
    }

    fn both(&self, name: &str, arguments: &[&str]) {
        snapshot(name, &self.state(arguments));
        snapshot(&format!("{name}_json"), &self.state(&[arguments, &["--format", "json"]].concat()));
    }

    fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(self.path("etc"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap_or_default()))
            .collect();
        files.sort();
        files
    }
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"\b[ac][0-9a-f]{24}\b", "CHECKPOINT");
    // Of the mounts of this machine, say.
    settings.add_filter(r#""current_hash":"[0-9a-f]{64}""#, r#""current_hash":"DIGEST""#);
    settings.add_filter(r#""(timestamp|made)":\d+"#, r#""$1":0"#);
    settings.add_filter(r"\b\d+(\.\d+)?(µs|ms|s) ago", "TIME ago");
    settings.add_filter(r"\b\d+(\.\d+)? (B|KiB|MiB)\b", "SIZE");
    // How much there is on this machine.
    settings.add_filter(r"\d[\d,]* (entries|entry|interfaces|routes|skipped|values)\b", "SOME $1");
    settings.add_filter(r"  +", "  ");
    settings.bind(|| insta::assert_snapshot!(format!("state_{name}"), text));
}

#[test]
fn what_is_done_is_in_the_log() {
    let desk = Desk::new();
    desk.state(&["apply", "desired.json"]);
    let log = desk.run(&["log", "show"]);
    assert!(log.contains("files") && log.contains("apply"), "{log}");
    let verified = desk.run(&["log", "verify"]);
    assert!(verified.starts_with("exit 0"), "{verified}");
}

#[test]
fn query() {
    let desk = Desk::new();
    // Of the machine only that there is something.
    snapshot("query_all", &desk.state(&["query"]));
    desk.both("query_files", &["query", "files"]);
    snapshot("query_unknown", &desk.state(&["query", "flies"]));
    snapshot("query_unavailable", &desk.run(&["state", "query", "--managed", "nowhere"]));
    let json = desk.state(&["query", "--format", "json"]);
    assert!(json.contains(r#""schema":1"#) && json.contains(r#""outcome":"ok""#), "{json}");
    for (plugin, part) in
        [("net", "\"lo\": {"), ("mounts", "\"/\": ["), ("sysctl", "\"kernel.ostype\": \"Linux\"")]
    {
        let shown = desk.state(&["query", plugin]);
        assert!(shown.contains(part), "{plugin}: {shown}");
    }
    let shown = desk.run(&["state", "query", "sysctl", "--sysctl", "kernel.random"]);
    assert!(shown.contains("kernel.random.boot_id") && !shown.contains("kernel.ostype"), "{shown}");
}

#[test]
fn what_was_asked_a_moment_ago_is_served_and_can_be_refused() {
    let desk = Desk::new();
    let hits = || {
        let shown = desk.run(&["cache", "stats", "--cache", "queries", "--format", "json"]);
        let document: serde_json::Value = serde_json::from_str(shown.lines().nth(2).unwrap()).unwrap();
        let sum = &document["caches"][0]["sum"];
        (sum["hits"].as_u64().unwrap(), sum["loads"].as_u64().unwrap())
    };
    let began = std::time::Instant::now();
    desk.state(&["query", "files"]);
    desk.state(&["query", "files"]);
    let is_quick = began.elapsed() < std::time::Duration::from_secs(5);
    if is_quick {
        assert_eq!(hits(), (1, 1));
    } else {
        eprintln!("SKIPPED: that a state is served again: this machine took more than 5 s");
    }
    let before = hits();
    desk.state(&["query", "files", "--refresh"]);
    assert_eq!(hits(), (before.0, before.1 + 1));
    // Another directory has another state.
    fs::create_dir(desk.path("other")).unwrap();
    let other = desk.run(&["state", "query", "files", "--managed", "other"]);
    assert!(other.contains("{}"), "{other}");
    let before = hits();
    desk.run_with(
        &["state", "query", "files", "--managed", "etc"],
        &[("OPENHCS_DISABLE_REGISTRY_CACHE", "1")],
    );
    assert_eq!(hits(), before);

    desk.state(&["diff", "desired.json"]);
    snapshot("clear_queries", &desk.run(&["cache", "clear", "--queries", "--blocks"]));
    snapshot("clear_nothing", &desk.run(&["cache", "clear", "--manifests", "--embedding"]));
    let shown = desk.run(&["cache", "clear", "--diffs", "--format", "json"]);
    assert!(shown.contains(r#""name":"diffs""#) && !shown.contains("queries"), "{shown}");
    let before = hits();
    desk.state(&["query", "files"]);
    assert_eq!(hits(), (before.0, before.1 + 1));
}

#[test]
fn diff() {
    let desk = Desk::new();
    desk.both("diff", &["diff", "desired.json"]);
    desk.write("same.json", r#"{"files": {"motd": {"content": "hello\n"}}}"#);
    desk.both("diff_same", &["diff", "same.json"]);
    desk.write("partly.json", r#"{"files": {"../motd": null}, "mounts": {}}"#);
    desk.both("diff_failed", &["diff", "partly.json"]);
    desk.write("unknown.json", r#"{"flies": {}}"#);
    snapshot("diff_unknown", &desk.state(&["diff", "unknown.json"]));
    desk.write("broken.json", "{");
    snapshot("diff_broken", &desk.state(&["diff", "broken.json"]));
    snapshot("diff_missing", &desk.state(&["diff", "missing.json"]));
    let mut child = desk
        .command(&["state", "diff", "-", "--managed", "etc"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(br#"{"files": {"hosts": null}}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("delete  files  hosts"));
}

#[test]
fn apply_and_go_back() {
    let desk = Desk::new();
    let before = desk.files();
    desk.both("apply_dry", &["apply", "desired.json", "--dry-run"]);
    assert_eq!(desk.files(), before);
    assert!(!desk.path("data").exists(), "a dry run leaves nothing behind");
    snapshot("apply", &desk.state(&["apply", "desired.json"]));
    assert_eq!(fs::read_to_string(desk.path("etc/conf.d/limits")).unwrap(), "1024\n");
    desk.both("apply_again", &["apply", "desired.json"]);
    snapshot("diff_after", &desk.state(&["diff", "desired.json"]));
    desk.both("checkpoints", &["checkpoint", "--list"]);

    let listed = desk.state(&["checkpoint", "--list"]);
    let id = listed.lines().nth(2).unwrap().split(' ').next().unwrap();
    snapshot("rollback", &desk.state(&["rollback", id]));
    assert_eq!(desk.files(), before);
    snapshot("rollback_other", &desk.run(&["state", "rollback", id]));
    snapshot("rollback_unknown", &desk.state(&["rollback", "../../etc/passwd"]));
    desk.both("checkpoint", &["checkpoint", "files"]);
    snapshot("checkpoint_read_only", &desk.state(&["checkpoint", "mounts"]));
}

#[test]
fn what_fails_is_taken_back_and_exits_with_2() {
    let desk = Desk::new();
    fs::create_dir(desk.path("etc/taken")).unwrap();
    let before = desk.files();
    desk.write(
        "broken.json",
        r#"{"files": {"a": {"content": "a"}, "motd": null, "taken": {"content": "in the way"}}}"#,
    );
    desk.both("apply_failed", &["apply", "broken.json"]);
    assert_eq!(desk.files(), before);
    desk.write("read-only.json", r#"{"files": {"a": {"content": "a"}}, "net": {}}"#);
    desk.both("apply_read_only", &["apply", "read-only.json"]);
    assert_eq!(desk.files(), before);
}

#[test]
fn variables_of_other_programs() {
    let desk = Desk::new();
    let variables = [
        ("OPDBUS_CACHE_DIR", "/nowhere/op-dbus"),
        ("OPDBUS_QUERY_CACHE_TTL", "7"),
        ("OPDBUS_EMBEDDING_DISK_CACHE", "false"),
        ("OPDBUS_BLOCK_CACHE_SIZE", "50"),
        ("OPENHCS_DISABLE_REGISTRY_CACHE", "true"),
    ];
    snapshot("config", &desk.run_with(&["config", "show"], &variables));
    snapshot(
        "config_empty_dir",
        &desk.run_with(&["config", "show"], &[&[("PLUGCACHE_DIR", "")], &variables[..1]].concat()),
    );
    snapshot("config_bad", &desk.run_with(&["config", "show"], &[("OPDBUS_DIFF_CACHE_SIZE", "many")]));
}

#[test]
fn help() {
    let desk = Desk::new();
    for command in ["query", "diff", "apply", "checkpoint", "rollback"] {
        snapshot(&format!("help_{command}"), &desk.run(&["state", command, "--help"]));
    }
}
