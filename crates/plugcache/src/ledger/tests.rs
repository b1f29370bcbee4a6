//! What a log promises, on small logs: every byte flipped, every length cut.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use plugcache_cache::Timestamp;
use plugcache_testkit::{ManualClock, Random};
use serde_json::json;

use super::*;

fn options(segment_blocks: u32) -> Options {
    Options { segment_blocks, clock: Arc::new(ManualClock::at(Timestamp(7))), ..Options::default() }
}

fn operation(n: u64) -> Operation {
    Operation::new(format!("plugin-{}", n % 3), "apply").data(&n.to_le_bytes()).meta("n", n)
}

/// A log of eleven blocks in segments of four.
fn small(place: &Path) -> Ledger {
    let log = Ledger::open_with(place.join("log"), options(4)).unwrap();
    for n in 0..11 {
        log.append(operation(n)).unwrap();
    }
    log
}

fn files(log: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.is_file() && !path.ends_with("log.lock"));
    all.sort();
    all
}

/// Whether `verify` has something to say: damage, or that it does not know such a format.
fn is_found(log: &Path) -> bool {
    verify_directory(log, .., None).map_or(true, |report| !report.is_whole())
}

#[test]
fn numbers_and_hashes_go_on_after_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let head = small(place.path()).head().unwrap();
    assert_eq!(head.count, 11);
    let log = Ledger::open_with(place.path().join("log"), options(4)).unwrap();
    assert_eq!(log.head().unwrap(), head);
    let block = log.append(operation(11)).unwrap();
    assert_eq!((block.number, block.previous), (11, head.hash));
    let mut previous = Hash::NONE;
    for (number, block) in (0..).zip(log.blocks(..).unwrap()) {
        let block = block.unwrap();
        assert_eq!((block.number, block.previous), (number, previous));
        assert_eq!(block.metadata, *json!({ "n": number }).as_object().unwrap());
        assert_eq!(log.get(number).unwrap().unwrap(), block);
        previous = block.hash();
    }
    assert_eq!(previous, log.head().unwrap().hash);
    assert_eq!(log.get(12).unwrap(), None);
    let tail: Vec<u64> = log.tail(3).unwrap().iter().map(|block| block.number).collect();
    assert_eq!(tail, [9, 10, 11]);
    assert_eq!(log.tail(100).unwrap().len(), 12);
    assert_eq!(log.blocks(3..=5).unwrap().count(), 3);
    let report = log.verify(..).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.blocks, report.head), (12, Some(log.head().unwrap())));
    assert!(log.verify(5..6).unwrap().blocks >= 1);
}

/// A crash of the machine takes what the head said of a new segment, and leaves the segment's blocks.
#[test]
fn an_old_head_is_led_on_into_the_next_segments() {
    for (kept, more) in [(2, 9), (3, 4), (4, 3), (8, 3), (8, 1)] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        let log = Ledger::open_with(&path, options(4)).unwrap();
        (0..kept).for_each(|n| drop(log.append(operation(n)).unwrap()));
        let old = fs::read(path.join("head")).unwrap();
        (kept..kept + more).for_each(|n| drop(log.append(operation(n)).unwrap()));
        let head = log.head().unwrap();
        drop(log);
        fs::write(path.join("head"), &old).unwrap();
        let log = Ledger::open_with(&path, options(4)).unwrap();
        assert_eq!(log.head().unwrap(), head, "{kept} and {more}");
        assert!(log.recovered().is_empty());
        let numbers: Vec<u64> = log.blocks(..).unwrap().map(|block| block.unwrap().number).collect();
        assert!(numbers.iter().copied().eq(0..kept + more));
        assert_eq!(log.append(operation(0)).unwrap().number, kept + more);
        let report = log.verify(..).unwrap();
        assert!(report.is_whole(), "{report:?}");
        // A segment that does not follow on is somebody's, and stays.
        drop(log);
        fs::write(path.join("head"), &old).unwrap();
        let next = path.join(format!("{:020}.blocks", kept.div_ceil(4) * 4));
        let mut bytes = fs::read(&next).unwrap();
        bytes[60] ^= 1;
        fs::write(&next, bytes).unwrap();
        assert!(matches!(Ledger::open_with(&path, options(4)), Err(LedgerError::Damaged(_))));
        assert!(next.exists());
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let place = tempfile::tempdir().unwrap();
    let path = small(place.path()).path().to_owned();
    assert!(!is_found(&path));
    let mut flipped = 0;
    for file in files(&path) {
        let whole = fs::read(&file).unwrap();
        for at in 0..whole.len() {
            for mask in [1 << (at % 8), 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= mask;
                fs::write(&file, bytes).unwrap();
                assert!(is_found(&path), "{} byte {at} ^ {mask:#x}", file.display());
                flipped += 1;
            }
        }
        fs::write(&file, whole).unwrap();
    }
    assert!(flipped > 2_000, "{flipped}");
    assert!(!is_found(&path));
}

