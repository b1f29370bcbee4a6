//! Rows on disk under faults: other processes, killed ones, cut and damaged files, forks, full disks.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "seeds, figures and what was skipped")]

use std::{
    fs::{self, OpenOptions},
    os::unix::{
        fs::{FileExt, PermissionsExt},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use plugcache_cache::{
    Digest, Error, StaleReason, SystemClock, envelope,
    tier::{Lmdb, Storage, Visit},
};

/// Set for a child: what it is to do, and where.
const ROLE: &str = "PLUGCACHE_TEST_ROLE";
const PLACE: &str = "PLUGCACHE_TEST_PLACE";
const LIMIT: u64 = 8 << 20;

fn id(number: u64) -> Digest {
    Digest::of_key([&number.to_le_bytes()[..]])
}

/// A row that can be told whole: between 60 and about 4,000 bytes, in an envelope.
fn row(number: u64, version: u64) -> Vec<u8> {
    let key = number.to_le_bytes();
    let length = usize::try_from((number * 37 + version * 101) % 4000).unwrap();
    let payload: Vec<u8> = version.to_le_bytes().into_iter().cycle().take(length + 8).collect();
    envelope::seal(1, 1, &key, &payload)
}

fn opened(number: u64, row: &[u8]) -> Result<u64, StaleReason> {
    let payload = envelope::open(row, 1, 1, &number.to_le_bytes())?;
    Ok(u64::from_le_bytes(*payload.first_chunk().unwrap()))
}

fn open(path: &Path) -> Lmdb {
    Lmdb::open(path, LIMIT, Arc::new(SystemClock)).unwrap()
}

/// The version of a row: `None` if it is not there.
fn version(storage: &dyn Storage, number: u64) -> Option<u64> {
    let mut found = None;
    storage.read(&id(number), &mut |row| found = Some(opened(number, row).unwrap())).unwrap();
    found
}

fn spawn(role: &str, place: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--ignored"])
        .env(ROLE, role)
        .env(PLACE, place)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Waits for a child that must not hang.
fn ended(mut child: Child) -> ExitStatus {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("a child hangs");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_long() -> bool {
    std::env::var_os("PLUGCACHE_LONG").is_some()
}

/// What the children do; not a test of its own.
#[test]
#[ignore = "run as a child process by the tests below"]
fn child() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    match std::env::var(ROLE).unwrap().as_str() {
        "write" => {
            let storage = open(&place);
            for number in 0..2_000_u64 {
                let row = row(number % 200, number);
                storage.write(&[(id(number % 200), &row)]).unwrap();
                version(&storage, (number * 7) % 200).unwrap_or(0);
            }
        }
        "write for ever" => {
            let storage = open(&place);
            for number in 0.. {
                let [one, two] = [row(number % 300, number), row(300 + number % 300, number)];
                storage.write(&[(id(number % 300), &one), (id(300 + number % 300), &two)]).unwrap();
            }
        }
        "use what is there" => use_all(&place),
        "fork" => fork(&place),
        "fork while others open" => fork_while_others_open(&place),
        role => panic!("unknown role {role}"),
    }
}

/// Opens, reads, sweeps, writes: what is there may be lost, but it opens and nothing crashes.
fn use_all(place: &Path) {
    let storage = open(place);
    let mut intact = 0_u64;
    for number in 0..300 {
        let _ = storage.read(&id(number), &mut |row| intact += u64::from(opened(number, row).is_ok()));
    }
    let mut shown = 0_u64;
    let _ = storage.sweep(&mut |_, row| {
        shown += row.iter().map(|&byte| u64::from(byte)).sum::<u64>() & 1;
        Visit::Keep
    });
    for number in 0..40 {
        storage.write(&[(id(number), &row(number, 1)), (id(1000 + number), &row(1000 + number, 1))]).unwrap();
    }
    storage.usage().unwrap();
}

#[test]
fn processes_write_and_read_side_by_side() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let children: Vec<Child> = (0..4).map(|_| spawn("write", &path)).collect();
    for child in children {
        assert!(ended(child).success());
    }
    let storage = open(&path);
    assert_eq!(storage.usage().unwrap().entries, 200);
    for number in 0..200 {
        assert_eq!(version(&storage, number), Some(1_800 + number));
    }
    assert!(!path.join("unsynced").exists());
}

/// A map that another process outgrows makes LMDB refuse everything, to readers as well.
#[test]
fn processes_with_other_limits_do_not_lock_each_other_out() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let mut child = spawn("write for ever", &path);
    std::thread::sleep(Duration::from_millis(200));
    let large = Lmdb::open(&path, 64 * LIMIT, Arc::new(SystemClock)).unwrap();
    let long = vec![1; 100_000];
    for number in 1_000..2_000 {
        large.write(&[(id(number), &long)]).unwrap();
    }
    assert!(child.try_wait().unwrap().is_none(), "the child goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(large.usage().unwrap().limit < 4 * LIMIT);
    drop(large);
    let alone = Lmdb::open(&path, 64 * LIMIT, Arc::new(SystemClock)).unwrap();
    assert_eq!(alone.usage().unwrap().limit, 64 * LIMIT);
}

#[test]
fn killed_writers_leave_whole_rows_and_no_lock() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let mut seen = 0;
    for round in 0..50_u64 {
        let mut child = spawn("write for ever", &path);
        std::thread::sleep(Duration::from_millis(20 + round * 7 % 40));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert_eq!(Lmdb::check(&path, &SystemClock).unwrap(), None, "round {round}");
        let storage = open(&path);
        for number in 0..300 {
            // Both rows of a write, or neither.
            let (one, two) = (version(&storage, number), version(&storage, 300 + number));
            assert_eq!(one, two);
            seen = seen.max(one.unwrap_or(0));
        }
        storage.write(&[(id(5000), b"not blocked")]).unwrap();
    }
    assert!(seen > 0, "no child came to write anything");
}

/// A database with a few hundred rows, closed.
fn made(path: &Path) -> Vec<u8> {
    let storage = open(path);
    for number in 0..300 {
        storage.write(&[(id(number), &row(number, 7))]).unwrap();
    }
    storage.sweep(&mut |_, row| if row.len() % 5 == 0 { Visit::Remove } else { Visit::Keep }).unwrap();
    drop(storage);
    fs::read(path.join("data.mdb")).unwrap()
}

/// A file that is shorter than its header claims kills whoever maps it with SIGBUS: 4 of 8 cuts did, with
/// nothing but LMDB.
#[test]
fn a_cut_file_is_never_mapped() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let whole = made(&path);
    let step = if is_long() { 997 } else { whole.len() / 60 };
    let lengths = [0, 1, 100, 151, 4096, 4200, 8191, 8192].into_iter().chain((0..whole.len()).step_by(step));
    let mut outcomes = (0, 0);
    for length in lengths {
        fs::write(path.join("data.mdb"), &whole[..length]).unwrap();
        let status = ended(spawn("use what is there", &path));
        assert!(status.success(), "cut to {length}: {status}");
        outcomes.0 += 1;
        let storage = open(&path);
        outcomes.1 += u32::from(version(&storage, 301).is_none());
        assert_eq!(version(&storage, 1), Some(1), "cut to {length}: the child wrote it anew");
    }
    println!("{} cuts", outcomes.0);
    // Appended junk does no harm.
    fs::write(path.join("data.mdb"), [&whole[..], &[0xAA; 5000]].concat()).unwrap();
    fs::remove_file(path.join("lock.mdb")).unwrap();
    assert_eq!(version(&open(&path), 2), Some(7));
}

