//! The index with a finder that can be seen through: what is read when, and what is served.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod toy;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plugcache_cache::{StaleReason, Strength};
use plugcache_discovery::index::{Location, Report, Session};
use tempfile::TempDir;
use toy::Toy;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            place.write(path, text);
        }
        place.settle();
        place
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Waits until stamps are old enough to prove something.
    #[expect(clippy::unused_self, reason = "reads as what it does: the place settles")]
    fn settle(&self) {
        std::thread::sleep(Duration::from_millis(30));
    }

    fn session(&self) -> Session {
        let location = Location { directories: vec![self.cache()] };
        Session { location, ..Session::new(Arc::new(Toy), vec![self.root()]) }
    }

    fn list(&self) -> (Vec<(String, String)>, Report) {
        list(&self.session())
    }

    fn index_file(&self) -> PathBuf {
        self.cache().join(self.session().file_name())
    }
}

fn list(session: &Session) -> (Vec<(String, String)>, Report) {
    let (snapshot, plugins) = session.list(|snapshot| {
        let all = snapshot.all();
        all.iter()
            .map(|candidate| snapshot.describe(candidate))
            .map(|p| (p.name, p.doc.unwrap_or_default()))
            .collect()
    });
    (plugins, snapshot.full_report())
}

fn find(session: &Session, name: &str) -> (Option<String>, Strength) {
    let (snapshot, found) =
        session.find(name, |snapshot, found| found.first().map(|c| snapshot.describe(c).doc.unwrap()));
    (found, snapshot.report().strength)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

const TREE: [(&str, &str); 4] = [
    ("a.toy", "name: A\nvalue: 1"),
    ("sub/b.toy", "name: B\nuses: a.toy"),
    ("sub/c.toy", "name: C\nvalue: 3"),
    ("other.txt", "no plugin"),
];

#[test]
fn cold_then_warm_reads_nothing() {
    let place = Place::new(&TREE);
    let (plugins, report) = place.list();
    assert_eq!(plugins, pairs(&[("A", "1"), ("B", "1"), ("C", "3")]));
    assert_eq!((report.parsed, report.reused, report.kept), (3, 0, true));
    assert_eq!(report.stale.first().unwrap().reason, StaleReason::Missing);
    let (plugins, report) = place.list();
    assert_eq!(plugins, pairs(&[("A", "1"), ("B", "1"), ("C", "3")]));
    assert_eq!((report.parsed, report.reused), (0, 3));
    assert_eq!(report.stale, []);
}

#[test]
fn one_change_reads_one_file_and_its_dependants_follow() {
    let place = Place::new(&TREE);
    place.list();
    place.write("a.toy", "name: A\nvalue: 2");
    let (plugins, report) = place.list();
    assert_eq!(plugins, pairs(&[("A", "2"), ("B", "2"), ("C", "3")]));
    assert_eq!((report.parsed, report.reused), (1, 2));
    assert!(matches!(report.stale.first().unwrap().reason, StaleReason::Content { .. }));
    let (_, report) = place.list();
    assert_eq!(report.parsed, 0);
}

#[test]
fn a_touch_parses_nothing_and_is_kept() {
    let place = Place::new(&TREE);
    place.list();
    let text = fs::read(place.root().join("a.toy")).unwrap();
    fs::write(place.root().join("a.toy"), text).unwrap();
    place.settle();
    let (_, report) = place.list();
    assert_eq!(report.parsed, 0);
    assert!(matches!(report.stale.first().unwrap().reason, StaleReason::Metadata { .. }));
    let (_, report) = place.list();
    assert_eq!(report.stale, [], "the new stamp was kept");
}

#[test]
fn files_and_directories_come_and_go() {
    let place = Place::new(&TREE);
    place.list();
    place.write("sub/deep/d.toy", "name: D\nvalue: 4");
    let (plugins, report) = place.list();
    assert_eq!(plugins.last(), Some(&("D".to_owned(), "4".to_owned())));
    assert_eq!((report.parsed, report.reused), (1, 3));
    fs::remove_file(place.root().join("a.toy")).unwrap();
    assert_eq!(place.list().0, pairs(&[("B", ""), ("C", "3"), ("D", "4")]));
    fs::remove_dir_all(place.root().join("sub")).unwrap();
    assert_eq!(place.list().0, []);
    fs::remove_dir_all(place.root()).unwrap();
    assert_eq!(place.list().0, []);
    place.write("a.toy", "name: A\nvalue: 1");
    assert_eq!(place.list().0, pairs(&[("A", "1")]));
}

#[test]
fn what_does_not_matter_changes_nothing() {
    let place = Place::new(&TREE);
    place.list();
    place.write("sub/ignored", "noise");
    place.settle();
    let (_, report) = place.list();
    assert_eq!((report.parsed, report.stale.len()), (0, 0));
}

#[test]
fn a_broken_file_hides_nothing_and_is_retried() {
    let place = Place::new(&TREE);
    place.write("sub/b.toy", "broken");
    let (plugins, report) = place.list();
    assert_eq!(plugins, pairs(&[("A", "1"), ("C", "3")]));
    assert!(report.problems[0].file.ends_with("root/sub/b.toy"), "{:?}", report.problems);
    let (_, report) = place.list();
    assert_eq!((report.problems.len(), report.parsed), (1, 0));
    place.write("sub/b.toy", "name: B\nvalue: 5");
    let (plugins, report) = place.list();
    assert_eq!(plugins, pairs(&[("A", "1"), ("B", "5"), ("C", "3")]));
    assert_eq!(report.problems, []);
}

#[test]
fn every_strength_says_what_it_is() {
    let place = Place::new(&TREE);
    let at = |strength| Session { strength, ..place.session() };
    place.list();
    for strength in Strength::ALL {
        assert_eq!(find(&at(strength), "A"), (Some("1".to_owned()), strength));
    }
    // A write in place of the same size: unseen by `trust` and `dirs`, seen from `lazy` on.
    place.write("a.toy", "name: A\nvalue: 7");
    assert_eq!(find(&at(Strength::Trust), "A").0.as_deref(), Some("1"));
    assert_eq!(find(&at(Strength::Dirs), "A").0.as_deref(), Some("1"));
    assert_eq!(find(&at(Strength::Lazy), "A"), (Some("7".to_owned()), Strength::Full));
    place.write("a.toy", "name: A\nvalue: 8");
    assert_eq!(find(&at(Strength::Lazy), "B").0.as_deref(), Some("8"), "what B depends on lies behind it");
    // A miss is proven at full.
    assert_eq!(find(&at(Strength::Lazy), "X"), (None, Strength::Full));
    place.write("x.toy", "name: X\nvalue: 9");
    assert_eq!(find(&at(Strength::Dirs), "X").0.as_deref(), Some("9"));
}

#[test]
fn a_place_that_cannot_be_written_warns_once_and_works() {
    let place = Place::new(&TREE);
    fs::write(place.cache(), b"a file in the way").unwrap();
    let (plugins, report) = place.list();
    assert_eq!(plugins.len(), 3);
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
    let fallback = place.directory.path().join("fallback");
    let location = Location { directories: vec![place.cache(), fallback] };
    let session = Session { location, ..place.session() };
    let (_, report) = list(&session);
    assert!(report.kept && report.warnings[0].contains("fallback"), "{:?}", report.warnings);
    let (_, report) = list(&session);
    assert_eq!((report.parsed, report.warnings.len()), (0, 0));
}

#[test]
fn a_relocated_tree_is_read_again_and_right() {
    let place = Place::new(&TREE);
    place.list();
    let old = place.index_file();
    let moved = place.directory.path().join("moved");
    fs::rename(place.root(), &moved).unwrap();
    let session = Session { roots: vec![moved], ..place.session() };
    fs::copy(old, place.cache().join(session.file_name())).unwrap();
    let (plugins, report) = list(&session);
    assert_eq!(plugins.len(), 3);
    assert_eq!(report.stale.first().unwrap().reason, StaleReason::Relocated);
}

#[test]
fn every_flipped_bit_and_every_cut_heals() {
    let place = Place::new(&TREE);
    let (truth, _) = place.list();
    let whole = fs::read(place.index_file()).unwrap();
    let put = |bytes: &[u8]| {
        fs::remove_file(place.index_file()).unwrap();
        fs::write(place.index_file(), bytes).unwrap();
    };
    // Every bit of the parts that are few, every seventh of the rest: the long run takes them all.
    let step = if std::env::var_os("PLUGCACHE_LONG").is_some() { 1 } else { 7 };
    for bit in (0..whole.len() * 8).filter(|bit| bit / 8 < 300 || bit % step == 0) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        put(&flipped);
        assert_eq!(place.list().0, truth, "bit {bit}");
        put(&flipped);
        assert_eq!(find(&place.session(), "B").0.as_deref(), Some("1"), "bit {bit}");
        assert_eq!(find(&place.session(), "X").0, None);
    }
    for length in 0..whole.len() {
        put(&whole[..length]);
        assert_eq!(place.list().0, truth, "length {length}");
    }
    put(&[&whole[..], b"appended"].concat());
    assert_eq!(place.list().0, truth);
}

