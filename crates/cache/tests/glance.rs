//! A look into memory that goes no further, keys that were encoded elsewhere, one cache cleared by its name.

use std::{convert::Infallible, sync::Arc};

use plugcache_cache::{
    Cache, Hub, Inputs,
    key::{Key, KeyBytes},
};

#[test]
fn a_glance_sees_what_memory_proves_and_counts_only_that() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("input");
    std::fs::write(&file, "1").unwrap();
    let hub = Hub::in_memory();
    let plain: Cache<str, u32> = Cache::builder("plain").build(&hub).unwrap();
    let of_file = file.clone();
    let checked: Cache<str, u32> =
        Cache::builder("checked").inputs(move |_| Inputs::none().file(&of_file)).build(&hub).unwrap();
    assert_eq!(plain.glance("a", |value| **value), None);
    for cache in [&plain, &checked] {
        cache.get_or_load("a", |_| Ok::<_, Infallible>(7)).unwrap();
    }
    assert_eq!(plain.glance("a", |value| **value), Some(7));
    assert_eq!(plain.glance("a", Arc::strong_count), Some(1), "the handle is shown, not counted");
    assert_eq!(plain.glance_in_turn("a", |value| **value), Some(7));
    assert_eq!(plain.glance_in_turn("b", |value| **value), None);
    // A file has to be looked at: that is not for a glance.
    assert_eq!(checked.glance("a", |value| **value), None);
    let (plain, checked) = (plain.stats(), checked.stats());
    assert_eq!((plain.hits(), plain.missed()), (3, 1));
    assert_eq!((checked.hits(), checked.missed()), (0, 1));
}

#[test]
fn keys_that_were_encoded_elsewhere_are_those_keys() {
    let mut key = KeyBytes::default();
    ("a".to_owned(), 300_u32).encode(&mut key);
    assert_eq!(key.to_bytes(), key);
    assert_eq!(key.to_string(), "(a, 300)");
    key.clear();
    "b".encode(&mut key);
    assert_eq!(key, "b".to_bytes());
    let cache: Cache<KeyBytes, u32> = Cache::builder("encoded").build(&Hub::in_memory()).unwrap();
    cache.insert(&key, 1);
    assert_eq!(cache.get(&"b".to_bytes()).as_deref(), Some(&1));
    assert_eq!(cache.get(&"a".to_bytes()), None);
}

#[test]
fn one_cache_is_cleared_by_its_name() {
    let hub = Hub::in_memory();
    let [one, two] = ["one", "two"].map(|name| Cache::<str, u32>::builder(name).build(&hub).unwrap());
    one.insert("a", 1);
    two.insert("a", 2);
    assert_eq!(hub.clear_one("one").unwrap(), Some(1));
    assert_eq!(hub.clear_one("three").unwrap(), None);
    assert_eq!((one.get("a"), two.get("a").as_deref()), (None, Some(&2)));
}
