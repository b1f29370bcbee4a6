//! Is every byte as it was written, and if not, where?

use std::{
    fmt,
    ops::RangeBounds,
    path::{Path, PathBuf},
};

use plugcache_cache::{
    directory::open_existing,
    fs::{DataFile, Directory},
};
use serde::Serialize;

use super::{
    Hash, Head, LedgerError,
    block::Parsed,
    bounds,
    head::Anchor,
    segment::{self, Scan, Step},
};

/// Most places that a report tells of; all of them are counted.
const MOST_TOLD: usize = 100;

/// A place where a log is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where in it, in bytes.
    pub offset: u64,
    /// The block that should be there, if it is known.
    pub block: Option<u64>,
    /// What should be there.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, block, expected, found } = self;
        write!(f, "{} at byte {offset}", file.display())?;
        if let Some(block) = block {
            write!(f, ", block {block}")?;
        }
        write!(f, ": expected {expected}, found {found}")
    }
}

/// What was verified, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Blocks that were read and are whole and in their place.
    pub blocks: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Whole blocks after the head: appended and not yet brought to the medium.
    pub unsynced: u64,
    /// Where something is not as it was written; the first hundred places.
    pub damage: Vec<Damage>,
    /// How many such places there are.
    pub damaged: u64,
    /// The end of what was read: to be remembered elsewhere.
    pub head: Option<Head>,
}

impl Report {
    /// Whether all is as it was written.
    pub fn is_whole(&self) -> bool {
        self.damaged == 0
    }

    fn add(&mut self, damage: Damage) {
        self.damaged += 1;
        if self.damage.len() < MOST_TOLD {
            self.damage.push(damage);
        }
    }

    fn wrong(
        &mut self,
        file: &Path,
        offset: u64,
        block: Option<u64>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        let (file, expected, found) = (file.to_owned(), expected.into(), found.into());
        self.add(Damage { file, offset, block, expected, found });
    }

    /// Makes damage that something failed of a finding.
    fn take<T>(&mut self, result: Result<T, LedgerError>) -> Result<Option<T>, LedgerError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(LedgerError::Damaged(damage)) => {
                self.add(*damage);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Verifies a log, or a snapshot of one, without opening it: nothing is recovered, nothing is written. Should somebody
/// append meanwhile, what he is writing at this moment may look torn.
pub fn verify_directory(
    path: impl AsRef<Path>,
    range: impl RangeBounds<u64>,
    remembered: Option<Head>,
) -> Result<Report, LedgerError> {
    let path = path.as_ref();
    let directory = open_existing(path)?.map_or_else(|| Directory::open(path), Ok)?;
    let (report, anchor) = walk(&directory, &range, remembered)?;
    // Somebody who appends meanwhile may look like damage: what is damaged is so when one looks again.
    if report.is_whole() || anchor.is_none() || Anchor::read(&directory).ok().flatten() == anchor {
        return Ok(report);
    }
    Ok(walk(&directory, &range, remembered)?.0)
}

/// What one look at a log finds, and the head that it began with.
fn walk(
    directory: &Directory,
    range: &impl RangeBounds<u64>,
    remembered: Option<Head>,
) -> Result<(Report, Option<Anchor>), LedgerError> {
    let path = directory.path();
    let mut report = Report::default();
    // The head first: what is appended afterwards comes behind it.
    let anchor = match report.take(Anchor::read(directory))? {
        Some(Some(anchor)) => Some(anchor),
        Some(None) => {
            report.wrong(&path.join("head"), 0, None, "the head", "no file");
            None
        }
        None => None,
    };
    let (start, end) = bounds(range);
    let mut walk =
        Walk { directory, anchor, remembered, report, number: 0, previous: Some(Hash::NONE), is_lost: false };
    walk.all(start, end)?;
    Ok((walk.report, anchor))
}

struct Walk<'a> {
    directory: &'a Directory,
    anchor: Option<Anchor>,
    remembered: Option<Head>,
    report: Report,
    /// Number of the next block.
    number: u64,
    /// Hash of the block before it; `None`: unknown, since that one is damaged or was not read.
    previous: Option<Hash>,
    /// The last segment has damage behind which nothing could be read.
    is_lost: bool,
}

impl Walk<'_> {
    fn all(&mut self, start: u64, end: u64) -> Result<(), LedgerError> {
        let firsts = segment::list(self.directory)?;
        let from = firsts.partition_point(|first| *first <= start).saturating_sub(1);
        if from > 0 {
            (self.number, self.previous) = (firsts.get(from).copied().unwrap_or(0), None);
        }
        let mut is_at_end = true;
        for (at, &first) in firsts.iter().enumerate().skip(from) {
            if first >= end {
                is_at_end = false;
                break;
            }
            let is_last = at + 1 == firsts.len();
            if is_last && self.is_unused(first)? {
                break;
            }
            self.segment(first, firsts.get(at + 1).copied())?;
        }
        if is_at_end {
            self.end(firsts.last().copied().unwrap_or(0));
        }
        Ok(())
    }

    /// A segment that a killed process has made and not come to use.
    fn is_unused(&mut self, first: u64) -> Result<bool, LedgerError> {
        if self.anchor.is_none_or(|anchor| anchor.first >= first) {
            return Ok(false);
        }
        let file = self.report.take(segment::open_to_read(self.directory, first))?;
        Ok(file.map_or(Ok(0), |file| file.size())? == segment::HEADER as u64)
    }

