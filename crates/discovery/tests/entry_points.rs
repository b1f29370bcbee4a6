//! Entry points, compared with what real interpreters answer.
//!
//! Every Python from 3.11 on that is found is asked: `PLUGCACHE_PYTHON`, those on the path, those that
//! pyenv keeps. Which ones is printed. An environment of many distributions is named by
//! `PLUGCACHE_ENTRY_POINTS_VENV`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says what it expects and what it skips"
)]

mod interpreters;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use interpreters::{Python, Row};
use plugcache_cache::{Clock as _, Strength, SystemClock, Timestamp};
use plugcache_discovery::{
    entry_points::{
        self, EntryPointFinder, PythonVersion,
        interpreter::{Interpreter, Query},
    },
    index::{Location, Report, Session},
};
use plugcache_testkit::ManualClock;
use tempfile::TempDir;

fn session(path: &[PathBuf], python: PythonVersion, cache: &Path) -> Session {
    let location = Location { directories: vec![cache.to_owned()] };
    Session { location, ..Session::new(Arc::new(EntryPointFinder::new(python)), path.to_vec()) }
}

fn rows(session: &Session, python: PythonVersion) -> (Vec<Row>, Report) {
    let (snapshot, rows) = session.list(|snapshot| {
        let listed = entry_points::list(snapshot.index(), python).unwrap_or_default();
        listed
            .iter()
            .map(|entry| {
                let own = |text: Option<&str>| text.map(str::to_owned);
                Row {
                    group: entry.group.to_owned(),
                    name: entry.name.to_owned(),
                    value: entry.value.to_owned(),
                    distribution: own(entry.distribution),
                    version: own(entry.version),
                }
            })
            .collect()
    });
    (rows, snapshot.full_report())
}

/// A search path below a temporary directory.
struct Tree {
    directory: TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self { directory: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            tree.write(path, text.as_bytes());
        }
        tree
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A distribution with one entry point that tells it from all others.
    fn distribution(&self, place: &str, name: &str, version: &str) {
        self.write(&format!("{place}/METADATA"), format!("Name: {name}\nVersion: {version}\n").as_bytes());
        self.write(
            &format!("{place}/entry_points.txt"),
            format!("[g]\n{name} = m:{name}_{version}\n").as_bytes(),
        );
    }

    fn path(&self, entries: &[&str]) -> Vec<PathBuf> {
        entries.iter().map(|entry| self.directory.path().join(entry)).collect()
    }

    fn ours(&self, entries: &[&str], python: PythonVersion) -> (Vec<Row>, Report) {
        let cache = self.directory.path().join(".cache");
        rows(&session(&self.path(entries), python, &cache), python)
    }

    /// Ours equals what every Python answers. Returns ours, for the newest semantics.
    fn assert_equal(&self, entries: &[&str]) -> (Vec<Row>, Report) {
        for python in Python::all() {
            let theirs = python.entry_points(&self.path(entries)).unwrap();
            assert_eq!(self.ours(entries, python.semantics).0, theirs, "{python}");
        }
        self.ours(entries, PythonVersion::V3_14)
    }
}

#[test]
fn which_interpreters_are_compared_with() {
    let all: Vec<String> = Python::all().iter().map(ToString::to_string).collect();
    if all.is_empty() {
        eprintln!("NOT COMPARED: no Python of version 3.11 or newer was found");
    }
    eprintln!("compared with {}", all.join(", "));
}

#[test]
fn a_whole_environment() {
    let Some(environment) = std::env::var_os("PLUGCACHE_ENTRY_POINTS_VENV").map(PathBuf::from) else {
        eprintln!("SKIPPED: PLUGCACHE_ENTRY_POINTS_VENV is not set (cargo xtask test sets it)");
        return;
    };
    let interpreter = Interpreter::ask(&Query::new(environment.join("bin/python"))).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let session = session(&interpreter.path, interpreter.semantics(), cache.path());
    let (cold, report) = rows(&session, interpreter.semantics());
    let python = Python::at(&environment.join("bin/python")).unwrap();
    assert_eq!(cold, python.own_entry_points(), "{:?}", report.problems);
    assert_eq!(report.problems, []);
    assert!(cold.len() >= 100, "{} entry points", cold.len());
    let (warm, report) = rows(&session, interpreter.semantics());
    assert_eq!(warm, cold);
    assert_eq!((report.parsed, report.strength), (0, Strength::Full));
    eprintln!("{} entry points, {} files are evidence", warm.len(), report.files);
}

