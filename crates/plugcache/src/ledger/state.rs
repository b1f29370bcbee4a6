//! What a process knows of a log's end, and how it moves on.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use plugcache_cache::{
    Timestamp,
    fs::{DataFile, Directory, publish_durably},
};

use super::{
    Hash, Head, LedgerError, MOST_AT_ONCE, Operation, Recovered,
    block::Parsed,
    head::{self, Anchor},
    segment::{self, FRAME, Scan, Step},
    verify::Damage,
};

/// A segment that has as many bytes is full.
const SEGMENT_BYTES: u64 = 16 << 20;
/// Full segments that are kept open.
const MOST_OPEN: usize = 64;

/// The end of a log, as far as this process knows it.
pub(super) struct State {
    anchor: Anchor,
    /// What the file `head` says. It is behind `anchor` while blocks are not brought to the medium.
    written: Anchor,
    head: DataFile,
    /// The last segment, which is appended to.
    tail: Arc<DataFile>,
    /// Where the blocks of the last segment begin, as far as `known`.
    places: Vec<u32>,
    known: u64,
    /// The first blocks of all segments.
    firsts: Vec<u64>,
    /// Full segments that were read lately, with their tables.
    full: VecDeque<Arc<Full>>,
    /// When the log was last brought to the medium.
    pub(super) synced: Instant,
    pub(super) recovered: Vec<Recovered>,
}

/// What was appended; of the last block also what the one does not know that asked for it.
pub(super) struct Appended {
    pub(super) range: std::ops::Range<u64>,
    pub(super) time: Timestamp,
    pub(super) previous: Hash,
    pub(super) hash: Hash,
}

/// Where a block is.
pub(super) enum Place {
    /// In the last segment, from here to there.
    Tail(Arc<DataFile>, u64, u64),
    /// In a full segment.
    Full(Arc<Full>),
}

/// A segment that nothing is appended to any more.
pub(super) struct Full {
    pub(super) first: u64,
    pub(super) file: Arc<DataFile>,
    /// The table of its places; `None`: it is gone.
    pub(super) index: Option<DataFile>,
}

impl State {
    /// Opens a log, or makes it. The lock is held.
    pub(super) fn open(directory: &Directory, now: Instant) -> Result<Self, LedgerError> {
        let mut firsts = segment::list(directory)?;
        let anchor = if let Some(anchor) = Anchor::read(directory)? {
            anchor
        } else {
            // A process that was killed while it made the log has left a segment without a block at most.
            let is_empty = |file: DataFile| Ok::<_, LedgerError>(file.size()? == segment::HEADER as u64);
            if !(firsts.is_empty() || firsts == [0] && is_empty(segment::open_to_read(directory, 0)?)?) {
                return Err(Damage {
                    file: directory.path().join("head"),
                    offset: 0,
                    block: None,
                    expected: "the head of the segments beside it".to_owned(),
                    found: "no file".to_owned(),
                }
                .into());
            }
            segment::create(directory, 0)?;
            firsts = vec![0];
            Anchor::EMPTY.create(directory)?;
            Anchor::EMPTY
        };
        let head = DataFile::open_to_write(directory, head::NAME)?.ok_or_else(|| Damage {
            file: directory.path().join("head"),
            offset: 0,
            block: None,
            expected: "the head".to_owned(),
            found: "no file".to_owned(),
        })?;
        let tail = Arc::new(segment::open(directory, anchor.first)?);
        let later = firsts.split_off(firsts.partition_point(|first| *first <= anchor.first));
        let mut state = Self {
            anchor,
            written: anchor,
            head,
            tail,
            places: Vec::new(),
            known: segment::HEADER as u64,
            firsts,
            full: VecDeque::new(),
            synced: now,
            recovered: Vec::new(),
        };
        state.check_last()?;
        for next in later {
            state.follow(directory, next)?;
        }
        Ok(state)
    }

