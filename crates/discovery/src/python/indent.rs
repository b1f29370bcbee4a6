//! Indentation, compared as Python's tokenizer compares it.

use std::cmp::Ordering;

/// The width of a line's indentation, with tabs to every eighth column and with tabs as one column. Lines
/// whose order depends on which is taken are an error in Python.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Indent {
    pub(super) columns: u32,
    characters: u32,
}

impl Indent {
    /// `None` where tabs and spaces contradict each other.
    #[inline]
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        let order = self.columns.cmp(&other.columns);
        (order == self.characters.cmp(&other.characters)).then_some(order)
    }
}

/// The first byte of a line that is not indentation, and the width before it. `None` for what is rare
/// enough to be left to the parser: form feeds before code.
#[inline]
pub(super) fn measure(bytes: &[u8], line: usize) -> Option<(usize, Indent)> {
    let rest = bytes.get(line..).unwrap_or_default();
    let at = line + rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
    if matches!(bytes.get(at), Some(b'\t' | b'\x0c')) {
        return measure_slowly(bytes, line);
    }
    let width = (at - line) as u32;
    Some((at, Indent { columns: width, characters: width }))
}

#[cold]
fn measure_slowly(bytes: &[u8], line: usize) -> Option<(usize, Indent)> {
    let mut indent = Indent::default();
    let mut at = line;
    let mut form_feed = false;
    loop {
        match bytes.get(at) {
            Some(b' ') => indent.columns += 1,
            Some(b'\t') => indent.columns = (indent.columns / 8 + 1) * 8,
            Some(b'\x0c') => form_feed = true,
            Some(b'\n' | b'#') | None => return Some((at, indent)),
            Some(_) => return (!form_feed).then_some((at, indent)),
        }
        indent.characters += 1;
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::measure;

    #[test]
    fn tabs_and_spaces_must_agree() {
        let indent = |text: &str| measure(text.as_bytes(), 0).map(|(_, indent)| indent);
        let compare =
            |left: &str, right: &str| indent(left).zip(indent(right)).and_then(|(l, r)| l.compare(r));
        assert_eq!(compare("    x", "  x"), Some(Ordering::Greater));
        assert_eq!(compare("\tx", "\tx"), Some(Ordering::Equal));
        assert_eq!(compare("\t\tx", "\tx"), Some(Ordering::Greater));
        assert_eq!(compare("\tx", "        x"), None);
        assert_eq!(indent("\x0cx"), None);
        assert!(indent("\x0c\n").is_some());
    }
}
