//! Several processes and threads that want one model, and one that is killed in the middle.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use plugcache::embedding::files::{FetchError, ModelStore, Options, Progress};

use crate::{
    SMALL, assert_holds, fetch, large, options, parts,
    server::{Do, Server},
    source, store, with_large,
};

const ENDPOINT: &str = "PLUGCACHE_TEST_ENDPOINT";
const PLACE: &str = "PLUGCACHE_TEST_PLACE";
/// The child dies when it reports for this time.
const DIES_AT: &str = "PLUGCACHE_TEST_DIES_AT";
const WEIGHTS: &str = "model.safetensors";

/// What the children do; not a test of its own.
#[test]
#[ignore = "run as a child process by the tests"]
fn child() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let options = Options { endpoint: std::env::var(ENDPOINT).unwrap(), ..Options::default() };
    let store = ModelStore::open(place.join("models-v1"), options).unwrap();
    let dies_at = std::env::var(DIES_AT).ok().map(|at| at.parse::<usize>().unwrap());
    let mut reports = 0;
    let mut report = |_: Progress<'_>| {
        reports += 1;
        if dies_at == Some(reports) {
            std::process::abort();
        }
    };
    store.fetch(&source(), &mut report).unwrap();
}

fn spawn(place: &Path, server: &Server) -> Child {
    command(&[], place, server).spawn().unwrap()
}

/// This test program as a child, perhaps under another program.
fn command(under: &[&str], place: &Path, server: &Server) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut command = match under {
        [] => Command::new(own),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
    };
    command.args(["processes::child", "--exact", "--ignored", "--nocapture"]);
    command.env(ENDPOINT, server.endpoint()).env(PLACE, place);
    // The library reads none of them: through a proxy where nobody listens nothing would come.
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9").env_remove("NO_PROXY").env_remove("no_proxy");
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn processes_and_threads_fetch_once() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let files = with_large(&large);
    let waited = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&waited);
    let server = Server::new(&files, move |request| {
        if request.is_get() && request.file() == WEIGHTS {
            // Of three threads at least two wait, whoever it is that fetches. Without a lock nobody would ever.
            let began = Instant::now();
            while seen.load(Ordering::Relaxed) < 2 && began.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Do::Serve
    });
    let mut children: Vec<_> = (0..3).map(|_| spawn(place.path(), &server)).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let model = store(place.path(), &server).fetch(&source(), &mut |progress| {
                    if let Progress::Waiting { holder } = progress {
                        assert!(holder.contains("process"), "{holder}");
                        waited.fetch_add(1, Ordering::Relaxed);
                    }
                });
                assert_holds(&model.unwrap(), &files);
            });
        }
    });
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    for (name, bytes) in files {
        assert_eq!(server.gets(name).len(), 1, "{name}");
        assert_eq!(server.sent(name), bytes.len(), "{name}");
    }
    assert!(waited.load(Ordering::Relaxed) >= 2, "those who waited were told");
}

#[test]
fn who_is_killed_leaves_a_beginning() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let files = with_large(&large);
    let server = Server::new(&files, |request| match (request.file(), request.nth) {
        (WEIGHTS, 0) if request.is_get() => Do::StallAfter(1_500_000),
        _ => Do::Serve,
    });
    let mut child = spawn(place.path(), &server);
    let store = store(place.path(), &server);
    let arrived = || parts(&store).first().and_then(|part| part.metadata().ok()).map_or(0, |part| part.len());
    while !(store.path().is_dir() && arrived() == 1_500_000) {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        std::thread::sleep(Duration::from_millis(2));
    }
    // Who does not want to wait is told who holds it.
    let hasty = Options { lock_timeout: Duration::from_millis(20), ..options(&server) };
    let hasty = ModelStore::open(store.path(), hasty).unwrap();
    let error = fetch(&hasty).unwrap_err();
    assert!(matches!(&error, FetchError::File(_)), "{error}");
    assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(store.find(&source()).unwrap().is_none());
    assert_holds(&fetch(&store).unwrap(), &files);
    let gets = server.gets(WEIGHTS);
    assert_eq!((gets.len(), gets[1].from()), (2, Some(1_500_000)));
    assert_eq!(server.gets("config.json").len(), 1, "what was complete is kept");
    assert!(parts(&store).is_empty());
}

