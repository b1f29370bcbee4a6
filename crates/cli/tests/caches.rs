//! `plugcache cache …`, `config show` and `explain --cache` on caches that another program has filled: this
//! one, run again as a child.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, reason = "one of these is a program that says when it is ready")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use plugcache::cache::{Cache, Hub, Inputs};
use tempfile::TempDir;

type Texts = Cache<str, String>;

/// A directory with caches in it.
struct Desk {
    place: TempDir,
}

impl Desk {
    fn empty() -> Self {
        let place = tempfile::tempdir().unwrap();
        Self { place }
    }

    /// With the caches of a program that has ended.
    fn filled() -> Self {
        let desk = Self::empty();
        assert!(desk.host("fills").stdin(Stdio::null()).output().unwrap().status.success());
        // An entry of a nanosecond's life is over.
        std::thread::sleep(Duration::from_millis(10));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// A program that uses the caches.
    fn host(&self, what: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["a_host_program", "--exact", "--nocapture"]).env("HOST_DOES", what);
        command.env("HOST_DIRECTORY", self.path("cache")).env("HOST_INPUT", self.path("input"));
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
        let kept = ["PATH", "HOME"];
        command.env_clear().envs(std::env::vars().filter(|(name, _)| kept.contains(&name.as_str())));
        command.current_dir(self.place.path()).args(arguments);
        command.env("PLUGCACHE_DIR", self.path("cache")).env("XDG_CACHE_HOME", self.path("home-cache"));
        command.env("XDG_CONFIG_HOME", self.path("home-config")).env("XDG_DATA_HOME", self.path("home-data"));
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

    /// Changes a byte of a value on disk.
    fn damage(&self) {
        let file = self.path("cache/caches-v1/manifests/data.mdb");
        let mut bytes = fs::read(&file).unwrap();
        let places: Vec<usize> = bytes
            .windows(10)
            .enumerate()
            .filter(|(_, window)| window == b"text of tw")
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty());
        for place in places {
            bytes[place] ^= 1;
        }
        fs::write(&file, bytes).unwrap();
    }
}

/// A program that is alive until it is dropped.
struct Host(Child, BufReader<ChildStdout>);

impl Host {
    fn start(desk: &Desk) -> Self {
        let mut child = desk.host("lives").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        assert!(said.by_ref().lines().map_while(Result::ok).any(|line| line.ends_with("ready")));
        Self(child, said)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It reports on its one test to whoever listens.
        let _ = std::io::copy(&mut self.1, &mut std::io::sink());
        let _ = self.0.wait();
    }
}

/// Not a test of anything: the program that the other tests look at from outside.
#[test]
fn a_host_program() {
    let Ok(what) = std::env::var("HOST_DOES") else { return };
    let hub = Hub::builder().directory(std::env::var("HOST_DIRECTORY").unwrap()).build().unwrap();
    let manifests: Texts = Cache::builder("manifests")
        .capacity(1000)
        .ttl(Duration::from_mins(5))
        .version("1.2")
        .disk()
        .build(&hub)
        .unwrap();
    if what == "lives" {
        for key in ["one", "one", "new"] {
            load(&manifests, key);
        }
        manifests.stats();
        println!("ready");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        return;
    }
    for key in ["one", "two", "three", "one", "two"] {
        load(&manifests, key);
    }
    manifests.insert_with("short", "lived".to_owned(), |load| load.ttl(Duration::from_nanos(1)));
    manifests.insert_with("esc\u{1b}[31m", "red".to_owned(), |load| load.tag("colour\n"));
    let input = PathBuf::from(std::env::var("HOST_INPUT").unwrap());
    fs::write(&input, "old").unwrap();
    let parsed: Texts = Cache::builder("parsed-files")
        .inputs(move |_: &str| Inputs::none().file(&input))
        .disk()
        .build(&hub)
        .unwrap();
    load(&parsed, "input");
    let memory: Texts = Cache::builder("in_memory").capacity(10).build(&hub).unwrap();
    load(&memory, "one");
    // Reading from disk what takes no time to make.
    let tiny: Texts = Cache::builder("tiny").capacity(0).disk().build(&hub).unwrap();
    for _ in 0..300 {
        tiny.get_or_load("x", |_| Ok::<_, std::io::Error>("x".to_owned())).unwrap();
    }
}

