//! What is kept, found, verified and removed.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use plugcache::cache::fs::Extent;
use plugcache::embedding::files::{FetchError, ModelStore, Options, Progress, Sha256Sum};

use crate::{
    ABSENT, SMALL, assert_holds, fetch, options, parts,
    server::{COMMIT, Do, Request, Server},
    source, store,
};

#[test]
fn fetched_once_then_found() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let store = store(place.path(), &server);
    assert!(store.find(&source()).unwrap().is_none());
    let mut told = Vec::new();
    let model = store.fetch(&source(), &mut |progress| told.push(format!("{progress:?}"))).unwrap();
    assert_holds(&model, &SMALL);
    assert!(model.file("1_Pooling/config.json").is_none());
    let manifest = model.manifest().unwrap();
    assert_eq!(manifest.commit.as_deref(), Some(COMMIT));
    assert_eq!(manifest.absent, ABSENT);
    assert!(manifest.files.iter().all(|file| file.is_verified));
    for (name, bytes) in SMALL {
        assert_eq!(manifest.held(name).unwrap().sha256, Sha256Sum::of(bytes));
    }
    for what in ["Received { file: \"config.json\", bytes: 18, of: Some(18) }", "Absent", "Done"] {
        assert!(told.iter().any(|told| told.contains(what)), "{what} in {told:?}");
    }
    assert_eq!(parts(&store), [] as [std::path::PathBuf; 0]);

    let asked = server.requests().len();
    let found = store.find(&source()).unwrap().unwrap();
    assert_eq!(found.manifest(), Some(manifest));
    assert_holds(&fetch(&store).unwrap(), &SMALL);
    assert_eq!(server.requests().len(), asked, "a complete copy asks for nothing");
    // All but the first question are about the commit that the first one found.
    let first = server.requests().remove(0);
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("HEAD", "/owner/model/resolve/main/config.json")
    );
    assert!(server.requests()[1..].iter().all(|request| request.path.contains(COMMIT)));

    let private = std::fs::metadata(store.path()).unwrap().permissions().mode();
    assert_eq!(private & 0o777, 0o700);
    assert_eq!(store.list().unwrap().len(), 1);
    assert!(store.size().unwrap() > manifest.size());
    assert!(store.remove(&source()).unwrap());
    assert!(!store.remove(&source()).unwrap());
    assert!(store.find(&source()).unwrap().is_none() && store.list().unwrap().is_empty());
}

#[test]
fn without_a_connection() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let offline = Options { offline: true, ..options(&server) };
    let offline = ModelStore::open(place.path().join("models-v1"), offline).unwrap();
    let error = fetch(&offline).unwrap_err();
    assert!(matches!(&error, FetchError::Offline { file, .. } if file == "config.json"), "{error}");
    let shown = error.to_string();
    for word in ["owner/model", "cache warm --model", "HF_ENDPOINT", "models-v1"] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
    assert_eq!(server.requests().len(), 0);
    assert!(!offline.path().exists());
    fetch(&store(place.path(), &server)).unwrap();
    assert_holds(&fetch(&offline).unwrap(), &SMALL);
}

/// The original took a directory with all names in it for a model, however little of them was there.
#[test]
fn a_partial_copy_is_no_model_and_heals() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let store = store(place.path(), &server);
    let model = fetch(&store).unwrap();
    let manifest = model.path().parent().unwrap().join("manifest.json");
    let weights = model.file("model.safetensors").unwrap();
    let whole = std::fs::read(&manifest).unwrap();
    let newer = String::from_utf8(whole.clone()).unwrap().replace("\"format\": 1", "\"format\": 2");
    let harms: [(&str, &dyn Fn()); 8] = [
        ("no manifest", &|| std::fs::remove_file(&manifest).unwrap()),
        ("cut manifest", &|| std::fs::write(&manifest, &whole[..whole.len() / 2]).unwrap()),
        ("empty manifest", &|| std::fs::write(&manifest, "").unwrap()),
        ("newer manifest", &|| std::fs::write(&manifest, &newer).unwrap()),
        ("cut file", &|| std::fs::write(&weights, "0123").unwrap()),
        ("manifest of nothing", &|| std::fs::write(&manifest, "{}").unwrap()),
        ("no file", &|| std::fs::remove_file(&weights).unwrap()),
        ("a link instead of the file", &|| {
            let elsewhere = weights.with_extension("elsewhere");
            std::fs::rename(&weights, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &weights).unwrap();
        }),
    ];
    for (harm, done) in harms {
        done();
        let before = server.gets("model.safetensors").len();
        assert!(store.find(&source()).unwrap().is_none(), "{harm}");
        assert!(store.list().unwrap().is_empty(), "{harm}");
        assert_holds(&fetch(&store).unwrap(), &SMALL);
        // Files that are right are kept: only what is wrong is fetched.
        let again = usize::from(harm.ends_with("file"));
        assert_eq!(server.gets("model.safetensors").len() - before, again, "{harm}");
        assert_eq!(server.gets("config.json").len(), 1, "{harm}");
    }
    // What a link led to was not written to.
    assert_eq!(std::fs::read(weights.with_extension("elsewhere")).unwrap(), SMALL[2].1);
    assert!(weights.symlink_metadata().unwrap().is_file());
}

