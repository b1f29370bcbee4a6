//! From offsets in the text that was parsed to lines and columns of the original.
//!
//! The skimmer leaves parts of the original out; each piece that it keeps is a [`Segment`]. A text that
//! was parsed whole is one segment. Lookups come almost in source order, so the newlines between two
//! lookups are counted, not those of the whole file.

use std::cell::Cell;

use memchr::memchr_iter;
use ruff_text_size::TextSize;

use super::source;

/// A piece of the original that stands unchanged in the parsed text, up to the next piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where it starts in the parsed text.
    pub(super) parsed: u32,
    /// Where it starts in the original.
    pub(super) original: u32,
    /// One-based line of its start.
    pub(super) line: u32,
}

/// The way back to the original.
pub(super) struct Lines<'a> {
    original: &'a str,
    parsed: &'a str,
    segments: &'a [Segment],
    /// A segment's number, an offset in it, and the line of that offset.
    last: Cell<(usize, u32, u32)>,
}

/// The only segment of a text that was parsed whole.
pub(super) const WHOLE: &[Segment] = &[Segment { parsed: 0, original: 0, line: 1 }];

impl<'a> Lines<'a> {
    pub(super) fn new(original: &'a str, parsed: &'a str, segments: &'a [Segment]) -> Self {
        let line = segments.first().map_or(1, |segment| segment.line);
        Self { original, parsed, segments, last: Cell::new((0, 0, line)) }
    }

    /// One-based line of an offset in the parsed text.
    pub(super) fn line(&self, at: TextSize) -> u32 {
        let at = at.to_u32();
        let (mut number, mut from, mut line) = self.last.get();
        let starts_by = |number: usize| self.segments.get(number).is_some_and(|next| next.parsed <= at);
        if !starts_by(number) || starts_by(number + 1) {
            number = self.segments.partition_point(|segment| segment.parsed <= at).saturating_sub(1);
            if let Some(segment) = self.segments.get(number) {
                (from, line) = (segment.parsed, segment.line);
            }
        }
        let newlines = |from: u32, to: u32| {
            let text = self.parsed.as_bytes().get(from as usize..to as usize).unwrap_or_default();
            memchr_iter(b'\n', text).count() as u32
        };
        let line = if at >= from { line + newlines(from, at) } else { line - newlines(at, from) };
        self.last.set((number, at, line));
        line
    }

    /// One-based line and column, in characters, of an offset in the parsed text.
    pub(super) fn position(&self, at: TextSize) -> (u32, u32) {
        let at = at.to_u32();
        let number = self.segments.partition_point(|segment| segment.parsed <= at).saturating_sub(1);
        let original = self.segments.get(number).map_or(at, |segment| at - segment.parsed + segment.original);
        source::position(self.original.as_bytes(), original as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Segment};

    #[test]
    fn offsets_find_their_lines_in_any_order() {
        let original = "a\nleft out\nb\nc\nleft out\n\nd é e";
        let parsed = "a\nb\nc\nd é e";
        let segments = [
            Segment { parsed: 0, original: 0, line: 1 },
            Segment { parsed: 2, original: 11, line: 3 },
            Segment { parsed: 6, original: 25, line: 7 },
        ];
        let lines = Lines::new(original, parsed, &segments);
        for (at, line) in [(0, 1), (2, 3), (4, 4), (6, 7), (4, 4), (2, 3), (0, 1), (11, 7)] {
            assert_eq!(lines.line(at.into()), line, "{at}");
        }
        assert_eq!(lines.position(11.into()), (7, 5));
    }
}
