//! Rows on disk within one process: what is kept, what is evicted, how large it gets.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, reason = "figures")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Instant,
};

use plugcache_cache::{
    Clock, Digest, Error, SystemClock, Timestamp,
    tier::{Lmdb, Storage, Visit},
};

fn id(number: u64) -> Digest {
    Digest::of_key([&number.to_le_bytes()[..]])
}

fn row(number: u64, length: usize) -> Vec<u8> {
    number.to_le_bytes().into_iter().cycle().take(length).collect()
}

fn open(path: &Path, limit: u64) -> Lmdb {
    Lmdb::open(path, limit, Arc::new(SystemClock)).unwrap()
}

fn get(storage: &dyn Storage, id: Digest) -> Option<Vec<u8>> {
    let mut found = None;
    let was = storage.read(&id, &mut |row| found = Some(row.to_vec())).unwrap();
    assert_eq!(was, found.is_some());
    found
}

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn wall(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed) * 1_000_000_000)
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn coarse(&self) -> u64 {
        self.0.load(Ordering::Relaxed).unsigned_abs() * 1_000_000_000
    }
}

#[test]
fn rows_come_back_are_replaced_and_go() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let storage = open(&path, 16 << 20);
    assert_eq!(get(&storage, id(1)), None);
    let (small, empty, large) = (row(1, 100), Vec::new(), row(3, 300_000));
    storage.write(&[(id(1), &small), (id(2), &empty), (id(3), &large)]).unwrap();
    assert_eq!(get(&storage, id(1)), Some(small));
    assert_eq!(get(&storage, id(2)), Some(empty));
    assert_eq!(get(&storage, id(3)), Some(large));
    storage.write(&[(id(1), b"other")]).unwrap();
    assert_eq!(get(&storage, id(1)).as_deref(), Some(&b"other"[..]));
    let usage = storage.usage().unwrap();
    assert_eq!((usage.entries, usage.bytes), (3, 5 + 300_000 + 3 * 16));
    assert!(usage.allocated >= 300_000, "{usage:?}");
    assert!(storage.remove(&id(1)).unwrap() && !storage.remove(&id(1)).unwrap());

    // A second handle shares the open database; a later one finds everything.
    let second = open(&path, 16 << 20);
    assert_eq!(get(&second, id(2)), Some(Vec::new()));
    drop((storage, second));
    assert!(!path.join("unsynced").exists(), "the last one to close synchronised it");
    let later = open(&path, 16 << 20);
    assert_eq!(later.usage().unwrap().entries, 2);
    assert_eq!(later.clear().unwrap(), 2);
    assert_eq!((later.usage().unwrap().entries, later.usage().unwrap().bytes), (0, 0));
    assert_eq!(get(&later, id(2)), None);
}

#[test]
fn a_sweep_shows_every_row_once_and_readers_go_on() {
    let place = tempfile::tempdir().unwrap();
    let storage = open(place.path().join("c").as_path(), 16 << 20);
    let rows: Vec<Vec<u8>> = (0..2000).map(|number| row(number, 64)).collect();
    let batch: Vec<(Digest, &[u8])> = (0..).map(id).zip(rows.iter().map(Vec::as_slice)).collect();
    storage.write(&batch).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for number in (0..2000).step_by(2) {
                    assert_eq!(get(&storage, id(number)).unwrap(), rows[usize::try_from(number).unwrap()]);
                }
            }
        });
        let mut seen = BTreeMap::new();
        let removed = storage.sweep(&mut |id, row| {
            *seen.entry(id.0).or_insert(0) += 1;
            let number = u64::from_le_bytes(*row.first_chunk().unwrap());
            if number % 2 == 1 { Visit::Remove } else { Visit::Keep }
        });
        assert_eq!(removed.unwrap(), 1000);
        assert_eq!((seen.len(), seen.values().max()), (2000, Some(&1)));
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(storage.usage().unwrap().entries, 1000);
    let mut seen = 0;
    storage
        .sweep(&mut |_, _| {
            seen += 1;
            if seen == 300 { Visit::Stop } else { Visit::Keep }
        })
        .unwrap();
    assert_eq!(seen, 300);
}

#[test]
fn bytes_are_bounded_as_it_writes_for_all_sizes_of_rows() {
    let limit: u64 = 4 << 20;
    // Just over half a page is where LMDB wastes most.
    for length in [0, 40, 700, 1500, 2100, 5000, 100_000, 520_000] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("c");
        let storage = open(&path, limit);
        // Small rows are many: they come sixteen at a time.
        let together = if length < 500 { 16 } else { 1 };
        let times = 3 * limit / (length + 16).max(200) / together * together;
        let mut evicted = 0;
        for first in (0..times).step_by(usize::try_from(together).unwrap()) {
            let numbers = first..first + together;
            let rows: Vec<_> =
                numbers.clone().map(|number| row(number, usize::try_from(length).unwrap())).collect();
            let batch: Vec<_> = numbers.map(id).zip(rows.iter().map(Vec::as_slice)).collect();
            evicted += storage.write(&batch).unwrap();
            if first % 64 == 0 {
                assert!(storage.usage().unwrap().bytes <= limit);
            }
            assert_eq!(get(&storage, id(first)).as_ref(), Some(&rows[0]), "what was just written is there");
        }
        let usage = storage.usage().unwrap();
        let file = std::fs::metadata(path.join("data.mdb")).unwrap().len();
        println!("rows of {length}: {usage:?}, evicted {evicted} of {times}, file {file}");
        assert_eq!(usage.entries + evicted, times);
        assert!(usage.bytes <= limit && file <= 6 * limit + (32 << 20), "{usage:?} {file}");
        let mut counted = (0, 0);
        storage
            .sweep(&mut |_, row| {
                counted = (counted.0 + 1, counted.1 + row.len() as u64 + 16);
                Visit::Keep
            })
            .unwrap();
        assert_eq!(counted, (usage.entries, usage.bytes));
        drop(storage);
        assert_eq!(Lmdb::check(&path, &SystemClock).unwrap(), None);
    }
}

