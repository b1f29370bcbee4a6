//! Which right sides of assignments are kept as their source text, without being parsed.
//!
//! Two kinds: a *closed literal*, which names nothing (`("a" "b", -1, {2: None})`), and any *display* in
//! square or curly brackets that is the whole value (`[{'url': x, 'count': int}]`). Both can be long, and
//! hardly any reader ever asks for them, so they are stored by a copy and parsed on access. Whether a value
//! is kept is decided here, from its bytes alone, for the skimmer and for the full parse alike: that is
//! what makes their facts equal.

use super::scan::{self, MAX_BRACKETS};

/// Where the value that starts at `at` ends, if it is kept as text and is the last of its line.
pub(super) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    if matches!(bytes.get(at), Some(b'[' | b'{')) {
        let found = scan::bracket(bytes, at)?;
        if !found.walrus && ends_line(bytes, found.end) {
            return Some(found.end);
        }
    }
    Closed::new(bytes, at).end()
}

/// Whether the whole of `text` is a value that is kept.
pub(super) fn is_kept(text: &str) -> bool {
    value_end(text.as_bytes(), 0) == Some(text.len())
}

/// Past blanks and continued line ends.
pub(super) fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\x0c') => at += 1,
            Some(b'\\') if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            _ => return at,
        }
    }
}

fn ends_line(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let next = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\x0c'));
    matches!(next, None | Some(b'\n' | b'#'))
}

/// What stands open around a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Top,
    Parenthesis,
    Square,
    /// `{` with nothing decided yet, then a set, or a dictionary at a key or at a value.
    Curly,
    Set,
    Key,
    Value,
}

/// What the last token was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing, or `:`: an operand must follow.
    Start,
    /// An opening bracket or a comma: an operand or the closing bracket may follow.
    Separator,
    /// `-`: a number must follow.
    Minus,
    /// A string (true for bytes): another may follow.
    String(bool),
    /// Any other operand.
    Operand,
}

/// Reads a closed literal token by token, and gives up at the first that does not belong to one.
struct Closed<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: [Frame; MAX_BRACKETS],
    depth: usize,
    frame: Frame,
    last: Last,
}