#[test]
fn every_cut_and_every_addition_is_found() {
    let place = tempfile::tempdir().unwrap();
    let path = small(place.path()).path().to_owned();
    for file in files(&path) {
        let whole = fs::read(&file).unwrap();
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(is_found(&path), "{} cut to {length}", file.display());
        }
        for more in [&b"\0"[..], &[0; 200], &whole[whole.len().min(32)..]] {
            fs::write(&file, [&whole[..], more].concat()).unwrap();
            let report = verify_directory(&path, .., None);
            assert!(report.is_err() || more.is_empty() || is_found(&path), "{} and more", file.display());
        }
        fs::remove_file(&file).unwrap();
        assert!(is_found(&path), "{} removed", file.display());
        fs::write(&file, whole).unwrap();
    }
    assert!(!is_found(&path));
}

/// Damage of which every checksum is right: only the chain and the head tell.
#[test]
fn blocks_that_were_exchanged_taken_out_or_put_in_are_found() {
    let place = tempfile::tempdir().unwrap();
    let log = Ledger::open_with(place.path().join("log"), options(100)).unwrap();
    // As long as each other, so that they fit each other's places.
    for n in 0..6_u64 {
        log.append(Operation::new("p", "o").data(&n.to_le_bytes())).unwrap();
    }
    let head = log.head().unwrap();
    let file = log.path().join("00000000000000000000.blocks");
    let whole = fs::read(&file).unwrap();
    let length = (whole.len() - 32) / 6;
    let records: Vec<&[u8]> = whole[32..].chunks(length).collect();
    let with = |records: &[&[u8]]| {
        fs::write(&file, [&whole[..32], &records.concat()].concat()).unwrap();
        log.verify(..).unwrap()
    };
    assert!(with(&records).is_whole());
    for (a, b) in [(0, 1), (2, 4), (4, 5)] {
        let mut exchanged = records.clone();
        exchanged.swap(a, b);
        let report = with(&exchanged);
        let first = &report.damage[0];
        assert_eq!((first.block, first.offset), (Some(a as u64), (32 + a * length) as u64), "{report:?}");
    }
    for gone in 0..6 {
        let mut fewer = records.clone();
        fewer.remove(gone);
        assert!(!with(&fewer).is_whole(), "{gone} taken out");
        let mut more = records.clone();
        more.insert(gone, records[5 - gone]);
        assert!(!with(&more).is_whole(), "{gone} put in");
    }
    // A last block of other content, with checksums that are right: no block follows that would tell.
    let mut forged = Vec::new();
    let other = Operation::new("p", "o").data(b"another");
    let previous = log.get(4).unwrap().unwrap().hash();
    segment::append_record(&mut forged, |body| other.encode(5, Timestamp(7), previous, body)).unwrap();
    let mut last = records.clone();
    last[5] = &forged;
    let report = with(&last);
    assert!(report.damage[0].expected.contains("as the head says"), "{report:?}");
    // All written anew, head included: only who remembers the old head can tell.
    drop(log);
    fs::remove_dir_all(place.path().join("log")).unwrap();
    let log = Ledger::open_with(place.path().join("log"), options(100)).unwrap();
    for _ in 0..6 {
        log.append(other.clone()).unwrap();
    }
    assert!(log.verify(..).unwrap().is_whole());
    let report = log.verify_against(head).unwrap();
    assert!(report.damage[0].expected.contains("as was remembered"), "{report:?}");
    assert!(!log.verify_against(Head { count: 7, ..head }).unwrap().is_whole());
}