#[test]
fn files_as_people_write_them() {
    let text = "lost = before\nalso lost\n\n# comment\n[b]\n  one = m:a\ntwo=m : b [x, y] \n;three = m\n\
                one = m:again\n[a]\n= m\n n = m:c = d\n[[odd]\nx = m\n[ spaced ]\ny\t=\tm\r\nz = m:o\u{b}q = m:p\n";
    let tree = Tree::new(&[("p/d-1.dist-info/entry_points.txt", text)]);
    tree.write("p/d-1.dist-info/METADATA", b"Metadata-Version: 2.1\nname: D\nVersion:  1.0 \n\nName: no\n");
    let python = PythonVersion::V3_13;
    for other in Python::all().into_iter().filter(|python| python.semantics < PythonVersion::V3_14) {
        let theirs = other.entry_points(&tree.path(&["p"])).unwrap();
        assert_eq!(tree.ours(&["p"], other.semantics).0, theirs, "{other}");
    }
    assert_eq!(tree.ours(&["p"], python).0.len(), 10);
    // `m:c = d` names no object.
    let (rows, report) = tree.ours(&["p"], PythonVersion::V3_14);
    assert_eq!(rows.len(), 9);
    assert_eq!(report.problems.len(), 1);
}

#[test]
fn the_first_directory_of_the_path_hides_the_others() {
    let tree = Tree::new(&[("one/Hidden_By.Dots.egg-info", "Name: x\n")]);
    tree.distribution("one/Some.Thing-2.dist-info", "Some.Thing", "2");
    tree.distribution("two/some_thing-1.dist-info", "some-thing", "1");
    tree.distribution("two/SOME__THING-3.egg-info", "SOME--THING", "3");
    tree.distribution("two/hidden-by_dots-1.dist-info", "hidden", "1");
    tree.distribution("two/hidden_by_dots-1.dist-info", "hidden", "2");
    tree.distribution("two/other-1.dist-info", "other", "1");
    let (rows, report) = tree.assert_equal(&["one", "none", "two"]);
    let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(report.problems, []);
}

#[test]
fn two_of_one_name_in_one_directory_are_reported() {
    let tree = Tree::new(&[]);
    for version in ["1.0", "2.0", "10.0"] {
        tree.distribution(&format!("p/a-{version}.dist-info"), "a", version);
        tree.distribution(&format!("p/b_b-{version}.dist-info"), "b", version);
    }
    let (rows, report) = tree.assert_equal(&["p"]);
    assert_eq!(rows.len(), 2);
    assert_eq!(report.problems.len(), 4, "{:?}", report.problems);
}

#[test]
fn eggs_and_egg_info() {
    let tree = Tree::new(&[
        ("p/file-1.egg-info", "Name: file\nVersion: 1\n"),
        ("p/dir-1.egg-info/PKG-INFO", "Name: Dir\nVersion: 1\n"),
        ("p/dir-1.egg-info/entry_points.txt", "[g]\nx = m:o\n"),
        ("p/empty-1.egg-info/METADATA", ""),
        ("p/empty-1.egg-info/PKG-INFO", "Name: Empty\nVersion: 1\n"),
        ("p/empty-1.egg-info/entry_points.txt", "[g]\nx = m:empty\n"),
        ("p/unseen-1.egg/EGG-INFO/PKG-INFO", "Name: unseen\nVersion: 1\n"),
        ("p/unseen-1.egg/EGG-INFO/entry_points.txt", "[g]\nx = m:unseen\n"),
        ("p/Seen_It-1.egg/EGG-INFO/PKG-INFO", "Name: Seen-It\nVersion: 1\n"),
        ("p/Seen_It-1.egg/EGG-INFO/entry_points.txt", "[g]\nx = m:seen\n"),
        ("q/seen.it-2.dist-info/entry_points.txt", "[g]\nx = m:hidden\n"),
        ("q/seen.it-2.dist-info/METADATA", "Name: seen.it\nVersion: 2\n"),
        ("q/UPPER-2.DIST-INFO/entry_points.txt", "[g]\nx = m:upper\n"),
        ("q/UPPER-2.DIST-INFO/METADATA", "Name: Another.Name\nVersion: 2\n"),
        ("r/another_name-2.dist-info/entry_points.txt", "[g]\nx = m:hidden\n"),
        ("link.egg-link", "/nowhere\n.\n"),
    ]);
    let (rows, _) = tree.assert_equal(&["p", "p/Seen_It-1.egg", "q", "r", "p"]);
    let mut values: Vec<_> = rows.iter().map(|row| row.value.as_str()).collect();
    values.sort_unstable();
    assert_eq!(values, ["m:empty", "m:o", "m:seen", "m:upper"]);
}

