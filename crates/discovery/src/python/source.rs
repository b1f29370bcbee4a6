//! From a file's bytes to the text that Python would read.
//!
//! Python decides the encoding from a byte order mark or from a coding cookie in the first two lines
//! (PEP 263), and reads `\r\n` and `\r` as `\n`. Both happen here once, so that everything behind works
//! on text with one kind of newline. Text that is plain UTF-8 is borrowed, not copied.

use std::borrow::Cow;

use encoding_rs::Encoding;
use memchr::{memchr, memchr_iter, memchr2, memrchr};

use crate::plugin::Problem;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Decodes a source file as Python does.
///
/// # Errors
/// A NUL byte, an unknown encoding, bytes that the encoding does not allow, or a file of 4 GiB and more.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(whole_file("the file is larger than 4 GiB"));
    }
    let (bytes, has_mark) = match bytes.strip_prefix(BOM) {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    if let Some(at) = memchr(0, bytes) {
        return Err(at_byte(bytes, at, "the source contains a NUL byte"));
    }
    let text = match cookie(bytes) {
        None => utf8(bytes)?,
        Some((line, name)) => {
            let encoding = name.to_ascii_lowercase().replace('_', "-");
            if is_utf8(&encoding) {
                utf8(bytes)?
            } else if has_mark {
                return Err(on_line(
                    line,
                    &format!("the coding cookie says {name}, the byte order mark UTF-8"),
                ));
            } else {
                other(bytes, &encoding)
                    .ok_or_else(|| on_line(line, &format!("unknown or unusable source encoding {name}")))??
            }
        }
    };
    Ok(if memchr(b'\r', text.as_bytes()).is_some() { Cow::Owned(universal_newlines(&text)) } else { text })
}

/// The encoding that a source file names in a coding cookie, as it is written there.
pub(crate) fn named_encoding(bytes: &[u8]) -> Option<&str> {
    cookie(bytes.strip_prefix(BOM).unwrap_or(bytes)).map(|(_, name)| name)
}

/// Line and column, both one-based, the column in characters, of a byte of `text`.
pub(super) fn position(text: &[u8], at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = memchr_iter(b'\n', before).count() + 1;
    let start = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    // Bytes that continue a UTF-8 character do not count.
    let column = before.iter().skip(start).filter(|byte| (**byte & 0xC0) != 0x80).count() + 1;
    (line as u32, column as u32)
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            Err(at_byte(bytes, error.valid_up_to(), "the source is not UTF-8 and names no encoding"))
        }
    }
}

fn is_utf8(name: &str) -> bool {
    matches!(name, "utf-8" | "utf8" | "u8" | "utf" | "cp65001") || name.starts_with("utf-8-")
}

/// `None`: no such encoding.
fn other<'a>(bytes: &'a [u8], name: &str) -> Option<Result<Cow<'a, str>, Problem>> {
    let is =
        |wanted: &str| name == wanted || name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('-'));
    // The web's labels mean Windows-1252 by these two names; Python means what they say.
    if is("latin-1") || is("iso-8859-1") || is("iso-latin-1") || matches!(name, "latin1" | "l1" | "iso8859-1")
    {
        return Some(Ok(Cow::Owned(bytes.iter().copied().map(char::from).collect())));
    }
    if matches!(name, "ascii" | "us-ascii" | "646") {
        return Some(match bytes.iter().position(|byte| !byte.is_ascii()) {
            Some(at) => Err(at_byte(bytes, at, "the source is not ASCII, as its coding cookie says")),
            None => utf8(bytes),
        });
    }
    let encoding = Encoding::for_label(name.as_bytes())
        .or_else(|| Encoding::for_label(name.replace("iso8859-", "iso-8859-").as_bytes()))
        .or_else(|| Encoding::for_label(name.replace('-', "_").as_bytes()))
        .filter(|encoding| encoding.is_ascii_compatible() && *encoding != encoding_rs::X_USER_DEFINED)?;
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    Some(text.ok_or_else(|| whole_file(&format!("the source is not {name}, as its coding cookie says"))))
}

