//! The original's own code reads what we saved, and we read what it saved.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use plugcache::store::{Category, Item, Loaded, Options, Profile, Store};
use serde_json::{Value, json};

/// Where the original's packages are; `None` where they are not prepared.
fn corpora() -> Option<PathBuf> {
    let corpora = std::env::var_os("PLUGCACHE_CORPORA").map(PathBuf::from);
    let found =
        corpora.filter(|corpora| ["naeural_core", "ratio1"].iter().all(|name| corpora.join(name).is_dir()));
    if found.is_none() {
        eprintln!(
            "SKIPPED: naeural_core and ratio1 are not in PLUGCACHE_CORPORA; `cargo xtask test` puts them there"
        );
    }
    found
}

fn python() -> Command {
    Command::new(std::env::var_os("PLUGCACHE_PYTHON").unwrap_or_else(|| "python3".into()))
}

/// Runs one of the original's methods.
fn call(corpora: &Path, data: &Path, id: &str, method: &str, arguments: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/cacheapi.py");
    let mut python = python();
    python.arg(script).arg(corpora).arg(data).args(["cache_plugins", id, method, &arguments.to_string()]);
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(output.stdout.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap())
        .unwrap()
}

#[test]
fn the_original_reads_what_we_saved() {
    let Some(corpora) = corpora() else { return };
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let store = Store::open(&data).unwrap();
    let plugin = store.plugin(&Category::PLUGINS, "Camera_ÄΣ").signature("v1");
    plugin.save_json(&json!({ "frames": [1, 2.5, null], "name": "ä" })).unwrap();
    // {'n': 7}, in pickle's protocol 0.
    plugin.save(Item::Object, b"(dp0\nVn\np1\nI7\ns.").unwrap();
    let load = |method: &str, arguments: Value| call(&corpora, &data, "Camera_ÄΣ", method, &arguments);
    assert_eq!(load("load_json", json!({})), json!({ "frames": [1, 2.5, null], "name": "ä" }));
    assert_eq!(load("load_pickle", json!({ "signature": "v1" })), json!({ "n": 7 }));
    assert_eq!(load("load_pickle", json!({ "signature": "v2", "default": "d" })), json!("d"));
    assert_eq!(load("load_pickle", json!({})), json!({ "n": 7 }));
}

#[test]
fn we_read_what_the_original_saved() {
    let Some(corpora) = corpora() else { return };
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let options = || Options { profile: Profile::Compatible, ..Options::default() };
    let store = Store::open_with(&data, options()).unwrap();
    let save = |method: &str, arguments: Value| call(&corpora, &data, "Cam", method, &arguments);
    save("save_json", json!({ "obj": { "1": [true, null] } }));
    save("save_pickle", json!({ "obj": [1, "x"], "signature": "v1" }));
    let [one, two] =
        ["v1", "v2"].map(|signature| store.plugin(&Category::PLUGINS, "Cam").signature(signature));
    assert_eq!(one.load_json().unwrap(), Loaded::Found(json!({ "1": [true, null] })));
    let object = one.load(Item::Object).unwrap().found().unwrap();
    assert!(object.starts_with(b"\x80") && object.ends_with(b"."), "a pickle");
    assert!(matches!(two.load(Item::Object).unwrap(), Loaded::Stale { .. }));
    let listed = store.list().unwrap();
    assert_eq!((listed.len(), listed[0].id.as_str()), (1, "cam"));

    // In turns over the same files.
    two.save(Item::Object, &object).unwrap();
    assert_eq!(save("load_pickle", json!({ "signature": "v2" })), json!([1, "x"]));
    assert_eq!(save("load_pickle", json!({ "signature": "v1", "default": 0 })), json!(0));
    two.save_json(&json!("ours")).unwrap();
    assert_eq!(save("load_json", json!({})), json!("ours"));
    save("save_json", json!({ "obj": "theirs" }));
    assert_eq!(two.load_json().unwrap(), Loaded::Found(json!("theirs")));
    save("save_pickle", json!({ "obj": 5, "signature": "v3" }));
    assert!(matches!(two.load(Item::Object).unwrap(), Loaded::Stale { saved, .. } if saved == "v3"));
}

/// Every character of the planes that have cases by itself and a sigma at the end of a word, against Python's `str.lower`.
#[test]
fn lower_case_is_pythons() {
    let script = "import sys\nfor n in range(1, 0x20000):\n  if not 0xd800 <= n < 0xe000: print('%x %s' % (n, chr(n).lower().encode().hex()))\nprint('0', 'ΑΣ Σ Σ.Α'.lower().encode().hex())";
    let output = python().args(["-c", script]).output().unwrap();
    assert!(output.status.success());
    let (mut same, mut other) = (0, 0);
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (number, hex) = line.split_once(' ').unwrap();
        let text = match u32::from_str_radix(number, 16).unwrap() {
            0 => "ΑΣ Σ Σ.Α".to_owned(),
            number => char::from_u32(number).unwrap().to_string(),
        };
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        if text.to_lowercase().bytes().eq(bytes) { same += 1 } else { other += 1 }
    }
    // Letters of Unicode versions that only one of the two knows.
    assert!(same > 128_000 && other < 100, "{same} {other}");
}