#[test]
fn what_changed_of_the_same_length_is_found_and_repaired() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let store = store(place.path(), &server);
    assert_eq!(store.verify(&source()).unwrap(), None);
    let model = fetch(&store).unwrap();
    assert_eq!(store.verify(&source()).unwrap(), Some(Vec::new()));
    let weights = model.file("model.safetensors").unwrap();
    let mut bytes = std::fs::read(&weights).unwrap();
    bytes[7] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    std::fs::remove_file(model.file("modules.json").unwrap()).unwrap();
    let problems = store.verify(&source()).unwrap().unwrap();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 2, "{shown:?}");
    assert!(shown[0].contains("model.safetensors: expected 36 bytes, SHA-256"), "{shown:?}");
    assert!(shown[1].contains("modules.json") && shown[1].ends_with("found nothing"), "{shown:?}");
    assert_eq!(store.repair(&source()).unwrap(), Some(problems));
    assert!(store.find(&source()).unwrap().is_none());
    assert_holds(&fetch(&store).unwrap(), &SMALL);
    assert_eq!(server.gets("config.json").len(), 1);
    assert_eq!(store.verify(&source()).unwrap(), Some(Vec::new()));
}

/// More files are wanted than were, or one is pinned to another content: that is another copy.
#[test]
fn a_copy_counts_only_for_what_it_covers() {
    let place = tempfile::tempdir().unwrap();
    let mut files = SMALL.to_vec();
    files.push(("vocab.txt", b"a\nb\n"));
    let server = Server::honest(&files);
    let store = store(place.path(), &server);
    fetch(&store).unwrap();
    let more = source().file("vocab.txt").unwrap();
    assert!(store.find(&more).unwrap().is_none());
    store.fetch(&more, &mut |_| {}).unwrap();
    assert!(store.find(&more).unwrap().is_some() && store.find(&source()).unwrap().is_some());
    let right = source().pinned("config.json", &Sha256Sum::of(SMALL[0].1).to_string()).unwrap();
    assert!(store.find(&right).unwrap().is_some());
    let wrong = source().pinned("config.json", &Sha256Sum::of(b"other").to_string()).unwrap();
    assert!(store.find(&wrong).unwrap().is_none());
    let other = source().revision("v2").unwrap();
    assert!(store.find(&other).unwrap().is_none());
    store.fetch(&other, &mut |_| {}).unwrap();
    assert_eq!(store.list().unwrap().len(), 2);
    assert_eq!((store.clear().unwrap(), store.clear().unwrap()), (2, 0));
    assert!(store.find(&other).unwrap().is_none() && store.list().unwrap().is_empty());
}

/// Whatever a fetch was for, and wherever it ends: until it changes a file, the old manifest is true.
#[test]
fn a_fetch_that_fails_leaves_the_complete_copy() {
    let place = tempfile::tempdir().unwrap();
    let mut files = SMALL.to_vec();
    files.push(("vocab.txt", b"a\nb\n"));
    fetch(&store(place.path(), &Server::honest(&files))).unwrap();
    let more = source().file("vocab.txt").unwrap();
    let wrong = source().pinned("config.json", &Sha256Sum::of(b"other").to_string()).unwrap();
    let down = |_: &Request| Do::Status(503, "");
    let breaks = |request: &Request| if request.is_get() { Do::BreakAfter(0) } else { Do::Serve };
    for server in [Server::new(&files, down), Server::new(&files, breaks), Server::honest(&SMALL)] {
        let store = store(place.path(), &server);
        for wanted in [&more, &wrong] {
            store.fetch(wanted, &mut |_| {}).unwrap_err();
            assert!(!server.requests().is_empty());
            assert_holds(&store.find(&source()).unwrap().expect("it is complete"), &SMALL);
        }
    }
}

