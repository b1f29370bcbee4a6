//! The managed directory is never left, and what is in it is what was asked for.

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::Path,
};

use plugcache::{
    Hub,
    state::{Outcome, StateManager, plugins::Files},
};
use serde_json::{Value, json};

use crate::tools::{Desk, all};

fn apply(root: &Path, files: &Value) -> Result<Outcome, String> {
    let manager = StateManager::builder().plugin(Files::new(root)).build(&Hub::in_memory()).unwrap();
    let report = manager.apply(&json!({ "files": files })).map_err(|error| error.to_string())?;
    let files = &report.plugins[0];
    match files.errors.first() {
        Some(error) => Err(format!("{:?}: {error}", files.outcome)),
        None => Ok(files.outcome),
    }
}

#[test]
fn paths_that_could_lead_out_are_refused() {
    let desk = Desk::new();
    let root = desk.place.path().join("managed");
    fs::create_dir(desk.place.path().join("outside")).unwrap();
    fs::write(desk.place.path().join("outside/secret"), "s").unwrap();
    symlink("../outside", root.join("link")).unwrap();
    symlink("../outside/secret", root.join("file-link")).unwrap();
    symlink("../outside/new", root.join("dangling")).unwrap();
    let before = all(desk.place.path());
    let long = "x".repeat(256);
    for path in [
        "../outside/secret",
        "/etc/passwd",
        "a/../../outside/secret",
        "..",
        ".",
        "",
        "./a",
        "sub//a",
        "sub/",
        "/",
        "a\0b",
        "link/secret",
        "link/new",
        "file-link",
        "dangling",
        "file-link/x",
        &long,
        ".tmp-x",
        "a/b",
    ] {
        for value in [json!({ "content": "evil" }), Value::Null] {
            if value.is_null() && path == "a/b" {
                continue;
            }
            let said = apply(&root, &json!({ path: value }));
            // Removing what lies behind a link or is not there may be nothing to do, and does nothing.
            assert!(said.is_err() || (value.is_null() && said == Ok(Outcome::Unchanged)), "{path}: {said:?}");
            assert_eq!(all(desk.place.path()), before, "{path}");
        }
    }
    let said = apply(&root, &json!({ "../x": { "content": "" } })).unwrap_err();
    assert!(said.contains("`../x` is no path below the managed directory"), "{said}");
    let said = apply(&root, &json!({ "file-link": { "content": "" } })).unwrap_err();
    assert!(said.contains("it is a symbolic link"), "{said}");
    // Applied, seen to fail, taken back.
    let said = apply(&root, &json!({ "link/new": { "content": "" } })).unwrap_err();
    assert!(said.contains("not followed"), "{said}");
}

#[test]
fn a_word_too_many_is_an_error() {
    let desk = Desk::new();
    let root = desk.place.path().join("managed");
    for (value, part) in [
        (json!("text"), "expected {\"content\""),
        (json!({}), "expected {\"content\""),
        (json!({ "content": "x", "base64": "" }), "expected {\"content\""),
        (json!({ "content": "x", "owner": "me" }), "`owner` means nothing"),
        (json!({ "content": "x", "mode": 420 }), "mode 420"),
        (json!({ "content": "x", "mode": "4755" }), "up to \"0777\""),
        (json!({ "content": "x", "mode": "+644" }), "mode \"+644\""),
        (json!({ "base64": "x" }), "`base64`"),
    ] {
        let said = apply(&root, &json!({ "a": value })).unwrap_err();
        assert!(said.contains(part) && said.contains("`a`"), "{said}");
    }
    let both = json!({ "d": { "content": "" }, "d/x/y": { "content": "" } });
    assert!(apply(&root, &both).unwrap_err().contains("`d` cannot be both"));
    assert_eq!(desk.text("a"), "old a");
}

#[test]
fn modes_owners_bytes_and_places() {
    let desk = Desk::new();
    let root = desk.place.path().join("managed");
    let data = |name: &str| fs::metadata(root.join(name)).unwrap();
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o640)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(root.join("a"), Some(12345), Some(54321)).unwrap();
    } else {
        eprintln!("SKIPPED: that the owner of a file stays, because only root can give files away");
    }
    let state = json!({ "a": { "content": "new" }, "b": { "content": "old b", "mode": "0400" }, "c": { "content": "" } });
    assert_eq!(apply(&root, &state), Ok(Outcome::Verified));
    assert_eq!(["a", "b", "c"].map(|name| data(name).mode() & 0o7777), [0o640, 0o400, 0o644]);
    assert!(!is_root || (data("a").uid(), data("a").gid()) == (12345, 54321));
    assert_eq!(apply(&root, &state), Ok(Outcome::Unchanged));
    // A file makes room for a directory of its name in one go.
    assert_eq!(apply(&root, &json!({ "b": null, "b/x": { "content": "x" } })), Ok(Outcome::Verified));
    assert_eq!(fs::read_to_string(root.join("b/x")).unwrap(), "x");
    // A directory does not make room for a file.
    assert!(apply(&root, &json!({ "b": { "content": "" } })).unwrap_err().contains("it is a directory"));
    let empty: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(empty.iter().all(|name| !name.as_bytes().starts_with(b".tmp-")), "{empty:?}");
}

