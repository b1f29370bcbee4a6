//! Processes that are killed while they save, that save at once, and a disk that is full.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use plugcache::store::{Category, Item, Loaded, Options, Store, StoreError};
use plugcache_testkit::Random;
use serde_json::{Value, json};

use crate::{command, plugin, spawn, store};

/// An object that tells its version, long enough to be torn.
fn object(version: u64) -> Vec<u8> {
    version.to_le_bytes().into_iter().cycle().take(20_000 + (version % 7) as usize * 1_000).collect()
}

fn version_of(object: &[u8]) -> Option<u64> {
    let version = u64::from_le_bytes(*object.first_chunk()?);
    (object == self::object(version)).then_some(version)
}

/// Each version has a signature of its own, so that one under another's would be seen.
fn save(place: &Path, version: u64) {
    let plugin = plugin(place, "p").signature(version);
    plugin.save(Item::Object, &object(version)).unwrap();
    plugin.save_json(&json!({ "version": version })).unwrap();
}

pub(crate) fn save_for_ever(place: &Path) {
    let last = plugin(place, "p").load(Item::Object).unwrap().found();
    let first = last.and_then(|object| version_of(&object)).unwrap_or(0) + 1;
    for version in first.. {
        save(place, version);
        if version == first {
            std::fs::write(place.join("begun"), "").unwrap();
        }
        if version % 29 == 0 {
            plugin(place, "p").remove().unwrap();
            save(place, version);
        }
    }
}

/// What is there is whole, and under its own signature: for us, and for the original, which looks at the metadata
/// and then at the object.
fn check(place: &Path, what: &str) -> u64 {
    let plugin = plugin(place, "p");
    let metadata = std::fs::read(plugin.path().join("metadata.json"));
    let object = std::fs::read(plugin.path().join("object.pickle"));
    if let (Ok(metadata), Ok(object)) = (metadata, object) {
        let metadata: Value = serde_json::from_slice(&metadata).unwrap();
        let signature = &metadata["SERIALIZATION_SIGNATURE"];
        let version = version_of(&object).unwrap();
        assert!(signature.is_string() || *signature == version, "{what}: {signature} and {version}");
    }
    let Some(object) = plugin.load(Item::Object).unwrap().found() else { return 0 };
    let version = version_of(&object).unwrap();
    let same = plugin.clone().signature(version);
    assert_eq!(same.load(Item::Object).unwrap(), Loaded::Found(object), "{what}");
    if let Some(json) = plugin.load_json().unwrap().found() {
        let found = json["version"].as_u64().unwrap();
        assert!(found == version || found + 1 == version, "{what}: {found} beside {version}");
        let same = plugin.signature(found);
        assert_eq!(same.load_json().unwrap(), Loaded::Found(json), "{what}");
    }
    version
}

#[test]
fn killed_at_a_random_moment_of_saving() {
    let place = tempfile::tempdir().unwrap();
    let mut random = Random::new(u64::from(std::process::id()));
    let mut newest = 0;
    for round in 0..60 {
        crate::kill("save for ever", place.path(), Duration::from_micros(random.below(40_000) as u64));
        let version = check(place.path(), &format!("round {round}"));
        newest = newest.max(version);
        save(place.path(), version + 1);
        assert_eq!(check(place.path(), "after"), version + 1);
    }
    assert!(newest > 3, "the children came to save hardly anything: {newest}");
}

pub(crate) fn save_a_little(place: &Path) {
    save(place, 1);
    save(place, 2);
    plugin(place, "q").remove().unwrap();
    let plugin = plugin(place, "p").signature(3);
    plugin.update(Item::Object, |_| Some(object(3))).unwrap();
    plugin.update_json(|_| Some(json!({ "version": 3 }))).unwrap();
}

/// Calls that write. Not `write`, with which the test's own runner talks.
const CALLS: &str =
    "pwrite64,pwritev,writev,fsync,fdatasync,rename,renameat,renameat2,ftruncate,unlinkat,mkdir,mkdirat";

fn at_each_call(fault: &str, is_fatal: bool) {
    let trace = format!("trace={CALLS}");
    for first in (1..).step_by(crate::step()) {
        let place = tempfile::tempdir().unwrap();
        save(place.path(), 1);
        plugin(place.path(), "q").save_json(&json!(1)).unwrap();
        let log = place.path().join("strace");
        let inject = format!("inject={CALLS}:{fault}:when={first}{}", if is_fatal { "" } else { "+" });
        let strace = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
        let status = command(&strace, "save a little", place.path()).status().unwrap();
        let what = format!("{fault} at call {first}");
        let version = check(place.path(), &what);
        // Removing is all or nothing too.
        let other = plugin(place.path(), "q").load_json().unwrap();
        assert!(matches!(other, Loaded::Missing) || other == Loaded::Found(json!(1)), "{what}: {other:?}");
        save(place.path(), version + 1);
        assert_eq!(check(place.path(), &what), version + 1, "{what}");
        let told = std::fs::read_to_string(&log).unwrap();
        if status.success() && !told.contains("(INJECTED)") {
            assert!(first > 10, "hardly any call was met");
            return;
        }
    }
}