    fn segment(&mut self, first: u64, next: Option<u64>) -> Result<(), LedgerError> {
        let Some(file) = self.report.take(segment::open_to_read(self.directory, first))? else {
            self.skip_to(next);
            return Ok(());
        };
        if first != self.number {
            let number = self.number;
            let (expected, found) =
                (format!("block {number}"), format!("a segment that begins with block {first}"));
            self.report.wrong(file.path(), 0, Some(number), expected, found);
            (self.number, self.previous) = (first, None);
        }
        let size = file.size()?;
        self.report.bytes += size;
        let mut scan = Scan::new(&file, segment::HEADER as u64, size);
        let mut places = Vec::new();
        loop {
            self.pass(&file, first, scan.at);
            match scan.step()? {
                Step::End => break,
                Step::Broken { found } => {
                    let (number, last) = (self.number, next.is_none());
                    let is_after = self.anchor.is_some_and(|anchor| number >= anchor.head.count);
                    let expected = if last && is_after {
                        "the end of the log; the next to open it puts aside what is torn".to_owned()
                    } else {
                        format!("block {number}, whole")
                    };
                    self.report.wrong(file.path(), scan.at, Some(number), expected, found);
                    let begin = scan.at;
                    if !scan.skip(number + 1)? {
                        self.skip_to(next);
                        return Ok(());
                    }
                    places.push(begin as u32);
                    (self.number, self.previous) = (number + 1, None);
                }
                Step::Record { begin, length, hash } => {
                    places.push(begin as u32);
                    self.block(&file, begin, scan.body(begin, length), hash);
                }
            }
        }
        match next {
            Some(_) => self.index(first, &places, size),
            None => Ok(()),
        }
    }

    /// What is behind damage is checked from the next segment on.
    fn skip_to(&mut self, next: Option<u64>) {
        if let Some(next) = next {
            (self.number, self.previous) = (next, None);
        } else {
            (self.previous, self.is_lost) = (None, true);
        }
    }

    fn block(&mut self, file: &DataFile, begin: u64, body: &[u8], hash: Hash) {
        let number = self.number;
        let is_last_known = |head: &Head| head.count == number + 1;
        match Parsed::of(body) {
            None => {
                self.report.wrong(file.path(), begin, Some(number), "a block of format 1", "something else");
            }
            Some(block) if block.number != number => {
                let (expected, found) = (format!("block {number}"), format!("block {}", block.number));
                self.report.wrong(file.path(), begin, Some(number), expected, found);
            }
            Some(block) if self.previous.is_some_and(|previous| previous != block.previous) => {
                let expected = format!("a block that follows {}", self.previous.unwrap_or_default());
                self.report.wrong(
                    file.path(),
                    begin,
                    Some(number),
                    expected,
                    format!("one that follows {}", block.previous),
                );
            }
            Some(block) if !block.is_readable() => {
                self.report.wrong(
                    file.path(),
                    begin,
                    Some(number),
                    "metadata that can be read",
                    "something else",
                );
            }
            Some(_) => self.report.blocks += 1,
        }
        for (head, whose) in [
            (self.anchor.map(|anchor| anchor.head), "as the head says"),
            (self.remembered, "as was remembered"),
        ] {
            if let Some(head) = head.filter(is_last_known).filter(|head| head.hash != hash) {
                let expected = format!("a block of hash {}, {whose}", head.hash);
                self.report.wrong(file.path(), begin, Some(number), expected, format!("one of hash {hash}"));
            }
        }
        if let Some(anchor) = self.anchor.filter(|anchor| is_last_known(&anchor.head) && anchor.last > 0)
            && anchor.last != begin
        {
            let expected = format!("the last block at byte {}, as the head says", anchor.last);
            self.report.wrong(file.path(), begin, Some(number), expected, "it is here");
        }
        self.number += 1;
        self.previous = Some(hash);
        if self.anchor.is_some_and(|anchor| self.number > anchor.head.count) {
            self.report.unsynced += 1;
        }
    }

    /// Comes past the place where the head says that the log ends.
    fn pass(&mut self, file: &DataFile, first: u64, at: u64) {
        let Some(anchor) = self.anchor.filter(|anchor| anchor.head.count == self.number) else { return };
        let is_other = anchor.first == first && anchor.end != at || anchor.first < first;
        if is_other {
            let expected = format!("the log's end at byte {} of the segment {}", anchor.end, anchor.first);
            self.report.wrong(file.path(), at, Some(self.number), expected, "it is here".to_owned());
        }
    }

    /// The table of a full segment's places says what the segment says.
    fn index(&mut self, first: u64, places: &[u32], size: u64) -> Result<(), LedgerError> {
        let name = segment::index_name(first);
        let path = self.directory.path().join(name.to_string_lossy().as_ref());
        let Some(file) = DataFile::open(self.directory, &name)? else {
            self.report.wrong(&path, 0, None, "the table of the segment's blocks", "no file");
            return Ok(());
        };
        let expected = segment::index(first, places, size);
        let mut found = vec![0; expected.len() + 1];
        let length = file.read_at(&mut found, 0)?;
        found.truncate(length);
        self.report.bytes += length as u64;
        if found != expected {
            let same = expected.iter().zip(&found).take_while(|(a, b)| a == b).count() as u64;
            let expected = format!("a table of {} blocks", places.len());
            self.report.wrong(&path, same, None, expected, "other bytes");
        }
        Ok(())
    }

    fn end(&mut self, last: u64) {
        let name = segment::name_of(last);
        let path = self.directory.path().join(name.to_string_lossy().as_ref());
        let heads = [
            (self.anchor.map(|anchor| anchor.head), "as the head says"),
            (self.remembered, "as was remembered"),
        ];
        for (head, whose) in heads {
            if let Some(head) = head.filter(|head| head.count > self.number && !self.is_lost) {
                let expected = format!("{} blocks, {whose}", head.count);
                let found = format!("{} blocks", self.number);
                self.report.wrong(&path, 0, Some(self.number), expected, found);
            }
        }
        self.report.head = self.previous.map(|hash| Head { count: self.number, hash });
    }
}
