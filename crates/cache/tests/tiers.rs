//! Tiers over each other, with real databases below.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{convert::Infallible, path::Path, sync::Arc};

use plugcache_cache::{
    Cache, Codec, Digest, Hub, StaleReason, SystemClock,
    tier::{Lmdb, Stacked, Storage, WritePolicy},
};

fn database(path: &Path) -> Arc<dyn Storage> {
    Arc::new(Lmdb::open(path, 1 << 20, Arc::new(SystemClock)).unwrap())
}

fn read(storage: &dyn Storage, id: &Digest) -> Option<Vec<u8>> {
    let mut found = None;
    storage.read(id, &mut |row| found = Some(row.to_vec())).unwrap();
    found
}

#[test]
fn the_far_tier_answers_once_and_the_near_one_from_then_on() {
    let place = tempfile::tempdir().unwrap();
    let [near, far] = ["near", "far"].map(|name| database(&place.path().join(name)));
    let stack = Stacked::new(near.clone(), far.clone(), WritePolicy::Through);
    let [one, two] = [b"1", b"2"].map(|text| Digest::of(text));
    far.write(&[(one, b"row")]).unwrap();
    assert_eq!(read(&*near, &one), None);
    assert_eq!(read(&stack, &one).as_deref(), Some(&b"row"[..]));
    assert_eq!(read(&*near, &one).as_deref(), Some(&b"row"[..]));
    assert_eq!(read(&stack, &two), None);
    stack.write(&[(two, b"both")]).unwrap();
    assert_eq!(read(&*far, &two).as_deref(), Some(&b"both"[..]));
    assert!(stack.remove(&two).unwrap());
    assert_eq!((read(&*near, &two), read(&*far, &two)), (None, None));
    Stacked::new(near, far.clone(), WritePolicy::Near).write(&[(two, b"near")]).unwrap();
    assert_eq!(read(&*far, &two), None);
}

#[test]
fn a_cache_fills_memory_from_disk_and_disk_from_the_loader() {
    let place = tempfile::tempdir().unwrap();
    let hub = || Hub::builder().directory(place.path().join("c")).build().unwrap();
    let build = |hub: &Hub| Cache::<str, String>::builder("names").disk().build(hub).unwrap();
    let load =
        |cache: &Cache<str, String>| cache.get_or_load("a", |_| Ok::<_, Infallible>("A".to_owned())).unwrap();
    {
        let hub = hub();
        load(&build(&hub));
    }
    let hub = hub();
    let cache = build(&hub);
    assert_eq!(*load(&cache), "A");
    assert_eq!(*load(&cache), "A");
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.disk_hits, stats.memory_hits), (0, 1, 1));
    assert_eq!(cache.disk_usage().unwrap().unwrap().entries, 1);
    drop(cache);

    // Another type under the same name is a miss with its reason, and heals.
    let numbers = Cache::<str, u64>::builder("names").disk().build(&hub).unwrap();
    assert_eq!(numbers.explain("a").tiers[1].stale, Some(StaleReason::OtherType));
    assert_eq!(*numbers.get_or_load("a", |_| Ok::<_, Infallible>(1)).unwrap(), 1);
    drop(numbers);

    // So is another version of the program. A cache of a name that was there before goes on counting.
    let newer = Cache::<str, u64>::builder("names").disk().version("2").build(&hub).unwrap();
    assert!(newer.get("a").is_none());
    assert_eq!(newer.stats().misses["version"], 2);
}

#[test]
fn values_that_a_format_cannot_bring_back_are_served_and_not_kept() {
    let place = tempfile::tempdir().unwrap();
    let hub = Hub::builder().directory(place.path().join("c")).build().unwrap();
    let cache = Cache::<str, serde_json::Value>::builder("json").disk().build(&hub).unwrap();
    let value =
        || cache.get_or_load("a", |_| Ok::<_, Infallible>(serde_json::json!({"a": [1, null]}))).unwrap();
    assert_eq!(value()["a"][0], 1);
    assert_eq!((cache.stats().store_errors, cache.disk_usage().unwrap().unwrap().entries), (1, 0));
    drop(cache);
    let cache =
        Cache::<str, serde_json::Value>::builder("json").disk_with(Codec::json()).build(&hub).unwrap();
    cache.insert("a", serde_json::json!({"a": [1, null]}));
    assert_eq!(cache.disk_usage().unwrap().unwrap().entries, 1);
}

#[test]
fn what_one_hub_changes_the_other_sees_at_its_next_lookup() {
    let place = tempfile::tempdir().unwrap();
    let hubs = [(); 2].map(|()| Hub::builder().directory(place.path().join("c")).build().unwrap());
    let [here, there] =
        [0, 1].map(|n| Cache::<u32, String>::builder("shared").disk().build(&hubs[n]).unwrap());
    here.insert(&1, "one".to_owned());
    assert_eq!(there.get(&1).unwrap().as_str(), "one");
    here.insert(&1, "uno".to_owned());
    assert_eq!(there.get(&1).unwrap().as_str(), "uno");
    assert!(there.remove(&1));
    assert!(here.get(&1).is_none());

    let tagged = |cache: &Cache<u32, String>| cache.insert_with(&2, "two".to_owned(), |load| load.tag("t"));
    tagged(&here);
    assert!(there.get(&2).is_some());
    there.invalidate_tag("t");
    assert!(here.get(&2).is_none() && there.get(&2).is_none());
    tagged(&here);
    there.clear().unwrap();
    assert!(here.get(&2).is_none());
    assert_eq!(here.stats().misses["cleared"], 1);
}

#[test]
fn values_are_found_again_by_the_content_they_were_made_from() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("branch");
    let hub = Hub::builder().directory(place.path().join("c")).build().unwrap();
    let path = file.clone();
    let cache = Cache::<str, String>::builder("built")
        .inputs(move |_| plugcache_cache::Inputs::none().file(&path))
        .content_addressed()
        .disk()
        .build(&hub)
        .unwrap();
    for content in ["main", "feature", "main", "feature"] {
        std::fs::write(&file, content).unwrap();
        let value = cache.get_or_load("x", |_| std::fs::read_to_string(&file)).unwrap();
        assert_eq!(*value, content);
    }
    assert_eq!(cache.stats().loads, 2);
}