fn load(cache: &Texts, key: &str) {
    let loaded = cache.get_or_load_with(key, |key, load| {
        load.tag(format!("letter-{}", key.chars().next().unwrap_or('?')));
        std::thread::sleep(Duration::from_millis(20));
        Ok::<_, std::io::Error>(Some(format!("text of {key}")))
    });
    assert!(loaded.is_ok());
}

/// Times, sizes and processes are made the same.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"caches-[0-9a-f]{16}", "HOST");
    settings.add_filter(r"HOST \(\d+\)", "HOST (ID)");
    settings.add_filter(
        r#""(id|began|made|cost_ns|bytes|allocated|freed|\w+_time_ns|time_saved_ns)":\d+"#,
        r#""$1":0"#,
    );
    settings.add_filter(r"\b\d+(\.\d+)? (B|KiB|MiB)\b", "SIZE");
    settings.add_filter(r"\b(\d+m )?\d+(\.\d+)?(µs|ms|s)\b", "TIME");
    settings.add_filter(r"expired [0-9.]+(ns|µs|ms|s) ago", "expired TIME ago");
    settings.add_filter(r"[0-9a-f]{32}", "DIGEST");
    settings.add_filter(r#""(device|inode|modified|changed|now)":-?\d+"#, r#""$1":0"#);
    settings.add_filter(r"\[\d+(,\d+){15}\]", r#""DIGEST""#);
    settings.add_filter(r"has \d+ bytes and claims to have \d+", "has SOME bytes and claims to have MORE");
    // Columns are as wide as what was replaced.
    settings.add_filter(r"  +", "  ");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn both(name: &str, desk: &Desk, arguments: &[&str]) {
    snapshot(name, &desk.run(arguments));
    snapshot(&format!("{name}_json"), &desk.run(&[arguments, &["--format", "json"]].concat()));
}

#[test]
fn nothing_is_there() {
    let desk = Desk::empty();
    for command in ["size", "stats", "ls", "verify", "prune", "clear"] {
        snapshot(&format!("caches_empty_{command}"), &desk.run(&["cache", command]));
    }
    assert!(!desk.path("cache").exists());
}

#[test]
fn sizes_and_lists() {
    let desk = Desk::filled();
    both("caches_size", &desk, &["cache", "size"]);
    both("caches_ls", &desk, &["cache", "ls"]);
    both("caches_ls_entries", &desk, &["cache", "ls", "manifests"]);
    snapshot("caches_ls_limit", &desk.run(&["cache", "ls", "parsed-files", "--limit", "0"]));
    snapshot("caches_ls_unknown", &desk.run(&["cache", "ls", "manifest"]));
}

#[test]
fn stats_of_past_and_running_processes() {
    let desk = Desk::filled();
    snapshot("caches_stats_past", &desk.run(&["cache", "stats"]));
    let host = Host::start(&desk);
    both("caches_stats", &desk, &["cache", "stats", "--cache", "manifests"]);
    snapshot("caches_ls_running", &desk.run(&["cache", "ls"]));
    snapshot("caches_stats_unknown", &desk.run(&["cache", "stats", "--cache", "zzz"]));
    let mut watching = desk
        .command(&["cache", "stats", "--watch", "--cache", "manifests"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert_eq!(lines.filter(|line| line.starts_with("manifests: ")).take(2).count(), 2);
    watching.kill().unwrap();
    watching.wait().unwrap();
    drop(host);
    snapshot("caches_clear_stats", &desk.run(&["cache", "clear", "--kind", "stats"]));
    snapshot("caches_stats_forgotten", &desk.run(&["cache", "stats", "--cache", "tiny"]));
}

#[test]
fn a_damaged_row_is_found_and_repaired() {
    let desk = Desk::filled();
    both("caches_verify", &desk, &["cache", "verify"]);
    desk.damage();
    both("caches_verify_damaged", &desk, &["cache", "verify"]);
    snapshot("caches_explain_damaged", &desk.run(&["explain", "--cache", "manifests", "two"]));
    snapshot("caches_verify_repair", &desk.run(&["cache", "verify", "--repair"]));
    snapshot("caches_verify_repaired", &desk.run(&["cache", "verify"]));
}

#[test]
fn a_damaged_file_is_not_healed_by_verify_alone() {
    let desk = Desk::filled();
    let file = desk.path("cache/caches-v1/manifests/data.mdb");
    let mut bytes = fs::read(&file).unwrap();
    bytes[..8192].fill(0xff);
    fs::write(&file, bytes).unwrap();
    let found = desk.run(&["cache", "verify"]);
    assert_eq!(found, desk.run(&["cache", "verify"]));
    snapshot("caches_verify_file", &found);
    snapshot("caches_verify_file_repair", &desk.run(&["cache", "verify", "--repair"]));
}

/// Caches and indexes lie side by side and are looked after together.
#[test]
fn an_index_beside_the_caches() {
    let desk = Desk::filled();
    fs::create_dir(desk.path("tree")).unwrap();
    fs::write(desk.path("tree/plugin.py"), "class Plugin:\n    pass\n").unwrap();
    desk.run(&["plugins", "ls", "--root", "tree"]);
    both("caches_index_size", &desk, &["cache", "size"]);
    let host = Host::start(&desk);
    both("caches_index_verify", &desk, &["cache", "verify"]);
    drop(host);
    let index = fs::read_dir(desk.path("cache")).unwrap().map(|entry| entry.unwrap().path());
    let index = index.into_iter().find(|path| path.extension().is_some_and(|e| e == "plugidx")).unwrap();
    let mut bytes = fs::read(&index).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&index, &bytes).unwrap();
    snapshot("caches_index_repair", &desk.run(&["cache", "verify", "--repair"]));
    assert!(!index.exists());
    desk.run(&["plugins", "ls", "--root", "tree"]);
    snapshot("caches_index_only", &desk.run(&["cache", "clear", "--kind", "index"]));
    snapshot("caches_index_gone", &desk.run(&["cache", "size"]));
}

#[test]
fn without_a_cache_nothing_stays() {
    let desk = Desk::empty();
    fs::create_dir_all(desk.path("tmp")).unwrap();
    fs::write(desk.path("plugin.py"), "class Plugin:\n    pass\n").unwrap();
    let temporary = desk.path("tmp").display().to_string();
    let variables = [("PLUGCACHE_NO_CACHE", "1"), ("TMPDIR", &temporary)];
    let told = desk.run_with(&["explain", "Plugin", "--root", "."], &variables);
    assert!(told.contains("PLACE/tmp/plugcache-"), "{told}");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!desk.path("cache").exists() && !desk.path("home-cache").exists());
    snapshot("caches_none_dir", &desk.run_with(&["cache", "dir"], &variables));
    snapshot("caches_none_stats", &desk.run_with(&["cache", "stats"], &variables));
}

#[test]
fn prune() {
    let desk = Desk::filled();
    both("caches_prune_dry", &desk, &["cache", "prune", "--dry-run"]);
    snapshot("caches_prune", &desk.run(&["cache", "prune"]));
    snapshot("caches_prune_again", &desk.run(&["cache", "prune", "--older-than", "30d"]));
    let host = Host::start(&desk);
    snapshot("caches_prune_all", &desk.run(&["cache", "prune", "--max-size", "100"]));
    drop(host);
    snapshot("caches_prune_left", &desk.run(&["cache", "size"]));
    snapshot("caches_prune_bad_size", &desk.run(&["cache", "prune", "--max-size", "much"]));
    snapshot("caches_prune_bad_time", &desk.run(&["cache", "prune", "--older-than", "long"]));
}

#[test]
fn clear() {
    let desk = Desk::filled();
    fs::write(desk.path("cache/durable"), "stays").unwrap();
    snapshot("caches_clear_tag_dry", &desk.run(&["cache", "clear", "--tag", "letter-o", "--dry-run"]));
    both("caches_clear_tag", &desk, &["cache", "clear", "--tag", "letter-o"]);
    snapshot("caches_clear_tag_explain", &desk.run(&["explain", "--cache", "manifests", "one"]));
    snapshot("caches_clear_one", &desk.run(&["cache", "clear", "--cache", "parsed-files"]));
    snapshot("caches_clear_unknown", &desk.run(&["cache", "clear", "--cache", "parsed_files"]));
    both("caches_clear_dry", &desk, &["cache", "clear", "--dry-run"]);
    let host = Host::start(&desk);
    snapshot("caches_clear_all", &desk.run(&["cache", "clean"]));
    drop(host);
    assert!(desk.path("cache/durable").exists());
}

#[test]
fn explain() {
    let desk = Desk::filled();
    both("caches_explain", &desk, &["explain", "--cache", "parsed-files", "input"]);
    fs::write(desk.path("input"), "new").unwrap();
    both("caches_explain_changed", &desk, &["explain", "--cache", "parsed-files", "input"]);
    snapshot("caches_explain_live", &desk.run(&["explain", "--cache", "manifests", "one"]));
    snapshot("caches_explain_expired", &desk.run(&["explain", "--cache", "manifests", "short"]));
    snapshot("caches_explain_missing", &desk.run(&["explain", "--cache", "manifests", "four\u{1b}"]));
    snapshot("caches_explain_unknown", &desk.run(&["explain", "--cache", "manifest", "one"]));
}

#[test]
fn config() {
    let desk = Desk::empty();
    snapshot("caches_config_default", &desk.run(&["config", "show"]));
    let project =
        "[tool.plugcache.cache]\nlock_timeout = \"3s\"\n[tool.plugcache.caches.manifests]\nttl = \"5m\"\n";
    fs::write(desk.path("pyproject.toml"), project).unwrap();
    fs::create_dir_all(desk.path("home-config/plugcache")).unwrap();
    let user =
        "[cache]\nmax_size = \"1GiB\"\nlock_timeout = 99\n[caches.manifests]\ndisk_max_bytes = \"512MiB\"\n";
    fs::write(desk.path("home-config/plugcache/plugcache.toml"), user).unwrap();
    let variables = [
        ("PLUGCACHE_MANIFESTS_CAPACITY", "70"),
        ("PLUGCACHE_MY_CACHE_DISK", "no"),
        ("PLUGCACHE_REFRESH", "manifests,index"),
        ("PLUGCACHE_REDIS_URL", "redis://me:secret@host/0"),
        ("PLUGCACHE_MAXSIZE", "1"),
    ];
    snapshot("caches_config", &desk.run_with(&["config", "show", "--cache-dir", "flag"], &variables));
    snapshot("caches_config_json", &desk.run_with(&["config", "show", "--format", "json"], &variables));
    let wrong = [("PLUGCACHE_MANIFESTS_TTL", "soon")];
    snapshot("caches_config_bad_variable", &desk.run_with(&["config", "show"], &wrong));
    fs::write(desk.path("plugcache.toml"), "[caches.manifests]\nttl = \"soon\"\n").unwrap();
    snapshot("caches_config_bad_file", &desk.run(&["config", "show"]));
}

#[test]
fn the_log_is_filtered() {
    let desk = Desk::filled();
    let file = desk.path("cache/caches-v1/manifests/data.mdb");
    let bytes = fs::read(&file).unwrap();
    let torn = |variables: &[(&str, &str)]| {
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        desk.run_with(&["cache", "size"], variables)
    };
    snapshot("caches_log", &torn(&[]));
    assert!(!torn(&[("PLUGCACHE_LOG", "off")]).contains("warning"));
    assert!(
        desk.run_with(&["cache", "size"], &[("PLUGCACHE_LOG", "a=b=c")]).contains("PLUGCACHE_LOG: `a=b=c`")
    );
}

#[test]
fn help() {
    let desk = Desk::empty();
    for command in ["stats", "size", "ls", "warm", "verify", "prune", "clear"] {
        snapshot(&format!("caches_help_{command}"), &desk.run(&["cache", command, "--help"]));
    }
    for command in ["embed", "similar"] {
        snapshot(&format!("caches_help_{command}"), &desk.run(&[command, "--help"]));
    }
    snapshot("caches_help", &desk.run(&["cache", "--help"]));
    snapshot("caches_help_all", &desk.run(&["--help"]));
    snapshot("caches_help_config", &desk.run(&["config", "show", "--help"]));
}

/// A directory that others could write to may hold entries that they made.
#[test]
fn an_unsafe_directory_is_refused() {
    let desk = Desk::filled();
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    fs::set_permissions(Path::new(&desk.path("cache")), mode(0o777)).unwrap();
    snapshot("caches_unsafe", &desk.run(&["cache", "ls"]));
    fs::set_permissions(Path::new(&desk.path("cache")), mode(0o700)).unwrap();
}
