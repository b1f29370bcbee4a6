//! The change harness: whatever happens to a tree of plugins, the next answer is that of a build without
//! any cache. The same run shows how often weaker evidence would have been wrong.
//!
//! `PLUGCACHE_STEPS` sets the number of steps (100,000 for the figure in the README), `PLUGCACHE_SEED` the
//! seed, which is printed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test unwraps what it expects, and prints its figures"
)]

use std::sync::Arc;

use plugcache_discovery::{
    finder::Finder,
    index::{Location, Session},
    plugin::{Plugin, Problem},
    python::{PackageSpec, PythonFinder},
};
use plugcache_testkit::{
    mutate::{Mutator, content},
    naive::{Evidence, Observer},
};

type Answer = (Vec<Plugin>, Vec<Problem>, Vec<Problem>);

fn ask(session: &Session) -> Answer {
    let (snapshot, plugins) = session.list(|snapshot| {
        let all = snapshot.all();
        all.iter().map(|candidate| snapshot.describe(candidate)).collect()
    });
    let report = snapshot.full_report();
    assert_eq!(report.warnings, Vec::<String>::new());
    (plugins, report.problems, report.dynamic)
}

fn finder() -> Arc<dyn Finder> {
    let package = PackageSpec { name: content::PACKAGE.to_owned(), recursive: true };
    let rule = format!("base={}", content::BASE_CLASS).parse().unwrap();
    Arc::new(PythonFinder { packages: vec![package], rules: vec![rule], ..PythonFinder::default() })
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number")))
}

#[test]
fn no_change_goes_unseen() {
    let steps = from_environment("PLUGCACHE_STEPS", 1_500);
    let seed = from_environment("PLUGCACHE_SEED", 1);
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    let mut mutator = Mutator::new(&root, 24, seed).unwrap();
    let mut observer = Observer::default();
    observer.look(&root).unwrap();

    let fresh = Session::new(finder(), vec![root.clone()]);
    let location = Location { directories: vec![place.path().join("cache")] };
    let cached = Session { location, ..fresh.clone() };
    let mut parsed = 0;
    let mut files = 0;
    for _ in 0..steps {
        let mutation = mutator.step().unwrap();
        observer.look(&root).unwrap();
        let answer = ask(&cached);
        let truth = ask(&fresh);
        assert_eq!(answer, truth, "seed {seed}, {mutation}");
        let report = cached.open();
        parsed += report.report().parsed;
        files += report.report().files;
        assert_eq!(report.report().parsed, 0, "nothing happened since: seed {seed}, {mutation}");
    }
    println!("seed {seed}, {steps} steps: 0 wrong answers at full; {} changes of content", observer.changes);
    for (evidence, missed) in Evidence::ALL.iter().zip(observer.missed) {
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let share = 100.0 * missed as f64 / observer.changes.max(1) as f64;
        println!("  {evidence:?} alone would have missed {missed} of them ({share:.1} %)");
    }
    println!("  {parsed} of {files} files parsed by openings without a change");
}
