//! What earlier runs used is loaded at the start, and what usually comes next is loaded ahead.
//!
//! `cargo run -p plugcache --example warm`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{collections::HashSet, convert::Infallible, error::Error, path::Path, sync::Arc};

use plugcache::{
    Cache, Hub, Resolver,
    discovery::{index::Session, python::PythonFinder},
    warm::{AccessLog, PrefetchSettings, Prefetcher, warm},
};

fn main() -> Result<(), Box<dyn Error>> {
    // The plugins of the example host, by name. None of them is run.
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let resolver = Resolver::new(Session::new(Arc::new(PythonFinder::default()), vec![host]));
    let names: Vec<String> = resolver.list().0.into_iter().map(|found| found.plugin.name).collect();
    println!("plugins: {}", names.join(", "));
    let name = |at: usize| names[at % names.len()].as_str();

    let place = tempfile::tempdir()?;
    for run in 0..3 {
        let log = AccessLog::open(place.path(), "greetings")?;
        for step in 0..20 {
            // Each run needs the first; what else it needs differs.
            log.note(name(if step == 0 { 0 } else { 1 + run }));
        }
        log.flush()?;
    }

    let loaded: Cache<str, String> = Cache::builder("loaded").build(&Hub::in_memory())?;
    let load = |name: &str| Ok::<_, Infallible>(format!("{name}, loaded"));
    let list = AccessLog::open(place.path(), "greetings")?.warm_list(3)?;
    let warmed = warm(list, |name| loaded.get_or_load(name, load).map(drop));
    println!("warmed up: {}, failed: {}", warmed.loaded, warmed.failed.len());

    // A host that greets in the same order each round, and keeps nothing between rounds.
    let ahead = Prefetcher::new(PrefetchSettings::default());
    let mut hits = HashSet::new();
    for step in 0..200 {
        if step % names.len() == 0 {
            loaded.clear()?;
        }
        if loaded.get(name(step)).is_some() {
            hits.insert(step);
        }
        loaded.get_or_load(name(step), load)?;
        // The executor is the host's: this one runs each job at once.
        let cache = loaded.clone();
        let fetch = move |next: &String| cache.get(next).is_none() && cache.get_or_load(next, load).is_ok();
        ahead.run(&name(step).to_owned(), |job| job(), fetch);
    }
    let stats = ahead.stats();
    println!("{} of 200 lookups found their plugin loaded", hits.len());
    println!("{} loads ahead, of {} predictions {} were used", stats.loaded, stats.predicted, stats.used);

    // Accesses without habit: it stops by itself, and costs no more.
    let mut any = 1_u64;
    let rash =
        Prefetcher::new(PrefetchSettings { confidence: 0.0, window: 1, ..PrefetchSettings::default() });
    for _ in 0..10_000 {
        any = any.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rash.note(&(any >> 56));
    }
    println!("at random: {:?}", rash.stats());
    Ok(())
}
