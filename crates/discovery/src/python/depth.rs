//! Refuses text that nests so deeply that a tree of it could exhaust the stack.
//!
//! Python has limits of its own here (200 brackets, 100 levels of indentation, and its compiler gives up on
//! chains of a few thousand operators). The parser grows its stack as it needs, but a tree is dropped
//! recursively, so what is handed to it is measured first. The measure is an upper bound on a tree's
//! height: along every path through the brackets, the number of operators and brackets around.

use super::scan::{self, Class, MAX_BRACKETS};

/// How high a tree may get.
const MAX_HEIGHT: usize = 5_000;

const TOO_HIGH: &str = "an expression is nested deeper than 5000 levels";

/// How deeply blocks may be indented.
const MAX_INDENT: usize = 100;

/// What is wrong with a text that nests too deeply, and where.
pub(super) struct TooDeep {
    pub(super) at: usize,
    pub(super) message: &'static str,
}

/// One pair of brackets, or the whole line.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Operators since the last comma.
    operators: usize,
    /// The highest bracket since the last comma.
    inner: usize,
    /// The highest element so far.
    highest: usize,
}

impl Level {
    fn height(self) -> usize {
        self.highest.max(self.operators + self.inner)
    }

    fn next_element(&mut self) {
        *self = Self { highest: self.height(), ..Self::default() };
    }
}

/// The first place at which `bytes` nests too deeply.
pub(super) fn exceeded(bytes: &[u8]) -> Option<TooDeep> {
    // Each level takes at least one byte.
    if bytes.len() < MAX_BRACKETS {
        return None;
    }
    let mut levels = vec![Level::default()];
    let mut indents = vec![0];
    let mut at = 0;
    let mut line_starts = true;
    let too_deep = |at, message| Some(TooDeep { at, message });
    loop {
        if line_starts {
            line_starts = false;
            let rest = bytes.get(at..).unwrap_or_default();
            let width = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
            if !matches!(rest.get(width), None | Some(b'\n' | b'#')) {
                while indents.last().is_some_and(|indent| *indent >= width) {
                    indents.pop();
                }
                indents.push(width);
                if indents.len() > MAX_INDENT {
                    return too_deep(at, "blocks are indented deeper than 100 levels");
                }
            }
        }
        let byte = *bytes.get(at)?;
        let outermost = levels.len() == 1;
        let level = levels.last_mut()?;
        match scan::class(byte) {
            Class::Quote => {
                // What follows a string without an end could not be measured.
                let Some(end) = scan::string(bytes, at) else {
                    return too_deep(
                        at,
                        "a string does not end, or strings are nested too deeply in its fields",
                    );
                };
                let interpolated = at
                    .checked_sub(1)
                    .and_then(|before| bytes.get(before))
                    .is_some_and(|byte| scan::is_word(*byte));
                let inner = if interpolated { fields(bytes.get(at..end).unwrap_or_default()) } else { 0 };
                level.inner = level.inner.max(inner);
                if level.height() > MAX_HEIGHT {
                    return too_deep(at, TOO_HIGH);
                }
                at = end;
                continue;
            }
            Class::Comment => {
                at = scan::line_end(bytes, at);
                continue;
            }
            Class::Open => {
                if levels.len() > MAX_BRACKETS {
                    return too_deep(at, "brackets are nested deeper than 200 levels");
                }
                levels.push(Level::default());
            }
            Class::Close => {
                let height = level.height() + 1;
                // A bracket too many is the parser's to report.
                if !outermost {
                    levels.pop();
                }
                let outer = levels.last_mut()?;
                outer.inner = outer.inner.max(height);
                // What follows may be applied to the bracket: `f()()()`.
                outer.operators += 1;
            }
            Class::Newline if outermost => {
                *level = Level::default();
                line_starts = true;
            }
            Class::Plain if byte == b',' => level.next_element(),
            Class::Plain if is_operator(bytes, at) => level.operators += 1,
            _ => {}
        }
        if levels.last().is_some_and(|level| level.height() > MAX_HEIGHT) {
            return too_deep(at, TOO_HIGH);
        }
        at += 1;
    }
}

/// Signs, dots, and the last letter of a word that takes an operand: every such word is followed by a
/// blank or a bracket, so blanks between words count.
fn is_operator(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        Some(
            b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'&' | b'|' | b'^' | b'~' | b'<' | b'>' | b'.' | b'=',
        ) => true,
        Some(byte) if scan::is_word(*byte) => {
            let rest = bytes.get(at..).unwrap_or_default();
            let starts =
                at.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|b| !scan::is_word(*b));
            starts
                && [&b"not"[..], b"lambda", b"else", b"await", b"if", b"yield", b"and", b"or", b"in", b"is"]
                    .iter()
                    .any(|word| {
                        rest.starts_with(word)
                            && rest.get(word.len()).is_none_or(|next| !scan::is_word(*next))
                    })
        }
        _ => false,
    }
}

/// An upper bound on the height of the fields of a string with a prefix, which may be an f-string.
fn fields(string: &[u8]) -> usize {
    let (mut depth, mut count, mut highest) = (0_usize, 0, 0);
    for (at, byte) in string.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            count = 0;
        } else if matches!(byte, b'(' | b'[' | b'{') || is_operator(string, at) {
            count += 1;
            highest = highest.max(count);
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::exceeded;

    fn message(source: &str) -> Option<&'static str> {
        exceeded(source.as_bytes()).map(|found| found.message)
    }

    fn blocks(levels: usize) -> String {
        let heads: Vec<_> = (0..levels).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
        heads.concat()
    }

    #[test]
    fn what_is_deep_is_refused() {
        assert!(message(&"(".repeat(100_000)).is_some_and(|message| message.contains("brackets")));
        for part in ["-", "not ", "~", "lambda: ", "x.", "1 + ", "x if y else ", "x ** ", "f()()()."] {
            assert!(message(&format!("x = {}y", part.repeat(100_000))).is_some(), "{part}");
        }
        assert!(message(&format!("f'{{{}x}}'", "-".repeat(100_000))).is_some());
        let blocks = blocks(200);
        assert!(message(&blocks).is_some_and(|message| message.contains("indented")));
        let nested = format!("{}x{}", "(".repeat(150), " + a + b + c + d + e + f + g)".repeat(150));
        assert!(message(&format!("{nested}{}", " + a".repeat(4_500))).is_some());
    }

    #[test]
    fn what_is_long_is_not() {
        assert_eq!(message(&format!("x = [{}]", "-1, ".repeat(100_000))), None);
        assert_eq!(message(&"x = -y\n".repeat(100_000)), None);
        assert_eq!(message(&format!("x = ({})", "'a-b.c' ".repeat(100_000))), None);
        assert_eq!(message(&format!("x = y{}", " + 1".repeat(1_500))), None);
        let blocks = blocks(90);
        assert_eq!(message(&format!("{blocks}x\n").repeat(20)), None);
    }
}
