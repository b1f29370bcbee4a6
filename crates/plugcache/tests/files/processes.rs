//! Several processes and threads that want one model, and one that is killed in the middle.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use plugcache::embedding::files::{FetchError, ModelStore, Options, Progress};

use crate::{
    SMALL, assert_holds, fetch, large, options, parts,
    server::{Do, Server},
    source, store, with_large,
};

const ENDPOINT: &str = "PLUGCACHE_TEST_ENDPOINT";
const PLACE: &str = "PLUGCACHE_TEST_PLACE";
const WEIGHTS: &str = "model.safetensors";

/// What the children do; not a test of its own.
#[test]
#[ignore = "run as a child process by the tests"]
fn child() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let options = Options { endpoint: std::env::var(ENDPOINT).unwrap(), ..Options::default() };
    let store = ModelStore::open(place.join("models-v1"), options).unwrap();
    fetch(&store).unwrap();
}

fn spawn(place: &std::path::Path, server: &Server) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["processes::child", "--exact", "--ignored", "--nocapture"]);
    command.env(ENDPOINT, server.endpoint()).env(PLACE, place);
    // The library reads none of them: through a proxy where nobody listens nothing would come.
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9").env_remove("NO_PROXY").env_remove("no_proxy");
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn processes_and_threads_fetch_once() {
    let (place, large) = (tempfile::tempdir().unwrap(), large());
    let files = with_large(&large);
    let server = Server::new(&files, |request| match request.file() {
        // Long enough for the others to come.
        WEIGHTS if request.is_get() => Do::Slowly(300_000, Duration::from_millis(50)),
        _ => Do::Serve,
    });
    let mut children: Vec<_> = (0..3).map(|_| spawn(place.path(), &server)).collect();
    let waited = AtomicUsize::new(0);
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
    assert!(waited.load(Ordering::Relaxed) >= 2, "at most one of the threads fetched");
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
