//! What a watch promises beside its answers: no look without cause, no edit missed by anybody who asks after it,
//! no lock around a finder, nothing left behind.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test unwraps what it expects, and prints its figures"
)]

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use plugcache::{
    Resolver,
    cache::Strength,
    discovery::{
        finder::{Extracted, Facts, Finder, Links, Record, Scope},
        index::{Location, Session},
        manifest::{ManifestFinder, Options},
        plugin::Plugin,
        tree::Tree,
    },
    watch::{Change, Watch},
};

fn finder() -> ManifestFinder {
    let options = Options { patterns: vec!["**/*.json".to_owned()], ..Options::default() };
    ManifestFinder::new(options).unwrap()
}

fn start(finder: Arc<dyn Finder>, place: &Path) -> Watch {
    let mut session = Session::new(finder, vec![place.join("root")]);
    session.location = Location { directories: vec![place.join("cache")] };
    Watch::builder(Resolver::new(session)).debounce(Duration::from_millis(5)).start().unwrap()
}

/// Puts `root/one.json` in place whole.
fn put(place: &Path, version: u64) {
    let beside = place.join("beside");
    fs::write(&beside, format!(r#"{{"name": "one", "description": "{version}"}}"#)).unwrap();
    fs::rename(beside, place.join("root/one.json")).unwrap();
}

fn version(plugin: &Plugin) -> u64 {
    plugin.doc.as_ref().unwrap().parse().unwrap()
}

/// An edit that was over when the question came is in the answer, whoever made it.
#[test]
fn no_answer_is_older_than_its_question() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let watch = start(Arc::new(finder()), place.path());
    let (done, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let watched = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let least = done.load(Ordering::SeqCst);
                    let answer = watch.resolve("one");
                    let found = version(&answer.outcome.unwrap().plugin);
                    assert!(found >= least, "version {found} was answered after {least} was there");
                    watched
                        .fetch_add(u64::from(answer.report.strength == Strength::Watched), Ordering::Relaxed);
                }
            });
        }
        for step in 1..=300 {
            put(place.path(), step);
            done.store(step, Ordering::SeqCst);
            if step % 3 == 0 {
                thread::yield_now();
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    println!("300 edits, {} answers without a look", watched.load(Ordering::Relaxed));
    let answer = watch.resolve("one");
    assert_eq!(version(&answer.outcome.unwrap().plugin), 300);
}

/// How long after an edit subscribers hear of it, beyond the quiet that they wait for.
#[test]
fn subscribers_are_told_soon() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let watch = start(Arc::new(finder()), place.path());
    let changes = watch.subscribe();
    let mut waits: Vec<Duration> = (1..=50)
        .map(|step| {
            put(place.path(), step);
            let began = Instant::now();
            match changes.recv_timeout(Duration::from_secs(30)).unwrap() {
                Change::Changed { new, .. } => assert_eq!(version(&new), step),
                other => panic!("{other:?}"),
            }
            began.elapsed()
        })
        .collect();
    waits.sort();
    println!("50 edits, debounce 5 ms: told after {:?} (median), {:?} (longest)", waits[25], waits[49]);
}

/// Quiet is not waited for without end.
#[test]
fn unrest_does_not_keep_subscribers_waiting() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let mut session = Session::new(Arc::new(finder()), vec![place.path().join("root")]);
    session.location = Location { directories: vec![place.path().join("cache")] };
    let watch = Watch::builder(Resolver::new(session))
        .debounce(Duration::from_hours(1))
        .longest_debounce(Duration::from_millis(50))
        .start()
        .unwrap();
    let changes = watch.subscribe();
    put(place.path(), 1);
    assert!(changes.recv_timeout(Duration::from_secs(30)).is_ok());
}

/// A proof may write the index, which is no cause for another proof, even if it is kept below its own root.
#[test]
fn an_index_below_its_own_root_comes_to_rest() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let mut session = Session::new(Arc::new(finder()), vec![place.path().join("root")]);
    session.location = Location { directories: vec![place.path().join("root/cache")] };
    let watch = Watch::builder(Resolver::new(session)).debounce(Duration::from_millis(5)).start().unwrap();
    put(place.path(), 1);
    assert_eq!(version(&watch.resolve("one").outcome.unwrap().plugin), 1);
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(20));
        assert_eq!(watch.resolve("one").report.strength, Strength::Watched);
    }
}

