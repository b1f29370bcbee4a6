//! What comes back, and under which signature.

use plugcache::store::{Category, Item, Loaded, Options, Profile, Store, StoreError};
use serde_json::{Value, json};

use crate::{plugin, store};

#[test]
fn nothing_comes_back_as_something_else() {
    let place = tempfile::tempdir().unwrap();
    let values = [
        json!(null),
        json!({}),
        json!([]),
        json!(0),
        json!(-0.5),
        json!(false),
        json!(""),
        json!("1"),
        json!({ "1": 2, "01": [null] }),
        json!(u64::MAX),
        json!(i64::MIN),
        json!("\u{0}\u{1f980}"),
    ];
    for (nth, value) in values.iter().enumerate() {
        let plugin = plugin(place.path(), &format!("p{nth}"));
        assert_eq!(plugin.load_json().unwrap(), Loaded::Missing);
        plugin.save_json(value).unwrap();
        assert_eq!(plugin.load_json().unwrap(), Loaded::Found(value.clone()));
    }
    let bytes = plugin(place.path(), "bytes");
    for item in [Item::Object, Item::Named("weights/1"), Item::Named("")] {
        assert_eq!(bytes.load(item).unwrap(), Loaded::Missing);
        for content in [&b""[..], b"\x80\x05N.", &vec![0; 100_000]] {
            bytes.save(item, content).unwrap();
            assert_eq!(bytes.load(item).unwrap(), Loaded::Found(content.to_vec()));
        }
    }
    assert_eq!(bytes.load(Item::Named("weights/2")).unwrap(), Loaded::Missing);
}

#[test]
fn another_signature_is_told_with_both() {
    let place = tempfile::tempdir().unwrap();
    let [one, two, none] = [json!("v1"), json!("v2"), json!(null)]
        .map(|signature| plugin(place.path(), "p").signature(signature));
    one.save_json(&json!(1)).unwrap();
    one.save(Item::Object, b"one").unwrap();
    two.save(Item::Named("n"), b"two").unwrap();
    let stale = |saved: &str, current: &str| (json!(saved), json!(current));
    let told = |loaded: Loaded<Vec<u8>>| match loaded {
        Loaded::Stale { saved, current } => (saved, current),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(two.load(Item::Json).unwrap()), stale("v1", "v2"));
    assert_eq!(told(two.load(Item::Object).unwrap()), stale("v1", "v2"));
    assert_eq!(told(one.load(Item::Named("n")).unwrap()), stale("v2", "v1"));
    // As in the original, no signature asks for no check.
    assert_eq!(none.load_json().unwrap(), Loaded::Found(json!(1)));
    // What was saved without one is not what anybody else wants.
    none.save_json(&json!(3)).unwrap();
    assert!(matches!(one.load_json().unwrap(), Loaded::Stale { saved: Value::Null, .. }));
    assert_eq!(one.load(Item::Object).unwrap(), Loaded::Found(b"one".to_vec()));
}

#[test]
fn what_could_not_be_read_again_is_refused_and_leaves_what_was() {
    let place = tempfile::tempdir().unwrap();
    let plugin = plugin(place.path(), "p");
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    assert!(matches!(plugin.save_json(&nested(128)), Err(StoreError::Unserialisable { .. })));
    assert_eq!(plugin.load_json().unwrap(), Loaded::Missing);
    plugin.save_json(&nested(127)).unwrap();
    assert!(plugin.save_json(&nested(200)).is_err());
    assert_eq!(plugin.load_json().unwrap(), Loaded::Found(nested(127)));
    assert!(plugin.update_json(|_| Some(nested(128))).is_err());
    assert!(!plugin.update_json(|_| None).unwrap());
    assert_eq!(plugin.load_json().unwrap(), Loaded::Found(nested(127)));
}

#[test]
fn quotas_are_kept_before_anything_is_written() {
    let place = tempfile::tempdir().unwrap();
    let options = Options { plugin_bytes: 20_000, total_bytes: 30_000, ..Options::default() };
    let store = Store::open_with(place.path().join("data"), options).unwrap();
    let [one, two] = ["one", "two"].map(|id| store.plugin(&Category::SERVING, id));
    one.save(Item::Object, &vec![1; 15_000]).unwrap();
    let refused = one.save(Item::Json, &[b'1'; 6_000]).unwrap_err();
    assert!(matches!(refused, StoreError::Quota { whose: "it", limit: 20_000, .. }), "{refused}");
    // What is replaced makes room.
    one.save(Item::Object, &vec![2; 18_000]).unwrap();
    let refused = two.save(Item::Object, &vec![3; 15_000]).unwrap_err();
    assert!(matches!(refused, StoreError::Quota { whose: "all plugins", limit: 30_000, .. }), "{refused}");
    assert!(
        refused.to_string().contains("30000") && refused.to_string().contains("remove data"),
        "{refused}"
    );
    assert_eq!(two.load(Item::Object).unwrap(), Loaded::Missing);
    assert!(one.remove().unwrap());
    two.save(Item::Object, &vec![3; 15_000]).unwrap();
}

