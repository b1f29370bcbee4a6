//! Checkpoints outlive the process, and are believed only if they are what was written.

use std::{os::unix::fs::MetadataExt, path::Path, process::Command, sync::Arc, time::Duration};

use plugcache::{
    Hub,
    cache::Timestamp,
    state::{Outcome, PluginError, StateManager, plugins::Files},
};
use plugcache_testkit::ManualClock;
use serde_json::json;

use crate::tools::{Desk, Faulty, all};

fn manager(managed: &Path, checkpoints: &Path) -> StateManager {
    let builder = StateManager::builder().plugin(Files::new(managed)).checkpoints(checkpoints);
    builder.build(&Hub::in_memory()).unwrap()
}

#[test]
fn a_checkpoint_of_everything_brings_back_everything_from_a_later_process() {
    let desk = Desk::new();
    let (managed, checkpoints) =
        (desk.place.path().join("managed"), desk.place.path().join("later/checkpoints"));
    std::fs::create_dir(managed.join("sub")).unwrap();
    std::fs::write(managed.join("sub/bytes"), [0, 159, 146, 150]).unwrap();
    let before = desk.all();
    let id = manager(&managed, &checkpoints).checkpoint("files").unwrap();

    std::fs::write(managed.join("a"), "other").unwrap();
    std::fs::remove_file(managed.join("sub/bytes")).unwrap();
    std::fs::write(managed.join("sub/more"), "more").unwrap();
    let later = manager(&managed, &checkpoints);
    assert_eq!(later.rollback(&id).unwrap(), "files");
    assert_eq!(desk.all(), before);
    // It can be done again, and from there too.
    later.rollback(&id).unwrap();
    assert_eq!(desk.all(), before);
    let listed = later.checkpoints().unwrap();
    assert_eq!((listed.len(), &listed[0].as_ref().unwrap().id), (1, &id));
    assert_eq!(std::fs::metadata(&checkpoints).unwrap().mode() & 0o777, 0o700);
    assert!(!checkpoints.join("CACHEDIR.TAG").exists(), "it is no cache");
}

#[test]
fn a_checkpoint_is_gone_back_to_only_by_whose_it_is() {
    let desk = Desk::new();
    let checkpoints = desk.place.path().join("checkpoints");
    let id = desk.manager.checkpoint("files").unwrap();
    let other = desk.place.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let said = manager(&other, &checkpoints).rollback(&id).unwrap_err().to_string();
    assert!(said.contains("managed") && said.contains("other"), "{said}");
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 0);
    desk.seen.version.store(1, std::sync::atomic::Ordering::SeqCst);
    assert!(desk.manager.rollback(&id).unwrap_err().to_string().contains("`files` 2"));
    for id in ["", "../../etc/passwd", "a0", "change.lock", "c00000000000000000000000g"] {
        let said = desk.manager.rollback(id).unwrap_err().to_string();
        assert!(said.contains("there is no checkpoint"), "{said}");
    }
}

#[test]
fn any_flipped_bit_is_found() {
    let desk = Desk::new();
    let id = desk.manager.checkpoint("files").unwrap();
    let file = desk.place.path().join(format!("checkpoints/{id}.json"));
    let good = std::fs::read(&file).unwrap();
    let before = desk.all();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&file, &bytes).unwrap();
        // An error, or what was written: a space between two words says nothing.
        if let Err(error) = desk.manager.rollback(&id) {
            assert!(error.to_string().contains(&id) && error.to_string().contains("damaged"), "{error}");
        }
        assert_eq!(desk.all(), before, "bit {bit}");
    }
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert!(desk.manager.checkpoints().unwrap()[0].is_err());
}