/// Asks the watch it is asked by, as a finder may that resolves plugins to find others.
struct Nosy {
    inner: ManifestFinder,
    watch: OnceLock<Weak<Watch>>,
    asked: AtomicU64,
}

impl Finder for Nosy {
    fn version(&self) -> u32 {
        self.inner.version()
    }

    fn spec(&self) -> String {
        self.inner.spec()
    }

    fn walk(&self, tree: &mut Tree<'_>) {
        if let Some(watch) = self.watch.get().and_then(Weak::upgrade)
            && self.asked.fetch_add(1, Ordering::SeqCst) < 2
        {
            assert!(watch.resolve("one").outcome.is_ok());
        }
        self.inner.walk(tree);
    }

    fn extract(&self, path: &Path, bytes: &[u8]) -> Extracted {
        self.inner.extract(path, bytes)
    }

    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
        self.inner.link(tree, scope)
    }

    fn describe(&self, facts: &dyn Facts, record: &Record) -> Plugin {
        self.inner.describe(facts, record)
    }
}

#[test]
fn a_finder_may_ask_the_watch() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let nosy = Arc::new(Nosy { inner: finder(), watch: OnceLock::new(), asked: AtomicU64::new(0) });
    let mut session = Session::new(Arc::clone(&nosy) as _, vec![place.path().join("root")]);
    // In memory: a kept index is locked while it is built, and its finder would wait for itself there.
    session.location = Location::default();
    let watch = Arc::new(Watch::builder(Resolver::new(session)).start().unwrap());
    nosy.watch.set(Arc::downgrade(&watch)).unwrap();
    put(place.path(), 1);
    let answer = watch.resolve("one");
    assert_eq!(version(&answer.outcome.unwrap().plugin), 1);
    assert!(nosy.asked.load(Ordering::SeqCst) >= 2);
}

/// Waits in its walk for a lock of its host.
struct Waiting {
    inner: ManifestFinder,
    host: Arc<Mutex<()>>,
    is_armed: Arc<AtomicBool>,
    begun: mpsc::SyncSender<()>,
}

impl Finder for Waiting {
    fn version(&self) -> u32 {
        self.inner.version()
    }

    fn spec(&self) -> String {
        self.inner.spec()
    }

    fn walk(&self, tree: &mut Tree<'_>) {
        if self.is_armed.swap(false, Ordering::SeqCst) {
            self.begun.send(()).unwrap();
            drop(self.host.lock().unwrap());
        }
        self.inner.walk(tree);
    }

    fn extract(&self, path: &Path, bytes: &[u8]) -> Extracted {
        self.inner.extract(path, bytes)
    }

    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
        self.inner.link(tree, scope)
    }

    fn describe(&self, facts: &dyn Facts, record: &Record) -> Plugin {
        self.inner.describe(facts, record)
    }
}

#[test]
fn who_holds_what_a_finder_waits_for_is_answered() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let (host, is_armed) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
    let (begun, waits) = mpsc::sync_channel(1);
    let finder = Waiting { inner: finder(), host: Arc::clone(&host), is_armed: Arc::clone(&is_armed), begun };
    let mut session = Session::new(Arc::new(finder), vec![place.path().join("root")]);
    session.location = Location::default();
    session.lock_timeout = Duration::from_millis(50);
    let watch = Watch::builder(Resolver::new(session)).start().unwrap();
    let held = host.lock().unwrap();
    is_armed.store(true, Ordering::SeqCst);
    put(place.path(), 1);
    thread::scope(|scope| {
        scope.spawn(|| watch.resolve("one"));
        // By whom it is proven, the other thread or the watch's own, is all the same.
        waits.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(version(&watch.resolve("one").outcome.unwrap().plugin), 1);
        drop(held);
    });
}

const MARKS: [&str; 2] = ["/plugcache-mark-begin", "/plugcache-mark-end"];
const QUESTIONS: usize = 1_000;

/// Run under `strace` by [`a_watched_answer_looks_at_no_file`].
#[test]
fn child_that_asks() {
    let Some(place) = std::env::var_os("PLUGCACHE_TEST_PLACE") else { return };
    let watch = start(Arc::new(finder()), place.as_ref());
    // Everything that is done once is done now.
    assert!(watch.resolve("one").outcome.is_ok() && watch.resolve("none").outcome.is_err());
    let _ = fs::metadata(MARKS[0]);
    for _ in 0..QUESTIONS {
        let answer = watch.resolve("one");
        assert_eq!(answer.report.strength, Strength::Watched);
        assert!(answer.outcome.is_ok());
    }
    let _ = fs::metadata(MARKS[1]);
}

