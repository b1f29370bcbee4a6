//! Ids as hostile as they come, and directories that are not safe.

use std::{os::unix::fs::PermissionsExt, path::Path};

use plugcache::store::{Category, Loaded, Options, Profile, Store, StoreError};
use serde_json::json;

use crate::store;

#[test]
fn without_a_category_plugins_are_in_the_data_directory_itself() {
    // As those of naeural_core's plugins are that name no category.
    let place = tempfile::tempdir().unwrap();
    let store = store(place.path());
    let plugin = store.plugin(&Category::NONE, "Plain");
    plugin.save_json(&json!([1])).unwrap();
    assert!(place.path().join("data/plain/data.json").is_file());
    let beside = store.plugin(&Category::PLUGINS, "Plain");
    assert_eq!(beside.load_json().unwrap(), Loaded::Missing);
    assert_eq!(plugin.load_json().unwrap(), Loaded::Found(json!([1])));
    assert!(plugin.remove().unwrap());
    assert_eq!(plugin.load_json().unwrap(), Loaded::Missing);
}

#[test]
fn no_id_leads_outside_or_to_another() {
    let place = tempfile::tempdir().unwrap();
    let store = store(place.path());
    let outside = place.path().join("outside");
    let absolute = outside.display().to_string();
    let long = "n".repeat(300);
    let ids = [
        "",
        ".",
        "..",
        "../outside",
        "../../outside",
        &absolute,
        "a/b",
        "a",
        "a\0",
        "a\0b",
        "a\n",
        "nul",
        "COM1",
        "a.",
        "a..",
        ".a",
        " a",
        "a ",
        "@a",
        &long,
        "e\u{301}",
        "\u{e9}",
        "\u{1f980}",
        "metadata.json",
        ".plugcache-locks",
        ".plugcache-removed-1",
        "\u{202e}x",
    ];
    for (nth, id) in ids.iter().enumerate() {
        store.plugin(&Category::PLUGINS, id).save_json(&json!(nth)).unwrap();
    }
    for (nth, id) in ids.iter().enumerate() {
        assert_eq!(
            store.plugin(&Category::PLUGINS, id).load_json().unwrap(),
            Loaded::Found(json!(nth)),
            "{id:?}"
        );
    }
    let mut listed: Vec<String> = store.list().unwrap().into_iter().map(|one| one.id).collect();
    let mut expected: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    let names = |path: &Path| {
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(place.path()), ["data"]);
    assert_eq!(names(&place.path().join("data")), [".plugcache-store.lock", "cache_plugins"]);
    // No directory but one for each of them, and that of the locks.
    assert_eq!(names(&place.path().join("data/cache_plugins")).len(), ids.len() + 1);
    for id in ids {
        assert!(store.plugin(&Category::PLUGINS, id).remove().unwrap(), "{id:?}");
    }
    assert_eq!(store.usage().unwrap().plugins, 0);
}

#[test]
fn ids_that_differ_in_case_are_refused_or_share() {
    let place = tempfile::tempdir().unwrap();
    let store = store(place.path());
    store.plugin(&Category::PLUGINS, "Camera").save_json(&json!(1)).unwrap();
    let other = store.plugin(&Category::PLUGINS, "camera");
    for refused in [other.load_json().map(|_| ()), other.save_json(&json!(2)), other.remove().map(|_| ())] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, StoreError::SharedName { .. }), "{refused}");
        assert!(refused.to_string().contains("`camera` and `Camera`"), "{refused}");
    }
    let options = Options { profile: Profile::Compatible, ..Options::default() };
    let shared =
        Store::open_with(place.path().join("data"), options).unwrap().plugin(&Category::PLUGINS, "CAMERA");
    shared.save_json(&json!(3)).unwrap();
    let first = store.plugin(&Category::PLUGINS, "Camera");
    assert_eq!(first.load_json().unwrap(), Loaded::Found(json!(3)));
    // Another category is another place.
    store.plugin(&Category::SERVING, "camera").save_json(&json!(4)).unwrap();
}

#[test]
fn a_directory_that_others_could_write_to_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    for below in ["", "cache_plugins", "cache_plugins/p"] {
        let path = data.join(below);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        let refused = Store::open(&data)
            .and_then(|store| store.plugin(&Category::PLUGINS, "p").save_json(&json!(1)))
            .unwrap_err();
        assert!(refused.to_string().contains("PLUGCACHE_DATA_DIR"), "{below}: {refused}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    store(place.path()).plugin(&Category::PLUGINS, "p").save_json(&json!(1)).unwrap();
    if let Err(error) = std::os::unix::fs::chown(&data, Some(12_345), None) {
        eprintln!("SKIPPED the part about another owner: giving a directory away needs root: {error}");
        return;
    }
    let refused = Store::open(&data).unwrap_err();
    assert!(refused.to_string().contains("user 12345 owns it"), "{refused}");
}

/// As the original makes them under a umask of 002.
#[test]
fn a_directory_that_others_may_write_to_stops_only_its_own_plugin() {
    let place = tempfile::tempdir().unwrap();
    let store = store(place.path());
    let [open, other] = ["open", "other"].map(|id| store.plugin(&Category::PLUGINS, id));
    let elsewhere = store.plugin(&Category::SERVING, "elsewhere");
    open.save_json(&json!([1, 2])).unwrap();
    other.save_json(&json!(1)).unwrap();
    let before = store.usage().unwrap();
    std::fs::set_permissions(open.path(), std::fs::Permissions::from_mode(0o775)).unwrap();
    assert_eq!(store.usage().unwrap(), before);
    other.save_json(&json!(2)).unwrap();
    elsewhere.save_json(&json!(3)).unwrap();
    assert!(matches!(open.save_json(&json!(1)), Err(StoreError::UnsafeDirectory { .. })));
    assert!(matches!(open.load_json(), Err(StoreError::UnsafeDirectory { .. })));
    let told: Vec<_> = store.list().unwrap().into_iter().map(|one| (one.id, one.problem.is_some())).collect();
    let expected = [("elsewhere", false), ("open", true), ("other", false)];
    for (id, is_told) in expected {
        assert!(told.contains(&(id.to_owned(), is_told)), "{told:?}");
    }
    // A whole category.
    let category = open.path().parent().unwrap().to_owned();
    std::fs::set_permissions(category, std::fs::Permissions::from_mode(0o775)).unwrap();
    elsewhere.save_json(&json!(4)).unwrap();
    assert_eq!(store.list().unwrap().iter().filter(|one| one.problem.is_some()).count(), 2);
}

#[test]
fn nothing_marks_it_as_a_cache() {
    let place = tempfile::tempdir().unwrap();
    store(place.path()).plugin(&Category::PLUGINS, "p").save_json(&json!(1)).unwrap();
    assert!(!place.path().join("data/CACHEDIR.TAG").exists());
    let mode = std::fs::metadata(place.path().join("data/cache_plugins/p")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
