//! `plugcache log append`: for hosts that are scripts.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use plugcache::{
    cache::directory,
    ledger::{Ledger, Operation, Options},
};
use serde_json::json;

use super::{Outcome, place_of};
use crate::{
    args::DataPlace,
    output::{Failure, Output},
};

pub(super) fn run(
    plugin: &str,
    operation: &str,
    data: Option<&Path>,
    metadata: Vec<(String, String)>,
    place: &DataPlace,
    output: &Output,
) -> Result<Outcome, Failure> {
    let mut bytes = Vec::new();
    match data {
        None => {}
        Some(path) if path == Path::new("-") => drop(io::stdin().lock().read_to_end(&mut bytes)?),
        Some(path) => {
            let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
            read.map_err(|error| format!("cannot read {}: {error}; --data expects a file", path.display()))?;
        }
    }
    let mut operation = Operation::new(plugin, operation).data(&bytes);
    for (key, value) in metadata {
        operation = operation.meta(key, value);
    }
    let (path, lock_timeout) = place_of(place)?;
    if let Some(data) = path.parent() {
        directory::open_or_create_plain(data)?;
    }
    let log = Ledger::open_with(path, Options { lock_timeout, ..Options::default() })?;
    let block = log.append(operation)?;
    if output.is_json() {
        output.json(&json!({ "schema": 1, "block": &*block }))?;
    } else {
        output.line(format!("block {} {}", block.number, block.hash()))?;
    }
    Ok(Outcome::Done)
}
