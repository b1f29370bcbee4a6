//! Showing a key from its bytes alone.

use std::fmt::{self, Write};

use super::encode::{KeyBytes, tag};

/// No key that a program writes nests deeper.
const DEEPEST: usize = 32;

impl fmt::Display for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut rest = Rest(self.as_slice());
        match rest.part(&mut text, DEEPEST) {
            Some(()) if rest.0.is_empty() => f.write_str(&text),
            _ => f.write_str(&hexadecimal(self.as_slice())),
        }
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Appends the next part to `text`; `None` if the bytes are no key.
    fn part(&mut self, text: &mut String, deepest: usize) -> Option<()> {
        let deepest = deepest.checked_sub(1)?;
        match self.byte()? {
            tag::TEXT | tag::CHARACTER => {
                text.extend(std::str::from_utf8(self.sized()?).ok()?.chars().flat_map(printable));
            }
            tag::PATH => text.extend(String::from_utf8_lossy(self.sized()?).chars().flat_map(printable)),
            tag::BYTES => text.push_str(&hexadecimal(self.sized()?)),
            tag::UNSIGNED => write!(text, "{}", self.number()?).ok()?,
            tag::NEGATIVE => write!(text, "-{}", self.number()?).ok()?,
            tag::TRUE => text.push_str("true"),
            tag::FALSE => text.push_str("false"),
            tag::NONE => text.push_str("none"),
            tag::SOME => self.part(text, deepest)?,
            tag::LIST => self.group(text, ('[', ']'), deepest)?,
            tag::TUPLE => self.group(text, ('(', ')'), deepest)?,
            tag::SCOPED => {
                self.part(text, deepest)?;
                text.push_str(" in ");
                self.part(text, deepest)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn group(&mut self, text: &mut String, (open, close): (char, char), deepest: usize) -> Option<()> {
        text.push(open);
        for position in 0..self.number()? {
            if position > 0 {
                text.push_str(", ");
            }
            self.part(text, deepest)?;
        }
        text.push(close);
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u128> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

/// A key may hold anything; what is shown must not move a terminal's cursor.
fn printable(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = escaped.is_none().then_some(character);
    escaped.into_iter().flatten().chain(plain)
}
