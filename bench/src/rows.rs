//! P7's subjects: the same rows read from different stores, one store a process.

use std::{path::Path, sync::Arc};

use heed::{CommitOrAbort, EnvFlags, EnvOpenOptions, types::Bytes};
use plugcache_cache::{
    Cache, Codec, Digest, Hub, SystemClock, envelope,
    tier::{Lmdb, Storage},
};

use crate::{Result, measure::Sample};

/// Rows in each store, bytes in each row, and reads that are measured at a time.
pub(crate) const ROWS: u64 = 4_000;
const LENGTH: usize = 1_500;
pub(crate) const READS: u64 = 20_000;
/// Kind and version of the envelopes.
const SEAL: (u32, u32) = (7, 1);

/// One of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// Ours, with each row's envelope opened.
    Ours,
    /// Ours as its users have it: a cache that keeps nothing in memory.
    Cache,
    /// LMDB with nothing around it.
    Heed,
    /// `SQLite` with its fastest settings for reading.
    Sqlite,
}

impl std::str::FromStr for Store {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        match word {
            "ours" => Ok(Self::Ours),
            "cache" => Ok(Self::Cache),
            "heed" => Ok(Self::Heed),
            "sqlite" => Ok(Self::Sqlite),
            _ => Err(format!("no such store: {word}")),
        }
    }
}

fn id(number: u64) -> Digest {
    Digest::of_key([&number.to_le_bytes()[..]])
}

fn payload(number: u64) -> Vec<u8> {
    number.to_le_bytes().into_iter().cycle().take(LENGTH).collect()
}

/// Rows in an order that no cache foresees, the same each time.
fn order() -> impl Iterator<Item = u64> {
    (0..READS).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) % ROWS)
}

/// Fills a store.
pub(crate) fn fill(store: Store, place: &Path) -> Result {
    match store {
        Store::Ours => {
            let storage = Lmdb::open(place, 64 << 20, Arc::new(SystemClock))?;
            for number in 0..ROWS {
                let row = envelope::seal(SEAL.0, SEAL.1, &number.to_le_bytes(), &payload(number));
                storage.write(&[(id(number), &row)])?;
            }
        }
        Store::Cache => {
            let cache = cache(place)?;
            for number in 0..ROWS {
                cache.insert(&number, payload(number));
            }
        }
        Store::Heed => {
            let (env, rows) = heed(place)?;
            let mut change = env.write_txn()?;
            for number in 0..ROWS {
                rows.put(&mut change, &id(number).0, &payload(number))?;
            }
            change.commit()?;
        }
        Store::Sqlite => {
            let mut connection = sqlite(place)?;
            connection.execute("create table rows (id blob primary key, row blob) without rowid", [])?;
            let change = connection.transaction()?;
            for number in 0..ROWS {
                change.execute("insert into rows values (?, ?)", (&id(number).0, payload(number)))?;
            }
            change.commit()?;
        }
    }
    Ok(())
}

/// Opens a store, reads every row once, so that its pages are there, and then measures reading. A row is
/// read when its bytes have been copied to where they are used. The answer is the number of bytes.
pub(crate) fn read(store: Store, place: &Path) -> Result<Sample> {
    match store {
        Store::Ours => {
            let storage = Lmdb::open(place, 64 << 20, Arc::new(SystemClock))?;
            measure(|(id, number), used| {
                storage.read(id, &mut |row| {
                    if let Ok(payload) = envelope::open(row, SEAL.0, SEAL.1, &number.to_le_bytes()) {
                        used.of(payload);
                    }
                })?;
                Ok(())
            })
        }
        Store::Cache => {
            let cache = cache(place)?;
            measure(|(_, number), used| {
                used.of(&cache.get(number).ok_or("a row is gone")?);
                Ok(())
            })
        }
        Store::Heed => {
            let (env, rows) = heed(place)?;
            measure(|(id, _), used| {
                let view = env.read_txn()?;
                used.of(rows.get(&view, &id.0)?.unwrap_or_default());
                Ok(())
            })
        }
        Store::Sqlite => {
            let connection = sqlite(place)?;
            let mut select = connection.prepare("select row from rows where id = ?")?;
            measure(|(id, _), used| {
                select.query_row([&id.0], |row| {
                    used.of(row.get_ref(0)?.as_blob()?);
                    Ok(())
                })?;
                Ok(())
            })
        }
    }
}

/// Where rows are copied to.
struct Used {
    place: [u8; LENGTH],
    bytes: u64,
}

impl Used {
    fn of(&mut self, row: &[u8]) {
        let length = row.len().min(LENGTH);
        self.place[..length].copy_from_slice(&row[..length]);
        self.bytes += std::hint::black_box(&self.place)[..length].len() as u64;
    }
}

fn measure(mut read: impl FnMut(&(Digest, u64), &mut Used) -> Result) -> Result<Sample> {
    let mut used = Used { place: [0; LENGTH], bytes: 0 };
    (0..ROWS).map(|number| (id(number), number)).try_for_each(|row| read(&row, &mut used))?;
    used.bytes = 0;
    let wanted: Vec<(Digest, u64)> = order().map(|number| (id(number), number)).collect();
    Sample::of(|| {
        wanted.iter().try_for_each(|row| read(row, &mut used))?;
        Ok(used.bytes)
    })
}

fn cache(place: &Path) -> Result<Cache<u64, Vec<u8>>> {
    let hub = Hub::builder().directory(place).build()?;
    Ok(Cache::builder("rows").capacity(0).disk_with(Codec::bytes()).build(&hub)?)
}

type Bare = (heed::Env<heed::WithoutTls>, heed::Database<'static, Bytes, Bytes>);

fn heed(place: &Path) -> Result<Bare> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(256 << 20);
    #[expect(unsafe_code, reason = "mapping a file is unsafe by nature")]
    // SAFETY: a file of this benchmark's own, opened once in this process and by one process at a time.
    let env = unsafe { options.flags(EnvFlags::NO_SYNC).open(place) }?;
    let change = env.write_txn()?;
    let made = env.create_databases_and_commit(change, |opener, change| {
        opener.create_database::<Bytes, Bytes>(change, None).map(CommitOrAbort::<_, ()>::Commit)
    })?;
    match made {
        CommitOrAbort::Commit(rows) => Ok((env, rows)),
        CommitOrAbort::Abort(()) => Err("the database was not made".into()),
    }
}

fn sqlite(place: &Path) -> Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(place.join("rows.sqlite"))?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = off; pragma mmap_size = 268435456;
         pragma cache_size = -65536;",
    )?;
    Ok(connection)
}
