//! What the commands about embeddings say in a program that was built without them.

#![cfg(not(feature = "embedding"))]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::process::Command;

#[test]
fn they_say_how_to_get_it() {
    let place = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 4] = [
        &["embed", "x"],
        &["similar", "x"],
        &["cache", "warm", "--model"],
        &["cache", "warm", "--model", "low"],
    ];
    for arguments in commands {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
        command.current_dir(place.path()).env("PLUGCACHE_DIR", place.path()).args(arguments);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "error: this plugcache was built without embeddings, which take minutes to build; build it with \
             `cargo build --release -p plugcache-cli --features embedding`\n"
        );
        assert!(output.stdout.is_empty());
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