/// The encoding that a comment in the first two lines names, and the line.
fn cookie(bytes: &[u8]) -> Option<(u32, &str)> {
    let mut rest = bytes;
    for line in 1..=2 {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (current, after) = rest.split_at_checked(end)?;
        let code = current.trim_ascii_start();
        if !code.is_empty() && !code.starts_with(b"#") {
            return None;
        }
        if let Some(name) = cookie_in(code) {
            return Some((line, name));
        }
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..))?;
    }
    None
}

/// `coding[:=][ \t]*([-_.a-zA-Z0-9]+)`
fn cookie_in(comment: &[u8]) -> Option<&str> {
    let mut rest = comment;
    while let Some(at) = memchr::memmem::find(rest, b"coding") {
        rest = rest.get(at + b"coding".len()..)?;
        let Some(value) = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"=")) else { continue };
        let value = value.get(value.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?..)?;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let length = value.iter().position(|byte| !is_part(byte)).unwrap_or(value.len());
        if length > 0 {
            return std::str::from_utf8(value.get(..length)?).ok();
        }
    }
    None
}

fn universal_newlines(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\r', rest.as_bytes()) {
        let (before, after) = rest.split_at(at);
        result.push_str(before);
        result.push('\n');
        rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\r')).unwrap_or_default();
    }
    result.push_str(rest);
    result
}

fn at_byte(bytes: &[u8], at: usize, message: &str) -> Problem {
    let (line, column) = position(bytes, at);
    Problem { file: String::new(), line, column, message: message.to_owned() }
}

fn on_line(line: u32, message: &str) -> Problem {
    Problem { file: String::new(), line, column: 0, message: message.to_owned() }
}

fn whole_file(message: &str) -> Problem {
    on_line(0, message)
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn text(bytes: &[u8]) -> String {
        decode(bytes).expect("decodes").into_owned()
    }

    fn message(bytes: &[u8]) -> (u32, u32, String) {
        let problem = decode(bytes).expect_err("does not decode");
        (problem.line, problem.column, problem.message)
    }

    #[test]
    fn newlines_become_one_kind_and_the_mark_goes() {
        assert_eq!(text(b"\xef\xbb\xbfa\r\nb\rc\n"), "a\nb\nc\n");
    }

    #[test]
    fn cookies_are_read_in_the_first_two_lines_only() {
        assert_eq!(text(b"# -*- coding: latin-1 -*-\nx = '\xe9'"), "# -*- coding: latin-1 -*-\nx = '\u{e9}'");
        assert_eq!(
            text(b"#!/bin/sh\n# vim: set fileencoding=cp1251 :\n'\xe0'").chars().nth_back(1),
            Some('\u{430}')
        );
        assert_eq!(message(b"x = 1\n# coding: latin-1\n'\xe9'").0, 3);
        assert_eq!(message(b"\n\n# coding: latin-1\n'\xe9'").0, 4);
    }

    #[test]
    fn latin_1_is_not_windows_1252() {
        assert_eq!(text(b"# coding: iso-8859-1\n\x80").chars().next_back(), Some('\u{80}'));
        assert_eq!(text(b"# coding: iso8859-15\n\xa4").chars().next_back(), Some('\u{20ac}'));
    }

    #[test]
    fn what_cannot_be_decoded_is_a_problem_with_its_place() {
        assert_eq!(message(b"x = 1\ny = '\xff'").0, 2);
        assert_eq!(message(b"x\0").1, 2);
        assert_eq!(message(b"# coding: klingon\n").0, 1);
        assert_eq!(message(b"# coding: ascii\n#\xc3\xa9").0, 2);
        assert_eq!(message(b"\xef\xbb\xbf# coding: latin-1\n").0, 1);
        assert!(message(b"# coding: utf-16\n").2.contains("utf-16"));
    }
}
