//! Watched roots: every edit is in the next answer, and subscribers are told of what changed, not of events.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test unwraps what it expects, and prints its figures"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Receiver},
    time::{Duration, Instant},
};

use plugcache::{
    Resolver,
    cache::Strength,
    discovery::{
        entry_points::{EntryPointFinder, PythonVersion},
        finder::Finder,
        index::{Location, Session},
        manifest::{ManifestFinder, Options},
        plugin::Plugin,
        python::{PackageSpec, PythonFinder},
    },
    watch::{Change, State, Unwatched, Watch},
};
use plugcache_testkit::{
    Mutator, PluginTree, TreeBuilder,
    mutate::content::{BASE_CLASS, PACKAGE},
};

/// Longer than any machine takes to wake a thread; nobody waits for it where all is well.
const PATIENCE: Duration = Duration::from_secs(30);

fn python() -> Arc<dyn Finder> {
    let package = PackageSpec { name: PACKAGE.to_owned(), recursive: true };
    let rule = format!("base={BASE_CLASS}").parse().unwrap();
    Arc::new(PythonFinder { packages: vec![package], rules: vec![rule], ..PythonFinder::default() })
}

fn manifests(pattern: &str) -> Arc<dyn Finder> {
    let options = Options { patterns: vec![pattern.to_owned()], ..Options::default() };
    Arc::new(ManifestFinder::new(options).unwrap())
}

/// A root, and a resolver over it that keeps its index beside it.
fn resolver(finder: Arc<dyn Finder>, place: &Path, root: &Path) -> Resolver {
    let mut session = Session::new(finder, vec![root.to_owned()]);
    session.location = Location { directories: vec![place.join("cache")] };
    Resolver::new(session)
}

