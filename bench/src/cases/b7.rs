//! B7, the log: a million blocks appended, opened, read and verified, beside the bare work that a hash chain cannot do
//! without (the same bytes written or read, and hashed with BLAKE3) and beside a table of the same rows in `SQLite`.

use std::{
    cell::RefCell,
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use plugcache::ledger::{Hash, Ledger, Operation, Options, Sync};
use rusqlite::{Connection, Statement};

use crate::{
    Result,
    context::Context,
    measure::{Sample, Subject, interleave},
    report::Row,
};

const GOAL: &str = "B7";
/// Blocks that are appended at once.
const BATCH: u64 = 1_000;
/// Blocks that are appended one at a time, and reads of a sample.
const SINGLE: u64 = 20_000;
/// Blocks that are brought to the medium one at a time.
const DURABLE: u64 = 100;
/// Blocks that are read again and again.
const HOT: u64 = 900;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let blocks: u64 = if context.quick { 100_000 } else { 1_000_000 };
    let place = context.empty("log")?;
    let sizes = sizes(&place.join("sizes"))?;
    let mut rows = append(&place, blocks, &sizes)?;
    rows.extend(append_single(&place, &sizes)?);
    rows.extend(append_durably(&place, &sizes)?);
    rows.extend(read(context, &place, blocks, &sizes)?);
    fs::remove_dir_all(&place)?;
    Ok(rows)
}

fn operation(n: u64) -> Operation {
    Operation::new(format!("plugin-{}", n % 20), "apply").data_hash(Hash([n as u8; 32])).meta("n", n)
}

/// Bytes of a record, on the average; the last figure is that of its frame.
struct Sizes {
    record: usize,
    frame: usize,
}

fn sizes(place: &Path) -> Result<Sizes> {
    let log = open(place, Sync::OnFlush)?;
    let made: Vec<Operation> = (0..BATCH).map(|n| operation(n + 500_000)).collect();
    log.append_all(&made)?;
    drop(log);
    let bytes = usize::try_from(fs::metadata(segment(place))?.len())? - 32;
    Ok(Sizes { record: bytes / made.len(), frame: 12 })
}

fn segment(place: &Path) -> PathBuf {
    place.join("00000000000000000000.blocks")
}

fn open(place: &Path, sync: Sync) -> Result<Ledger> {
    Ok(Ledger::open_with(place, Options { sync, ..Options::default() })?)
}

/// Places for each round's own files.
fn fresh(place: &Path, name: &str) -> Result<PathBuf> {
    let path = place.join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// Hashes and writes `count` records in pieces of `batch`, as any hash chain has to.
fn bare(file: &File, sizes: &Sizes, count: u64, batch: u64, sync: bool) -> Result<u64> {
    let mut at = 0;
    let mut bytes = Vec::new();
    for _ in 0..count / batch {
        bytes.clear();
        for n in 0..batch {
            let begin = bytes.len();
            bytes.resize(begin + sizes.record, n as u8);
            std::hint::black_box(blake3::hash(&bytes[begin + sizes.frame..]));
        }
        file.write_all_at(&bytes, at)?;
        at += bytes.len() as u64;
        if sync {
            file.sync_data()?;
        }
    }
    Ok(count)
}

fn sqlite(place: &Path, synchronous: &str) -> Result<Connection> {
    let connection = Connection::open(place.join("rows.sqlite"))?;
    connection.execute_batch(&format!(
        "pragma journal_mode = wal; pragma synchronous = {synchronous}; pragma mmap_size = 1073741824;
         create table if not exists blocks (number integer primary key, plugin text, operation text, time integer,
             data_hash blob, previous blob, metadata text);"
    ))?;
    Ok(connection)
}

/// The statements of a transaction, prepared.
struct Table<'a> {
    begin: Statement<'a>,
    insert: Statement<'a>,
    commit: Statement<'a>,
}

impl<'a> Table<'a> {
    fn of(connection: &'a Connection) -> Result<Self> {
        let insert = "insert into blocks values (?, ?, ?, ?, ?, ?, ?)";
        let [begin, insert, commit] = ["begin", insert, "commit"].map(|text| connection.prepare(text));
        Ok(Self { begin: begin?, insert: insert?, commit: commit? })
    }

    /// A transaction of `count` rows.
    fn insert(&mut self, from: u64, count: u64) -> Result {
        self.begin.execute([])?;
        for n in (from..).take(usize::try_from(count)?) {
            let (plugin, hash) = (format!("plugin-{}", n % 20), [n as u8; 32]);
            let metadata = format!("{{\"n\":{n}}}");
            self.insert.execute((n.cast_signed(), plugin, "apply", 0_i64, hash, [7_u8; 32], metadata))?;
        }
        self.commit.execute([])?;
        Ok(())
    }
}

