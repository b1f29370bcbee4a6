//! A log of what plugins did: numbers that go on after a restart, blocks that hang together, and a change that does
//! not go unnoticed.
//!
//! `cargo run -p plugcache --example log`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, fs};

use plugcache::ledger::{Ledger, Operation, Retention};

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let path = place.path().join("log");

    let log = Ledger::open(&path)?;
    log.append(Operation::new("net", "apply").data(b"eth0: 192.0.2.7/24").meta("by", "admin"))?;
    log.append(Operation::new("net", "verify").meta("ok", true))?;
    drop(log);

    // A restart later.
    let log = Ledger::open(&path)?;
    let block = log.append(Operation::new("camera", "start"))?;
    println!("block {} follows {}", block.number, block.previous);
    for block in log.tail(10)? {
        println!("  {} {} {} {}", block.number, block.plugin, block.operation, block.hash());
    }

    let (snapshot, head) = log.snapshot("SNP-state")?;
    println!("a snapshot of {} blocks: {}", head.count, snapshot.name);
    for one in log.prune_snapshots("SNP-state", Retention::default(), true)? {
        println!("  {} stays: {}", one.snapshot.name, one.kept.as_str());
    }

    println!("verified: {} blocks, {} damaged", log.verify(..)?.blocks, log.verify(..)?.damaged);
    let file = path.join("00000000000000000000.blocks");
    let mut bytes = fs::read(&file)?;
    if let Some(byte) = bytes.iter_mut().rev().nth(20) {
        *byte ^= 1;
    }
    fs::write(&file, bytes)?;
    for damage in log.verify(..)?.damage {
        let found = damage.to_string().replace(&place.path().display().to_string(), "…");
        println!("after one bit was changed: {found}");
    }
    Ok(())
}