#[test]
fn a_watched_answer_looks_at_no_file() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    // Stamps that are too young to prove anything are looked at again, by the first proof.
    thread::sleep(Duration::from_millis(50));
    let trace = place.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_asks"])
        .env("PLUGCACHE_TEST_PLACE", place.path())
        .output();
    let output = match traced {
        Ok(output) => output,
        Err(error) => {
            println!("SKIPPED: there is no strace here to show that no file is looked at: {error}");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("ptrace") && said.contains("not permitted") {
        println!("SKIPPED: strace may not trace here: {said}");
        return;
    }
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    let calls = fs::read_to_string(&trace).unwrap();
    let between = calls.split(MARKS[0]).nth(1).unwrap().split(MARKS[1]).next().unwrap();
    // The last line is the begin of the call with the mark.
    let lines: Vec<&str> = between.lines().skip(1).collect();
    let lines = &lines[..lines.len() - 1];
    let count = |name: &str| lines.iter().filter(|line| line.contains(&format!(" {name}("))).count();
    let looks: usize =
        ["newfstatat", "statx", "stat", "lstat", "fstat", "openat", "open", "getdents64", "readlink"]
            .iter()
            .map(|name| count(name))
            .sum();
    println!(
        "{QUESTIONS} questions: {} system calls, {} of them reads, {looks} looks at files",
        lines.len(),
        count("read")
    );
    assert_eq!(looks, 0, "{between}");
    assert!(lines.len() <= 3 * QUESTIONS, "{} system calls", lines.len());
}

/// Whether this process runs nothing but the test of that name; if not, runs one that does.
fn is_alone(test: &str) -> bool {
    const ALONE: &str = "PLUGCACHE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let own = std::env::current_exe().unwrap();
    let output = Command::new(own).args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(output.status.success(), "{}{}", said[0], said[1]);
    false
}

#[test]
fn nothing_is_left_behind() {
    if !is_alone("nothing_is_left_behind") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let files = || fs::read_dir("/proc/self/fd").unwrap().count();
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    let alone = threads();
    drop(start(Arc::new(finder()), place.path()));
    let before = (files(), alone);
    // The system may show a thread for a moment after it was joined.
    let come_to = |wanted: usize| {
        let began = Instant::now();
        while threads() != wanted {
            assert!(began.elapsed() < Duration::from_secs(30), "{} threads, not {wanted}", threads());
            thread::sleep(Duration::from_millis(1));
        }
    };
    for step in 0..20 {
        let watch = start(Arc::new(finder()), place.path());
        come_to(before.1 + 1);
        put(place.path(), step);
        // In the middle of its thread's work as well.
        drop(watch);
    }
    come_to(before.1);
    assert_eq!(files(), before.0);
}

/// The child of a fork has the parent's queue and not its thread. It answers without either, and leaves the
/// parent's events to the parent.
#[test]
#[expect(unsafe_code, reason = "a fork without exec is what is tested")]
fn a_fork_leaves_both_with_true_answers() {
    if !is_alone("a_fork_leaves_both_with_true_answers") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    put(place.path(), 0);
    let watch = start(Arc::new(finder()), place.path());
    let ask = |strength: Strength, expected: u64| {
        let answer = watch.resolve("one");
        answer.report.strength == strength && version(&answer.outcome.unwrap().plugin) == expected
    };
    assert!(ask(Strength::Watched, 0));
    // SAFETY: the child does what a forked child of a host would do, and then leaves at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let first = ask(Strength::Full, 0);
        put(place.path(), 1);
        let is_right = first && ask(Strength::Full, 1) && ask(Strength::Full, 1);
        drop(watch);
        // SAFETY: ends the child without running what the parent has registered for its own end.
        unsafe { libc::_exit(i32::from(!is_right)) };
    }
    assert!(child > 0);
    let mut status = -1;
    // SAFETY: waits for the child just made, and writes to a local.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child was answered wrongly, or hung");
    assert!(ask(Strength::Full, 1) || ask(Strength::Watched, 1));
    put(place.path(), 2);
    assert!(ask(Strength::Full, 2) || ask(Strength::Watched, 2));
}