/// LMDB believes its pages. Damage may cost rows, whose envelopes tell, and never the process.
#[test]
fn a_flipped_bit_crashes_nobody() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let whole = made(&path);
    let flips: u64 = if is_long() { 3_000 } else { 150 };
    let seed = u64::from(std::process::id());
    println!("seed {seed}, {flips} flips over {} bytes", whole.len());
    let mut crashed = Vec::new();
    for number in 0..flips {
        let random = Digest::of_key([&seed.to_le_bytes()[..], &number.to_le_bytes()]).0;
        let at = u64::from_le_bytes(*random.first_chunk().unwrap());
        // Half of them in the headers and in the heads of pages, where they hurt most.
        let mut byte = at % whole.len() as u64;
        if number % 2 == 0 {
            byte = byte / 4096 * 4096 + byte % 160;
        }
        let byte = usize::try_from(byte).unwrap();
        let mut damaged = whole.clone();
        damaged[byte] ^= 1 << (random[15] % 8);
        for name in ["lock.mdb", "unsynced"] {
            let _ = fs::remove_file(path.join(name));
        }
        fs::write(path.join("data.mdb"), &damaged).unwrap();
        let status = ended(spawn("use what is there", &path));
        if !status.success() {
            crashed.push((byte, random[15] % 8, status));
        }
    }
    assert!(crashed.is_empty(), "seed {seed}: {} of {flips} crashed: {crashed:?}", crashed.len());
}