    /// Moves on to a segment that the head does not know. One without a block was made and not come to be used. One
    /// whose first block follows the last one here was: a crash of the machine took the head that told of it.
    fn follow(&mut self, directory: &Directory, next: u64) -> Result<(), LedgerError> {
        let file = segment::open(directory, next)?;
        let size = file.size()?;
        if size == segment::HEADER as u64 {
            directory.remove(&segment::name_of(next))?;
            return Ok(());
        }
        let full = self.tail.size()?;
        if full > self.anchor.end {
            self.adopt(directory, full, false)?;
        }
        let mut scan = Scan::new(&file, segment::HEADER as u64, size);
        let is_next = match scan.step()? {
            Step::Record { begin, length, .. } => Parsed::of(scan.body(begin, length))
                .is_some_and(|block| block.number == next && block.previous == self.head().hash),
            _ => false,
        };
        if !is_next || self.count() != next || self.anchor.end != full {
            let (expected, found) =
                ("no segment after the last one".to_owned(), format!("one of {size} bytes"));
            let file = file.path().to_owned();
            return Err(Damage { file, offset: 0, block: Some(next), expected, found }.into());
        }
        self.enter(file, next)?;
        self.firsts.push(next);
        Ok(())
    }

    /// Makes a segment the last one, on the medium too: before a block of it is there, the head must lead to it.
    fn enter(&mut self, tail: DataFile, first: u64) -> Result<(), LedgerError> {
        let anchor = Anchor { first, end: segment::HEADER as u64, last: 0, ..self.anchor };
        anchor.write(&self.head)?;
        self.head.synchronise()?;
        (self.anchor, self.written) = (anchor, anchor);
        self.tail = Arc::new(tail);
        self.places.clear();
        self.known = segment::HEADER as u64;
        Ok(())
    }

    /// The last block is the one that the head tells of.
    fn check_last(&self) -> Result<(), LedgerError> {
        let Anchor { head: Head { count, hash }, end, last, .. } = self.anchor;
        if count == self.anchor.first {
            return Ok(());
        }
        let mut scan = Scan::new(&self.tail, last, end.min(self.tail.size()?).max(last));
        match scan.step()? {
            Step::Record { hash: found, .. } if found == hash && scan.at == end => Ok(()),
            Step::Record { hash: found, .. } => {
                Err(self.damage(last, count - 1, hash.to_string(), found.to_string()))
            }
            Step::End => Err(self.damage(
                last,
                count - 1,
                format!("{} bytes", end - last),
                "the file's end".to_owned(),
            )),
            Step::Broken { found } => {
                Err(self.damage(last, count - 1, "the last block, whole".to_owned(), found.to_owned()))
            }
        }
    }

    fn damage(&self, offset: u64, block: u64, expected: String, found: String) -> LedgerError {
        Damage { file: self.tail.path().to_owned(), offset, block: Some(block), expected, found }.into()
    }

    pub(super) fn head(&self) -> Head {
        self.anchor.head
    }

    pub(super) fn anchor(&self) -> Anchor {
        self.anchor
    }

    pub(super) fn count(&self) -> u64 {
        self.anchor.head.count
    }

    pub(super) fn tail(&self) -> &Arc<DataFile> {
        &self.tail
    }

    pub(super) fn is_unsynced(&self) -> bool {
        self.anchor != self.written
    }

    /// Learns what others have appended. Who holds the lock also puts a torn end aside.
    pub(super) fn refresh(&mut self, directory: &Directory, is_locked: bool) -> Result<(), LedgerError> {
        let found = Anchor::read_from(&self.head)?;
        if found != self.written {
            self.written = found;
            if found.first != self.anchor.first && found.head.count >= self.anchor.head.count {
                self.tail = Arc::new(segment::open(directory, found.first)?);
                self.firsts = segment::list(directory)?;
                self.places.clear();
                self.known = segment::HEADER as u64;
            }
            if found.head.count >= self.anchor.head.count {
                self.anchor = found;
            }
        }
        let size = self.tail.size()?;
        if size < self.anchor.end {
            let (end, count) = (self.anchor.end, self.count());
            return Err(self.damage(size, count - 1, format!("{end} bytes"), format!("{size} bytes")));
        }
        if size > self.anchor.end {
            self.adopt(directory, size, is_locked)?;
        }
        Ok(())
    }

