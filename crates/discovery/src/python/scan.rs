//! Steps over the tokens of Python that can hide others: strings, brackets, comments.
//!
//! Everything here works on bytes of text that is known to be UTF-8, and answers "where does it end".
//! `None` means that it does not end, or not in a way that is understood here: the caller then leaves
//! the whole file to the parser, which is the judge of what is an error.

use memchr::{memchr, memchr2, memchr3};

/// How deeply brackets may nest; Python's own tokenizer has the same limit.
pub(super) const MAX_BRACKETS: usize = 200;

/// How deeply f-strings may nest in each other's fields.
const MAX_STRINGS: u32 = 16;

/// What a byte means to a scan that looks for the end of something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing.
    Plain,
    /// `'` or `"`.
    Quote,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// `#`.
    Comment,
    /// `\n`.
    Newline,
    /// `\`.
    Backslash,
    /// `:`, which matters in `:=` and at the end of a block's head.
    Colon,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    classes[b'\'' as usize] = Class::Quote;
    classes[b'"' as usize] = Class::Quote;
    classes[b'(' as usize] = Class::Open;
    classes[b'[' as usize] = Class::Open;
    classes[b'{' as usize] = Class::Open;
    classes[b')' as usize] = Class::Close;
    classes[b']' as usize] = Class::Close;
    classes[b'}' as usize] = Class::Close;
    classes[b'#' as usize] = Class::Comment;
    classes[b'\n' as usize] = Class::Newline;
    classes[b'\\' as usize] = Class::Backslash;
    classes[b':' as usize] = Class::Colon;
    classes
};

/// The class of a byte.
#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte is always below 256")]
pub(super) fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// Whether a byte can be part of a name or a number.
#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte is always below 256")]
pub(super) fn is_word(byte: u8) -> bool {
    WORDS[usize::from(byte)]
}

static WORDS: [bool; 256] = {
    let mut words = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        words[byte] = byte >= 0x80 || (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    words
};

#[inline]
fn skip_plain(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| class(*byte) != Class::Plain).unwrap_or(rest.len())
}

/// Past the blanks at the start of a line, eight at a time.
#[inline]
fn skip_indent(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at..).is_some_and(|rest| rest.starts_with(b"        ")) {
        at += 8;
    }
    at
}

/// A pair of brackets, found by its opening one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bracket {
    /// Past the closing bracket.
    pub(super) end: usize,
    /// It holds a `:=`, which may bind a name outside.
    pub(super) walrus: bool,
}

/// Finds the bracket that closes the one at `open`.
pub(super) fn bracket(bytes: &[u8], open: usize) -> Option<Bracket> {
    bracket_within(bytes, open, 0)
}

fn bracket_within(bytes: &[u8], open: usize, strings: u32) -> Option<Bracket> {
    let mut stack = Stack::default();
    let mut walrus = false;
    let mut at = open;
    loop {
        let byte = *bytes.get(at)?;
        match class(byte) {
            Class::Plain => at = skip_plain(bytes, at + 1),
            Class::Newline => at = skip_indent(bytes, at + 1),
            Class::Backslash => at += 1,
            Class::Quote => at = string_within(bytes, at, strings)?,
            Class::Open => {
                stack.push(byte)?;
                at += 1;
            }
            Class::Close => {
                at += 1;
                if stack.pop(byte)? == 0 {
                    return Some(Bracket { end: at, walrus });
                }
            }
            Class::Comment => at = line_end(bytes, at),
            Class::Colon => {
                at += 1;
                walrus |= bytes.get(at) == Some(&b'=');
            }
        }
    }
}

/// The open brackets around a place, two bits each.
#[derive(Default)]
struct Stack {
    bits: [u64; MAX_BRACKETS.div_ceil(32)],
    depth: usize,
}

impl Stack {
    /// `None`: too deep.
    #[inline]
    fn push(&mut self, open: u8) -> Option<()> {
        if self.depth >= MAX_BRACKETS {
            return None;
        }
        let shift = self.depth % 32 * 2;
        let bits = self.bits.get_mut(self.depth / 32)?;
        *bits = *bits & !(3 << shift) | kind(open) << shift;
        self.depth += 1;
        Some(())
    }

    /// The depth that is left; `None` if another bracket was open, or none.
    #[inline]
    fn pop(&mut self, close: u8) -> Option<usize> {
        self.depth = self.depth.checked_sub(1)?;
        let open = *self.bits.get(self.depth / 32)? >> (self.depth % 32 * 2) & 3;
        (open == kind(close)).then_some(self.depth)
    }
}

/// Round, square or curly: the two high bits that tell brackets apart.
#[inline]
fn kind(bracket: u8) -> u64 {
    u64::from(bracket >> 5)
}

/// A statement up to the newline that ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogicalLine {
    /// Past the newline, or at the end of the text.
    pub(super) end: usize,
    /// It ends with a colon: a block must follow.
    pub(super) opens_block: bool,
}

