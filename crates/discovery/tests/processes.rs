//! Several processes over one index: writers, readers, and writers that are killed midway.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod toy;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use plugcache_discovery::index::{Location, Session};
use toy::Toy;

/// Set for a child: what it is to do, and where.
const ROLE: &str = "PLUGCACHE_TEST_ROLE";
const PLACE: &str = "PLUGCACHE_TEST_PLACE";

fn session(place: &Path) -> Session {
    let location = Location { directories: vec![place.join("cache")] };
    Session { location, ..Session::new(Arc::new(Toy), vec![place.join("root")]) }
}

/// Value of the plugin that writers change, and how many others there are.
fn look(session: &Session) -> (u64, usize) {
    let (snapshot, plugins) = session.list(|snapshot| {
        let all = snapshot.all();
        all.iter().map(|candidate| snapshot.describe(candidate)).collect::<Vec<_>>()
    });
    assert_eq!(snapshot.full_report().problems, []);
    let counter =
        plugins.iter().find(|plugin| plugin.name == "Counter").expect("the counter is always there");
    (counter.doc.as_ref().unwrap().parse().unwrap(), plugins.len() - 1)
}

fn counter(place: &Path) -> u64 {
    let text = fs::read_to_string(place.join("root/counter.toy")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("value: ")).unwrap().parse().unwrap()
}

fn count(place: &Path, own: u64) {
    let temporary = place.join(format!("next-{own}"));
    fs::write(&temporary, format!("name: Counter\nvalue: {}", counter(place) + 1)).unwrap();
    fs::rename(temporary, place.join("root/counter.toy")).unwrap();
}

fn make(place: &Path) {
    fs::create_dir_all(place.join("root/sub")).unwrap();
    for at in 0..50 {
        fs::write(place.join(format!("root/sub/p{at}.toy")), format!("name: P{at}\nvalue: {at}")).unwrap();
    }
    fs::write(place.join("root/counter.toy"), "name: Counter\nvalue: 1000").unwrap();
}

fn spawn(role: &str, place: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--ignored"])
        .env(ROLE, role)
        .env(PLACE, place)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn seconds() -> u64 {
    if std::env::var_os("PLUGCACHE_LONG").is_some() { 60 } else { 2 }
}

/// What the children do; not a test of its own.
#[test]
#[ignore = "run as a child process by the tests below"]
fn child() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let session = session(&place);
    let until = Instant::now() + Duration::from_secs(seconds());
    match std::env::var(ROLE).unwrap().as_str() {
        "write" => {
            while Instant::now() < until {
                count(&place, u64::from(std::process::id()));
                assert_eq!(look(&session).1, 50);
            }
        }
        "read" => {
            while Instant::now() < until {
                assert_eq!(look(&session).1, 50);
            }
        }
        "build" => loop {
            Session { refresh: true, ..session.clone() }.open();
        },
        role => panic!("unknown role {role}"),
    }
}

#[test]
fn writers_and_readers_see_whole_states_only() {
    let place = tempfile::tempdir().unwrap();
    make(place.path());
    let children: Vec<Child> = ["write", "write", "write", "write", "read", "read", "read", "read"]
        .into_iter()
        .map(|role| spawn(role, place.path()))
        .collect();
    let session = session(place.path());
    // Several writers race for the number itself, so it can fall back by a few: what is answered must
    // be one of the numbers that stood in the file meanwhile.
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(look(&session).0, counter(place.path()));
}

#[test]
fn one_writer_is_followed_step_by_step() {
    let place = tempfile::tempdir().unwrap();
    make(place.path());
    let session = session(place.path());
    for _ in 0..200 {
        count(place.path(), 0);
        assert_eq!(look(&session).0, counter(place.path()));
    }
}

#[test]
fn a_killed_writer_leaves_the_old_index_or_the_new() {
    let place = tempfile::tempdir().unwrap();
    make(place.path());
    let session = session(place.path());
    session.open();
    let times = if std::env::var_os("PLUGCACHE_LONG").is_some() { 1000 } else { 60 };
    for at in 0..times {
        let mut child = spawn("build", place.path());
        std::thread::sleep(Duration::from_micros(2_000 + at * 137 % 9_000));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(look(&session).1, 50, "kill {at}");
        count(place.path(), 0);
        assert_eq!(look(&session).0, counter(place.path()), "kill {at}");
    }
    let left = fs::read_dir(place.path().join("cache")).unwrap();
    let left =
        left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".tmp-"));
    assert!(left.count() <= times as usize);
}

#[test]
fn processes_that_miss_together_build_once() {
    let place = tempfile::tempdir().unwrap();
    make(place.path());
    std::thread::sleep(Duration::from_millis(30));
    let built: usize = std::thread::scope(|scope| {
        let builders: Vec<_> = (0..8)
            .map(|_| {
                let session = session(place.path());
                scope.spawn(move || session.open().report().parsed)
            })
            .collect();
        builders.into_iter().map(|builder| builder.join().unwrap()).sum()
    });
    assert_eq!(built, 51, "one reads every file once, the others wait and reuse");
}
