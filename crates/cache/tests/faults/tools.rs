//! Children, figures, and a cache whose values can be told right from wrong.

use std::{
    convert::Infallible,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    pin::pin,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use plugcache_cache::{Cache, Hub, cache::Builder};
use plugcache_testkit::Random;

const ROLE: &str = "PLUGCACHE_TEST_ROLE";
const PLACE: &str = "PLUGCACHE_TEST_PLACE";

pub(crate) fn is_long() -> bool {
    std::env::var_os("PLUGCACHE_LONG").is_some()
}

/// One number for the usual tests, one for `cargo xtask faults`.
pub(crate) fn times(short: u64, long: u64) -> u64 {
    if is_long() { long } else { short }
}

pub(crate) fn seed() -> u64 {
    let asked = std::env::var("PLUGCACHE_SEED").ok().and_then(|seed| seed.parse().ok());
    asked.unwrap_or_else(|| u64::from(std::process::id()))
}

/// What a test found; `cargo xtask faults` makes a table of these lines.
pub(crate) struct Figures {
    fault: &'static str,
    what: &'static str,
    pub(crate) seed: u64,
    pub(crate) random: Random,
    pub(crate) runs: u64,
    wrong: Vec<String>,
    crashed: Vec<String>,
    hung: u64,
}

impl Figures {
    pub(crate) fn of(fault: &'static str, what: &'static str) -> Self {
        let seed = seed();
        let random = Random::new(seed);
        Self { fault, what, seed, random, runs: 0, wrong: Vec::new(), crashed: Vec::new(), hung: 0 }
    }

    /// Counts a run, and it among the wrong ones if it was not right.
    pub(crate) fn right(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        self.runs += 1;
        if !is_right {
            self.wrong.push(what());
        }
    }

    /// Counts a child's end.
    pub(crate) fn ended(&mut self, end: Option<ExitStatus>, what: impl FnOnce() -> String) {
        self.runs += 1;
        match end {
            None => self.hung += 1,
            Some(status) if status.success() => {}
            Some(status) if status.signal().is_some() => self.crashed.push(format!("{}: {status}", what())),
            Some(status) => self.wrong.push(format!("{}: {status}", what())),
        }
    }

    pub(crate) fn done(self) {
        let Self { fault, what, seed, runs, wrong, crashed, hung, .. } = self;
        println!("FAULT|{fault}|{what}|{runs}|{}|{}|{hung}|{seed}", wrong.len(), crashed.len());
        let first = |all: &[String]| all.iter().take(5).cloned().collect::<Vec<_>>();
        assert!(runs > 0, "nothing was tried");
        assert!(wrong.is_empty(), "seed {seed}: {} of {runs} wrong: {:?}", wrong.len(), first(&wrong));
        assert!(
            crashed.is_empty(),
            "seed {seed}: {} of {runs} crashed: {:?}",
            crashed.len(),
            first(&crashed)
        );
        assert_eq!(hung, 0, "seed {seed}: hung");
    }
}

/// Says loudly that a fault could not be made here.
pub(crate) fn skipped(fault: &str, what: &str, why: &str) {
    println!("FAULT|{fault}|{what}: SKIPPED, {why}|0|0|0|0|0");
    eprintln!("SKIPPED fault {fault}, {what}: {why}");
}

pub(crate) fn command(role: &str, place: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    prepare(&mut command, role, place);
    command
}

/// A child under another program, such as `strace`.
pub(crate) fn command_under(program: &[&str], role: &str, place: &Path) -> Command {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(std::env::current_exe().unwrap());
    prepare(&mut command, role, place);
    command
}

fn prepare(command: &mut Command, role: &str, place: &Path) {
    command.args(["child", "--exact", "--nocapture", "--ignored"]).env(ROLE, role).env(PLACE, place);
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
}

pub(crate) fn spawn(role: &str, place: &Path) -> Child {
    command(role, place).spawn().unwrap()
}

pub(crate) fn role() -> (String, PathBuf) {
    (std::env::var(ROLE).unwrap(), PathBuf::from(std::env::var_os(PLACE).unwrap()))
}

/// Waits for a child; `None` for one that hangs, which is ended.
pub(crate) fn ended(mut child: Child) -> Option<ExitStatus> {
    let until = Instant::now() + Duration::from_mins(5);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A cache of lists: that of a key repeats the key and a version.
pub(crate) type Lists = Cache<u64, Vec<u64>>;

pub(crate) fn hub(place: &Path) -> Hub {
    Hub::builder().directory(place.join("hub")).build_anyway()
}

pub(crate) fn lists(
    hub: &Hub,
    describe: impl FnOnce(Builder<u64, Vec<u64>>) -> Builder<u64, Vec<u64>>,
) -> Lists {
    describe(Cache::builder("lists").disk().disk_max_bytes(8 << 20)).build(hub).unwrap()
}

/// Where `lists` are in a hub's directory.
pub(crate) fn directory(place: &Path) -> PathBuf {
    place.join("hub/caches-v1/lists")
}

pub(crate) fn list(key: u64, version: u64) -> Vec<u64> {
    let length = usize::try_from(3 + key * 7 % 400).unwrap();
    [key, version].into_iter().cycle().take(length).collect()
}

/// The version of a list, if it is whole and the key's.
pub(crate) fn version(key: u64, found: &[u64]) -> Option<u64> {
    let version = *found.get(1)?;
    (found == list(key, version)).then_some(version)
}

pub(crate) fn ok<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

/// What a lookup that loads version `loaded` gives; `None` if it is nobody's list.
pub(crate) fn ask(lists: &Lists, key: u64, loaded: u64) -> Option<u64> {
    version(key, &lists.get_or_load(&key, |key| ok(list(*key, loaded))).unwrap())
}

pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Runs a task on this thread.
pub(crate) fn block_on<F: Future>(task: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(output) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

/// Mounts a small file system; `false` where only root may.
pub(crate) fn mount(arguments: &[&str], at: &Path) -> bool {
    let mut mount = Command::new("mount");
    mount.args(arguments).arg(at).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

/// Takes it away again.
pub(crate) struct Mounted<'a>(pub(crate) &'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