fn append(place: &Path, blocks: u64, sizes: &Sizes) -> Result<Vec<Row>> {
    let ours = Subject::new("ours", |_| {
        let path = fresh(place, "ours")?;
        Sample::of(|| {
            let log = open(&path, Sync::OnFlush)?;
            for from in (0..blocks).step_by(BATCH as usize) {
                let made: Vec<Operation> = (from..from + BATCH).map(operation).collect();
                log.append_all(&made)?;
            }
            log.flush()?;
            Ok(log.len()?)
        })
    });
    let floor = Subject::new("the same bytes hashed and written", |_| {
        let path = fresh(place, "bare")?;
        let file = File::create(path.join("bare"))?;
        Sample::of(|| {
            let written = bare(&file, sizes, blocks, BATCH, false)?;
            file.sync_data()?;
            Ok(written)
        })
    });
    let peer = Subject::new("SQLite, WAL, prepared, as batched", |_| {
        let path = fresh(place, "sqlite")?;
        let connection = sqlite(&path, "normal")?;
        let mut table = Table::of(&connection)?;
        Sample::of(|| {
            for from in (0..blocks).step_by(BATCH as usize) {
                table.insert(from, BATCH)?;
            }
            Ok(blocks)
        })
    });
    let [ours, floor, peer] = interleave(2, [ours, floor, peer])?;
    let case = format!("{blocks} blocks appended, {BATCH} at once");
    Ok(vec![
        Row::at_most(GOAL, &case, &ours, 5.0, &floor),
        Row::faster(GOAL, &case, &ours, 1.5, &peer),
        Row::equal(GOAL, "blocks that were appended", ours.answer, blocks, "asked for"),
    ])
}

fn append_single(place: &Path, sizes: &Sizes) -> Result<Vec<Row>> {
    let ours = Subject::new("ours", |_| {
        let log = open(&fresh(place, "single")?, Sync::OnFlush)?;
        Sample::of(|| {
            (0..SINGLE).try_for_each(|n| log.append(operation(n)).map(drop))?;
            Ok(SINGLE)
        })
    });
    let floor = Subject::new("the same bytes hashed and written", |_| {
        let file = File::create(fresh(place, "single-bare")?.join("bare"))?;
        Sample::of(|| bare(&file, sizes, SINGLE, 1, false))
    });
    let peer = Subject::new("SQLite, WAL, unsynchronised, a transaction each", |_| {
        let connection = sqlite(&fresh(place, "single-sqlite")?, "off")?;
        let mut table = Table::of(&connection)?;
        Sample::of(|| (0..SINGLE).try_for_each(|n| table.insert(n, 1)).map(|()| SINGLE))
    });
    let [ours, floor, peer] = interleave(4, [ours, floor, peer])?;
    let case = format!("{SINGLE} blocks appended, one at a time, left to the system");
    Ok(vec![Row::at_most(GOAL, &case, &ours, 8.0, &floor), Row::faster(GOAL, &case, &ours, 1.5, &peer)])
}

fn append_durably(place: &Path, sizes: &Sizes) -> Result<Vec<Row>> {
    let ours = Subject::new("ours", |_| {
        let log = open(&fresh(place, "durable")?, Sync::Always)?;
        Sample::of(|| {
            (0..DURABLE).try_for_each(|n| log.append(operation(n)).map(drop))?;
            Ok(DURABLE)
        })
    });
    let floor = Subject::new("the same bytes hashed, written, synchronised", |_| {
        let file = File::create(fresh(place, "durable-bare")?.join("bare"))?;
        Sample::of(|| bare(&file, sizes, DURABLE, 1, true))
    });
    let peer = Subject::new("SQLite, WAL, synchronous = full", |_| {
        let connection = sqlite(&fresh(place, "durable-sqlite")?, "full")?;
        let mut table = Table::of(&connection)?;
        Sample::of(|| (0..DURABLE).try_for_each(|n| table.insert(n, 1)).map(|()| DURABLE))
    });
    let [ours, floor, peer] = interleave(6, [ours, floor, peer])?;
    let case = format!("{DURABLE} blocks appended durably, one at a time");
    Ok(vec![Row::at_most(GOAL, &case, &ours, 1.5, &floor), Row::faster(GOAL, &case, &ours, 1.0, &peer)])
}

/// Numbers in an order that no cache foresees, the same each time.
fn order(blocks: u64) -> impl Iterator<Item = u64> {
    (0..SINGLE).map(move |at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) % blocks)
}

