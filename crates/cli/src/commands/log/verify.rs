//! `plugcache log verify`: every byte of the log.

use plugcache::{
    cache::directory,
    ledger::{self, Head},
};
use serde_json::json;

use super::{Outcome, place_of};
use crate::{
    args::DataPlace,
    output::{Failure, Output},
    units::{count, size},
};

/// Does not open the log, which would put a torn end aside: it only looks.
pub(super) fn run(remembered: Option<Head>, place: &DataPlace, output: &Output) -> Result<Outcome, Failure> {
    let (path, _) = place_of(place)?;
    if directory::open_existing(&path)?.is_none() {
        let is_missed = remembered.is_some_and(|head| head.count > 0);
        output.warn(format!("there is no log in {}; `plugcache log append` makes it", path.display()));
        return Ok(if is_missed { Outcome::Findings } else { Outcome::Done });
    }
    let report = ledger::verify_directory(&path, .., remembered)?;
    if output.is_json() {
        let head = report.head.map(|head| json!({ "count": head.count, "hash": head.hash }));
        output.json(&json!({
            "schema": 1,
            "path": path,
            "blocks": report.blocks,
            "bytes": report.bytes,
            "unsynced": report.unsynced,
            "damaged": report.damaged,
            "damage": report.damage,
            "head": head,
        }))?;
    } else {
        for damage in &report.damage {
            output.line(damage)?;
        }
        if let Some(head) = report.head.filter(|_| report.is_whole()) {
            output.line(format!("head {}:{}", head.count, head.hash))?;
        }
        let blocks = count(report.blocks);
        output.line(format!("{blocks} blocks, {}, {} damaged", size(report.bytes), report.damaged))?;
        if !report.is_whole() {
            output.warn("nothing is repaired: a snapshot may have it whole (`snapshots` beside the log)");
        }
    }
    Ok(if report.is_whole() { Outcome::Done } else { Outcome::Findings })
}
