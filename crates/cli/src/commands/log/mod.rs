//! `plugcache log …`: what plugins did.

mod append;
mod show;
mod snapshot;
mod verify;

use std::{
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use plugcache::{
    cache::{Timestamp, directory},
    ledger::{self, Ledger},
};

use super::Outcome;
use crate::{
    args::{DataPlace, Log},
    output::{Failure, Output},
    settings,
};

pub(super) fn run(command: Log, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Log::Append { plugin, operation, data, metadata, place } => {
            append::run(&plugin, &operation, data.as_deref(), metadata, &place, output)
        }
        Log::Show { number: Some(number), place, .. } => show::one(number, &place, output),
        Log::Show { number: None, filter, place } => show::all(&filter, &place, output),
        Log::Tail { lines, follow, filter, place } => show::tail(lines, follow, &filter, &place, output),
        Log::Verify { head, place } => verify::run(head, &place, output),
        Log::Snapshot { prefix, place } => snapshot::make(&prefix, &place, output),
        Log::PruneSnapshots(args) => snapshot::prune(&args, output),
    }
}

/// Where the log is, and how long to wait for others.
pub(super) fn place_of(place: &DataPlace) -> Result<(PathBuf, Duration), Failure> {
    let config = settings::config(place.flags())?;
    let data = settings::data_directory(&config)
        .ok_or("there is no place for durable data: say --data-dir DIR, or set PLUGCACHE_DATA_DIR or HOME")?;
    Ok((std::path::absolute(data)?.join("log"), config.lock_timeout.value))
}

/// Opens the log, if there is one, and says so if there is none.
fn open(place: &DataPlace, output: &Output) -> Result<Option<Ledger>, Failure> {
    let log = find(place)?;
    if log.is_none() {
        let (path, _) = place_of(place)?;
        output.warn(format!("there is no log in {}; `plugcache log append` makes it", path.display()));
    }
    Ok(log)
}

/// Opens the log, if there is one: looking makes none.
pub(super) fn find(place: &DataPlace) -> Result<Option<Ledger>, Failure> {
    let (path, lock_timeout) = place_of(place)?;
    if directory::open_existing(&path)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Ledger::open_with(path, ledger::Options { lock_timeout, ..ledger::Options::default() })?))
}

/// `2026-11-21T17:30:00Z`; as a number where the calendar ends.
fn when(time: Timestamp) -> String {
    let nanoseconds = u64::try_from(time.0).ok().map(Duration::from_nanos);
    nanoseconds.map_or_else(
        || format!("{} ns", time.0),
        |since| humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string(),
    )
}
