//! Faults 12 to 14: files that change under a cache, as fast and as sly as they can.

use std::{
    fs::{self, File, FileTimes},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use plugcache_cache::{Cache, Hub, Inputs};

use crate::tools::{Figures, hub, times};

type Texts = Cache<str, String>;

fn texts(hub: &Hub, file: &Path) -> Texts {
    let file = file.to_owned();
    Cache::builder("texts").disk().inputs(move |_| Inputs::none().file(&file)).build(hub).unwrap()
}

fn ask(texts: &Texts, file: &Path) -> String {
    texts.get_or_load("x", |_| fs::read_to_string(file)).unwrap().to_string()
}

#[test]
fn fault_12_edits_within_a_tick_of_the_clock() {
    let mut figures = Figures::of("12", "edits of one size, as fast as can be");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("input");
    fs::write(&file, "00000000").unwrap();
    // Two processes' worth of memory over one directory.
    let caches = [(); 2].map(|()| texts(&hub(place.path()), &file));
    for edit in 0..times(500, 10_000) {
        let text = format!("{edit:08}");
        if figures.random.once_in(3) {
            let beside = place.path().join("beside");
            fs::write(&beside, &text).unwrap();
            fs::rename(beside, &file).unwrap();
        } else {
            fs::write(&file, &text).unwrap();
        }
        for texts in &caches {
            let got = ask(texts, &file);
            figures.right(got == text, || format!("edit {edit}: got {got}"));
        }
        if figures.random.once_in(50) {
            std::thread::sleep(Duration::from_millis(15));
        }
    }
    figures.done();
}

#[test]
fn fault_13_modification_times_that_lie() {
    let mut figures = Figures::of("13", "mtime restored, or set to 0");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("input");
    fs::write(&file, "00000000").unwrap();
    let caches = [(); 2].map(|()| texts(&hub(place.path()), &file));
    for edit in 0..times(200, 5_000) {
        let before = fs::metadata(&file).unwrap().modified().unwrap();
        let time = match edit % 4 {
            0 => UNIX_EPOCH,
            1 => SystemTime::now() + Duration::from_hours(24 * 3_650),
            _ => before,
        };
        let text = format!("{edit:08}");
        fs::write(&file, &text).unwrap();
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_times(FileTimes::new().set_modified(time))
            .unwrap();
        for texts in &caches {
            let got = ask(texts, &file);
            figures.right(got == text, || format!("edit {edit}: got {got}"));
            let again = ask(texts, &file);
            figures.right(again == text, || format!("edit {edit}: then {again}"));
        }
    }
    figures.done();
}

/// Whoever asks after an edit gets the new text, also if somebody who asked before is still reading the old one.
#[test]
fn fault_14_an_input_changes_while_it_is_read() {
    let mut figures = Figures::of("14", "input changes while the loader reads");
    for round in 0..times(60, 2_000) {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("input");
        fs::write(&file, "old").unwrap();
        let texts = texts(&hub(place.path()), &file);
        let (waiting, got) = std::thread::scope(|scope| {
            let mut waiting = None;
            let load = |_: &str| {
                let text = fs::read_to_string(&file);
                fs::write(&file, "new").unwrap();
                waiting = Some(scope.spawn(|| ask(&texts, &file)));
                // So that it comes to wait, most of the time.
                while texts.stats().waits == 0 {
                    std::thread::yield_now();
                }
                text
            };
            let got = texts.get_or_load("x", load).unwrap();
            (waiting.unwrap().join().unwrap(), got)
        });
        figures.right(*got == "old", || format!("round {round}: the first got {got}"));
        figures.right(waiting == "new", || format!("round {round}: who came after the edit got {waiting}"));
        let after = ask(&texts, &file);
        figures.right(after == "new", || format!("round {round}: then {after}"));
    }
    figures.done();
}

/// A tree with a link that leads nowhere: nothing about the tree changes when its target appears.
#[test]
fn fault_14_the_target_of_a_dangling_link_appears() {
    let place = tempfile::tempdir().unwrap();
    let (tree, outside) = (place.path().join("tree"), place.path().join("outside"));
    fs::create_dir(&tree).unwrap();
    std::os::unix::fs::symlink(&outside, tree.join("link")).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let inputs = tree.clone();
    let cache: Cache<str, bool> =
        Cache::builder("n").inputs(move |_| Inputs::none().tree(&inputs)).build(&Hub::in_memory()).unwrap();
    let ask = || *cache.get_or_load("x", |_| crate::tools::ok(tree.join("link").exists())).unwrap();
    assert!(!ask());
    fs::write(&outside, "now").unwrap();
    assert!(ask());
    fs::remove_file(&outside).unwrap();
    assert!(!ask());
}

/// What a value is made from besides files changes while it is made: it must not be kept as made from the new.
#[test]
fn fault_14_the_signature_changes_while_it_is_loaded() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let setting = Arc::new(AtomicU64::new(1));
    let now = Arc::clone(&setting);
    let cache: Cache<str, u64> = Cache::builder("n")
        .signature(move |_| plugcache_cache::Digest::of(&now.load(Ordering::SeqCst).to_le_bytes()))
        .build(&Hub::in_memory())
        .unwrap();
    let load = |_: &str| {
        let seen = setting.load(Ordering::SeqCst);
        setting.store(2, Ordering::SeqCst);
        crate::tools::ok(seen)
    };
    assert_eq!(*cache.get_or_load("x", load).unwrap(), 1);
    assert_eq!(*cache.get_or_load("x", load).unwrap(), 2);
    assert_eq!(cache.get("x").as_deref(), Some(&2));
}
