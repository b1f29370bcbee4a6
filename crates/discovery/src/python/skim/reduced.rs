//! The reduced source while it is written, and the way back from it.

use memchr::memchr_iter;

use super::super::lines::Segment;

/// Gaps of blank lines and comments up to this length are copied along: cheaper than one more segment.
const GAP: usize = 64;

/// Pieces of the original, one after the other. Pieces that touch become one.
pub(super) struct Reduced<'a> {
    original: &'a str,
    text: &'a mut String,
    segments: &'a mut Vec<Segment>,
    /// What was kept and is not yet copied.
    pending: (usize, usize),
    /// Nothing but blank lines and comments was passed over since.
    joins: bool,
    /// An offset in the original, and its line.
    line: (usize, u32),
}

impl<'a> Reduced<'a> {
    pub(super) fn new(original: &'a str, text: &'a mut String, segments: &'a mut Vec<Segment>) -> Self {
        text.clear();
        segments.clear();
        Self { original, text, segments, pending: (0, 0), joins: true, line: (0, 1) }
    }

    /// Keeps a piece of the original, behind what was kept before.
    pub(super) fn keep(&mut self, start: usize, end: usize) -> Option<()> {
        if self.joins && start >= self.pending.1 && start - self.pending.1 <= GAP {
            self.pending.1 = end;
            return Some(());
        }
        self.flush()?;
        self.pending = (start, end);
        self.joins = true;
        Some(())
    }

    /// Writes what does not stand in the original; its place in the reduced source.
    pub(super) fn write(&mut self, text: &str) -> Option<u32> {
        self.flush()?;
        self.joins = false;
        let at = self.text.len() as u32;
        self.text.push_str(text);
        Some(at)
    }

    /// Whether no statement was kept so far.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.pending.1 == self.pending.0
    }

    /// Something is passed over that must not be copied along.
    pub(super) fn pass(&mut self) {
        self.joins = false;
    }

    /// For something in the original that is passed over: where it would stand in the reduced source, and
    /// its one-based line.
    pub(super) fn place(&mut self, original: usize) -> Option<(u32, u32)> {
        self.flush()?;
        Some((self.text.len() as u32, self.line(original)))
    }

    /// Where a byte of the piece that was kept last stands in the reduced source.
    pub(super) fn parsed(&self, original: usize) -> u32 {
        (self.text.len() + original.saturating_sub(self.pending.0)) as u32
    }

    /// One-based line of an offset that is not before any asked for so far.
    fn line(&mut self, at: usize) -> u32 {
        let (from, line) = self.line;
        let between = self.original.as_bytes().get(from..at).unwrap_or_default();
        let line = line + memchr_iter(b'\n', between).count() as u32;
        self.line = (at.max(from), line);
        line
    }

    pub(super) fn flush(&mut self) -> Option<()> {
        let (start, end) = self.pending;
        if end > start {
            let line = self.line(start);
            self.segments.push(Segment { parsed: self.text.len() as u32, original: start as u32, line });
            self.text.push_str(self.original.get(start..end)?);
        }
        self.pending = (end, end);
        Some(())
    }
}
