//! The log under several processes, kills, and a full disk.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stderr, reason = "says loudly what was skipped")]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use plugcache::ledger::{Hash, Ledger, LedgerError, Operation, Options, Sync, verify_directory};
use plugcache_testkit::Random;

const ROLE: &str = "PLUGCACHE_TEST_ROLE";
const PLACE: &str = "PLUGCACHE_TEST_PLACE";

/// What the children do; not a test of its own.
#[test]
#[ignore = "run as a child process by the tests"]
fn child() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    match std::env::var(ROLE).unwrap().as_str() {
        "append for ever" => append_for_ever(&place, Sync::Always),
        "append lazily for ever" => append_for_ever(&place, Sync::OnFlush),
        "append some" => append_some(&place),
        "append a little" => append_a_little(&place),
        role => panic!("unknown role {role}"),
    }
}

fn command(under: &[&str], role: &str, place: &Path) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut command = match under {
        [] => Command::new(own),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
    };
    command.args(["child", "--exact", "--nocapture", "--ignored"]).env(ROLE, role).env(PLACE, place);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn spawn(role: &str, place: &Path) -> Child {
    command(&[], role, place).spawn().unwrap()
}

/// Segments of fifty blocks, so that kills meet their ends too.
fn open(place: &Path, sync: Sync) -> Result<Ledger, LedgerError> {
    // Turns are not fair, and the machine may be slow.
    let lock_timeout = Duration::from_mins(5);
    let options = Options { sync, segment_blocks: 50, lock_timeout, ..Options::default() };
    Ledger::open_with(place.join("log"), options)
}

fn operation(n: u64) -> Operation {
    Operation::new(format!("process-{}", std::process::id()), "append").data(&n.to_le_bytes()).meta("n", n)
}

fn append_for_ever(place: &Path, sync: Sync) {
    let log = open(place, sync).unwrap();
    for n in 0_u64.. {
        if n.is_multiple_of(3) {
            log.append_all(&[operation(n), operation(n), operation(n), operation(n)]).unwrap();
        } else {
            log.append(operation(n)).unwrap();
        }
        if n == 0 {
            std::fs::write(place.join("begun"), "").unwrap();
        }
        if n.is_multiple_of(40) {
            log.snapshot("s").unwrap();
        }
    }
}

/// All is there, in order, chained; how many blocks there are.
fn check(place: &Path, what: &str) -> u64 {
    let log = open(place, Sync::Always).unwrap();
    let mut previous = Hash::NONE;
    let mut count = 0;
    for block in log.blocks(..).unwrap() {
        let block = block.unwrap();
        assert_eq!((block.number, block.previous), (count, previous), "{what}");
        previous = block.hash();
        count += 1;
    }
    assert_eq!(count, log.len().unwrap(), "{what}");
    let report = log.verify(..).unwrap();
    assert!(report.is_whole() && report.blocks == count, "{what}: {report:?}");
    count
}

#[test]
fn killed_at_a_random_moment_of_appending() {
    for role in ["append for ever", "append lazily for ever"] {
        let place = tempfile::tempdir().unwrap();
        let mut random = Random::new(u64::from(std::process::id()));
        let mut before = 0;
        for round in 0..25 {
            let begun = place.path().join("begun");
            let _ = std::fs::remove_file(&begun);
            let mut child = spawn(role, place.path());
            while !begun.exists() {
                assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(random.below(30_000) as u64));
            child.kill().unwrap();
            child.wait().unwrap();
            let what = format!("{role}, round {round}");
            let count = check(place.path(), &what);
            assert!(count >= before, "{what}: {count} blocks, {before} before");
            before = open(place.path(), Sync::Always).unwrap().append(operation(0)).unwrap().number + 1;
            assert_eq!(before, count + 1);
        }
        assert!(before >= 25 * 5, "the children came to append hardly anything: {before}");
        let log = open(place.path(), Sync::Always).unwrap();
        for snapshot in log.snapshots("s").unwrap() {
            assert!(verify_directory(&snapshot.path, .., None).unwrap().is_whole(), "{}", snapshot.name);
        }
    }
}

const SOME: u64 = 60;

fn append_some(place: &Path) {
    let log = open(place, Sync::Always).unwrap();
    for n in 0..SOME {
        let block = log.append(operation(n)).unwrap();
        // What others have appended is there to be read.
        let early = block.number / 2;
        assert_eq!(log.get(early).unwrap().unwrap().number, early);
        assert_eq!(log.get(block.number).unwrap().unwrap(), block);
    }
}