#[test]
fn damage_inside_is_an_error_that_names_the_place() {
    let place = tempfile::tempdir().unwrap();
    let path = small(place.path()).path().to_owned();
    let file = path.join("00000000000000000004.blocks");
    let mut bytes = fs::read(&file).unwrap();
    bytes[60] ^= 1;
    fs::write(&file, bytes).unwrap();
    let log = Ledger::open_with(&path, options(4)).unwrap();
    let error = log.get(4).unwrap_err();
    assert!(error.to_string().contains("00000000000000000004.blocks at byte 32, block 4"), "{error}");
    assert_eq!(log.get(5).unwrap().unwrap().number, 5);
    assert_eq!(log.blocks(..).unwrap().filter(Result::is_err).count(), 1);
    let report = log.verify(..).unwrap();
    assert_eq!((report.damaged, report.damage[0].block, report.damage[0].offset), (1, Some(4), 32));
    // All others are whole, those behind it in the same segment too.
    assert_eq!(report.blocks, 10);
}

#[test]
fn a_lost_or_wrong_table_costs_time_and_no_answer() {
    let place = tempfile::tempdir().unwrap();
    let path = small(place.path()).path().to_owned();
    fs::remove_file(path.join("00000000000000000000.index")).unwrap();
    let table = path.join("00000000000000000004.index");
    let mut bytes = fs::read(&table).unwrap();
    bytes[28..36].fill(0x11);
    fs::write(table, bytes).unwrap();
    let log = Ledger::open_with(&path, options(4)).unwrap();
    for number in (0..11).rev() {
        assert_eq!(log.get(number).unwrap().unwrap().number, number);
    }
    assert_eq!(log.blocks(2..).unwrap().count(), 9);
    assert_eq!(log.verify(..).unwrap().damaged, 2);
}

#[test]
fn a_torn_end_is_put_aside_and_reported_at_any_length() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("log");
    let lazy = || Options { sync: Sync::OnFlush, ..options(100) };
    let log = Ledger::open_with(&path, lazy()).unwrap();
    log.append_all(&[operation(0), operation(1)]).unwrap();
    log.flush().unwrap();
    let file = path.join("00000000000000000000.blocks");
    let head = fs::read(path.join("head")).unwrap();
    let short = fs::read(&file).unwrap().len();
    log.append_all(&[operation(2), operation(3)]).unwrap();
    drop(log);
    let whole = fs::read(&file).unwrap();
    let two = (whole.len() - short) / 2;
    for length in short..whole.len() {
        // As after a kill: the head is that of the last time that all was on the medium.
        fs::write(path.join("head"), &head).unwrap();
        fs::write(&file, &whole[..length]).unwrap();
        let log = Ledger::open_with(&path, lazy()).unwrap();
        let more = u64::from(length >= short + two);
        assert_eq!(log.len().unwrap(), 2 + more, "{length}");
        let torn = length - short - two * usize::from(more == 1);
        let recovered = log.recovered();
        assert_eq!(recovered.iter().map(|one| one.bytes).sum::<u64>(), torn as u64, "{length}");
        for one in recovered {
            assert_eq!((one.block, fs::read(&one.kept).unwrap().len()), (2 + more, torn));
            fs::remove_file(one.kept).unwrap();
        }
        let block = log.append(operation(9)).unwrap();
        assert_eq!(block.number, 2 + more);
        drop(log);
        assert!(!is_found(&path), "{length}");
    }
    // A block that is whole behind one that is not is damage, and nothing is cut.
    fs::write(path.join("head"), &head).unwrap();
    let mut bytes = whole.clone();
    bytes[short + 20] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let error = Ledger::open_with(&path, lazy()).unwrap_err();
    assert!(error.to_string().contains("block 3 behind it"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn blocks_cut_off_at_the_end_are_missed() {
    let place = tempfile::tempdir().unwrap();
    let log = small(place.path());
    let file = log.path().join("00000000000000000008.blocks");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..32]).unwrap();
    let error = log.append(operation(11)).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged(_)), "{error}");
    assert!(Ledger::open(log.path()).is_err());
    let report = log.verify(..).unwrap();
    assert!(report.damage.iter().any(|damage| damage.expected.starts_with("11 blocks")), "{report:?}");
}

#[test]
fn what_is_too_large_is_refused_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let log = small(place.path());
    let large = Operation::new("p", "o").meta("x", "y".repeat(70_000));
    let refused = log.append_all(&[operation(1), large.clone()]).unwrap_err();
    assert!(matches!(refused, LedgerError::TooLarge { .. }), "{refused}");
    assert_eq!(log.append_all(&[]).unwrap(), 11..11);
    let heavy = Operation::new("p", "o").meta("x", "y".repeat(60_000));
    assert!(log.append_all(&vec![heavy; 1_200]).is_err());
    assert_eq!(log.len().unwrap(), 11);
    assert!(log.verify(..).unwrap().is_whole());
}

