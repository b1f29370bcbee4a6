//! Directories that users supply, and which model it is.

use std::path::Path;

use plugcache::{
    Hub,
    embedding::files::{FetchError, ModelDirectory},
};

use crate::{SMALL, fetch, server::Server, store};

fn supply(place: &Path) {
    for (name, bytes) in SMALL {
        std::fs::write(place.join(name), bytes).unwrap();
    }
}

#[test]
fn what_a_local_directory_needs() {
    let place = tempfile::tempdir().unwrap();
    supply(place.path());
    let model = ModelDirectory::local(place.path()).unwrap();
    assert!(model.manifest().is_none());
    assert_eq!(model.file("modules.json"), Some(place.path().join("modules.json")));
    assert_eq!(model.file("vocab.txt"), None);
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::rename(place.path().join(name), place.path().join("away")).unwrap();
        let error = ModelDirectory::local(place.path()).unwrap_err();
        assert!(matches!(&error, FetchError::Incomplete { path } if path.ends_with(name)), "{error}");
        // As in the hub's own cache, where the files are links.
        std::os::unix::fs::symlink("away", place.path().join(name)).unwrap();
        assert!(ModelDirectory::local(place.path()).is_ok());
        std::fs::rename(place.path().join("away"), place.path().join(name)).unwrap();
    }
    assert!(ModelDirectory::local(place.path().join("none")).is_err());
}

#[test]
fn the_same_files_are_the_same_model_wherever_they_are() {
    let [fetched, one, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let server = Server::honest(&SMALL);
    let hub = Hub::in_memory();
    let fetched = fetch(&store(fetched.path(), &server)).unwrap().identity(&hub).unwrap();
    let locals = [&one, &other].map(|place| {
        supply(place.path());
        ModelDirectory::local(place.path()).unwrap()
    });
    for local in &locals {
        assert_eq!(local.identity(&hub).unwrap(), fetched);
    }
    // What does not select the result does not count; everything else does.
    std::fs::write(one.path().join("README.md"), "x").unwrap();
    assert_eq!(locals[0].identity(&hub).unwrap(), fetched);
    let mut seen = vec![fetched];
    let pooling = one.path().join("1_Pooling");
    std::fs::create_dir(&pooling).unwrap();
    let changes =
        ["1_Pooling/config.json", "modules.json", "model.safetensors", "config.json", "tokenizer.json"];
    for name in changes {
        let path = one.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap_or(b"{}".to_vec());
        bytes[0] ^= 1;
        std::fs::write(path, bytes).unwrap();
        let identity = locals[0].identity(&hub).unwrap();
        assert!(!seen.contains(&identity), "{name}");
        seen.push(identity);
    }
}

/// Another process with the same cache reads no file: it would notice bytes that were exchanged without a trace.
#[test]
fn a_second_hub_pays_a_look_per_file() {
    let [place, cache] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    supply(place.path());
    // Older than the racy rule's grain, so that the stamps prove something.
    std::thread::sleep(std::time::Duration::from_millis(30));
    let hub = || Hub::builder().directory(cache.path().join("c")).build().unwrap();
    let model = ModelDirectory::local(place.path()).unwrap();
    let first = model.identity(&hub()).unwrap();
    let second = hub();
    assert_eq!(model.identity(&second).unwrap(), first);
    let stats = &second.stats()["model-identity"];
    assert_eq!((stats.loads, stats.disk_hits), (0, 1), "{stats:?}");
    // Errors are not kept.
    std::fs::remove_file(place.path().join("model.safetensors")).unwrap();
    assert!(ModelDirectory::local(place.path()).is_err());
}