/// Killed wherever it is, again and again: at the end there is a model, and never half of one.
#[test]
fn killed_at_any_moment() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let files = with_large(&large);
    let server = Arc::new(Server::new(&files, |request| match request.file() {
        WEIGHTS if request.is_get() => Do::Slowly(100_000, Duration::from_millis(1)),
        _ => Do::Serve,
    }));
    let store = store(place.path(), &server);
    let mut random = plugcache_testkit::Random::new(u64::from(std::process::id()));
    for _ in 0..20 {
        let mut child = spawn(place.path(), &server);
        std::thread::sleep(Duration::from_micros(random.below(60_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(model) = store.find(&source()).unwrap() {
            assert_holds(&model, &files);
            store.remove(&source()).unwrap();
        }
    }
    assert_holds(&fetch(&store).unwrap(), &files);
    assert_eq!(store.verify(&source()).unwrap(), Some(Vec::new()));
    assert_eq!(SMALL.len(), store.list().unwrap()[0].manifest().unwrap().files.len());
}

/// At whichever step a fetch dies, with an older copy of which a file has changed: there is that copy, or none, until the
/// next fetch, and never a manifest that vouches for files of both.
#[test]
fn dead_at_each_step() {
    let mut newer = SMALL;
    newer[1].1 = b"{\"version\": \"2.0\"}";
    let (old, server) = (Server::honest(&SMALL), Server::honest(&newer));
    for step in 1.. {
        let place = tempfile::tempdir().unwrap();
        let before = fetch(&store(place.path(), &old)).unwrap();
        // Something has to be amiss for a fetch to begin.
        std::fs::write(before.file("modules.json").unwrap(), "").unwrap();
        let mut child = command(&[], place.path(), &server);
        let status = child.env(DIES_AT, step.to_string()).status().unwrap();
        let store = store(place.path(), &server);
        if let Some(model) = store.find(&source()).unwrap() {
            assert!(status.success(), "step {step}: complete before the end");
            assert_holds(&model, &newer);
            assert!(step > newer.len() * 2, "it hardly reported anything");
            return;
        }
        assert_holds(&fetch(&store).unwrap(), &newer);
        assert_eq!(store.verify(&source()).unwrap(), Some(Vec::new()), "step {step}");
        assert!(parts(&store).is_empty(), "step {step}");
    }
}

/// Calls that write. Not `write`, with which the test's own runner talks.
const CALLS: &str =
    "pwrite64,pwritev,writev,fsync,fdatasync,rename,renameat,renameat2,ftruncate,unlinkat,mkdir,mkdirat";

/// At whichever call a fetch is killed or the disk is full: what is there then is a whole model or none, and the next
/// fetch makes one.
fn at_each_call(fault: &str, and_later: &str) {
    let server = Server::honest(&SMALL);
    for first in (1..).step_by(if std::env::var_os("PLUGCACHE_LONG").is_some() { 1 } else { 3 }) {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("strace");
        let (trace, inject) =
            (format!("trace={CALLS}"), format!("inject={CALLS}:{fault}:when={first}{and_later}"));
        let strace = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
        let status = command(&strace, place.path(), &server).status().unwrap();
        let store = store(place.path(), &server);
        if let Some(model) = store.find(&source()).unwrap() {
            assert_holds(&model, &SMALL);
        }
        assert_holds(&fetch(&store).unwrap(), &SMALL);
        assert_eq!(store.verify(&source()).unwrap(), Some(Vec::new()), "{fault} at call {first}");
        assert!(parts(&store).is_empty(), "{fault} at call {first}: {:?}", parts(&store));
        if status.success() && !std::fs::read_to_string(&log).unwrap().contains("(INJECTED)") {
            // Each kind of call is counted by itself.
            assert!(first > 8, "hardly any call was met");
            return;
        }
    }
}

#[test]
fn killed_or_refused_at_each_call_that_writes() {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "trace=none", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !strace.status().is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("PLUGCACHE_LONG").is_none(), "install strace: the long run needs it");
        println!(
            "SKIPPED killed_or_refused_at_each_call_that_writes: there is no strace, or it may not trace"
        );
        return;
    }
    at_each_call("signal=SIGKILL", "");
    at_each_call("error=ENOSPC", "+");
}