#[test]
fn what_is_too_large_is_refused_and_nothing_changes() {
    let place = tempfile::tempdir().unwrap();
    let storage = open(place.path().join("c").as_path(), 1 << 20);
    let refused = storage.write(&[(id(1), b"fits"), (id(2), &row(2, 200_000))]).unwrap_err();
    assert!(matches!(refused, Error::RowTooLarge { limit: 131_072, .. }), "{refused}");
    assert!(!refused.is_transient());
    assert_eq!(storage.usage().unwrap().entries, 0);
}

#[test]
fn rows_that_nobody_reads_go_first() {
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hand::default());
    clock.0.store(1_000, Ordering::Relaxed);
    let storage = Lmdb::open(&place.path().join("c"), 4 << 20, Arc::<Hand>::clone(&clock)).unwrap();
    let row = row(7, 1500);
    for number in 0..2_500 {
        storage.write(&[(id(number), &row)]).unwrap();
    }
    clock.0.store(2_000, Ordering::Relaxed);
    let read: Vec<u64> = (0..2_500).step_by(5).collect();
    for &number in &read {
        assert!(get(&storage, id(number)).is_some());
    }
    clock.0.store(2_001, Ordering::Relaxed);
    for number in 10_000..11_000 {
        storage.write(&[(id(number), &row)]).unwrap();
    }
    let left = |numbers: &mut dyn Iterator<Item = u64>| {
        numbers.filter(|&number| get(&storage, id(number)).is_some()).count()
    };
    let kept = left(&mut read.iter().copied());
    let others = left(&mut (0..2_500).filter(|number| number % 5 != 0));
    println!("kept {kept} of {} read, {others} of 2000 never read", read.len());
    assert!(kept * 100 >= read.len() * 90, "{kept} of {}", read.len());
    assert!(others < 1_200, "{others} of 2000");
}

#[test]
fn compacting_gives_space_back() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let storage = open(&path, 16 << 20);
    for number in 0..2_000 {
        storage.write(&[(id(number), &row(number, 3000))]).unwrap();
    }
    storage.sweep(&mut |_, row| if row[0] < 250 { Visit::Remove } else { Visit::Keep }).unwrap();
    let left = storage.usage().unwrap();
    let busy = Lmdb::compact(&path, &SystemClock).unwrap_err();
    assert!(matches!(busy, Error::LockTimeout { .. }), "{busy}");
    drop(storage);
    let saved = Lmdb::compact(&path, &SystemClock).unwrap();
    assert!(saved > 4 << 20, "{saved}");
    let storage = open(&path, 16 << 20);
    let now = storage.usage().unwrap();
    assert_eq!((now.entries, now.bytes), (left.entries, left.bytes));
    assert!(now.allocated * 4 < left.allocated, "{left:?} {now:?}");
    assert_eq!(get(&storage, id(250)), Some(row(250, 3000)));
    storage.write(&[(id(9), b"still writable")]).unwrap();
}

#[test]
fn threads_write_and_read_side_by_side() {
    let place = tempfile::tempdir().unwrap();
    let storage = open(place.path().join("c").as_path(), 16 << 20);
    std::thread::scope(|scope| {
        for own in 0..4_u64 {
            let storage = &storage;
            scope.spawn(move || {
                for number in 0..200 {
                    let number = own * 1000 + number;
                    storage.write(&[(id(number), &row(number, 500))]).unwrap();
                    assert_eq!(get(storage, id(number)), Some(row(number, 500)));
                }
            });
        }
    });
    assert_eq!(storage.usage().unwrap().entries, 800);
}

/// Pages that a reader may still look at are not used again, so a reader that stays fills the map: writers
/// get an error that says so, and go on when it has left.
#[test]
fn a_reader_that_stays_costs_room_and_not_the_storage() {
    let place = tempfile::tempdir().unwrap();
    let storage = open(&place.path().join("c"), 1 << 20);
    storage.write(&[(id(0), &row(0, 1000))]).unwrap();
    let mut refused = None;
    storage
        .read(&id(0), &mut |shown| {
            refused =
                (1..200_000).find_map(|number| storage.write(&[(id(number), &row(number, 5000))]).err());
            assert_eq!(shown, row(0, 1000));
        })
        .unwrap();
    let refused = refused.expect("the map is not endless");
    assert!(matches!(refused, Error::StorageFull { .. }) && refused.is_transient(), "{refused}");
    for number in 0..500 {
        storage.write(&[(id(number), &row(number, 5000))]).unwrap();
        assert_eq!(get(&storage, id(number)), Some(row(number, 5000)));
    }
}

#[test]
fn a_directory_that_was_removed_and_made_anew_is_another() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("c");
    let old = open(&path, 1 << 20);
    old.write(&[(id(1), b"old")]).unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    let new = open(&path, 1 << 20);
    assert_eq!(get(&new, id(1)), None);
    new.write(&[(id(1), b"new")]).unwrap();
    assert_eq!(get(&old, id(1)).as_deref(), Some(&b"old"[..]));
    drop((old, new));
    assert_eq!(get(&open(&path, 1 << 20), id(1)).as_deref(), Some(&b"new"[..]));
}