#[test]
fn a_newer_format_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let log = small(place.path());
    let mut head = fs::read(log.path().join("head")).unwrap();
    head[8] = 2;
    fs::write(log.path().join("head"), head).unwrap();
    let error = Ledger::open(log.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Newer { format: 2, known: 1, .. }), "{error}");
}

#[test]
fn blocks_come_from_the_cache_once_they_were_read() {
    let place = tempfile::tempdir().unwrap();
    let hub = Hub::in_memory();
    let log = Ledger::open_with(place.path().join("log"), Options { hub: Some(hub.clone()), ..options(4) })
        .unwrap();
    log.append_all(&(0..2_000).map(operation).collect::<Vec<_>>()).unwrap();
    for _ in 0..2 {
        log.get(7).unwrap().unwrap();
    }
    let stats = log.shared.blocks.stats();
    assert_eq!((stats.loads, log.shared.blocks.len()), (1, 1));
    for number in 0..2_000 {
        log.get(number).unwrap().unwrap();
    }
    assert!(log.shared.blocks.len() <= 1_000);
}

#[test]
fn two_handles_append_in_turn() {
    let place = tempfile::tempdir().unwrap();
    let mut random = Random::new(5);
    for sync in [Sync::Always, Sync::OnFlush] {
        let path = place.path().join(format!("{sync:?}"));
        let open = || Ledger::open_with(&path, Options { sync, ..options(7) }).unwrap();
        let logs = [open(), open(), open()];
        for n in 0..200 {
            let log = &logs[random.below(3)];
            assert_eq!(log.append(operation(n)).unwrap().number, n);
            let other = &logs[random.below(3)];
            assert_eq!(other.get(n).unwrap().unwrap().number, n);
            assert_eq!(other.get(n + 1).unwrap(), None);
            let early = random.below(n as usize + 1) as u64;
            assert_eq!(other.get(early).unwrap().unwrap().metadata["n"], early);
        }
        drop(logs);
        let report = verify_directory(&path, .., None).unwrap();
        assert!(report.is_whole() && report.blocks == 200 && report.unsynced == 0, "{report:?}");
    }
}

#[test]
fn a_snapshot_is_a_log_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1_763_747_400_000_000_000)));
    let options = || Options { clock: Arc::clone(&clock) as _, ..options(4) };
    let log = Ledger::open_with(place.path().join("log"), options()).unwrap();
    log.append_all(&(0..11).map(operation).collect::<Vec<_>>()).unwrap();
    log.append(operation(11)).unwrap();
    let (first, head) = log.snapshot("SNP-state").unwrap();
    assert_eq!(first.name, "SNP-state-2025-11-21T175000Z");
    log.append(operation(12)).unwrap();
    assert_eq!(head.count, 12);
    let report = verify_directory(&first.path, .., Some(head)).unwrap();
    assert!(report.is_whole() && report.blocks == 12, "{report:?}");
    assert!(log.verify(..).unwrap().is_whole());

    let foreign = log.path().join("snapshots/SNP-state-2025-11-21T170000Z");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letters.txt"), "mine").unwrap();
    fs::create_dir(log.path().join("snapshots/other")).unwrap();
    for _ in 0..30 {
        clock.advance(Duration::from_mins(15));
        log.snapshot("SNP-state").unwrap();
    }
    let hourly = Retention { hourly: 3, daily: 0, weekly: 0, quarterly: 0 };
    let dry = log.prune_snapshots("SNP-state", hourly, true).unwrap();
    assert_eq!((dry.len(), log.snapshots("SNP-state").unwrap().len()), (32, 32));
    let pruned = log.prune_snapshots("SNP-state", hourly, false).unwrap();
    let stay = log.snapshots("SNP-state").unwrap();
    assert_eq!(pruned.iter().filter(|one| one.kept != Kept::No).count(), 3);
    // Those three, and what somebody else has put there.
    assert_eq!(stay.len(), 4);
    assert!(foreign.join("letters.txt").exists() && log.path().join("snapshots/other").exists());
    for snapshot in &stay[1..] {
        assert!(verify_directory(&snapshot.path, .., None).unwrap().is_whole());
    }
    assert!(log.verify(..).unwrap().is_whole());
    assert!(log.snapshot("../x").is_err());
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("log");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(error.to_string().contains("PLUGCACHE_DATA_DIR"), "{error}");
}
