//! `plugcache log …`: appended to, shown, followed, verified, kept in snapshots.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

struct Desk {
    place: TempDir,
}

impl Desk {
    fn empty() -> Self {
        Self { place: tempfile::tempdir().unwrap() }
    }

    /// With three blocks.
    fn filled() -> Self {
        let desk = Self::empty();
        fs::write(desk.path("state.json"), "{}").unwrap();
        for arguments in [
            &["--plugin", "net", "--operation", "apply", "--data", "state.json", "--meta", "by=admin"][..],
            &["--plugin", "camera", "--operation", "start"],
            &["--plugin", "net", "--operation", "verify", "--meta", "ok=yes", "--meta", "odd=a=b"],
        ] {
            let output = desk.command(&[&["log", "append"], arguments].concat()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        desk
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
        command.env("XDG_CONFIG_HOME", self.path("home-config")).env("XDG_DATA_HOME", self.path("home-data"));
        command.env("PLUGCACHE_DATA_DIR", self.path("data")).stdin(Stdio::null());
        command
    }

    /// Exit code, data and talk, as one text.
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = format!(
            "exit {}\n--- data\n{}--- talk\n{}",
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        text.replace(&self.place.path().display().to_string(), "PLACE")
    }

    fn blocks(&self) -> PathBuf {
        self.path("data/log/00000000000000000000.blocks")
    }
}

/// Compares with what was seen before; times and hashes are of this run.
fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9a-f]{64}", "HASH");
    settings.add_filter(r"\b[0-9a-f]{12}\b", "SHORT");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:?\d\d:?\d\dZ(-\d+)?", "TIME");
    settings.add_filter(r#""time_ns":\d+"#, r#""time_ns":NUMBER"#);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn blocks_are_shown() {
    let desk = Desk::filled();
    compare("log_show", &desk.run(&["log", "show"]));
    compare("log_show_json", &desk.run(&["log", "show", "--format", "json"]));
    compare("log_show_one", &desk.run(&["log", "show", "0"]));
    compare("log_show_one_json", &desk.run(&["log", "show", "1", "--format", "json"]));
    compare("log_show_none", &desk.run(&["log", "show", "3"]));
    compare("log_show_plugin", &desk.run(&["log", "show", "--plugin", "net"]));
    compare("log_show_operation", &desk.run(&["log", "show", "--plugin", "net", "--operation", "apply"]));
    compare("log_tail", &desk.run(&["log", "tail", "-n", "2"]));
    compare("log_tail_plugin", &desk.run(&["log", "tail", "-n", "1", "--plugin", "camera"]));
    compare("log_help", &desk.run(&["log", "--help"]));
    compare("log_help_append", &desk.run(&["log", "append", "--help"]));
    compare("log_help_tail", &desk.run(&["log", "tail", "--help"]));
}

#[test]
fn appending_says_the_number() {
    let desk = Desk::filled();
    compare("log_append", &desk.run(&["log", "append", "--plugin", "p", "--operation", "o"]));
    let json = ["log", "append", "--plugin", "p", "--operation", "o", "--format", "json"];
    compare("log_append_json", &desk.run(&json));
    let gone = ["log", "append", "--plugin", "p", "--operation", "o", "--data", "gone"];
    compare("log_append_no_file", &desk.run(&gone));
    compare(
        "log_append_bad_meta",
        &desk.run(&["log", "append", "--plugin", "p", "--operation", "o", "--meta", "x"]),
    );
    compare("log_append_no_name", &desk.run(&["log", "append", "--plugin", "", "--operation", "o"]));

    // Standard input and a file of the same content have the same hash.
    let mut child = desk
        .command(&["log", "append", "--plugin", "p", "--operation", "in", "--data", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"{}").unwrap();
    assert!(child.wait().unwrap().success());
    let hash_of = |number: &str| {
        let output = desk.command(&["log", "show", number, "--format", "json"]).output().unwrap();
        let block: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        block["block"]["data_hash"].clone()
    };
    assert_eq!(hash_of("0"), hash_of("5"));
    assert_ne!(hash_of("0"), hash_of("1"));
}

#[test]
fn damage_is_found_with_its_place() {
    let desk = Desk::filled();
    compare("log_verify", &desk.run(&["log", "verify"]));
    compare("log_verify_json", &desk.run(&["log", "verify", "--format", "json"]));
    let output = desk.command(&["log", "verify"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let head = said.lines().next().unwrap().strip_prefix("head ").unwrap();
    assert!(desk.command(&["log", "verify", "--head", head]).output().unwrap().status.success());
    let other = head.replace("3:", "4:");
    compare("log_verify_remembered", &desk.run(&["log", "verify", "--head", &other]));
    compare("log_verify_bad_head", &desk.run(&["log", "verify", "--head", "3"]));

    let whole = fs::read(desk.blocks()).unwrap();
    let mut bytes = whole.clone();
    bytes[40] ^= 1;
    fs::write(desk.blocks(), bytes).unwrap();
    compare("log_verify_damaged", &desk.run(&["log", "verify"]));
    compare("log_verify_damaged_json", &desk.run(&["log", "verify", "--format", "json"]));
    compare("log_show_damaged", &desk.run(&["log", "show", "0"]));
    fs::write(desk.blocks(), &whole[..whole.len() - 1]).unwrap();
    compare("log_verify_cut", &desk.run(&["log", "verify"]));
    compare("log_append_cut", &desk.run(&["log", "append", "--plugin", "p", "--operation", "o"]));
}

#[test]
fn where_there_is_no_log_none_is_made() {
    let desk = Desk::empty();
    compare("log_none_show", &desk.run(&["log", "show"]));
    compare("log_none_tail_json", &desk.run(&["log", "tail", "--format", "json"]));
    compare("log_none_verify", &desk.run(&["log", "verify"]));
    compare("log_none_snapshot", &desk.run(&["log", "snapshot"]));
    assert!(!desk.path("data").exists());
    let elsewhere = ["log", "append", "--plugin", "p", "--operation", "o", "--data-dir", "elsewhere"];
    assert!(desk.command(&elsewhere).status().unwrap().success());
    assert!(desk.path("elsewhere/log/head").exists() && !desk.path("data").exists());
}

#[test]
fn snapshots_are_made_and_pruned() {
    let desk = Desk::filled();
    compare("log_snapshot", &desk.run(&["log", "snapshot"]));
    compare("log_snapshot_json", &desk.run(&["log", "snapshot", "--prefix", "other", "--format", "json"]));
    compare("log_snapshot_bad_prefix", &desk.run(&["log", "snapshot", "--prefix", "../x"]));
    let place = desk.path("data/log/snapshots");
    let first = fs::read_dir(&place).unwrap().find_map(|entry| {
        let entry = entry.unwrap();
        entry.file_name().to_string_lossy().starts_with("SNP-state").then(|| entry.path())
    });
    for time in ["2020-01-01T000000Z", "2020-01-01T001500Z", "2920-01-01T000000Z"] {
        let name = place.join(format!("SNP-state-{time}"));
        fs::create_dir(&name).unwrap();
        for file in fs::read_dir(first.as_ref().unwrap()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), name.join(file.file_name())).unwrap();
        }
    }
    compare("log_prune_dry", &desk.run(&["log", "prune-snapshots", "--dry-run"]));
    compare("log_prune", &desk.run(&["log", "prune-snapshots"]));
    compare("log_prune_json", &desk.run(&["log", "prune-snapshots", "--format", "json"]));
}

#[test]
fn who_follows_sees_what_comes() {
    let desk = Desk::filled();
    let mut child =
        desk.command(&["log", "tail", "--follow", "-n", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("2  "));
    desk.run(&["log", "append", "--plugin", "p", "--operation", "later"]);
    assert!(lines.next().unwrap().unwrap().contains("later"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn clearing_and_pruning_caches_leaves_it() {
    let desk = Desk::filled();
    let before = fs::read(desk.blocks()).unwrap();
    for arguments in [&["cache", "clear"][..], &["cache", "prune", "--older-than", "0s", "--max-size", "0"]] {
        assert!(desk.command(arguments).output().unwrap().status.success());
    }
    assert_eq!(fs::read(desk.blocks()).unwrap(), before);
    assert!(desk.run(&["log", "verify"]).starts_with("exit 0"));
}