/// Finds the end of the logical line of which `start` is a part outside of brackets and strings.
#[inline]
pub(super) fn logical_line(bytes: &[u8], start: usize) -> Option<LogicalLine> {
    let mut at = start;
    // Past the last byte that means anything.
    let code_end = loop {
        let Some(byte) = bytes.get(at) else { break at };
        match class(*byte) {
            Class::Plain | Class::Colon => at = skip_plain(bytes, at + 1),
            Class::Quote => at = string_within(bytes, at, 0)?,
            Class::Open => at = bracket_within(bytes, at, 0)?.end,
            Class::Newline => break at,
            Class::Comment => {
                let code_end = at;
                at = line_end(bytes, at);
                break code_end;
            }
            Class::Backslash if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            Class::Backslash | Class::Close => return None,
        }
    };
    let code = bytes.get(start..code_end)?;
    let opens_block = code.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t')) == Some(&b':');
    Some(LogicalLine { end: (at + 1).min(bytes.len()), opens_block })
}

/// The end of the line that holds `at`: its newline, or the end of the text.
#[inline]
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(bytes.len(), |length| at + length)
}

/// Past the string whose opening quote is at `quote`. Its prefix is read from what stands before.
pub(super) fn string(bytes: &[u8], quote: usize) -> Option<usize> {
    string_within(bytes, quote, 0)
}

fn string_within(bytes: &[u8], at: usize, strings: u32) -> Option<usize> {
    let quote = *bytes.get(at)?;
    let triple = bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote);
    if !triple && at.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|byte| !is_word(*byte)) {
        return single_quoted(bytes, at + 1, quote);
    }
    let start = at + if triple { 3 } else { 1 };
    match prefix(bytes, at) {
        Prefix { interpolated: true, raw } => interpolated(bytes, start, quote, triple, raw, strings),
        _ if triple => triple_quoted(bytes, start, quote),
        _ => single_quoted(bytes, start, quote),
    }
}

struct Prefix {
    interpolated: bool,
    raw: bool,
}

/// The letters before a quote, if they are a string prefix and not the end of a longer word.
#[inline]
fn prefix(bytes: &[u8], quote: usize) -> Prefix {
    let none = Prefix { interpolated: false, raw: false };
    let back = |distance: usize| quote.checked_sub(distance).and_then(|at| bytes.get(at)).copied();
    let Some(last) = back(1).filter(|byte| is_word(*byte)) else { return none };
    let last = last | 0x20;
    match back(2).filter(|byte| is_word(*byte)) {
        None => Prefix { interpolated: matches!(last, b'f' | b't'), raw: last == b'r' },
        Some(first) => {
            let raw = last == b'r' || first | 0x20 == b'r';
            let letter = if last == b'r' { first | 0x20 } else { last };
            let longer = back(3).is_some_and(is_word);
            Prefix { interpolated: raw && !longer && matches!(letter, b'f' | b't'), raw }
        }
    }
}

/// The high bit of the first byte of `word` that equals `byte` is the lowest bit that is set; none is, if no
/// byte does.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let difference = word ^ (ONES * u64::from(byte));
    difference.wrapping_sub(ONES) & !difference & (ONES << 7)
}

#[inline]
fn single_quoted(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start;
    // Most strings are short: a search of its own costs more than looking at a few words.
    for _ in 0..4 {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else { break };
        let word = u64::from_le_bytes(*word);
        let found = equal(word, quote) | equal(word, b'\\') | equal(word, b'\n');
        if found != 0 {
            at += found.trailing_zeros() as usize / 8;
            break;
        }
        at += 8;
    }
    loop {
        match *bytes.get(at)? {
            byte if byte == quote => return Some(at + 1),
            b'\\' => at += 2,
            b'\n' => return None,
            _ => {}
        }
        at += memchr3(quote, b'\\', b'\n', bytes.get(at..)?)?;
    }
}

fn triple_quoted(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr2(quote, b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'\\') {
            at += 2;
        } else if bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote) {
            return Some(at + 3);
        } else {
            at += 1;
        }
    }
}

/// An f-string or t-string: text with fields, in which any expression may stand, strings included.
fn interpolated(
    bytes: &[u8],
    start: usize,
    quote: u8,
    triple: bool,
    raw: bool,
    strings: u32,
) -> Option<usize> {
    if strings >= MAX_STRINGS {
        return None;
    }
    let text = Interpolated { bytes, quote, triple, raw, strings };
    let mut at = start;
    loop {
        match *bytes.get(at)? {
            b'\\' => at = text.escape(at)?,
            b'\n' if !triple => return None,
            b'{' if bytes.get(at + 1) == Some(&b'{') => at += 2,
            b'{' => at = text.field(at + 1, 0)?,
            byte if byte == quote => match text.closing(at) {
                Some(end) => return Some(end),
                None => at += 1,
            },
            _ => at += 1,
        }
    }
}