/// Forks three times and uses the storage in each process, the parent's open one included.
#[expect(unsafe_code, reason = "a fork without exec is what is tested")]
fn fork(place: &Path) {
    let storage = open(place);
    storage.write(&[(id(1), &row(1, 1))]).unwrap();
    for round in 2..5 {
        // SAFETY: the child calls what a forked child of a host would call, and then leaves at once.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        for number in 0..50 {
            let key = if child == 0 { round * 100 } else { round * 1000 } + number;
            storage.write(&[(id(key), &row(key, number))]).unwrap();
            assert_eq!(version(&storage, key), Some(number));
            assert_eq!(version(&storage, 1), Some(1));
        }
        if child == 0 {
            if round == 3 {
                // A child of a child.
                // SAFETY: as above.
                let grandchild = unsafe { libc::fork() };
                storage.write(&[(id(7), &row(7, 7))]).unwrap();
                drop(storage);
                if grandchild > 0 {
                    wait_for(grandchild);
                }
            } else {
                drop(storage);
            }
            // SAFETY: leaves without running the parent's exit handlers.
            unsafe { libc::_exit(0) };
        }
        wait_for(child);
    }
    assert_eq!(version(&storage, 7), Some(7));
    for round in 2..5 {
        for number in 0..50 {
            assert_eq!(version(&storage, round * 100 + number), Some(number), "the child's row");
            assert_eq!(version(&storage, round * 1000 + number), Some(number));
        }
    }
}

/// Forks while other threads open databases, which the library under us does behind a lock of its own.
#[expect(unsafe_code, reason = "a fork without exec is what is tested")]
fn fork_while_others_open(place: &Path) {
    let first = open(&place.join("first"));
    first.write(&[(id(1), &row(1, 1))]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            // They stay open: what is tested is opening.
            scope.spawn(move || {
                let all: Vec<Lmdb> =
                    (0..40).map(|number| open(&place.join(format!("{thread}-{number}")))).collect();
                std::mem::forget(all);
            });
        }
        for round in 0..25 {
            // SAFETY: the child calls what a forked child of a host would call, and then leaves at once.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                first.write(&[(id(100 + round), &row(100 + round, 1))]).unwrap();
                // SAFETY: leaves without running the parent's exit handlers.
                unsafe { libc::_exit(0) };
            }
            wait_for(child);
        }
    });
    (0..25).for_each(|round| assert_eq!(version(&first, 100 + round), Some(1)));
}

#[expect(unsafe_code, reason = "a fork without exec is what is tested")]
fn wait_for(child: libc::pid_t) {
    let mut status = -1;
    // SAFETY: waits for a child of this process, with room for its status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
}