#[test]
fn four_processes_append_in_turn_while_another_reads() {
    let place = tempfile::tempdir().unwrap();
    let log = open(place.path(), Sync::Always).unwrap();
    let mut children: Vec<Child> = (0..4).map(|_| spawn("append some", place.path())).collect();
    let mut seen = 0;
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        for block in log.blocks(seen..).unwrap() {
            assert_eq!(block.unwrap().number, seen);
            seen += 1;
        }
        std::thread::yield_now();
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(check(place.path(), "afterwards"), 4 * SOME);
    assert!(log.recovered().is_empty());
    let mut of_each = std::collections::BTreeMap::<_, Vec<u64>>::new();
    for block in log.blocks(..).unwrap() {
        let block = block.unwrap();
        of_each.entry(block.plugin.clone()).or_default().push(block.metadata["n"].as_u64().unwrap());
    }
    assert_eq!(of_each.len(), 4);
    assert!(of_each.values().all(|numbers| numbers.iter().copied().eq(0..SOME)));
}

#[test]
fn threads_share_a_handle() {
    let place = tempfile::tempdir().unwrap();
    let log = open(place.path(), Sync::OnFlush).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|n| assert!(log.append(operation(n)).is_ok())));
        }
    });
    drop(log);
    assert_eq!(check(place.path(), "afterwards"), 400);
}

/// Parent and child of a fork go on with one handle, and each block has a number of its own.
#[test]
#[expect(unsafe_code, reason = "a fork without exec is what is tested")]
fn parent_and_forked_child_append_in_turn() {
    let place = tempfile::tempdir().unwrap();
    let log = open(place.path(), Sync::OnFlush).unwrap();
    let append = || (0..200).all(|n| log.append(operation(n)).is_ok());
    // SAFETY: the child does what a forked child of a host would do, and then leaves at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_done = append();
        // SAFETY: ends the child without running what the parent has registered for its own end.
        unsafe { libc::_exit(i32::from(!is_done)) };
    }
    assert!(child > 0);
    let is_done = append();
    let mut status = -1;
    // SAFETY: waits for the child just made, and writes to a local.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(is_done && status == 0, "the child ended with {status}");
    assert_eq!(check(place.path(), "afterwards"), 400);
}

fn append_a_little(place: &Path) {
    let log = open(place, Sync::Always).unwrap();
    for n in 0..3 {
        log.append(operation(n)).unwrap();
    }
    log.append_all(&(0..48).map(operation).collect::<Vec<_>>()).unwrap();
    log.append(operation(9)).unwrap();
    log.snapshot("s").unwrap();
    log.append(operation(10)).unwrap();
}

/// Calls that write. Not `write`, with which the test's own runner talks.
const CALLS: &str = "pwrite64,pwritev,writev,fsync,fdatasync,rename,renameat,renameat2,ftruncate,unlinkat,mkdir,mkdirat,linkat";

#[test]
fn killed_or_refused_at_each_call_that_writes() {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "trace=none", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !strace.status().is_ok_and(|status| status.success()) {
        eprintln!(
            "SKIPPED killed_or_refused_at_each_call_that_writes: there is no strace, or it may not trace"
        );
        return;
    }
    let trace = format!("trace={CALLS}");
    let step = if std::env::var_os("PLUGCACHE_LONG").is_some() { 1 } else { 5 };
    for (fault, more) in [("signal=SIGKILL", ""), ("error=ENOSPC", "+"), ("error=EIO", "")] {
        for first in (1..).step_by(step) {
            let place = tempfile::tempdir().unwrap();
            let told = place.path().join("strace");
            let inject = format!("inject={CALLS}:{fault}:when={first}{more}");
            let strace = ["strace", "-f", "-qq", "-o", told.to_str().unwrap(), "-e", &trace, "-e", &inject];
            let status = command(&strace, "append a little", place.path()).status().unwrap();
            let what = format!("{fault} at call {first}");
            let count = check(place.path(), &what);
            let block = open(place.path(), Sync::Always).unwrap().append(operation(0)).unwrap();
            assert_eq!(block.number, count, "{what}");
            assert_eq!(check(place.path(), &what), count + 1);
            let told = std::fs::read_to_string(&told).unwrap();
            if status.success() && !told.contains("(INJECTED)") {
                assert!(first > 10, "hardly any call was met");
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_leaves_what_was() {
    let place = tempfile::tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=128k,mode=0700", "none"]).arg(place.path()).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED a_full_disk_leaves_what_was: mounting a small tmpfs needs root");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let log = open(place.path(), Sync::Always).unwrap();
        let large = || operation(1).meta("more", "x".repeat(20_000));
        let count = (0..100).find(|_| log.append(large()).is_err()).unwrap();
        assert!(count > 1, "{count}");
        assert_eq!(log.len().unwrap(), count);
        assert_eq!(check(place.path(), "full"), count);
        // What is small still fits, and has the next number.
        assert_eq!(log.append(operation(2)).unwrap().number, count);
    });
    Command::new("umount").arg("-l").arg(place.path()).status().unwrap();
    outcome.unwrap();
}
