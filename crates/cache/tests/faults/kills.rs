//! Faults 1, 2, 7, 8 and 16 at the level of system calls: processes that are killed, stopped, or refused.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use plugcache_cache::{Hub, cache::Builder, hub::Settings};
use plugcache_testkit::Warnings;

use crate::tools::{
    Figures, Lists, ask, block_on, command_under, ended, hub, list, lists, skipped, spawn, times, version,
};

const KEYS: u64 = 40;

pub(crate) fn save_for_ever(place: &Path) {
    let lists = lists(&hub(place), |it| it);
    for version in 1.. {
        let key = version % KEYS;
        lists.insert(&key, list(key, version));
        ask(&lists, (key * 7) % KEYS, version);
        if version % 97 == 0 {
            lists.remove(&(version % 13));
            lists.invalidate_tag("t");
        }
        if version % 1009 == 0 {
            lists.clear().unwrap();
        }
    }
}

#[test]
fn fault_01_killed_while_it_saves() {
    let place = tempfile::tempdir().unwrap();
    let mut figures = Figures::of("1", "kill -9 at a random moment of saving");
    let mut kept = 0;
    for round in 0..times(200, 1_000) {
        let mut child = spawn("save for ever", place.path());
        std::thread::sleep(Duration::from_micros(5_000 + figures.random.below(30_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let lists = lists(&hub(place.path()), |it| it);
        for key in 0..KEYS {
            let found = lists.get(&key);
            kept += u64::from(found.is_some());
            let whole = found.is_none_or(|found| version(key, &found).is_some());
            let asked = ask(&lists, key, 0).is_some();
            figures.right(whole && asked, || format!("round {round}, key {key}"));
        }
        lists.insert(&1, list(1, 1));
        let stored = ask(&lists, 1, 2) == Some(1);
        figures.right(stored, || format!("round {round}: cannot be written to"));
    }
    assert!(kept > 0, "no child came to save anything");
    figures.done();
}

pub(crate) fn save_a_little(place: &Path) {
    let lists = lists(&hub(place), Builder::once_per_host);
    for key in 0..6 {
        assert_eq!(ask(&lists, key, 5).map(|version| version > 0), Some(true));
        lists.insert(&key, list(key, 6));
        // A value that was just put in is served, or what a loader makes.
        assert!(ask(&lists, key, 7).is_some_and(|version| version >= 6));
    }
    lists.remove(&3);
    assert_eq!(ask(&lists, 3, 8), Some(8));
    let _ = lists.prune();
    let _ = lists.clear();
    assert_eq!(ask(&lists, 1, 9), Some(9));
}

/// Calls that write. Not `write`, with which the test's own runner talks.
const CALLS: &str = "pwrite64,pwritev,writev,fsync,fdatasync,msync,rename,renameat,renameat2,ftruncate,fallocate,unlinkat,linkat";

fn has_strace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "trace=none", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

/// Runs children of which the first, second, third … call that writes meets `fault`, until one meets none.
fn at_each_call(figures: &mut Figures, fault: &str, is_fatal: bool) {
    let step = times(4, 1);
    for first in (1..).step_by(usize::try_from(step).unwrap()) {
        let place = tempfile::tempdir().unwrap();
        let inject = format!("inject={CALLS}:{fault}:when={first}{}", if is_fatal { "" } else { "+" });
        let trace = format!("trace={CALLS}");
        let log = place.path().join("strace");
        let log = log.to_str().unwrap();
        let strace = ["strace", "-f", "-qq", "-o", log, "-e", &trace, "-e", &inject];
        let mut child = command_under(&strace, "save a little", place.path());
        child.stderr(Stdio::null());
        let end = ended(child.spawn().unwrap());
        let was_struck =
            fs::read_to_string(log).unwrap().contains("(INJECTED)") || end.is_some_and(|end| !end.success());
        let is_wrong = end.is_none_or(|end| !end.success() && !is_fatal);
        figures.right(!is_wrong, || format!("{fault} at call {first}: {end:?}"));
        // Whatever was left, the next who comes gets what is right, and keeps it.
        let lists = lists(&hub(place.path()), |it| it);
        for key in 0..6 {
            figures.right(ask(&lists, key, 9).is_some(), || format!("{fault} at call {first}, key {key}"));
        }
        lists.insert(&2, list(2, 10));
        drop(lists);
        let kept =
            self::lists(&hub(place.path()), |it| it).get(&2).is_some_and(|it| version(2, &it) == Some(10));
        figures.right(kept, || format!("{fault} at call {first}: not healed"));
        if !was_struck {
            return;
        }
    }
}

#[test]
fn fault_02_killed_at_each_call_that_writes() {
    if !has_strace() {
        return skipped("2", "kill at each call that writes", "there is no strace, or it may not trace");
    }
    let mut figures = Figures::of("2", "kill at each write, fsync, rename");
    at_each_call(&mut figures, "signal=SIGKILL", true);
    figures.done();
}

#[test]
fn fault_07_no_room_from_each_call_on() {
    if !has_strace() {
        return skipped("7", "no room from each call on", "there is no strace, or it may not trace");
    }
    let mut figures = Figures::of("7, 8", "ENOSPC, EIO from each call that writes on");
    at_each_call(&mut figures, "error=ENOSPC", false);
    at_each_call(&mut figures, "error=EIO", false);
    figures.done();
}

pub(crate) fn hold_a_key(place: &Path) {
    let lists = lists(&hub(place), Builder::once_per_host);
    let hold = |_: &u64| {
        fs::write(place.join("held"), "").unwrap();
        std::thread::sleep(Duration::from_hours(1));
        crate::tools::ok(Vec::new())
    };
    let _ = lists.get_or_load(&1, hold);
}

pub(crate) fn write_for_ever(place: &Path) {
    let lists = lists(&hub(place), |it| it);
    fs::write(place.join("held"), "").unwrap();
    for version in 1.. {
        for key in 100..140 {
            lists.insert(&key, list(key, version));
        }
    }
}

fn impatient(place: &Path) -> Hub {
    let settings = Settings { lock_timeout: Duration::from_millis(100), ..Settings::default() };
    Hub::builder().directory(place.join("hub")).settings(settings).build().unwrap()
}

fn stop(child: &std::process::Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
}

fn until_held(place: &Path) {
    while !place.join("held").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn fault_16_the_holder_of_a_lock_is_stopped_or_killed() {
    let mut figures = Figures::of("16", "holder of a key's lock stopped, then killed");
    for round in 0..times(4, 50) {
        let place = tempfile::tempdir().unwrap();
        let mut child = spawn("hold a key", place.path());
        until_held(place.path());
        stop(&child);
        let lists = lists(&impatient(place.path()), Builder::once_per_host);
        let (got, heard) = Warnings::heard(|| ask(&lists, 1, 3));
        figures.right(got == Some(3), || format!("round {round}: beside a stopped process: {got:?}"));
        let one = heard.len() == 1 && heard[0].contains(&format!("process {}", child.id()));
        figures.right(one, || format!("round {round}: {heard:?}"));
        lists.remove(&1);
        // A task waits for no other process.
        let task = block_on(lists.get_or_load_async(&1, async |key| crate::tools::ok(list(*key, 4))));
        figures.right(version(1, &task.unwrap()) == Some(4), || format!("round {round}: a task"));
        child.kill().unwrap();
        child.wait().unwrap();
        lists.remove(&1);
        let (got, heard) = Warnings::heard(|| ask(&lists, 1, 5));
        figures.right(got == Some(5) && heard.is_empty(), || format!("round {round}: {got:?} {heard:?}"));
    }
    figures.done();
}

/// A process that was stopped while it wrote holds LMDB's only writer's place: others wait once, then go on.
#[test]
fn fault_16_a_writer_is_stopped() {
    let mut figures = Figures::of("16", "writer stopped at a random moment");
    for round in 0..times(3, 40) {
        let place = tempfile::tempdir().unwrap();
        let mut child = spawn("write for ever", place.path());
        until_held(place.path());
        std::thread::sleep(Duration::from_micros(figures.random.below(20_000) as u64));
        stop(&child);
        let lists = lists(&hub(place.path()), |it| it);
        let threads: Vec<_> = (0..16).map(|key| (key, lists.clone())).collect();
        let got: Vec<_> = std::thread::scope(|scope| {
            let ask_one = |(key, lists): (u64, Lists)| {
                scope.spawn(move || (0..4).all(|at| ask(&lists, key * 10 + at + 1_000, 2) == Some(2)))
            };
            let threads: Vec<_> = threads.into_iter().map(ask_one).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        figures.right(got.iter().all(|right| *right), || format!("round {round}"));
        // What cannot be removed must not be served either.
        lists.remove(&100);
        let after = lists.get(&100);
        figures.right(after.is_none(), || format!("round {round}: removed and served: {after:?}"));
        child.kill().unwrap();
        child.wait().unwrap();
        lists.insert(&1, list(1, 7));
        figures.right(ask(&lists, 1, 8) == Some(7), || format!("round {round}: after the kill"));
    }
    figures.done();
}
