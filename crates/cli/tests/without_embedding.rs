//! What the commands about embeddings say in a program that was built without them, and that it leaves models alone.

#![cfg(not(feature = "embedding"))]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn run(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
    let kept = ["PATH", "HOME"];
    command.env_clear().envs(std::env::vars().filter(|(name, _)| kept.contains(&name.as_str())));
    command.current_dir(place).env("PLUGCACHE_DIR", place.join("cache")).env("XDG_CONFIG_HOME", place);
    command.env("XDG_CACHE_HOME", place.join("home")).args(arguments).output().unwrap()
}

#[test]
fn they_say_how_to_get_it() {
    let place = tempfile::tempdir().unwrap();
    for arguments in [
        &["embed", "x"][..],
        &["similar", "x"],
        &["cache", "warm", "--model"],
        &["cache", "warm", "--model", "low"],
        &["cache", "clear", "--kind", "models"],
    ] {
        let output = run(place.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "error: this plugcache was built without embeddings, which take minutes to build; build it with \
             `cargo build --release -p plugcache-cli --features embedding`\n"
        );
        assert!(output.stdout.is_empty());
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

/// Another build has fetched them.
#[test]
fn models_are_counted_and_stay() {
    let place = tempfile::tempdir().unwrap();
    let model = place.path().join("cache/models-v1/00112233445566778899aabbccddeeff/files/weights");
    fs::create_dir_all(model.parent().unwrap()).unwrap();
    fs::write(&model, "seven b").unwrap();
    let told = |arguments: &[&str]| {
        let output = run(place.path(), arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let size = told(&["cache", "size"]);
    assert!(size.starts_with("fetched models  1 files    7 B  7 B on disk\n"), "{size}");
    let cleared = told(&["cache", "clear"]);
    assert!(cleared.contains("fetched models stay, 7 B; `plugcache cache clear --kind models`"), "{cleared}");
    assert!(told(&["cache", "prune"]).starts_with("removed 0 entries"));
    assert_eq!(told(&["cache", "verify", "--repair"]), "0 files, 0 damaged\n");
    assert!(model.exists());
}