#[test]
fn parent_and_child_go_on_after_a_fork() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    assert!(ended(spawn("fork", &path)).success());
    let left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("alias-")), "{left:?}");
    assert_eq!(version(&open(&path), 7), Some(7));
}

/// A child that was forked in the middle of an open found the library's lock taken for ever.
#[test]
fn a_child_forked_while_others_open_goes_on() {
    let place = tempfile::tempdir().unwrap();
    assert!(ended(spawn("fork while others open", place.path())).success());
}

#[test]
fn a_torn_database_of_another_boot_starts_empty() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    made(&path);
    fs::write(path.join("unsynced"), "another boot").unwrap();
    let storage = open(&path);
    assert_eq!(storage.usage().unwrap().entries, 0);
    storage.write(&[(id(1), &row(1, 1))]).unwrap();
    assert_ne!(fs::read(path.join("unsynced")).unwrap(), b"another boot");
    drop(storage);
    assert_eq!(version(&open(&path), 1), Some(1));
}

#[test]
fn what_is_no_database_is_replaced() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    made(&path);
    fs::write(path.join("data.mdb"), vec![b'x'; 100_000]).unwrap();
    assert_eq!(open(&path).usage().unwrap().entries, 0);
    // A link is not followed, and what it points at is left alone.
    let target = place.path().join("target");
    fs::write(&target, b"precious").unwrap();
    fs::remove_file(path.join("data.mdb")).unwrap();
    std::os::unix::fs::symlink(&target, path.join("data.mdb")).unwrap();
    open(&path).write(&[(id(1), b"row")]).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    // A later version of LMDB.
    let file = OpenOptions::new().write(true).open(path.join("data.mdb")).unwrap();
    file.write_all_at(&9_u32.to_ne_bytes(), 20).unwrap();
    assert_eq!(open(&path).usage().unwrap().entries, 0);
}

#[test]
fn a_full_disk_is_an_error_and_reading_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "none"]).arg(place.path());
    if !mount.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED a_full_disk_is_an_error_and_reading_goes_on: mounting a small tmpfs needs root");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let storage = open(&place.path().join("c"));
        let mut refused = None;
        let mut kept = 0;
        for number in 0..2_000 {
            match storage.write(&[(id(number), &row(number, 3))]) {
                Ok(_) => kept = number,
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let refused = refused.expect("2,000 rows do not fit");
        assert!(matches!(refused, Error::Io { .. }) && refused.is_transient(), "{refused}");
        for number in 0..=kept {
            assert_eq!(version(&storage, number), Some(3));
        }
        // With room again, it writes again.
        fs::remove_file(place.path().join("c/recency")).unwrap();
        storage.clear().unwrap();
        for number in 0..20 {
            storage.write(&[(id(number), &row(number, 4))]).unwrap();
        }
        assert_eq!(version(&storage, 19), Some(4));
    });
    Command::new("umount").arg("-l").arg(place.path()).status().unwrap();
    outcome.unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_to_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    made(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = Lmdb::open(&path, LIMIT, Arc::new(SystemClock)).unwrap_err();
    assert!(matches!(refused, Error::UnsafeDirectory { .. }), "{refused}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let bind = |arguments: &[&str]| {
        Command::new("mount").args(arguments).arg(&path).status().is_ok_and(|status| status.success())
    };
    let source = path.to_string_lossy().into_owned();
    if !(bind(&["--bind", &source]) && bind(&["-o", "remount,bind,ro"])) {
        eprintln!("SKIPPED a_directory_that_cannot_be_written_to_is_an_error: mounting needs root");
        return;
    }
    let refused = Lmdb::open(&path, LIMIT, Arc::new(SystemClock));
    Command::new("umount").arg("-l").arg(&path).status().unwrap();
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains(&source), "{refused}");
    assert!(version(&open(&path), 1).is_some());
}
