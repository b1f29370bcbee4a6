//! Python's idea of text: which characters end a line, which are white space, how file text is read.
//!
//! Rust and Python agree on nearly all of it, and an answer that is to be equal needs the rest: the four
//! information separators (U+001C to U+001F) are white space for Python only, `str.splitlines` knows ten
//! line ends, and reading a file in text mode knows three.

/// `str.isspace` for one character.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.splitlines()`, without the line ends.
pub(crate) fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    // Nearly every file is of this kind, and its line ends are found many times faster.
    let is_plain = text.bytes().all(|byte| matches!(byte, b'\n' | b'\t' | b' '..=b'~'));
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if is_plain {
            let (line, after) = rest.split_at(memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len()));
            rest = after.strip_prefix('\n').unwrap_or_default();
            return Some(line);
        }
        let Some((at, end)) = rest.char_indices().find(|(_, c)| is_line_end(*c)) else {
            return Some(std::mem::take(&mut rest));
        };
        let (line, tail) = rest.split_at(at);
        rest = match (end, tail.strip_prefix("\r\n")) {
            ('\r', Some(after)) => after,
            _ => tail.strip_prefix(end).unwrap_or_default(),
        };
        Some(line)
    })
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{0b}' | '\u{0c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        let lines: Vec<_> = split_lines("a\r\nb\rc\n\nd\u{2028}e\u{1c}f\u{0c}").collect();
        assert_eq!(lines, ["a", "b", "c", "", "d", "e", "f"]);
        assert_eq!(split_lines("a\n\nb\n").collect::<Vec<_>>(), ["a", "", "b"]);
        assert_eq!(split_lines("").count(), 0);
        assert_eq!(split_lines("\n").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn the_information_separators_are_white_space() {
        assert_eq!(strip("\u{1f} a \u{a0}\u{3000}"), "a");
        assert_eq!(strip("\u{feff}a"), "\u{feff}a");
    }
}