struct Interpolated<'a> {
    bytes: &'a [u8],
    quote: u8,
    triple: bool,
    raw: bool,
    strings: u32,
}

impl Interpolated<'_> {
    /// Past the closing quotes at `at`, where a quote stands.
    fn closing(&self, at: usize) -> Option<usize> {
        let next = |distance| self.bytes.get(at + distance) == Some(&self.quote);
        if !self.triple {
            Some(at + 1)
        } else if next(1) && next(2) {
            Some(at + 3)
        } else {
            None
        }
    }

    /// Past the backslash at `at` and what it escapes. A brace is not escaped by it, a quote is even in
    /// raw text, and `\N{…}` is one character.
    fn escape(&self, at: usize) -> Option<usize> {
        match self.bytes.get(at + 1)? {
            b'{' | b'}' => Some(at + 1),
            b'N' if !self.raw && self.bytes.get(at + 2) == Some(&b'{') => {
                Some(at + memchr(b'}', self.bytes.get(at..)?)? + 1)
            }
            _ => Some(at + 2),
        }
    }

    /// Past the `}` of the field whose expression starts at `start`.
    fn field(&self, start: usize, depth: u32) -> Option<usize> {
        if depth > 4 {
            return None;
        }
        let mut at = start;
        loop {
            match *self.bytes.get(at)? {
                b'}' => return Some(at + 1),
                b'!' if self.bytes.get(at + 1) == Some(&b'=') => at += 2,
                b':' => return self.format_spec(at + 1, depth),
                b'#' => at = line_end(self.bytes, at),
                byte => match class(byte) {
                    Class::Quote => at = string_within(self.bytes, at, self.strings + 1)?,
                    Class::Open => at = bracket_within(self.bytes, at, self.strings + 1)?.end,
                    Class::Close => return None,
                    _ => at += 1,
                },
            }
        }
    }

    /// Past the `}` of the field whose format specification starts at `start`.
    fn format_spec(&self, start: usize, depth: u32) -> Option<usize> {
        let mut at = start;
        loop {
            match *self.bytes.get(at)? {
                b'}' => return Some(at + 1),
                b'{' => at = self.field(at + 1, depth + 1)?,
                b'\\' => at = self.escape(at)?,
                b'\n' if !self.triple => return None,
                byte if byte == self.quote && self.closing(at).is_some() => return None,
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bracket, string};

    /// The string after its prefix of `prefix` letters, and what is left.
    fn rest(source: &str, quote: usize) -> Option<&str> {
        string(source.as_bytes(), quote).map(|end| &source[end..])
    }

    #[test]
    fn strings_end_where_python_ends_them() {
        assert_eq!(rest("'a' b", 0), Some(" b"));
        assert_eq!(rest("'' b", 0), Some(" b"));
        assert_eq!(rest(r"'\'' b", 0), Some(" b"));
        assert_eq!(rest(r"r'\' b'", 1), Some(""));
        assert_eq!(rest("'''a'b''c\\''''x", 0), Some("x"));
        assert_eq!(rest("'a\nb'", 0), None);
        assert_eq!(rest("'a\\\nb' c", 0), Some(" c"));
        assert_eq!(rest("'a", 0), None);
    }

    #[test]
    fn fields_hold_strings_of_the_same_quote() {
        assert_eq!(rest("f'{x['a']}' b", 1), Some(" b"));
        assert_eq!(rest("rf'\\{x['}']}' b", 2), Some(" b"));
        assert_eq!(rest("f'{{' b}'", 1), Some(" b}'"));
        assert_eq!(rest("f'{x:{y}>{w}}' b", 1), Some(" b"));
        assert_eq!(rest("f'{x!r:>10}' b", 1), Some(" b"));
        assert_eq!(rest("f'{x != '}'}' b", 1), Some(" b"));
        assert_eq!(rest("f'\\N{RIGHT CURLY BRACKET}' b", 1), Some(" b"));
        assert_eq!(rest("f'{f'{f'{1}'}'}' b", 1), Some(" b"));
        assert_eq!(rest("f'''{\nx # }\n}''' b", 1), Some(" b"));
        assert_eq!(rest("if'{' b", 2), Some(" b"));
        assert_eq!(rest("'{' b", 0), Some(" b"));
    }

    #[test]
    fn brackets_match_by_kind_and_see_a_walrus() {
        let found = |source: &str| bracket(source.as_bytes(), 0);
        assert_eq!(found("(a, '[', # ]\n b)").map(|b| b.end), Some(16));
        assert_eq!(found("[(])"), None);
        assert_eq!(found("[1"), None);
        assert!(found("[x := 1]").is_some_and(|b| b.walrus));
        assert!(found("[':=']").is_some_and(|b| !b.walrus));
        assert!(found(&format!("{}{}", "(".repeat(200), ")".repeat(200))).is_some());
        assert_eq!(found(&format!("{}{}", "(".repeat(201), ")".repeat(201))), None);
    }
}
