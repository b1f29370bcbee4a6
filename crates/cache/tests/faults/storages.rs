//! Faults 7 to 10: a storage that fails, a disk that is full, a directory that is not ours.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::Arc,
};

use plugcache_cache::{
    Codec, SystemClock,
    tier::{Lmdb, Storage},
};
use plugcache_testkit::{Fault, FaultyStorage, Warnings};

use crate::tools::{
    Figures, Mounted, ask, command, directory, ended, files_below, hub, list, lists, mount, skipped, times,
    version,
};

/// Every kind of fault at once: whatever the storage does, a lookup gives what is right, and what was put in or
/// removed is not followed by what was there before.
#[test]
fn fault_08_a_storage_that_fails() {
    let mut figures = Figures::of("8", "EIO, ENOSPC, flips, cuts, swaps, losses, evictions");
    for round in 0..times(40, 600) {
        let place = tempfile::tempdir().unwrap();
        let inner = Arc::new(Lmdb::open(&place.path().join("c"), 8 << 20, Arc::new(SystemClock)).unwrap());
        let seed = figures.seed ^ (round << 20);
        let once_in = 1 + figures.random.below(6);
        let faulty = Arc::new(FaultyStorage::new(inner, &Fault::ALL, once_in, seed));
        let storage: Arc<dyn Storage> = faulty.clone();
        let capacity = figures.random.below(8);
        let lists = lists(&hub(place.path()), |it| it.capacity(capacity).storage(storage, Codec::postcard()));
        // The last version that anybody may be given; what is older was replaced or removed.
        let mut oldest = [0; 10];
        let ((), heard) = Warnings::heard(|| {
            for at in 1..200_u64 {
                let key = figures.random.below(10);
                let own = key as u64;
                match figures.random.below(8) {
                    0 => {
                        lists.insert(&own, list(own, at));
                        oldest[key] = at;
                    }
                    1 => {
                        lists.remove(&own);
                        oldest[key] = at;
                    }
                    2 if figures.random.once_in(4) => {
                        let _ = lists.clear();
                        oldest = [at; 10];
                    }
                    3 => {
                        let _ = lists.prune();
                    }
                    4 => {
                        let found = lists.get(&own).map(|found| version(own, &found));
                        let right = found.is_none_or(|found| found.is_some_and(|found| found >= oldest[key]));
                        figures.right(right, || format!("round {round}, step {at}: {found:?}"));
                    }
                    _ => {
                        let found = ask(&lists, own, at);
                        let right = found.is_some_and(|found| found >= oldest[key]);
                        figures.right(right, || format!("round {round}, step {at}: {found:?}"));
                    }
                }
            }
        });
        let kinds = ["cannot be used", "are not kept on disk"];
        let each = kinds.map(|kind| heard.iter().filter(|warning| warning.contains(kind)).count());
        figures.right(each.iter().all(|count| *count <= 1) && heard.len() <= 2, || format!("{heard:?}"));
        assert!(!faulty.done().is_empty());
    }
    figures.done();
}

#[test]
fn fault_07_a_full_disk() {
    let mut figures = Figures::of("7", "full tmpfs of 4 KiB to 2 MiB");
    for pages in (1..512).step_by(usize::try_from(times(40, 3)).unwrap()) {
        let place = tempfile::tempdir().unwrap();
        let size = format!("size={}k,mode=0700", pages * 4);
        if !mount(&["-t", "tmpfs", "-o", &size, "none"], place.path()) {
            return skipped("7", "full tmpfs", "mounting needs root");
        }
        let _mounted = Mounted(place.path());
        let ((), heard) = Warnings::heard(|| {
            let lists = lists(&hub(place.path()), |it| it.capacity(20));
            for at in 0..300 {
                let right = ask(&lists, at, 1) == Some(1);
                lists.insert(&(at / 2), list(at / 2, 2));
                let kept = lists.get(&(at / 2)).is_none_or(|found| version(at / 2, &found) == Some(2));
                figures.right(right && kept, || format!("{pages} pages, key {at}"));
            }
        });
        // One of the cache, and one of its figures for other processes.
        let of_values = heard.iter().filter(|warning| warning.contains("`lists`")).count();
        figures.right(of_values <= 1 && heard.len() <= 2, || format!("{pages} pages: {heard:?}"));
    }
    figures.done();
}