/// The branch has moved on, with files of the same lengths, and a fetch of more files ends in the middle: what is
/// there is of two commits, and the old manifest must not vouch for it.
#[test]
fn a_mixture_of_two_commits_is_no_model() {
    let place = tempfile::tempdir().unwrap();
    fetch(&store(place.path(), &Server::honest(&SMALL))).unwrap();
    let mut moved = SMALL;
    moved[0].1 = b"{\"hidden_size\": 8}";
    let mut files = moved.to_vec();
    files.push(("vocab.txt", b"a\nb\n"));
    let server = Server::new(&files, |request| match request.file() {
        "vocab.txt" if request.is_get() => Do::BreakAfter(0),
        _ => Do::Serve,
    });
    let store = store(place.path(), &server);
    let more = source().file("vocab.txt").unwrap();
    assert!(matches!(store.fetch(&more, &mut |_| {}), Err(FetchError::Unreachable { .. })));
    assert_eq!(server.gets("config.json").len(), 1, "it was replaced");
    assert!(store.find(&source()).unwrap().is_none());
    assert_holds(&fetch(&store).unwrap(), &moved);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let store = store(place.path(), &server);
    let model = fetch(&store).unwrap();
    for path in [store.path(), model.path().parent().unwrap(), model.path()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = store.find(&source()).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
        assert!(fetch(&store).is_err() && store.list().is_err());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert!(store.find(&source()).unwrap().is_some());
}

#[test]
fn a_full_disk_leaves_nothing_half() {
    let place = tempfile::tempdir().unwrap();
    let mut mount = std::process::Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(place.path());
    if !mount.status().is_ok_and(|status| status.success()) {
        println!("SKIPPED a_full_disk_leaves_nothing_half: mounting a small tmpfs needs root");
        return;
    }
    let large = crate::large();
    let server = Server::honest(&crate::with_large(&large));
    let store = store(place.path(), &server);
    let mut last = String::new();
    let outcome = store.fetch(&source(), &mut |progress: Progress<'_>| last = format!("{progress:?}"));
    let left = parts(&store);
    let found = store.find(&source());
    std::process::Command::new("umount").arg(place.path()).status().unwrap();
    let error = outcome.unwrap_err();
    assert!(matches!(error, FetchError::NoRoom { .. }), "{error}");
    // The variable that comes before all others; `PLUGCACHE_DIR` says where models are only if none is set.
    for word in ["free some space", "PLUGCACHE_EMBEDDING_MODELS_DIRECTORY"] {
        assert!(error.to_string().contains(word), "{word} in {error}");
    }
    assert!(left.is_empty() && found.unwrap().is_none(), "{left:?} after {last}");
}

#[test]
fn a_file_that_was_exchanged_since_is_not_read_as_the_model() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::honest(&SMALL);
    let store = store(place.path(), &server);
    let model = fetch(&store).unwrap();
    for (name, bytes) in SMALL {
        assert_eq!(model.read(name).unwrap().as_deref(), Some(bytes));
    }
    assert_eq!(model.read("1_Pooling/config.json").unwrap(), None);
    let path = model.file("model.safetensors").unwrap();
    let mut damaged = std::fs::read(&path).unwrap();
    damaged[0] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    // Length and name are right, so it is found; but nothing is computed with it.
    let model = store.find(&source()).unwrap().unwrap();
    let error = model.read("model.safetensors").unwrap_err();
    assert!(matches!(&error, FetchError::Damaged { path: named, .. } if *named == path), "{error}");
    assert!(error.to_string().contains("cache verify --repair"), "{error}");
    assert_eq!(store.repair(&source()).unwrap().map(|problems| problems.len()), Some(1));
    assert!(store.find(&source()).unwrap().is_none());
    assert!(fetch(&store).unwrap().read("model.safetensors").unwrap().is_some());
}

/// What a broken fetch has left is a beginning for some time, and rubbish later.
#[test]
fn what_is_left_of_an_old_fetch_is_pruned() {
    let place = tempfile::tempdir().unwrap();
    let hour = Duration::from_hours(1);
    let server = Server::new(&SMALL, |request| match (request.file(), request.is_get(), request.nth) {
        ("model.safetensors", true, 0) => Do::BreakAfter(10),
        ("model.safetensors", true, 1..4) => Do::Status(500, ""),
        _ => Do::Serve,
    });
    let store = store(place.path(), &server);
    assert_eq!(store.prune(Duration::ZERO, false).unwrap(), Extent::default());
    fetch(&store).unwrap_err();
    let part = parts(&store).remove(0);
    assert_eq!(store.prune(hour, false).unwrap(), Extent::default());
    let then = std::time::SystemTime::now() - 2 * hour;
    std::fs::File::options().write(true).open(&part).unwrap().set_modified(then).unwrap();
    let old = Extent { files: 1, bytes: 10 };
    assert_eq!(store.prune(hour, true).unwrap(), old);
    assert!(part.exists());
    assert_eq!(store.prune(hour, false).unwrap(), old);
    assert!(!part.exists());
    // What is coming is left alone, however old that is called.
    let mut pruned = Vec::new();
    let mut prune = |progress: Progress<'_>| {
        if matches!(progress, Progress::Received { .. }) {
            pruned.push(store.prune(Duration::ZERO, false).unwrap());
        }
    };
    assert_holds(&store.fetch(&source(), &mut prune).unwrap(), &SMALL);
    assert!(!pruned.is_empty() && pruned.iter().all(|extent| *extent == Extent::default()), "{pruned:?}");
    assert_eq!((store.count().unwrap(), store.verify_all(false).unwrap().len()), (1, 1));
    assert_eq!(store.size().unwrap(), store.verify_all(true).unwrap()[0].manifest.size() + beside(&store));
}

/// Bytes of the lock and the manifest.
fn beside(store: &ModelStore) -> u64 {
    let lock = std::fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap());
    let lock = lock.filter(|entry| entry.path().is_file()).map(|entry| entry.metadata().unwrap().len());
    let path = store.list().unwrap().remove(0).path().with_file_name("manifest.json");
    lock.sum::<u64>() + std::fs::metadata(path).unwrap().len()
}