#[test]
fn odd_things_in_the_tree_are_skipped_with_a_reason() {
    let place = Place::new(&TREE);
    let root = place.root();
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    link("../root", "loop");
    link("nowhere", "dangling.toy");
    link("a.toy", "linked.toy");
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe.toy"), rustix::fs::Mode::RUSR).unwrap();
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xFF.toy");
    fs::write(root.join(name), "name: Unnameable").unwrap();
    place.settle();
    let (plugins, report) = place.list();
    assert_eq!(plugins, pairs(&[("A", "1"), ("A", "1"), ("B", "1"), ("C", "3")]));
    let told = |word: &str| report.problems.iter().any(|problem| problem.message.contains(word));
    assert!(told("loop") && told("not a regular file") && told("UTF-8"), "{:?}", report.problems);
    place.settle();
    assert_eq!(place.list().1.parsed, 0);
    fs::write(root.join("nowhere"), "name: Appeared\nvalue: 1").unwrap();
    assert!(place.list().0.iter().any(|(name, _)| name == "Appeared"), "a link's target appeared");
}

#[test]
fn a_lock_that_another_holds_is_waited_for_and_named() {
    let place = Place::new(&TREE);
    fs::create_dir(place.cache()).unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(
        &mut fs::metadata(place.cache()).unwrap().permissions(),
        0o700,
    );
    let directory = plugcache_cache::fs::Directory::open(&place.cache()).unwrap();
    let name = format!("{}.lock", place.session().file_name());
    let name = plugcache_cache::fs::c_path(name.as_bytes()).unwrap();
    let clock = plugcache_cache::SystemClock;
    let held = plugcache_cache::lock::acquire(&directory, &name, Duration::ZERO, &clock).unwrap();
    let session = Session { lock_timeout: Duration::from_millis(20), ..place.session() };
    let (plugins, report) = list(&session);
    assert_eq!(plugins.len(), 3);
    assert!(report.warnings[0].contains(&format!("process {}", std::process::id())), "{:?}", report.warnings);
    drop(held);
}

#[test]
fn roots_that_are_missing_are_seen_when_they_appear() {
    let place = Place::new(&[]);
    assert_eq!(place.list().0, []);
    assert!(!Path::new(&place.root()).exists());
    place.write("a.toy", "name: A\nvalue: 1");
    assert_eq!(place.list().0, pairs(&[("A", "1")]));
}
