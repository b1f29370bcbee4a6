//! Places that are full, read-only or somebody else's; clocks that jump. The answer is always right, and
//! one warning names the remedy.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test unwraps what it expects, and prints its figures"
)]

mod toy;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use plugcache_cache::{StaleReason, Timestamp};
use plugcache_discovery::index::{Location, Report, Session};
use plugcache_testkit::ManualClock;
use toy::Toy;

fn make(root: &Path) {
    fs::create_dir_all(root).unwrap();
    for at in 0..400 {
        let text = format!("name: P{at}\nvalue: {at}\n{}", "padding ".repeat(30));
        fs::write(root.join(format!("p{at}.toy")), text).unwrap();
    }
    std::thread::sleep(Duration::from_millis(30));
}

fn session(place: &Path, cache: PathBuf) -> Session {
    let location = Location { directories: vec![cache] };
    Session { location, ..Session::new(Arc::new(Toy), vec![place.join("root")]) }
}

fn list(session: &Session) -> (usize, Report) {
    let (snapshot, found) = session.list(|snapshot| snapshot.all().len());
    (found, snapshot.full_report())
}

/// A mounted file system that goes when dropped.
struct Mount(PathBuf);

impl Mount {
    /// `None`, and a word about it, where mounting is not allowed.
    fn tmpfs(at: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&at).status();
        if done.is_ok_and(|status| status.success()) {
            return Some(Self(at));
        }
        eprintln!("SKIPPED: mounting a file system takes root; run the tests as root for this one");
        None
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_one_warning() {
    let place = tempfile::tempdir().unwrap();
    make(&place.path().join("root"));
    let Some(mount) = Mount::tmpfs(place.path().join("full"), "size=64k,mode=700") else { return };
    for _ in 0..2 {
        let (found, report) = list(&session(place.path(), mount.0.clone()));
        assert_eq!((found, report.kept, report.warnings.len()), (400, false, 1), "{:?}", report.warnings);
        assert!(report.warnings[0].contains("No space left"), "{:?}", report.warnings);
    }
    let left: Vec<_> = fs::read_dir(&mount.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".tmp-")), "{left:?}");
}

#[test]
fn a_read_only_place_is_read_and_not_written() {
    let place = tempfile::tempdir().unwrap();
    make(&place.path().join("root"));
    let Some(mount) = Mount::tmpfs(place.path().join("ro"), "size=8m,mode=700") else { return };
    let session = session(place.path(), mount.0.clone());
    assert!(list(&session).1.kept);
    mount.remount("ro");
    let (found, report) = list(&session);
    assert_eq!((found, report.parsed, report.warnings.len()), (400, 0, 0), "reading works");
    fs::write(place.path().join("root/p1.toy"), "name: Changed\nvalue: 1").unwrap();
    let (found, report) = list(&session);
    assert_eq!((found, report.kept, report.warnings.len()), (400, false, 1), "{:?}", report.warnings);
    assert!(report.warnings[0].contains("Read-only"), "{:?}", report.warnings);
}

#[test]
fn another_users_directory_is_refused_with_the_remedy() {
    let place = tempfile::tempdir().unwrap();
    make(&place.path().join("root"));
    let cache = place.path().join("cache");
    fs::create_dir(&cache).unwrap();
    std::os::unix::fs::chown(&cache, Some(12345), None).unwrap_or_else(|error| eprintln!("SKIPPED: {error}"));
    let (found, report) = list(&session(place.path(), cache));
    if report.kept {
        return;
    }
    assert_eq!((found, report.warnings.len()), (400, 1));
    assert!(report.warnings[0].contains("PLUGCACHE_DIR") && report.warnings[0].contains("12345"));
}

#[test]
fn clocks_that_jump_make_no_wrong_answer() {
    let place = tempfile::tempdir().unwrap();
    make(&place.path().join("root"));
    let clock = Arc::new(ManualClock::at(Timestamp(0)));
    let session = Session {
        clock: Arc::clone(&clock) as Arc<dyn plugcache_cache::Clock>,
        max_age: Some(Duration::from_hours(1)),
        ..session(place.path(), place.path().join("cache"))
    };
    let year = 31_556_952_000_000_000;
    for (at, wall) in
        [-86_400_000_000_000, 0, 50 * year, 60 * year, i64::MAX, i64::MIN, 56 * year].into_iter().enumerate()
    {
        clock.jump(Timestamp(wall));
        fs::write(place.path().join("root/p0.toy"), format!("name: P0\nvalue: {at}")).unwrap();
        let (found, _) = list(&session);
        assert_eq!(found, 400, "at {wall}");
        let (_, value) = session.find("P0", |snapshot, found| snapshot.describe(&found[0]).doc.unwrap());
        assert_eq!(value, at.to_string(), "at {wall}");
    }
    clock.jump(Timestamp(55 * year));
    let (_, report) = list(&session);
    assert!(matches!(report.stale[0].reason, StaleReason::Age { .. }), "an index from the future is stale");
}