    /// Takes in the whole blocks after the known end.
    fn adopt(&mut self, directory: &Directory, size: u64, is_locked: bool) -> Result<(), LedgerError> {
        let tail = Arc::clone(&self.tail);
        let mut scan = Scan::new(&tail, self.anchor.end, size);
        while let Step::Record { begin, length, hash } = scan.step()? {
            let Head { count, hash: previous } = self.anchor.head;
            let fits = Parsed::of(scan.body(begin, length))
                .is_some_and(|block| block.number == count && block.previous == previous);
            if !fits {
                break;
            }
            self.advance(begin, scan.at, hash);
        }
        if self.anchor.end < size && is_locked {
            self.put_aside(directory, size)?;
        }
        Ok(())
    }

    /// The next block is from here to there.
    fn advance(&mut self, begin: u64, end: u64, hash: Hash) {
        if self.known == begin {
            self.places.push(begin as u32);
            self.known = end;
        }
        self.anchor.head = Head { count: self.anchor.head.count + 1, hash };
        (self.anchor.last, self.anchor.end) = (begin, end);
    }

    /// Moves what is no block from the end into a file of its own. A whole block behind it is no torn end: somebody
    /// would miss it.
    fn put_aside(&mut self, directory: &Directory, size: u64) -> Result<(), LedgerError> {
        let (offset, count) = (self.anchor.end, self.count());
        let mut rest = vec![0; (size - offset) as usize];
        let read = self.tail.read_at(&mut rest, offset)?;
        rest.truncate(read);
        if let Some(later) = later_block(&rest, count) {
            let found = format!("something else, and block {later} behind it");
            return Err(self.damage(offset, count, format!("block {count}, whole"), found));
        }
        let name = format!("{:020}.torn-{offset}", self.anchor.first);
        publish_durably(directory, &segment::name(&name), &[&rest])?;
        self.tail.cut(offset)?;
        self.tail.synchronise()?;
        let kept = directory.path().join(&name);
        let file = self.tail.path().to_owned();
        tracing::warn!(
            "{} ended in {} bytes of a block {count} that was not written whole; they are in {} now",
            file.display(),
            rest.len(),
            kept.display()
        );
        self.recovered.push(Recovered { file, offset, bytes: rest.len() as u64, block: count, kept });
        Ok(())
    }

