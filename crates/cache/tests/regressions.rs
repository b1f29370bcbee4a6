//! Faults that were found once. Each opens with its story.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is not general enough over lifetimes"
)]
#![expect(clippy::unnecessary_wraps, reason = "loaders may fail")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    convert::Infallible,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use plugcache_cache::{
    Cache, Codec, Digest, Error, Hub, StaleReason,
    error::Result,
    hub::{Refresh, Settings},
    tier::{Storage, Usage, Visit},
};

type Numbers = Cache<u8, u64>;

fn numbers(place: &Path) -> Numbers {
    Cache::builder("n").disk().build(&Hub::builder().directory(place.join("c")).build().unwrap()).unwrap()
}

fn ok<T>(value: T) -> std::result::Result<T, Infallible> {
    Ok(value)
}

/// `insert` of a value that is not to be kept took the old one out of memory and left it on disk, from where the
/// next lookup brought it back.
#[test]
fn a_value_that_is_not_kept_replaces_the_old_one_on_disk_too() {
    let place = tempfile::tempdir().unwrap();
    let numbers = numbers(place.path());
    numbers.insert(&1, 1);
    numbers.insert_with(&1, 2, |load| load.do_not_keep());
    assert_eq!(numbers.get(&1), None);
    assert_eq!(self::numbers(place.path()).get(&1), None);
}

/// A value that was put in while its key was being loaded went to disk, and the loader, which was told that it came
/// too late, removed it there as if it were its own.
#[test]
fn what_is_put_in_during_a_load_stays_on_disk() {
    let place = tempfile::tempdir().unwrap();
    let numbers = numbers(place.path());
    let load = |key: &u8| {
        numbers.insert(key, 9);
        ok(1)
    };
    assert_eq!(*numbers.get_or_load(&1, load).unwrap(), 1);
    assert_eq!(self::numbers(place.path()).get(&1).as_deref(), Some(&9));
}

/// Somebody who asked for a key after it had been removed waited for a loader that had begun before, and got the
/// very value that the removal had declared wrong.
#[test]
fn who_asks_after_a_removal_does_not_wait_for_who_began_before() {
    let declare: [fn(&Numbers); 3] =
        [|it| _ = it.remove(&1), |it| _ = it.clear().unwrap(), |it| it.invalidate_tag("t")];
    for declare in declare {
        let numbers: Numbers =
            Cache::builder("n").tags(|_| vec!["t".to_owned()]).build(&Hub::in_memory()).unwrap();
        let source = AtomicU64::new(1);
        let load = |_: &u8| ok(source.load(Ordering::SeqCst));
        let old = numbers.get_or_load(&1, |key| {
            let seen = load(key);
            source.store(2, Ordering::SeqCst);
            declare(&numbers);
            let new = std::thread::scope(|scope| {
                scope.spawn(|| *numbers.get_or_load(&1, load).unwrap()).join().unwrap()
            });
            assert_eq!(new, 2);
            seen
        });
        assert_eq!(*old.unwrap(), 1);
        assert_eq!(numbers.get(&1).as_deref(), Some(&2), "the newer one is kept");
    }
}

/// A row on disk that was found and not used, because a new value was asked for, was counted as a hit beside the
/// miss: hits and misses did not add up to the lookups.
#[test]
fn a_value_that_is_made_anew_is_one_miss() {
    let place = tempfile::tempdir().unwrap();
    numbers(place.path()).insert(&1, 1);
    let settings = Settings { refresh: Refresh::All, ..Settings::default() };
    let hub = Hub::builder().directory(place.path().join("c")).settings(settings).build().unwrap();
    let numbers: Numbers = Cache::builder("n").disk().build(&hub).unwrap();
    assert_eq!(*numbers.get_or_load(&1, |_| ok(2)).unwrap(), 2);
    let stats = numbers.stats();
    assert_eq!((stats.hits(), stats.missed()), (0, 1), "{stats:?}");
}

/// A storage that serves what it has, and takes nothing any more from a moment on.
#[derive(Debug)]
struct Full(Arc<dyn Storage>, AtomicU64);

impl Full {
    fn refuse(&self) -> Result<()> {
        let full = || Error::Io {
            action: "write",
            path: "/full".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        if self.1.load(Ordering::SeqCst) == 0 { Ok(()) } else { Err(full()) }
    }
}

impl Storage for Full {
    fn read(&self, id: &Digest, read: &mut dyn FnMut(&[u8])) -> Result<bool> {
        self.0.read(id, read)
    }

    fn write(&self, rows: &[(Digest, &[u8])]) -> Result<u64> {
        self.refuse().and_then(|()| self.0.write(rows))
    }

    fn remove(&self, id: &Digest) -> Result<bool> {
        self.refuse().and_then(|()| self.0.remove(id))
    }

    fn sweep(&self, visit: &mut dyn FnMut(&Digest, &[u8]) -> Visit) -> Result<u64> {
        self.0.sweep(visit)
    }

    fn clear(&self) -> Result<u64> {
        self.refuse().and_then(|()| self.0.clear())
    }

    fn usage(&self) -> Result<Usage> {
        self.0.usage()
    }
}

/// On a full disk a new value went to memory only and the old one stayed on disk, to be served once memory had
/// evicted the new one, and at once to every other process. So did one that was removed.
#[test]
fn an_old_row_that_cannot_be_replaced_or_removed_is_not_served() {
    for replaces in [true, false] {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(plugcache_cache::SystemClock);
        let inner = plugcache_cache::tier::Lmdb::open(&place.path().join("rows"), 8 << 20, clock).unwrap();
        let full = Arc::new(Full(Arc::new(inner), AtomicU64::new(0)));
        let storage: Arc<dyn Storage> = full.clone();
        let hub = Hub::builder().directory(place.path().join("c")).build().unwrap();
        let numbers: Numbers =
            Cache::builder("n").capacity(0).storage(storage, Codec::postcard()).build(&hub).unwrap();
        numbers.insert(&1, 1);
        full.1.store(1, Ordering::SeqCst);
        if replaces {
            drop(numbers.insert(&1, 2));
        } else {
            _ = numbers.remove(&1);
        }
        assert_eq!(numbers.get(&1), None);
        let disk = &numbers.explain(&1).tiers[1].stale;
        assert_eq!(*disk, Some(StaleReason::Cleared));
    }
}

/// Whoever joined just after a leader had landed looked in memory once more, but only for entries that time and
/// generation alone prove fresh: with tags, a signature or inputs it loaded again.
#[test]
fn one_loads_whatever_proves_the_value_fresh() {
    const THREADS: usize = 8;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("input");
    std::fs::write(&file, "1").unwrap();
    // The stamps are to prove something.
    std::thread::sleep(std::time::Duration::from_millis(30));
    let hub = Hub::in_memory();
    let tagged = Cache::builder("tagged").tags(|_: &u64| vec!["t".to_owned()]).build(&hub).unwrap();
    let signed = Cache::builder("signed").signature(|_: &u64| Digest::of(b"s")).build(&hub).unwrap();
    let inputs = move |_: &u64| plugcache_cache::Inputs::none().file(&file);
    let made = Cache::builder("made").inputs(inputs).build(&hub).unwrap();
    for cache in [tagged, signed, made] {
        let loads = AtomicU64::new(0);
        for round in 0..100 {
            let start = std::sync::Barrier::new(THREADS);
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        start.wait();
                        cache.get_or_load(&round, |_| ok(loads.fetch_add(1, Ordering::SeqCst))).unwrap();
                    });
                }
            });
        }
        assert_eq!(loads.load(Ordering::SeqCst), 100, "{}", cache.name());
    }
}