#[test]
fn what_makes_python_fail_costs_only_itself() {
    let tree =
        Tree::new(&[("p/bad-1.dist-info/entry_points.txt", "[g]\nx = m:o\nno equals sign\ny = m:o\n")]);
    tree.distribution("p/good-1.dist-info", "good", "1");
    tree.write("p/latin-1.dist-info/entry_points.txt", b"[g]\nx = m:\xe4\n");
    tree.write("p/bad-1.dist-info/METADATA", b"Name: bad\nVersion: 1\n");
    for python in Python::all() {
        assert!(python.entry_points(&tree.path(&["p"])).is_err(), "{python}");
    }
    let (rows, report) = tree.ours(&["p"], PythonVersion::V3_13);
    assert_eq!(rows.len(), 3);
    let places: Vec<_> = report.problems.iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!(places, [(3, 0), (2, 7)], "{:?}", report.problems);
}

#[test]
fn metadata_that_is_missing_is_reported() {
    let tree = Tree::new(&[("p/a-1.dist-info/entry_points.txt", "[g]\nx = m:o\n")]);
    for python in Python::all().into_iter().filter(|python| python.semantics < PythonVersion::V3_14) {
        let theirs = python.entry_points(&tree.path(&["p"])).unwrap();
        assert_eq!(tree.ours(&["p"], python.semantics).0, theirs, "{python}");
    }
    let (rows, report) = tree.ours(&["p"], PythonVersion::V3_14);
    assert_eq!((rows.len(), report.problems.len()), (1, 1));
    assert_eq!(rows[0].distribution, None);
}

#[test]
fn every_change_is_seen() {
    let tree = Tree::new(&[]);
    tree.distribution("p/a-1.dist-info", "a", "1");
    tree.write("p/plain-1.dist-info/METADATA", b"Name: plain\nVersion: 1\n");
    tree.write("e.egg/EGG-INFO/PKG-INFO", b"Name: e\nVersion: 1\n");
    let steps: [&dyn Fn(); 8] = [
        &|| tree.write("p/a-1.dist-info/entry_points.txt", b"[g]\na = m:changed\n"),
        &|| tree.write("p/a-1.dist-info/METADATA", b"Name: A\nVersion: 1.0\n"),
        &|| tree.write("p/plain-1.dist-info/entry_points.txt", b"[g]\nplain = m:o\n"),
        &|| tree.distribution("p/b-1.dist-info", "b", "1"),
        &|| fs::remove_dir_all(tree.directory.path().join("p/a-1.dist-info")).unwrap(),
        &|| tree.write("e.egg/EGG-INFO/entry_points.txt", b"[g]\ne = m:o\n"),
        &|| tree.write("e.egg/EGG-INFO/PKG-INFO", b"Name: plain\nVersion: 3\n"),
        &|| fs::rename(tree.directory.path().join("p"), tree.directory.path().join("away")).unwrap(),
    ];
    tree.assert_equal(&["p", "e.egg"]);
    for step in steps {
        step();
        tree.assert_equal(&["p", "e.egg"]);
    }
}

