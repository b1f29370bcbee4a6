//! `plugcache log show`, `plugcache log tail`.

use std::{sync::Arc, time::Duration};

use plugcache::ledger::{Block, Ledger, LedgerError};
use serde_json::json;

use super::{Outcome, open, when};
use crate::{
    args::{DataPlace, Filter},
    commands::cache::ls::printable,
    output::{Failure, Output},
};

/// How often somebody who follows looks.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn one(number: u64, place: &DataPlace, output: &Output) -> Result<Outcome, Failure> {
    let Some(log) = open(place, output)? else { return Ok(Outcome::Findings) };
    let Some(block) = log.get(number)? else {
        output.warn(format!("there is no block {number}: the log has {} so far", log.len()?));
        return Ok(Outcome::Findings);
    };
    if output.is_json() {
        output.json(&json!({ "schema": 1, "block": &*block }))?;
        return Ok(Outcome::Done);
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    output.table([
        row("block", block.number.to_string()),
        row("plugin", printable(&block.plugin)),
        row("operation", printable(&block.operation)),
        row("time", when(block.time)),
        row("data", block.data_hash.to_string()),
        row("previous", block.previous.to_string()),
        row("hash", block.hash().to_string()),
        row("metadata", printable(&serde_json::to_string(&block.metadata)?)),
    ])?;
    Ok(Outcome::Done)
}

pub(super) fn all(filter: &Filter, place: &DataPlace, output: &Output) -> Result<Outcome, Failure> {
    let blocks = match open(place, output)? {
        Some(log) => chosen(log.blocks(..)?, filter)?,
        None => Vec::new(),
    };
    list(&blocks, output)
}

pub(super) fn tail(
    lines: u64,
    follow: bool,
    filter: &Filter,
    place: &DataPlace,
    output: &Output,
) -> Result<Outcome, Failure> {
    let Some(log) = open(place, output)? else { return list(&[], output) };
    let count = log.len()?;
    let blocks = last(&log, lines, count, filter)?;
    if !follow {
        return list(&blocks, output);
    }
    blocks.iter().try_for_each(|block| line(block, output))?;
    let mut next = count;
    loop {
        std::thread::sleep(PAUSE);
        let count = log.len()?;
        chosen(log.blocks(next..count)?, filter)?.iter().try_for_each(|block| line(block, output))?;
        next = count;
    }
}

/// The last blocks that are wanted: looked for from the end, in steps.
fn last(log: &Ledger, lines: u64, count: u64, filter: &Filter) -> Result<Vec<Arc<Block>>, LedgerError> {
    let mut found = Vec::new();
    let mut end = count;
    while end > 0 && (found.len() as u64) < lines {
        let begin = end.saturating_sub(lines.max(4_096));
        let mut more = chosen(log.blocks(begin..end)?, filter)?;
        more.append(&mut found);
        (found, end) = (more, begin);
    }
    let most = usize::try_from(lines).unwrap_or(usize::MAX);
    Ok(found.split_off(found.len().saturating_sub(most)))
}

fn chosen(
    blocks: impl Iterator<Item = Result<Arc<Block>, LedgerError>>,
    filter: &Filter,
) -> Result<Vec<Arc<Block>>, LedgerError> {
    let is_wanted = |block: &Block| {
        filter.plugin.as_ref().is_none_or(|plugin| *plugin == block.plugin)
            && filter.operation.as_ref().is_none_or(|operation| *operation == block.operation)
    };
    blocks.filter(|block| block.as_ref().map_or(true, |block| is_wanted(block))).collect()
}

fn list(blocks: &[Arc<Block>], output: &Output) -> Result<Outcome, Failure> {
    if output.is_json() {
        let blocks: Vec<&Block> = blocks.iter().map(|block| &**block).collect();
        output.json(&json!({ "schema": 1, "blocks": blocks }))?;
    } else {
        output.table(blocks.iter().map(|block| row(block)))?;
    }
    Ok(Outcome::Done)
}

/// One block of many that are still to come: in JSON a document of its own.
fn line(block: &Block, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        output.json(&json!({ "schema": 1, "block": block }))
    } else {
        output.line(row(block).join("  "))
    }
}

fn row(block: &Block) -> Vec<String> {
    let hash = block.hash().to_string();
    vec![
        block.number.to_string(),
        when(block.time),
        printable(&block.plugin),
        printable(&block.operation),
        hash.get(..12).unwrap_or(&hash).to_owned(),
        if block.metadata.is_empty() {
            String::new()
        } else {
            printable(&serde_json::Value::Object(block.metadata.clone()).to_string())
        },
    ]
}