    /// Appends blocks, and brings them to the medium if it is told the time. Nothing has changed if this fails.
    pub(super) fn append(
        &mut self,
        directory: &Directory,
        operations: &[Operation],
        segment_blocks: u32,
        time: Timestamp,
        sync: Option<Instant>,
    ) -> Result<Appended, LedgerError> {
        let before = self.count();
        let mut last = Hash::NONE;
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(operations.len()));
        let mut previous = self.head().hash;
        for (number, operation) in (before..).zip(operations) {
            last = previous;
            previous =
                segment::append_record(&mut bytes, |body| operation.encode(number, time, previous, body))?;
            ends.push((bytes.len(), previous));
            if bytes.len() > MOST_AT_ONCE {
                let (what, size) = ("what is appended at once", bytes.len() as u64);
                return Err(LedgerError::TooLarge { what, size, limit: MOST_AT_ONCE as u64 });
            }
        }
        if operations.is_empty() {
            return Ok(Appended { range: before..before, time, previous: last, hash: previous });
        }
        let has = before - self.anchor.first;
        let fits = self.anchor.end + bytes.len() as u64 <= SEGMENT_BYTES;
        if has > 0 && (has >= u64::from(segment_blocks) || !fits) {
            self.begin_segment(directory)?;
        }
        let start = self.anchor;
        let mut written = self.tail.write_at(&bytes, start.end).map_err(LedgerError::from);
        let mut from = 0;
        for (end, hash) in ends {
            self.advance(start.end + from as u64, start.end + end as u64, hash);
            from = end;
        }
        if let Some(now) = sync {
            written = written.and_then(|()| self.synchronise(now));
        }
        if let Err(error) = written {
            // Nobody is told of what stays, should cutting fail too.
            self.anchor = start;
            self.places.truncate((start.head.count - start.first) as usize);
            self.known = self.known.min(start.end);
            let _ = self.tail.cut(start.end);
            return Err(error);
        }
        Ok(Appended { range: before..self.count(), time, previous: last, hash: previous })
    }

    /// Seals the last segment and begins the next one.
    fn begin_segment(&mut self, directory: &Directory) -> Result<(), LedgerError> {
        self.learn_places()?;
        self.tail.synchronise()?;
        let (first, next) = (self.anchor.first, self.count());
        let index = segment::index(first, &self.places, self.anchor.end);
        publish_durably(directory, &segment::index_name(first), &[&index])?;
        self.enter(segment::create(directory, next)?, next)?;
        self.firsts.push(next);
        Ok(())
    }

    /// Brings all to the medium, and says so in the head. What fails here may still be there after a crash, or not.
    pub(super) fn synchronise(&mut self, now: Instant) -> Result<(), LedgerError> {
        if self.is_unsynced() {
            self.tail.synchronise()?;
            self.anchor.write(&self.head)?;
            self.written = self.anchor;
        }
        self.synced = now;
        Ok(())
    }

    /// Finds the places of all blocks of the last segment.
    fn learn_places(&mut self) -> Result<(), LedgerError> {
        let tail = Arc::clone(&self.tail);
        let mut scan = Scan::new(&tail, self.known, self.anchor.end);
        loop {
            match scan.step()? {
                Step::End => return Ok(()),
                Step::Record { begin, .. } => {
                    self.places.push(begin as u32);
                    self.known = scan.at;
                }
                Step::Broken { found } => {
                    let block = self.anchor.first + self.places.len() as u64;
                    return Err(self.damage(
                        scan.at,
                        block,
                        format!("block {block}, whole"),
                        found.to_owned(),
                    ));
                }
            }
        }
    }

    /// A full segment, opened.
    fn full(&mut self, directory: &Directory, first: u64) -> Result<Arc<Full>, LedgerError> {
        if let Some(full) = self.full.iter().find(|full| full.first == first) {
            return Ok(Arc::clone(full));
        }
        let file = Arc::new(segment::open_to_read(directory, first)?);
        let index = DataFile::open(directory, &segment::index_name(first))?;
        let full = Arc::new(Full { first, file, index });
        if self.full.len() == MOST_OPEN {
            self.full.pop_front();
        }
        self.full.push_back(Arc::clone(&full));
        Ok(full)
    }

    /// Where a block is that there is.
    pub(super) fn place_of(&mut self, directory: &Directory, number: u64) -> Result<Place, LedgerError> {
        if number < self.anchor.first {
            let nth = self.firsts.partition_point(|first| *first <= number);
            let first = nth.checked_sub(1).and_then(|nth| self.firsts.get(nth)).copied().unwrap_or(0);
            return Ok(Place::Full(self.full(directory, first)?));
        }
        let nth = (number - self.anchor.first) as usize;
        if nth >= self.places.len() || self.places.len() == nth + 1 && self.known < self.anchor.end {
            self.learn_places()?;
        }
        let begin = self.places.get(nth).map_or(self.anchor.end, |place| u64::from(*place));
        let end = self.places.get(nth + 1).map_or(self.known, |place| u64::from(*place));
        Ok(Place::Tail(Arc::clone(&self.tail), begin, end))
    }
}

/// The number of a whole block after `from` that begins anywhere in these bytes.
fn later_block(bytes: &[u8], from: u64) -> Option<u64> {
    (1..bytes.len().saturating_sub(FRAME)).find_map(|at| {
        let rest = bytes.get(at..)?;
        let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
        let record = rest.get(..FRAME.checked_add(length)?)?;
        let number = u64::from_le_bytes(*record.get(FRAME + 1..)?.first_chunk()?);
        // The number first: hashing at every place would take for ever.
        let is_near = number > from && number - from <= bytes.len() as u64;
        (is_near && segment::body_of(record).is_some()).then_some(number)
    })
}