#[test]
fn applying_leaves_a_hundred_checkpoints_and_takes_none_that_was_asked_for() {
    let desk = Desk::new();
    let asked = desk.manager.checkpoint("files").unwrap();
    for round in 0..103 {
        desk.pass(1);
        let report = desk.manager.apply(&json!({ "files": { "a": { "content": round.to_string() } } }));
        assert!(report.unwrap().is_success());
    }
    let listed: Vec<_> = desk.manager.checkpoints().unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(listed.len(), 101);
    assert!(listed.is_sorted_by(|one, other| one.made >= other.made));
    desk.manager.rollback(&asked).unwrap();
    assert_eq!(desk.text("a"), "old a");
    desk.manager.rollback(&listed[0].id).unwrap();
    assert_eq!(desk.text("a"), "101");
}

/// As when a clock is set back by a day after a hundred changes.
#[test]
fn a_clock_that_was_set_back_does_not_cost_the_checkpoint_of_this_change() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("managed");
    std::fs::create_dir(&root).unwrap();
    let kept_in = place.path().join("checkpoints");
    for directory in [None, Some(&kept_in)] {
        std::fs::write(root.join("a"), "old").unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000_000)));
        let (plugin, seen) = Faulty::new("files", &root);
        let builder = StateManager::builder().plugin(plugin).clock(Arc::clone(&clock) as _);
        let builder = match directory {
            Some(directory) => builder.checkpoints(directory),
            None => builder,
        };
        let manager = builder.build(&Hub::in_memory()).unwrap();
        let apply = |text: &str| manager.apply(&json!({ "files": { "a": { "content": text } } })).unwrap();
        for round in 0..103 {
            clock.advance(Duration::from_secs(1));
            assert!(apply(&round.to_string()).is_success());
        }
        assert_eq!(manager.checkpoints().unwrap().len(), 100);
        clock.jump(Timestamp(1_600_000_000_000_000_000));
        seen.before("verify", || Err(PluginError::new("no")));
        let report = apply("new");
        assert_eq!(report.plugins[0].outcome, Outcome::RolledBack, "{:?}", report.plugins[0].errors);
        assert_eq!(std::fs::read_to_string(root.join("a")).unwrap(), "102");
        assert_eq!(manager.checkpoints().unwrap().len(), 100);
    }
}

/// Run by the next test in another process, which this one ends in the middle of a change.
#[test]
fn a_change_that_is_killed() {
    let Ok(place) = std::env::var("STATE_KILLED_IN") else { return };
    let place = Path::new(&place);
    let (plugin, seen) = Faulty::new("files", &place.join("managed"));
    seen.before("apply", || {
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        loop {
            std::thread::park();
        }
    });
    let manager = StateManager::builder().plugin(plugin).checkpoints(place.join("checkpoints"));
    let manager = manager.build(&Hub::builder().directory(place.join("cache")).build().unwrap()).unwrap();
    manager.query("files").unwrap();
    let desired = json!({ "b": null, "a": { "content": "new" }, "new/c": { "content": "c" } });
    manager.apply(&json!({ "files": desired })).unwrap();
}

#[test]
fn what_a_killed_change_left_half_done_is_taken_back_by_another_process() {
    let desk = Desk::new();
    let before = desk.all();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["checkpoints::a_change_that_is_killed", "--exact"]).env("STATE_KILLED_IN", desk.place.path());
    let ended = child.output().unwrap();
    assert!(!ended.status.success());
    assert_ne!(desk.all(), before, "it was killed too early: {}", String::from_utf8_lossy(&ended.stderr));
    // What it had kept of the state, moments ago, is not served; the lock is free.
    let hub = Hub::builder().directory(desk.place.path().join("cache")).build().unwrap();
    let (plugin, _) = Faulty::new("files", &desk.place.path().join("managed"));
    let later = StateManager::builder().plugin(plugin).checkpoints(desk.place.path().join("checkpoints"));
    let later = later.build(&hub).unwrap();
    assert_eq!(later.query("files").unwrap().get("b"), None);
    let newest = later.checkpoints().unwrap().remove(0).unwrap();
    assert!(newest.is_of_apply);
    later.rollback(&newest.id).unwrap();
    assert_eq!(all(&desk.place.path().join("managed")), before);
    assert!(later.query("files").unwrap().get("b").is_some());
}
