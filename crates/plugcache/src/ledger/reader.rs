//! Reading blocks: one by its number, or many in order.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use plugcache_cache::fs::DataFile;

use super::{
    Block, LedgerError, Shared,
    segment::{self, Scan, Step},
    state::{Full, Place},
    verify::Damage,
};

/// Blocks that a walk reads before it gives them out.
const AHEAD: usize = 1_024;

impl Shared {
    /// Reads a block that there is from its file.
    pub(super) fn read(&self, number: u64) -> Result<Block, LedgerError> {
        let place = self.state()?.place_of(&self.directory, number)?;
        match place {
            Place::Tail(file, begin, end) => {
                read_at(&file, begin, end, number)?.ok_or_else(|| wrong(&file, begin, number, "other bytes"))
            }
            Place::Full(full) => full.read(number),
        }
    }
}

impl Full {
    /// Reads a block. The table only says what the segment says too: where it is gone or wrong, the segment is gone
    /// through.
    fn read(&self, number: u64) -> Result<Block, LedgerError> {
        if let Some((begin, end)) = self.in_table(number)?
            && let Some(block) = read_at(&self.file, begin, end, number)?
        {
            return Ok(block);
        }
        let (begin, end) = find(&self.file, self.first, number)?;
        read_at(&self.file, begin, end, number)?
            .ok_or_else(|| wrong(&self.file, begin, number, "other bytes"))
    }

    /// Where a block begins.
    fn begin_of(&self, number: u64) -> Result<u64, LedgerError> {
        match self.in_table(number)? {
            Some((begin, _)) if number_at(&self.file, begin)? == Some(number) => Ok(begin),
            _ => Ok(find(&self.file, self.first, number)?.0),
        }
    }

    fn in_table(&self, number: u64) -> Result<Option<(u64, u64)>, LedgerError> {
        self.index.as_ref().map_or(Ok(None), |index| segment::place_of(index, number - self.first))
    }
}

/// The number that a block has which begins here, if one does.
fn number_at(file: &DataFile, begin: u64) -> Result<Option<u64>, LedgerError> {
    let mut word = [0; 8];
    let read = file.read_at(&mut word, begin + segment::FRAME as u64 + 1)?;
    Ok((read == 8).then_some(u64::from_le_bytes(word)))
}

fn wrong(file: &DataFile, offset: u64, number: u64, found: &str) -> LedgerError {
    let (expected, found) = (format!("block {number}, whole"), found.to_owned());
    Damage { file: file.path().to_owned(), offset, block: Some(number), expected, found }.into()
}

/// The block that is there, if it is whole and has that number.
fn read_at(file: &DataFile, begin: u64, end: u64, number: u64) -> Result<Option<Block>, LedgerError> {
    let mut record = vec![0; end.saturating_sub(begin) as usize];
    let read = file.read_at(&mut record, begin)?;
    let whole = record.get(..read).and_then(segment::body_of);
    Ok(whole.and_then(|(body, _)| Block::decode(body)).filter(|block| block.number == number))
}

/// Looks for a block from its segment's begin on.
fn find(file: &DataFile, first: u64, number: u64) -> Result<(u64, u64), LedgerError> {
    let mut scan = Scan::new(file, segment::HEADER as u64, file.size()?);
    for at in first..=number {
        match scan.step()? {
            Step::Record { begin, .. } if at == number => return Ok((begin, scan.at)),
            Step::Record { .. } => {}
            Step::End => return Err(wrong(file, scan.at, at, "the file's end")),
            Step::Broken { found } => return Err(wrong(file, scan.at, at, found)),
        }
    }
    Err(wrong(file, scan.at, number, "the file's end"))
}

/// Blocks in order. Made by [`Ledger::blocks`](super::Ledger::blocks). Ends after an error.
pub struct Blocks {
    shared: Arc<Shared>,
    rest: Range<u64>,
    /// File, offset and end of the next block, while it is in the segment of the last one.
    next: Option<(Arc<DataFile>, u64, u64)>,
    ready: VecDeque<Arc<Block>>,
}

impl Blocks {
    pub(super) fn new(shared: Arc<Shared>, rest: Range<u64>) -> Self {
        Self { shared, rest, next: None, ready: VecDeque::new() }
    }

    fn read_ahead(&mut self) -> Result<(), LedgerError> {
        let number = self.rest.start;
        let (file, begin, end) = match self.next.take() {
            Some(next) => next,
            None => self.seek(number)?,
        };
        let mut scan = Scan::new(&file, begin, end);
        for number in self.rest.clone().take(AHEAD) {
            match scan.step()? {
                Step::Record { begin, length, .. } => {
                    let block =
                        Block::decode(scan.body(begin, length)).filter(|block| block.number == number);
                    let block = block.ok_or_else(|| wrong(&file, begin, number, "another block"))?;
                    self.ready.push_back(Arc::new(block));
                }
                Step::End if !self.ready.is_empty() => return Ok(()),
                Step::End => return Err(wrong(&file, scan.at, number, "the file's end")),
                Step::Broken { found } => return Err(wrong(&file, scan.at, number, found)),
            }
        }
        let at = scan.at;
        if at < end {
            self.next = Some((file, at, end));
        }
        Ok(())
    }

    fn seek(&self, number: u64) -> Result<(Arc<DataFile>, u64, u64), LedgerError> {
        let mut state = self.shared.state()?;
        let end = state.anchor().end;
        match state.place_of(&self.shared.directory, number)? {
            Place::Tail(file, begin, _) => Ok((file, begin, end)),
            Place::Full(full) => {
                let (begin, size) = (full.begin_of(number)?, full.file.size()?);
                Ok((Arc::clone(&full.file), begin, size))
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Arc<Block>, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        if self.ready.is_empty()
            && let Err(error) = self.read_ahead()
            && self.ready.is_empty()
        {
            self.rest = 0..0;
            return Some(Err(error));
        }
        self.rest.start += 1;
        self.ready.pop_front().map(Ok)
    }
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocks").field("rest", &self.rest).finish_non_exhaustive()
    }
}