/// A process that asks again keeps the index open: what it has proven holds until something changes.
#[test]
fn what_was_proven_holds_until_something_changes() {
    let tree = Tree::new(&[]);
    tree.distribution("p/a-1.dist-info", "a", "1");
    tree.write("p/plain-1.dist-info/METADATA", b"Name: plain\nVersion: 1\n");
    let cache = tree.directory.path().join(".cache");
    let session = |finder: EntryPointFinder| {
        // Everything is old, and so proves something.
        let clock = ManualClock::at(Timestamp(SystemClock.wall().0 + 3_600_000_000_000));
        let location = Location { directories: vec![cache.clone()] };
        let path = tree.path(&["p", "nothing"]);
        Session { location, clock: Arc::new(clock), ..Session::new(Arc::new(finder), path) }
    };
    let with = session(EntryPointFinder::new(PythonVersion::V3_13));
    let without = session(EntryPointFinder::new(PythonVersion::V3_13).without_metadata());
    assert_ne!(with.file_name(), without.file_name());
    let (before, alone) = (with.open(), without.open());
    assert!(with.still_holds(&before) && without.still_holds(&alone));
    assert_eq!(alone.index().absent_roots().collect::<Vec<_>>(), tree.path(&["nothing"]));
    let index = alone.index();
    let files: Vec<_> = index.file_ids().map(|file| (file, index.place(file).unwrap().1)).collect();
    assert_eq!(files.len(), 2, "metadata is no evidence");
    assert!(files.iter().all(|(file, _)| index.is_untouched(*file)));
    let listed = |session: &Session| {
        let (rows, _) = rows(session, PythonVersion::V3_13);
        rows.into_iter().map(|row| (row.group, row.name, row.value)).collect::<Vec<_>>()
    };
    assert_eq!(listed(&with), listed(&without));

    // Metadata: one of the two rests on it.
    tree.write("p/a-1.dist-info/METADATA", b"Name: A\nVersion: 1.0\n");
    assert!(!with.still_holds(&before) && without.still_holds(&alone));
    // What was absent appears: the listing of its directory's parent does not show it.
    tree.write("p/plain-1.dist-info/entry_points.txt", b"[g]\nplain = m:o\n");
    assert!(!without.still_holds(&alone));
    for (file, path) in files {
        assert_eq!(index.is_untouched(file), path.starts_with("a-1"), "{path}");
    }
    assert_eq!(listed(&with), listed(&without));
    assert_eq!(listed(&without).len(), 2);
}

#[test]
fn a_zip_file_on_the_path_is_reported() {
    let tree = Tree::new(&[("p.zip", "PK")]);
    let (rows, report) = tree.ours(&["p.zip"], PythonVersion::V3_13);
    assert_eq!((rows.len(), report.problems.len()), (0, 1));
}

#[test]
fn editable_installs() {
    for python in Python::all() {
        let directory = tempfile::tempdir().unwrap();
        let project = directory.path().join("project");
        fs::create_dir_all(project.join("src/eddy")).unwrap();
        fs::write(project.join("src/eddy/__init__.py"), "").unwrap();
        let egg = project.join("src/eddy.egg-info");
        fs::create_dir_all(&egg).unwrap();
        fs::write(egg.join("PKG-INFO"), "Metadata-Version: 2.1\nName: Eddy\nVersion: 1\n").unwrap();
        fs::write(egg.join("entry_points.txt"), "[g]\neddy = eddy:develop\n").unwrap();
        let environment = directory.path().join("venv");
        let interpreter = python.make_environment(&environment);
        let site = interpreter.site_packages();
        // As `setup.py develop` leaves it: a link, and a line in a `.pth` file.
        fs::write(site.join("eddy.egg-link"), format!("{}\n../", project.join("src").display())).unwrap();
        fs::write(site.join("easy-install.pth"), format!("{}\n", project.join("src").display())).unwrap();
        // As `pip install -e` leaves it: metadata in place, and a finder that a `.pth` file imports.
        let info = site.join("finder_style-2.dist-info");
        fs::create_dir_all(&info).unwrap();
        fs::write(info.join("METADATA"), "Name: finder-style\nVersion: 2\n").unwrap();
        fs::write(info.join("entry_points.txt"), "[g]\nfinder = finder_style:x\n").unwrap();
        fs::write(site.join("__editable__.finder_style.pth"), "import sys; sys.plugcache_was_here = True\n")
            .unwrap();
        let asked = Interpreter::ask(&Query::new(interpreter.executable())).unwrap();
        let ours = session(&asked.path, asked.semantics(), &directory.path().join("cache"));
        let (ours, _) = rows(&ours, asked.semantics());
        assert_eq!(ours, interpreter.own_entry_points(), "{python}");
        let found: Vec<_> = ours.iter().map(|row| row.name.as_str()).filter(|name| *name != "pip").collect();
        assert!(found.contains(&"eddy") && found.contains(&"finder"), "{found:?}");
        assert!(asked.dynamic.iter().any(|note| note.contains("__editable__")), "{:?}", asked.dynamic);
        assert!(asked.inputs().contains(&site.join("easy-install.pth")));
        assert!(asked.may_be_kept);
    }
}
