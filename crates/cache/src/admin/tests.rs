use std::path::Path;

use super::*;
use crate::{Cache, Hub, Inputs, freshness::StaleReason};

/// A cache of texts as another program would have it.
fn filled(path: &Path, name: &str, keys: &[&str]) {
    let hub = Hub::builder().directory(path).build().unwrap();
    let cache: Cache<str, String> = Cache::builder(name)
        .tags(|key: &str| vec![format!("first-{}", key.chars().next().unwrap_or('?'))])
        .disk()
        .build(&hub)
        .unwrap();
    for key in keys {
        cache.insert(key, "x".repeat(1000));
        // Which is older is to be told by the clock.
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn open(path: &Path) -> (Caches, Vec<CacheOnDisk>) {
    let caches = Caches::open(path).unwrap().unwrap();
    let opened = caches.names().unwrap();
    let opened = opened.iter().map(|name| caches.cache(name).unwrap().unwrap()).collect();
    (caches, opened)
}

fn keys(cache: &CacheOnDisk) -> Vec<String> {
    let mut keys = Vec::new();
    cache
        .each_entry(|listed| {
            keys.push(listed.key);
            true
        })
        .unwrap();
    keys.sort();
    keys
}

#[test]
fn the_oldest_of_all_caches_go_until_the_rest_fits_and_a_dry_run_says_the_same() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), "a", &["a1", "a2"]);
    filled(place.path(), "b", &["b1", "b2"]);
    let (_, caches) = open(place.path());
    let total: u64 = caches.iter().map(|cache| cache.usage().unwrap().unwrap().bytes).sum();
    // Room for one row and a bit: rows differ by a byte or two, for the time that one took is part of it.
    let pruning = Pruning { max_bytes: Some(total / 3), dry_run: true, ..Pruning::default() };
    let would = prune_together(&caches, &pruning).unwrap();
    assert_eq!(would.iter().map(|swept| swept.entries).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(keys(&caches[0]), ["a1", "a2"]);
    let went = prune_together(&caches, &Pruning { dry_run: false, ..pruning.clone() }).unwrap();
    assert_eq!(went, would);
    assert_eq!(keys(&caches[1]), ["b2"]);
    assert_eq!(prune_together(&caches, &pruning).unwrap(), [Swept::default(); 2]);
}

#[test]
fn what_is_invalidated_or_old_goes_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), "a", &["one", "two"]);
    let (_, caches) = open(place.path());
    assert_eq!(caches[0].tagged("first-o").unwrap().entries, 1);
    caches[0].invalidate_tag("first-o");
    assert_eq!(caches[0].tagged("first-o").unwrap().entries, 0);
    assert_eq!(prune_together(&caches, &Pruning::default()).unwrap()[0].entries, 1);
    assert_eq!(keys(&caches[0]), ["two"]);
    let old = Pruning { older_than: Some(Duration::ZERO), ..Pruning::default() };
    assert_eq!(prune_together(&caches, &old).unwrap()[0].entries, 1);
}

#[test]
fn an_entry_is_explained_with_each_input_whatever_its_key_is() {
    let place = tempfile::tempdir().unwrap();
    let (cache, input) = (place.path().join("cache"), place.path().join("input"));
    std::fs::write(&input, "old").unwrap();
    let hub = Hub::builder().directory(&cache).build().unwrap();
    let file = input.clone();
    let numbers: Cache<(String, u32), u32> = Cache::builder("numbers")
        .inputs(move |_: &(String, u32)| Inputs::none().file(&file))
        .disk()
        .build(&hub)
        .unwrap();
    numbers.get_or_load(&("x".to_owned(), 7), |_| Ok::<_, std::io::Error>(1)).unwrap();
    let caches = Caches::open(&cache).unwrap().unwrap();
    let on_disk = caches.cache("numbers").unwrap().unwrap();
    let found = on_disk.explain("(x, 7)").unwrap();
    assert!(found[0].stale.is_none() && found[0].inputs[0].changed.is_none());
    std::fs::write(&input, "new!").unwrap();
    let found = on_disk.explain("(x, 7)").unwrap();
    assert!(matches!(found[0].inputs[0].changed, Some(StaleReason::Content { .. })), "{found:?}");
    assert!(matches!(found[0].stale, Some(StaleReason::Input { .. })));
    assert!(on_disk.explain("(x, 8)").unwrap().is_empty());
}

/// Its key on disk is longer than what was asked for, once for each content.
#[test]
fn entries_addressed_by_content_are_found_by_their_key() {
    let place = tempfile::tempdir().unwrap();
    let (cache, input) = (place.path().join("cache"), place.path().join("input"));
    let hub = Hub::builder().directory(&cache).build().unwrap();
    let file = input.clone();
    let texts: Cache<str, u32> = Cache::builder("texts")
        .inputs(move |_: &str| Inputs::none().file(&file))
        .content_addressed()
        .disk()
        .build(&hub)
        .unwrap();
    for content in ["one", "two"] {
        std::fs::write(&input, content).unwrap();
        texts.get_or_load("key", |_| Ok::<_, std::io::Error>(1)).unwrap();
    }
    let (_, caches) = open(&cache);
    let found = caches[0].explain("key").unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found.iter().filter(|one| one.stale.is_none()).count(), 1);
    assert!(caches[0].explain("ke").unwrap().is_empty());
}

#[test]
fn a_damaged_file_is_reported_and_not_healed_by_looking() {
    let place = tempfile::tempdir().unwrap();
    filled(place.path(), "a", &["one"]);
    let caches = Caches::open(place.path()).unwrap().unwrap();
    assert_eq!(caches.structure("a").unwrap(), Structure::Sound);
    let held = caches.cache("a").unwrap();
    assert_eq!(caches.structure("a").unwrap(), Structure::InUse);
    drop(held);
    let file = place.path().join("caches-v1/a/data.mdb");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..8192].fill(0xff);
    std::fs::write(&file, &bytes).unwrap();
    for _ in 0..2 {
        assert!(matches!(caches.structure("a").unwrap(), Structure::Damaged { .. }));
    }
    assert_eq!(caches.structure("other").unwrap(), Structure::Absent);
}
