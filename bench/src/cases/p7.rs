//! P7, rows on disk: reading one with its checksum costs hardly more than the bare store, and a fraction of
//! what `SQLite` and Python's disk cache take.

use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Subject, interleave},
    peers,
    report::Row,
    rows::{self, READS, Store},
};

const GOAL: &str = "P7";

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let read = |name: &str, word: &'static str, store: Store| {
        let place = context.empty(&format!("rows/{word}"))?;
        rows::fill(store, &place)?;
        let command = child::command("rows", &[word.as_ref(), place.as_ref()])?;
        Ok::<_, Box<dyn std::error::Error>>(Subject::child(name, command))
    };
    let place = context.empty("rows/diskcache")?;
    let diskcache = Subject::new("diskcache", |_| {
        let mut command = peers::script(context, &context.peers_python, "disk_cache.py");
        Sample::of_child(command.arg(&place).args([rows::ROWS.to_string(), READS.to_string()]))
    });
    let subjects = [
        read("ours", "ours", Store::Ours)?,
        read("a cache", "cache", Store::Cache)?,
        read("bare LMDB (heed), no checksum", "heed", Store::Heed)?,
        read("SQLite, WAL, mapped, prepared", "sqlite", Store::Sqlite)?,
        diskcache,
    ];
    let [ours, cache, bare, sqlite, diskcache] = interleave(context.slow_rounds(), subjects)?;
    let case = format!("{READS} reads of 1.5 KB rows, checked");
    Ok(vec![
        Row::at_most(GOAL, &case, &ours, 1.5, &bare),
        Row::faster(GOAL, &case, &ours, 4.0, &sqlite),
        Row::faster(GOAL, &case, &ours, 15.0, &diskcache),
        Row::at_most(GOAL, "the same through a cache, judged and decoded", &cache, 1.5, &bare),
        Row::faster(GOAL, "the same through a cache, judged and decoded", &cache, 15.0, &diskcache),
        Row::equal(GOAL, "bytes that were read", ours.answer, diskcache.answer, "diskcache"),
    ])
}