#[test]
fn killed_or_refused_at_each_call_that_writes() {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "trace=none", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !strace.status().is_ok_and(|status| status.success()) {
        eprintln!(
            "SKIPPED killed_or_refused_at_each_call_that_writes: there is no strace, or it may not trace"
        );
        return;
    }
    at_each_call("signal=SIGKILL", true);
    at_each_call("error=ENOSPC", false);
}

const COUNTS: u64 = 25;

pub(crate) fn count(place: &Path) {
    // The turns are not fair, and the machine may be slow.
    let options = Options { lock_timeout: Duration::from_mins(5), ..Options::default() };
    let store = Store::open_with(place.join("data"), options).unwrap();
    let plugin = store.plugin(&Category::PLUGINS, "counter");
    for _ in 0..COUNTS {
        let more = |value: Loaded<Value>| {
            Some(json!(value.found().and_then(|value| value.as_u64()).unwrap_or(0) + 1))
        };
        assert!(plugin.update_json(more).unwrap());
        // Readers meet no half of it meanwhile.
        assert!(plugin.load_json().unwrap().found().unwrap().as_u64().unwrap() > 0);
    }
}

#[test]
fn no_count_of_eight_processes_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..8).map(|_| spawn("count", place.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(plugin(place.path(), "counter").load_json().unwrap(), Loaded::Found(json!(8 * COUNTS)));
}

#[test]
fn removing_takes_subdirectories_and_follows_no_links() {
    let place = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|id| plugin(place.path(), id));
    one.save_json(&json!(1)).unwrap();
    other.save_json(&json!(1)).unwrap();
    std::fs::create_dir_all(one.path().join("models/large")).unwrap();
    std::fs::write(one.path().join("models/large/file"), "").unwrap();
    std::os::unix::fs::symlink(other.path(), one.path().join("models/link")).unwrap();
    assert!(one.remove().unwrap());
    assert_eq!(one.load_json().unwrap(), Loaded::Missing);
    assert_eq!(other.load_json().unwrap(), Loaded::Found(json!(1)));
    assert!(other.remove().unwrap() && !other.remove().unwrap());
    let category = other.path().parent().unwrap().to_owned();
    let left: Vec<_> = std::fs::read_dir(category).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, [".plugcache-locks"]);
}

#[test]
fn what_a_killed_save_was_writing_is_taken_away() {
    let place = tempfile::tempdir().unwrap();
    let plugin = plugin(place.path(), "p");
    plugin.save_json(&json!(1)).unwrap();
    let [left, own] = [".tmp-0123456789abcdef", ".tmp-notes"].map(|name| plugin.path().join(name));
    std::fs::write(&left, "torn").unwrap();
    std::fs::write(&own, "somebody's").unwrap();
    plugin.save_json(&json!(2)).unwrap();
    assert!(!left.exists() && own.exists());
}

#[test]
fn many_remove_at_once() {
    let place = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let place = place.path();
            scope.spawn(move || {
                for _ in 0..25 {
                    let plugin = plugin(place, &format!("p{thread}"));
                    plugin.save_json(&json!(1)).unwrap();
                    std::fs::create_dir(plugin.path().join("sub")).unwrap();
                    assert!(plugin.remove().unwrap());
                }
            });
        }
    });
    assert_eq!(store(place.path()).usage().unwrap().plugins, 0);
}

#[test]
fn an_update_that_saves_inside_is_told_so() {
    let place = tempfile::tempdir().unwrap();
    let options = Options { lock_timeout: Duration::from_millis(50), ..Options::default() };
    let store = Store::open_with(place.path().join("data"), options).unwrap();
    let plugin = store.plugin(&Category::PLUGINS, "p");
    let mut inner = None;
    assert!(
        plugin
            .update_json(|_| {
                inner = Some(plugin.save_json(&json!(1)));
                Some(json!(2))
            })
            .unwrap()
    );
    let refused = inner.unwrap().unwrap_err();
    assert!(refused.to_string().contains("is locked by"), "{refused}");
    assert_eq!(plugin.load_json().unwrap(), Loaded::Found(json!(2)));
}

#[test]
fn a_full_disk_leaves_what_was() {
    let place = tempfile::tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "none"]).arg(place.path()).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED a_full_disk_leaves_what_was: mounting a small tmpfs needs root");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let plugin = plugin(place.path(), "p").signature("v1");
        plugin.save(Item::Object, &vec![1; 50_000]).unwrap();
        let full = plugin.clone().signature("v2").save(Item::Object, &vec![2; 300_000]).unwrap_err();
        assert!(matches!(full, StoreError::File(_)), "{full}");
        assert_eq!(plugin.load(Item::Object).unwrap(), Loaded::Found(vec![1; 50_000]));
        assert_eq!(store(place.path()).usage().unwrap().plugins, 1);
        plugin.save(Item::Object, &vec![3; 60_000]).unwrap();
        assert_eq!(plugin.load(Item::Object).unwrap(), Loaded::Found(vec![3; 60_000]));
    });
    Command::new("umount").arg("-l").arg(place.path()).status().unwrap();
    outcome.unwrap();
}
