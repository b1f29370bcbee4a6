//! `plugcache plugins watch` as a child process, while files are edited beside it.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;

/// A place with manifests in `tree`, and a watch of it.
struct Watched {
    place: TempDir,
    child: Child,
    data: Lines<BufReader<ChildStdout>>,
    talk: Lines<BufReader<ChildStderr>>,
}

impl Watched {
    fn start(arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("tree")).unwrap();
        fs::write(place.path().join("tree/one.json"), r#"{"name": "one"}"#).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
        command.env_clear().env("XDG_CACHE_HOME", place.path().join("cache"));
        command.args(["plugins", "watch", "--root", "tree", "--manifest", "*.json"]).args(arguments);
        command.current_dir(place.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let data = BufReader::new(child.stdout.take().unwrap()).lines();
        let talk = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { place, child, data, talk }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join("tree").join(name)
    }

    /// Puts a file in place whole: one that is seen half-written is told of twice.
    fn put(&self, name: &str, text: &str) {
        let beside = self.place.path().join("beside");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.path(name)).unwrap();
    }

    fn scrub(&self, line: &str) -> String {
        let place = self.place.path().display().to_string();
        let line = line.replace(&place, "PLACE");
        // How deep the temporary directory lies is the machine's affair.
        let (before, after) = line.split_once(" in ").unwrap_or((&line, ""));
        if after.ends_with(" directories") { format!("{before} in N directories") } else { line }
    }

    fn data(&mut self) -> String {
        let line = self.data.next().unwrap().unwrap();
        self.scrub(&line)
    }

    fn talk(&mut self) -> String {
        let line = self.talk.next().unwrap().unwrap();
        self.scrub(&line)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_line_for_each_change() {
    let mut watched = Watched::start(&[]);
    assert_eq!(watched.talk(), "watching 1 plugin in N directories");
    watched.put("two.json", r#"{"name": "two"}"#);
    assert_eq!(watched.data(), "+ two PLACE/tree/two.json");
    watched.put("one.json", r#"{"name": "one", "description": "changed"}"#);
    assert_eq!(watched.data(), "~ one PLACE/tree/one.json");
    fs::remove_file(watched.path("two.json")).unwrap();
    assert_eq!(watched.data(), "- two PLACE/tree/two.json");
    assert!(watched.child.try_wait().unwrap().is_none(), "it goes on");
}

#[test]
fn a_document_for_each_change() {
    let mut watched = Watched::start(&["--format", "json"]);
    let mut lines = Vec::new();
    let first = watched.data();
    let (before, after) = first.split_once(r#""directories":"#).unwrap();
    lines.push(format!(
        r#"{before}"directories":N{}"#,
        after.trim_start_matches(|c: char| c.is_ascii_digit())
    ));
    watched.put("two.json", r#"{"name": "two"}"#);
    lines.push(watched.data());
    watched.put("two.json", r#"{"name": "two", "version": 2}"#);
    lines.push(watched.data());
    fs::remove_file(watched.path("two.json")).unwrap();
    lines.push(watched.data());
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("watch_json", lines.join("\n"));
    });
}

#[test]
fn it_ends_when_its_time_is_over() {
    let mut watched = Watched::start(&["--for", "300ms"]);
    assert_eq!(watched.child.wait().unwrap().code(), Some(0));
    assert_eq!(watched.talk(), "watching 1 plugin in N directories");
    assert!(watched.data.next().is_none());
}

#[test]
fn help() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_plugcache")).args(["plugins", "watch", "-h"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--for <TIME>") && text.contains("--root <DIR>"), "{text}");
}