/// Two plugins, `one` and `two`, in `root/one.json` and `root/two.json`.
fn two_plugins() -> (PluginTree, PathBuf) {
    let tree = TreeBuilder::new()
        .file("root/one.json", r#"{"name": "one"}"#)
        .file("root/two.json", r#"{"name": "two"}"#)
        .build()
        .unwrap();
    let root = tree.path().join("root");
    (tree, root)
}

fn watch_of(tree: &PluginTree, root: &Path) -> Watch {
    Watch::builder(resolver(manifests("**/*.json"), tree.path(), root)).start().unwrap()
}

fn names(watch: &Watch) -> Vec<String> {
    watch.list().0.into_iter().map(|found| found.plugin.name).collect()
}

fn told(changes: &Receiver<Change>) -> String {
    match changes.recv_timeout(PATIENCE).unwrap() {
        Change::Added { new } => format!("+ {}", new.name),
        Change::Changed { old, new } => format!("~ {} {:?} → {:?}", new.name, old.doc, new.doc),
        Change::Removed { old } => format!("- {}", old.name),
    }
}

#[test]
fn subscribers_are_told_of_records_and_answers_know_at_once() {
    let (tree, root) = two_plugins();
    let watch = watch_of(&tree, &root);
    let changes = watch.subscribe();
    assert!(matches!(watch.state(), State::Watching { directories } if directories > 2));
    let first = watch.resolve("one");
    assert_eq!((first.report.strength, first.report.parsed), (Strength::Watched, 0));

    tree.write("root/three.json", r#"{"name": "three"}"#).unwrap();
    assert_eq!(names(&watch), ["one", "three", "two"]);
    assert_eq!(told(&changes), "+ three");

    // In one step: a proof in between would see the plugin gone.
    tree.replace("root/one.json", r#"{"name": "one", "description": "first"}"#).unwrap();
    let answer = watch.resolve("one");
    assert_eq!(answer.outcome.unwrap().plugin.doc.as_deref(), Some("first"));
    // The watch's own thread may have proven it already, if this one was held up.
    assert!(matches!(answer.report.strength, Strength::Full | Strength::Watched));
    assert_eq!(told(&changes), r#"~ one None → Some("first")"#);
    assert_eq!(watch.resolve("one").report.strength, Strength::Watched);

    tree.remove("root/two.json").unwrap();
    assert!(watch.resolve("two").outcome.is_err());
    assert_eq!(told(&changes), "- two");

    // A touch changes nothing that anybody is told of, and the next answer needs no look again.
    fs::File::options()
        .write(true)
        .open(root.join("one.json"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    let touched = watch.resolve("one");
    assert_eq!(touched.outcome.unwrap().plugin.doc.as_deref(), Some("first"));
    assert!(matches!(touched.report.strength, Strength::Full | Strength::Watched));
    tree.remove("root/three.json").unwrap();
    assert_eq!(told(&changes), "- three");
}

#[test]
fn a_subscriber_who_asks_nothing_is_told_too() {
    let (tree, root) = two_plugins();
    let watch = watch_of(&tree, &root);
    let (slow, changes) = (watch.subscribe(), watch.subscribe());
    drop(watch.subscribe());
    for step in 0..5 {
        tree.replace("root/one.json", format!(r#"{{"name": "one", "description": "{step}"}}"#)).unwrap();
        assert!(told(&changes).ends_with(&format!("Some(\"{step}\")")), "step {step}");
    }
    // Nobody waited for the one who reads late.
    assert_eq!((0..5).filter(|_| told(&slow).starts_with("~ one")).count(), 5);
    drop(watch);
    assert!(changes.recv().is_err() && slow.recv().is_err(), "it ends when the watch does");
}

#[test]
fn directories_that_come_go_and_change_places() {
    let (tree, root) = two_plugins();
    let watch = watch_of(&tree, &root);
    tree.write("root/new/deep/er/four.json", r#"{"name": "four"}"#).unwrap();
    assert_eq!(names(&watch), ["four", "one", "two"]);
    tree.write("root/new/deep/er/five.json", r#"{"name": "five"}"#).unwrap();
    assert_eq!(names(&watch), ["five", "four", "one", "two"]);

    // The old directory goes on to exist elsewhere: what happens in it there is nothing to us.
    fs::rename(root.join("new"), tree.path().join("elsewhere")).unwrap();
    tree.write("root/new/deep/er/six.json", r#"{"name": "six"}"#).unwrap();
    assert_eq!(names(&watch), ["one", "six", "two"]);
    tree.write("elsewhere/deep/er/four.json", "{}").unwrap();
    assert_eq!(watch.resolve("six").report.strength, Strength::Watched);
    tree.write("root/new/deep/er/six.json", r#"{"name": "seven"}"#).unwrap();
    assert_eq!(names(&watch), ["one", "seven", "two"]);

    // The root itself, and a directory above it.
    fs::rename(&root, tree.path().join("old")).unwrap();
    assert_eq!(names(&watch), Vec::<String>::new());
    tree.write("root/one.json", r#"{"name": "again"}"#).unwrap();
    assert_eq!(names(&watch), ["again"]);
    tree.remove("root").unwrap();
    assert_eq!(names(&watch), Vec::<String>::new());
    fs::rename(tree.path().join("old"), &root).unwrap();
    assert_eq!(names(&watch), ["one", "seven", "two"]);
}

#[test]
fn links_are_watched_to_where_they_lead() {
    let tree = TreeBuilder::new()
        .file("a/real.txt", r#"{"name": "real"}"#)
        .file("b/real.txt", r#"{"name": "other"}"#)
        .symlink("hop", "a")
        .symlink("far/chain", "../hop/real.txt")
        .symlink("plugins/one.json", "../far/chain")
        .file("outside/dir/two.json", r#"{"name": "two"}"#)
        .symlink("plugins/sub", "../outside/dir")
        .symlink("plugins/missing.json", "../later/three.json")
        .symlink("root", "plugins")
        .build()
        .unwrap();
    let watch = watch_of(&tree, &tree.path().join("root"));
    let quiet = |expected: &[&str]| {
        assert_eq!(names(&watch), expected);
        assert_eq!(watch.resolve("real").report.strength, Strength::Watched);
    };
    quiet(&["real", "two"]);
    // The target, in place and by rename.
    tree.write("a/real.txt", r#"{"name": "REAL"}"#).unwrap();
    quiet(&["REAL", "two"]);
    tree.replace("a/real.txt", r#"{"name": "Real"}"#).unwrap();
    quiet(&["Real", "two"]);
    // A link in the middle of the chain.
    fs::remove_file(tree.path().join("hop")).unwrap();
    symlink("b", tree.path().join("hop")).unwrap();
    quiet(&["other", "two"]);
    // In a linked directory, and where nothing was.
    tree.write("outside/dir/more.json", r#"{"name": "more"}"#).unwrap();
    quiet(&["more", "other", "two"]);
    tree.write("later/three.json", r#"{"name": "three"}"#).unwrap();
    quiet(&["more", "other", "three", "two"]);
    // A directory on the way, and the root, which is a link.
    fs::rename(tree.path().join("outside"), tree.path().join("gone")).unwrap();
    quiet(&["other", "three"]);
    fs::remove_file(tree.path().join("root")).unwrap();
    symlink("gone/dir", tree.path().join("root")).unwrap();
    quiet(&["more", "two"]);
}

#[test]
fn who_may_not_watch_says_so_and_answers_all_the_same() {
    let (tree, root) = two_plugins();
    let watch = Watch::builder(resolver(manifests("*.json"), tree.path(), &root))
        .max_watches(1)
        .poll_interval(Duration::from_millis(20))
        .start()
        .unwrap();
    let State::Polling { why: why @ Unwatched::TooMany { most: 1, .. } } = watch.state() else {
        panic!("{:?}", watch.state())
    };
    assert!(why.to_string().contains("raise `max_watches`"));
    let changes = watch.subscribe();
    assert_eq!(watch.resolve("one").report.strength, Strength::Full);
    // In one step: a poll in between would see the plugin gone.
    tree.replace("root/one.json", r#"{"name": "1"}"#).unwrap();
    assert!(watch.resolve("1").outcome.is_ok());
    assert_eq!([told(&changes), told(&changes)], ["+ 1", "- one"]);
    tree.remove("root/two.json").unwrap();
    assert_eq!(told(&changes), "- two");
}

/// A file system that others can write to from elsewhere is not vouched for.
#[test]
fn proc_is_no_local_file_system() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    symlink("/proc/self/task", &root).unwrap();
    let watch = Watch::builder(resolver(manifests("*.json"), place.path(), &root)).start().unwrap();
    assert!(
        matches!(watch.state(), State::Polling { why: Unwatched::NotLocal { .. } }),
        "{:?}",
        watch.state()
    );
}

/// Files below directories that are no evidence themselves: those of installed distributions.
#[test]
fn installed_distributions() {
    let tree = TreeBuilder::new()
        .file("site/one-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        .build()
        .unwrap();
    let finder = Arc::new(EntryPointFinder::new(PythonVersion::default()));
    let watch = Watch::builder(resolver(finder, tree.path(), &tree.path().join("site"))).start().unwrap();
    let changes = watch.subscribe();
    assert_eq!(names(&watch), Vec::<String>::new());
    let write = |scripts: &str| {
        let text = format!("[console_scripts]\n{scripts}\n");
        tree.write("site/one-1.0.dist-info/entry_points.txt", text).unwrap();
    };
    write("run = one:main");
    assert_eq!(names(&watch), ["run"]);
    assert_eq!(told(&changes), "+ run");
    assert_eq!(watch.resolve("run").report.strength, Strength::Watched);
    write("go = one:main");
    assert_eq!(names(&watch), ["go"]);
    tree.remove("site/one-1.0.dist-info").unwrap();
    assert_eq!(names(&watch), Vec::<String>::new());
}

type Answer = BTreeMap<String, (Plugin, Vec<Plugin>)>;

fn listed(resolutions: Vec<plugcache::Resolution>) -> Answer {
    resolutions.into_iter().map(|found| (found.plugin.name.clone(), (found.plugin, found.shadowed))).collect()
}

/// Every action that the mutator knows, asked about in the same moment, by the thread that did it.
#[test]
fn a_storm_of_changes_gives_no_wrong_answer() {
    let steps = std::env::var("PLUGCACHE_STEPS").map_or(1_000, |steps| steps.parse().unwrap());
    let seed = std::env::var("PLUGCACHE_SEED").map_or(7, |seed| seed.parse().unwrap());
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    let mut mutator = Mutator::new(&root, 24, seed).unwrap();
    // One that knows nothing, and one that looks at everything each time: the first is slow, and agrees with
    // the second as far as the index's own tests go.
    let fresh = Resolver::new(Session::new(python(), vec![root.clone()]));
    let full = resolver(python(), &place.path().join("other"), &root);
    let watch = Watch::builder(resolver(python(), place.path(), &root))
        .debounce(Duration::from_millis(1))
        .start()
        .unwrap();
    let changes = watch.subscribe();
    let mut replayed = listed(watch.list().0);
    let mut watched = 0;
    for step in 0..steps {
        let mutation = mutator.step().unwrap();
        let (answer, _) = watch.list();
        let truth = listed(if step % 25 == 0 { &fresh } else { &full }.list().0);
        assert_eq!(listed(answer), truth, "seed {seed}, {mutation}");
        // Nothing has happened since, but that the thread may still be proving what has.
        let again = watch.list();
        watched += u64::from(again.1.strength == Strength::Watched);
        assert_eq!(listed(again.0), truth, "seed {seed}, again after {mutation}");
        if step % 100 == 0 {
            let name = replayed.keys().next().cloned().unwrap_or_default();
            assert_eq!(
                watch.resolve(&name).outcome.is_ok(),
                fresh.resolve(&name).outcome.is_ok(),
                "seed {seed}, {name} after {mutation}"
            );
        }
    }
    println!("seed {seed}, {steps} steps: 0 wrong answers, {watched} second answers without a look");
    assert!(watched * 10 > steps * 9, "{watched} of {steps} answers were watched");

    // What subscribers were told adds up to the truth.
    let truth = listed(fresh.list().0);
    let began = Instant::now();
    while truth.values().map(|(first, _)| first).ne(replayed.values().map(|(first, _)| first)) {
        assert!(began.elapsed() < PATIENCE, "seed {seed}: told {replayed:#?}, true {truth:#?}");
        let Ok(change) = changes.recv_timeout(Duration::from_secs(1)) else { continue };
        apply(&mut replayed, change);
    }
}

/// Names are unique in the mutator's trees but for what it duplicates with links, which shadows.
fn apply(answer: &mut Answer, change: Change) {
    let mut all: Vec<Plugin> = answer
        .remove(change.name())
        .map(|(first, shadowed)| std::iter::once(first).chain(shadowed).collect())
        .unwrap_or_default();
    let (old, new) = match change {
        Change::Added { new } => (None, Some(new)),
        Change::Changed { old, new } => (Some(old), Some(new)),
        Change::Removed { old } => (Some(old), None),
    };
    if let Some(old) = old {
        let at = all.iter().position(|plugin| *plugin == *old).expect("what goes was there");
        all.remove(at);
    }
    all.extend(new.map(|new| Plugin::clone(&new)));
    // One root: precedence is the order of the walk.
    all.sort_by(|one, other| one.file.cmp(&other.file));
    if let [first, shadowed @ ..] = &all[..] {
        answer.insert(first.name.clone(), (first.clone(), shadowed.to_vec()));
    }
}