/// On what `append` has left.
fn read(context: &Context, place: &Path, blocks: u64, sizes: &Sizes) -> Result<Vec<Row>> {
    let (path, bare) = (place.join("ours"), File::open(place.join("bare/bare"))?);
    let connection = sqlite(&place.join("sqlite"), "normal")?;
    let select = RefCell::new(connection.prepare("select * from blocks where number = ?")?);
    let from_table = |number: u64| -> Result<u64> {
        let mut select = select.borrow_mut();
        Ok(select.query_row([number.cast_signed()], |row| {
            let texts = [row.get::<_, String>(1)?, row.get(2)?, row.get(6)?];
            let hashes = [row.get::<_, [u8; 32]>(4)?, row.get(5)?];
            Ok((texts.iter().map(String::len).sum::<usize>() + hashes.len()) as u64)
        })?)
    };
    let rounds = context.slow_rounds();
    let last = (blocks - 1).to_le_bytes();

    let opened = Subject::new("ours", |_| Sample::of(|| Ok(open(&path, Sync::Always)?.len()?)));
    let table = Subject::new("SQLite: open, count", |_| {
        let count = "select max(number) + 1 from blocks";
        let place = place.join("sqlite");
        Sample::of(|| {
            Ok(sqlite(&place, "normal")?.query_row(count, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
        })
    });
    let [ours, peer] = interleave(rounds, [opened, table])?;
    let mut rows = vec![
        Row::faster(GOAL, &format!("opened after a restart, {blocks} blocks"), &ours, 0.5, &peer),
        Row::equal(GOAL, "blocks after a restart", ours.answer, u64::from_le_bytes(last) + 1, "appended"),
    ];

    let log = open(&path, Sync::Always)?;
    let from_log = |number: u64| -> Result<u64> { Ok(log.get(number)?.ok_or("a block is gone")?.number) };
    let hot = |at: u64| at.wrapping_mul(7) % HOT;
    let ours = Subject::new("ours", |_| {
        Sample::of(|| (0..SINGLE).try_for_each(|at| from_log(hot(at)).map(drop)).map(|()| SINGLE))
    });
    let peer = Subject::new("SQLite, mapped, prepared", |_| {
        Sample::of(|| (0..SINGLE).try_for_each(|at| from_table(hot(at)).map(drop)).map(|()| SINGLE))
    });
    let [ours, peer] = interleave(rounds, [ours, peer])?;
    rows.push(Row::faster(GOAL, &format!("{SINGLE} reads of {HOT} blocks, cached"), &ours, 10.0, &peer));

    let ours = Subject::new("ours", |_| {
        Sample::of(|| order(blocks).try_for_each(|number| from_log(number).map(drop)).map(|()| SINGLE))
    });
    let floor = Subject::new("as many bytes read and hashed", |_| {
        let mut bytes = vec![0; sizes.record];
        Sample::of(|| {
            for number in order(blocks) {
                bare.read_exact_at(&mut bytes, number * sizes.record as u64)?;
                std::hint::black_box(blake3::hash(&bytes[sizes.frame..]));
            }
            Ok(SINGLE)
        })
    });
    let peer = Subject::new("SQLite, mapped, prepared", |_| {
        Sample::of(|| order(blocks).try_for_each(|number| from_table(number).map(drop)).map(|()| SINGLE))
    });
    let [ours, floor, peer] = interleave(rounds, [ours, floor, peer])?;
    let case = format!("{SINGLE} reads of any block");
    rows.push(Row::at_most(GOAL, &case, &ours, 6.0, &floor));
    rows.push(Row::faster(GOAL, &case, &ours, 1.0, &peer));

    let ours = Subject::new("ours", |_| Sample::of(|| Ok(log.verify(..)?.blocks)));
    let floor = Subject::new("the same bytes read and hashed", |_| {
        let mut bytes = vec![0; sizes.record * 2_000];
        Sample::of(|| {
            for nth in 0..blocks / 2_000 {
                bare.read_exact_at(&mut bytes, nth * (sizes.record * 2_000) as u64)?;
                for record in bytes.chunks(sizes.record) {
                    std::hint::black_box(blake3::hash(&record[sizes.frame..]));
                }
            }
            Ok(blocks)
        })
    });
    let [ours, floor] = interleave(2, [ours, floor])?;
    let case = format!("{blocks} blocks verified");
    rows.push(Row::at_most(GOAL, &case, &ours, 1.5, &floor));
    rows.push(Row::equal(GOAL, "blocks that are whole", ours.answer, blocks, "appended"));
    Ok(rows)
}