#[test]
fn what_is_no_plain_file_is_told_with_the_reason() {
    let desk = Desk::new();
    let root = desk.place.path().join("managed");
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    fs::write(root.join(odd), "x").unwrap();
    fs::write(root.join("Ünï ✨"), "x").unwrap();
    symlink("a", root.join("link")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    // As it is while another process writes a file.
    fs::write(root.join(".tmp-0123"), "half").unwrap();
    let manager = StateManager::builder().plugin(Files::new(&root)).build(&Hub::in_memory()).unwrap();
    let state = manager.query("files").unwrap();
    let keys: Vec<_> = state.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["\\xff", "a", "b", "link", "loop", "pipe", "Ünï ✨"]);
    assert_eq!(state["\\xff"]["skipped"], "its name is not UTF-8");
    assert_eq!(state["pipe"]["skipped"], "it is no regular file");
    assert_eq!(state["loop"]["skipped"], "it is a symbolic link");
    assert_eq!(state["a"]["blake3"], blake3::hash(b"old a").to_hex().as_str());
    // All of it stays when everything is brought back.
    let before = desk.all();
    let id = manager.checkpoint("files").unwrap();
    fs::write(root.join("a"), "other").unwrap();
    manager.rollback(&id).unwrap();
    assert_eq!(desk.all(), before);
}

#[test]
fn going_back_never_removes_what_was_there_and_could_not_be_kept() {
    let desk = Desk::new();
    let root = desk.place.path().join("managed");
    fs::create_dir(root.join("etc")).unwrap();
    fs::File::create(root.join("etc/big")).unwrap().set_len(70 << 20).unwrap();
    let said = desk.manager.checkpoint("files").unwrap_err().to_string();
    assert!(said.contains("etc/big") && said.contains("too much for a checkpoint"), "{said}");
    assert!(desk.manager.checkpoints().unwrap().is_empty());
    // A change of another file needs no checkpoint of this one.
    let report = desk.manager.apply(&json!({ "files": { "a": { "content": "new" } } })).unwrap();
    assert!(report.is_success());

    fs::remove_file(root.join("etc/big")).unwrap();
    symlink("nowhere", root.join("etc/link")).unwrap();
    symlink("nowhere", root.join("etc/linked")).unwrap();
    let id = desk.manager.checkpoint("files").unwrap();
    fs::remove_file(root.join("etc/link")).unwrap();
    fs::write(root.join("etc/link"), "now a file").unwrap();
    fs::remove_file(root.join("etc/linked")).unwrap();
    fs::create_dir(root.join("etc/linked")).unwrap();
    fs::write(root.join("etc/linked/x"), "x").unwrap();
    fs::write(root.join("etc/new"), "new").unwrap();
    desk.manager.rollback(&id).unwrap();
    assert_eq!(desk.text("etc/link"), "now a file");
    assert_eq!(desk.text("etc/linked/x"), "x");
    assert!(!root.join("etc/new").exists());
}

#[test]
fn going_back_brings_back_all_bits_of_a_mode() {
    let desk = Desk::new();
    let root = desk.place.path().join("managed");
    let mode = |name: &str| fs::metadata(root.join(name)).unwrap().mode() & 0o7777;
    let modes = [("a", 0o4755), ("b", 0o2750), ("c", 0o1644)];
    fs::write(root.join("c"), "old c").unwrap();
    for (name, bits) in modes {
        if rustix::process::geteuid().is_root() {
            // Giving a file away takes these bits from it, so the mode has to come after the owner.
            std::os::unix::fs::chown(root.join(name), Some(12345), Some(54321)).unwrap();
        }
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(bits)).unwrap();
    }
    let whole = desk.manager.checkpoint("files").unwrap();
    let desired = json!({ "files": { "a": null, "b": { "content": "new", "mode": "0600" }, "c": null } });
    let report = desk.manager.apply(&desired).unwrap();
    assert!(report.is_success());
    assert_eq!(mode("b"), 0o600);
    let of_apply = report.plugins[0].checkpoint.clone().unwrap();
    for id in [of_apply, whole] {
        desk.manager.rollback(&id).unwrap();
        assert_eq!(modes.map(|(name, _)| (name, mode(name))), modes);
        assert_eq!(desk.text("b"), "old b");
        fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_file_that_became_a_directory_can_be_gone_back_to_twice() {
    let desk = Desk::new();
    let before = desk.all();
    let desired = json!({ "files": { "b": null, "b/x": { "content": "x" } } });
    let report = desk.manager.apply(&desired).unwrap();
    assert!(report.is_success());
    for _ in 0..2 {
        desk.manager.rollback(report.plugins[0].checkpoint.as_ref().unwrap()).unwrap();
        assert_eq!(desk.all(), before);
    }
}