#[test]
fn fault_09_a_directory_that_cannot_be_written_to() {
    let mut figures = Figures::of("9", "read-only mount");
    let place = tempfile::tempdir().unwrap();
    {
        let lists = lists(&hub(place.path()), |it| it);
        lists.insert(&1, list(1, 1));
    }
    let path = place.path().to_str().unwrap().to_owned();
    if !(mount(&["--bind", &path], place.path()) && mount(&["-o", "remount,bind,ro"], place.path())) {
        return skipped("9", "read-only mount", "mounting needs root");
    }
    let _mounted = Mounted(place.path());
    let ((), heard) = Warnings::heard(|| {
        let lists = lists(&hub(place.path()), |it| it);
        for key in 1..20 {
            figures.right(ask(&lists, key, 1) == Some(1), || format!("key {key}"));
            figures.right(ask(&lists, key, 2) == Some(1), || format!("key {key} is not kept in memory"));
        }
    });
    let of_values = heard.iter().filter(|warning| warning.contains("`lists`")).count();
    figures.right(of_values == 1 && heard.len() <= 2, || format!("{heard:?}"));
    figures.done();
}

pub(crate) fn ask_as_another_user(place: &Path) {
    let (lists, heard) = Warnings::heard(|| lists(&hub(place), |it| it));
    assert!(heard.iter().any(|warning| warning.contains("user 0 owns it")), "{heard:?}");
    for key in 0..5 {
        assert_eq!(ask(&lists, key, 3), Some(3), "nothing of the other's is served");
        assert_eq!(ask(&lists, key, 4), Some(3));
    }
}

#[test]
fn fault_09_a_directory_of_another_user() {
    use std::os::unix::process::CommandExt;
    let mut figures = Figures::of("9", "directory of another user");
    let place = tempfile::tempdir().unwrap();
    {
        let lists = lists(&hub(place.path()), |it| it);
        (0..5).for_each(|key| drop(lists.insert(&key, list(key, 1))));
    }
    for path in [place.path().to_owned(), place.path().join("hub")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut child = command("ask as another user", place.path());
    match child.uid(65_534).gid(65_534).spawn() {
        Ok(child) => figures.ended(ended(child), || "as nobody".to_owned()),
        Err(error) => return skipped("9", "directory of another user", &error.to_string()),
    }
    figures.done();
}

#[test]
fn fault_10_a_directory_that_others_could_tamper_with() {
    let mut figures = Figures::of("10", "world-writable or planted directory");
    for below in ["hub", "hub/caches-v1/lists", "hub/caches-v1", "hub/statistics-v1"] {
        let place = tempfile::tempdir().unwrap();
        {
            let lists = lists(&hub(place.path()), |it| it);
            lists.insert(&1, list(1, 1));
        }
        let path = place.path().join(below);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let (served, heard) = Warnings::heard(|| {
            let lists = lists(&hub(place.path()), |it| it);
            let served = lists.get(&1);
            figures.right(ask(&lists, 2, 2) == Some(2), || format!("{below}: wrong"));
            figures.right(ask(&lists, 2, 3) == Some(2), || format!("{below}: not kept in memory"));
            served
        });
        let explained = heard.iter().any(|warning| warning.contains("others may write to it"));
        figures.right(heard.len() == 1 && explained, || format!("{below}: {heard:?}"));
        let is_refused = served.is_none() || below.ends_with("statistics-v1");
        figures.right(is_refused, || format!("{below}: what others may have written is served"));
    }
    planted_links(&mut figures);
    figures.done();
}

/// Links that lead out of the cache in the place of its files and directories.
fn planted_links(figures: &mut Figures) {
    for name in ["data.mdb", "lock.mdb", "generations", "recency", "open.lock", "write.lock", "unsynced"] {
        let place = tempfile::tempdir().unwrap();
        drop(lists(&hub(place.path()), |it| it).insert(&1, list(1, 1)));
        let precious = place.path().join("precious");
        fs::write(&precious, vec![b'p'; 70_000]).unwrap();
        let planted = directory(place.path()).join(name);
        let _ = fs::remove_file(&planted);
        symlink(&precious, &planted).unwrap();
        let lists = lists(&hub(place.path()), |it| it);
        let right = (1..9).all(|key| ask(&lists, key, 1) == Some(1));
        let _ = (lists.clear(), lists.prune());
        drop(lists);
        let is_whole = fs::read(&precious).unwrap() == vec![b'p'; 70_000];
        figures.right(right && is_whole, || format!("{name}: right {right}, untouched {is_whole}"));
    }
    // A directory that another user's link leads to.
    let place = tempfile::tempdir().unwrap();
    let elsewhere = place.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, place.path().join("hub")).unwrap();
    if std::os::unix::fs::lchown(place.path().join("hub"), Some(65_534), None).is_err() {
        return skipped("10", "another user's link", "giving a file away needs root");
    }
    let lists = lists(&hub(place.path()), |it| it);
    let right = ask(&lists, 1, 1) == Some(1) && files_below(&elsewhere).is_empty();
    figures.right(right, || "another user's link was followed".to_owned());
}