impl<'a> Closed<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, stack: [Frame::Top; MAX_BRACKETS], depth: 0, frame: Frame::Top, last: Last::Start }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn end(mut self) -> Option<usize> {
        let mut end = self.at;
        loop {
            self.skip_space();
            let Some(byte) = self.peek().filter(|byte| self.depth > 0 || !matches!(byte, b'\n' | b'#'))
            else {
                let complete = self.depth == 0
                    && match self.last {
                        // After a separator: a trailing comma makes a tuple.
                        Last::String(_) | Last::Operand | Last::Separator => true,
                        Last::Start | Last::Minus => false,
                    };
                return complete.then_some(end);
            };
            self.token(byte)?;
            end = self.at;
        }
    }

    fn skip_space(&mut self) {
        loop {
            self.at = skip_blanks(self.bytes, self.at);
            match self.peek() {
                Some(b'\n') if self.depth > 0 => self.at += 1,
                Some(b'#') if self.depth > 0 => self.at = scan::line_end(self.bytes, self.at),
                _ => return,
            }
        }
    }

    fn token(&mut self, byte: u8) -> Option<()> {
        match byte {
            b'\'' | b'"' => self.string(self.at, false),
            b',' => self.comma(),
            b':' => self.colon(),
            b'(' => self.open(Frame::Parenthesis),
            b'[' => self.open(Frame::Square),
            b'{' => self.open(Frame::Curly),
            b')' | b']' | b'}' => self.close(byte),
            b'-' if self.expects() => {
                self.at += 1;
                self.last = Last::Minus;
                Some(())
            }
            b'.' if self.bytes.get(self.at..)?.starts_with(b"...") => self.operand(3),
            b'.' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    /// Whether any operand may follow.
    fn expects(&self) -> bool {
        matches!(self.last, Last::Start | Last::Separator)
    }

    fn operand(&mut self, length: usize) -> Option<()> {
        if !self.expects() {
            return None;
        }
        self.at += length;
        self.last = Last::Operand;
        Some(())
    }

    fn string(&mut self, quote: usize, is_bytes: bool) -> Option<()> {
        if !self.expects() && self.last != Last::String(is_bytes) {
            return None;
        }
        self.at = scan::string(self.bytes, quote)?;
        self.last = Last::String(is_bytes);
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().take(6).position(|byte| !scan::is_word(*byte)).unwrap_or(rest.len().min(6));
        let word = rest.get(..length)?;
        if let Some(b'\'' | b'"') = rest.get(length) {
            let is_bytes = match word {
                [b'r' | b'R' | b'u' | b'U'] => false,
                [b'b' | b'B'] | [b'b' | b'B', b'r' | b'R'] | [b'r' | b'R', b'b' | b'B'] => true,
                _ => return None,
            };
            return self.string(self.at + length, is_bytes);
        }
        if matches!(word, b"True" | b"False" | b"None") { self.operand(length) } else { None }
    }

    fn number(&mut self) -> Option<()> {
        if !self.expects() && self.last != Last::Minus {
            return None;
        }
        let length = number_length(self.bytes.get(self.at..)?)?;
        self.at += length;
        self.last = Last::Operand;
        Some(())
    }

    fn comma(&mut self) -> Option<()> {
        if !matches!(self.last, Last::Operand | Last::String(_)) {
            return None;
        }
        self.frame = match self.frame {
            Frame::Curly => Frame::Set,
            Frame::Value => Frame::Key,
            Frame::Key => return None,
            other => other,
        };
        self.at += 1;
        self.last = Last::Separator;
        Some(())
    }

    fn colon(&mut self) -> Option<()> {
        let after_key = matches!(self.last, Last::Operand | Last::String(_));
        if !after_key || !matches!(self.frame, Frame::Curly | Frame::Key) {
            return None;
        }
        self.frame = Frame::Value;
        self.at += 1;
        self.last = Last::Start;
        Some(())
    }

    fn open(&mut self, frame: Frame) -> Option<()> {
        if !self.expects() {
            return None;
        }
        *self.stack.get_mut(self.depth)? = self.frame;
        self.depth += 1;
        self.frame = frame;
        self.at += 1;
        self.last = Last::Separator;
        Some(())
    }

    fn close(&mut self, byte: u8) -> Option<()> {
        let after_operand = matches!(self.last, Last::Operand | Last::String(_));
        let may_close = after_operand || self.last == Last::Separator;
        let matches = match self.frame {
            Frame::Top => false,
            Frame::Parenthesis => byte == b')',
            Frame::Square => byte == b']',
            Frame::Curly | Frame::Set => byte == b'}',
            Frame::Key => byte == b'}' && !after_operand,
            Frame::Value => byte == b'}' && after_operand,
        };
        if !may_close || !matches {
            return None;
        }
        self.depth = self.depth.checked_sub(1)?;
        self.frame = *self.stack.get(self.depth)?;
        self.at += 1;
        self.last = Last::Operand;
        Some(())
    }
}

/// The length of the number at the start of `bytes`, if nothing is stuck to its end.
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'_').unwrap_or(rest.len())
    };
    let mut at;
    if let [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..] = bytes {
        let rest = bytes.get(2..)?;
        at = 2 + rest.iter().position(|b| !b.is_ascii_hexdigit() && *b != b'_').unwrap_or(rest.len());
    } else {
        at = digits(0);
        if bytes.get(at) == Some(&b'.') {
            at = digits(at + 1);
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            bytes.get(at + 1 + sign).filter(|byte| byte.is_ascii_digit())?;
            at = digits(at + 1 + sign);
        }
        if let Some(b'j' | b'J') = bytes.get(at) {
            at += 1;
        }
    }
    let stuck = bytes.get(at).is_some_and(|byte| scan::is_word(*byte) || *byte == b'.');
    (!stuck && bytes.get(..at)?.iter().any(u8::is_ascii_digit)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::is_kept;

    #[test]
    fn closed_literals_are_kept() {
        for text in [
            "1",
            "-1",
            "1.5e-3",
            ".5",
            "0x1F",
            "1_000",
            "2j",
            "'a'",
            "'a' 'b'",
            "b'a' rb'b'",
            "()",
            "(1)",
            "(1,)",
            "1, 2",
            "1,",
            "[]",
            "{}",
            "{1}",
            "{1: 2,}",
            "{'a': [-1, (None, True)]}",
            "...",
            "(\n'a' # c\n'b'\n)",
            "'a' \\\n'b'",
            "u'x'",
        ] {
            assert!(is_kept(text), "{text}");
        }
    }

    #[test]
    fn displays_are_kept_whatever_they_name() {
        for text in ["[int, f(x)]", "{'a': b}", "[x for x in y]", "{**a}", "[f'{x}]']"] {
            assert!(is_kept(text), "{text}");
        }
    }

    #[test]
    fn other_values_are_not() {
        for text in [
            "x",
            "f'a'",
            "1 + 2",
            "+1",
            "--1",
            "-(1)",
            "'a'.join",
            "'a' % 1",
            "(a,)",
            "[1] + x",
            "[y := 1]",
            "(1 2)",
            "(,)",
            "1if x",
            "1.real",
            "1.0.real",
            "({1: 2, 3})",
            "({1, 2: 3})",
            "({1:})",
            "'a' b'b'",
            "not 1",
            "'a' f'b'",
            "1 if x else 2",
            "[1][0]",
            "",
            "-",
            "Nonesuch",
            "0xg",
            "1_000.x",
            "t'a'",
            "lambda: 1",
            "((1)",
            "[1]]",
        ] {
            assert!(!is_kept(text), "{text}");
        }
    }
}