#[test]
fn listing_usage_and_removal() {
    let place = tempfile::tempdir().unwrap();
    let store = store(place.path());
    let own = Category::custom("models").unwrap();
    let plugins = [
        store.plugin(&Category::PLUGINS, "Camera_01"),
        store.plugin(&Category::SERVING, "a/b"),
        store.plugin(&own, "x"),
    ];
    for plugin in &plugins {
        plugin.save_json(&json!([1])).unwrap();
        plugin.save(Item::Named("n"), &[7; 100]).unwrap();
    }
    // Somebody else's directories are none of ours.
    std::fs::create_dir_all(place.path().join("data/models_of_others/y")).unwrap();
    std::fs::write(place.path().join("data/models_of_others/y/z"), "z").unwrap();
    let listed = store.list().unwrap();
    let ids: Vec<_> = listed.iter().map(|one| (one.category.name(), one.id.as_str())).collect();
    assert_eq!(ids, [("cache_plugins", "Camera_01"), ("cache_serving", "a/b"), ("models", "x")]);
    let usage = store.usage().unwrap();
    assert_eq!((usage.plugins, usage.bytes), (3, listed.iter().map(|one| one.bytes).sum()));
    assert!(plugins[1].remove().unwrap());
    assert!(!plugins[1].remove().unwrap());
    assert_eq!(plugins[1].load_json().unwrap(), Loaded::Missing);
    assert_eq!(store.usage().unwrap().plugins, 2);
    plugins[1].save_json(&json!(2)).unwrap();
    assert_eq!(plugins[1].load(Item::Named("n")).unwrap(), Loaded::Missing);
}

#[test]
fn damage_is_an_error_and_never_a_value() {
    let place = tempfile::tempdir().unwrap();
    let plugin = plugin(place.path(), "p").signature("v1");
    plugin.save_json(&json!({ "key": "some text" })).unwrap();
    let good = plugin.load_json().unwrap();
    for name in ["data.json", "metadata.json"] {
        let file = plugin.path().join(name);
        let whole = std::fs::read(&file).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&file, &bytes).unwrap();
            match plugin.load_json() {
                Err(
                    StoreError::Damaged { .. } | StoreError::Newer { .. } | StoreError::SharedName { .. },
                ) => {}
                // What the metadata says beside our own key is no business of this item's.
                Ok(loaded) if name == "metadata.json" => assert_eq!(loaded, good, "byte {at}"),
                other => panic!("{name} byte {at}: {other:?}"),
            }
        }
        for length in 0..whole.len() {
            std::fs::write(&file, &whole[..length]).unwrap();
            let loaded = plugin.load_json();
            let is_all = name == "metadata.json" && length + 1 == whole.len();
            assert!(
                is_all || matches!(loaded, Err(StoreError::Damaged { .. })),
                "{name} cut to {length}: {loaded:?}"
            );
        }
        std::fs::write(&file, whole).unwrap();
    }
    std::fs::remove_file(plugin.path().join("data.json")).unwrap();
    assert!(plugin.load_json().is_err());
}

/// The original exchanges `data.json` without touching the metadata.
#[test]
fn what_others_wrote_over_ours_is_reported_or_on_request_taken() {
    let place = tempfile::tempdir().unwrap();
    let strict = plugin(place.path(), "p");
    strict.save_json(&json!(1)).unwrap();
    // A stamp that is as old would mean that the medium did it.
    let file = std::fs::File::options().write(true).open(strict.path().join("data.json")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"2", 0).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(5)).unwrap();
    let refused = strict.load_json().unwrap_err();
    assert!(refused.to_string().contains("another program wrote it"), "{refused}");
    let options = Options { profile: Profile::Compatible, ..Options::default() };
    let store = Store::open_with(place.path().join("data"), options).unwrap();
    assert_eq!(store.plugin(&Category::PLUGINS, "p").load_json().unwrap(), Loaded::Found(json!(2)));
}

#[test]
fn a_newer_format_is_neither_read_nor_written_over() {
    let place = tempfile::tempdir().unwrap();
    let plugin = plugin(place.path(), "p");
    plugin.save_json(&json!(1)).unwrap();
    let file = plugin.path().join("metadata.json");
    let newer = r#"{"SERIALIZATION_SIGNATURE": null, "PLUGCACHE": {"format": 9, "shape": "other"}}"#;
    std::fs::write(&file, newer).unwrap();
    let refusals = [
        plugin.load_json().map(|_| ()),
        plugin.save_json(&json!(2)),
        plugin.update_json(|_| Some(json!(2))).map(|_| ()),
        plugin.remove().map(|_| ()),
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err();
        assert!(matches!(error, StoreError::Newer { format: 9, known: 1, .. }), "{error}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), newer);
    assert_eq!(std::fs::read_to_string(plugin.path().join("data.json")).unwrap(), "1");
}
