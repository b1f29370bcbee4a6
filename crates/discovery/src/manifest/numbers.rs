//! Numbers of a JSON document as they are written.
//!
//! `serde_json` hands over what is too large for 64 bits as a float, and refuses what is too large for a
//! float. (Its feature that keeps the text changes every other use of it in the program.) So the text of
//! the few numbers that need it is found again beside the parser.

use std::borrow::Cow;

/// From here on a float may stand for an integer that it cannot tell.
pub(super) const LARGE: f64 = 9e15;

/// Stands in for a number that no float can hold: large, so that its text is looked for, and shorter than
/// any of them.
const STAND_IN: &str = "9e15";

/// The numbers of a text in order. What was passed over is only scanned once something is taken, so
/// documents without large numbers are not scanned at all.
#[derive(Debug, Clone)]
pub(super) struct Numbers<'a> {
    rest: &'a str,
    passed: usize,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text, passed: 0 }
    }

    /// The next one is not wanted.
    pub(super) fn pass_over(&mut self) {
        self.passed += 1;
    }

    /// The next one.
    pub(super) fn wanted(&mut self) -> Option<&'a str> {
        let passed = std::mem::take(&mut self.passed);
        self.nth(passed)
    }
}

impl<'a> Iterator for Numbers<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let at = self.rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            self.rest = self.rest.get(at..)?;
            if let Some(string) = self.rest.strip_prefix('"') {
                self.rest = after_string(string)?;
                continue;
            }
            let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
            let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
            let (number, after) = self.rest.split_at(end);
            self.rest = after;
            return Some(number);
        }
    }
}

fn after_string(mut text: &str) -> Option<&str> {
    loop {
        let at = text.find(['"', '\\'])?;
        let (_, tail) = text.split_at(at);
        if let Some(after) = tail.strip_prefix('"') {
            return Some(after);
        }
        let mut escaped = tail.strip_prefix('\\')?.chars();
        escaped.next();
        text = escaped.as_str();
    }
}

/// Digits, with a sign or not.
pub(super) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text with a stand-in of the same length for each number that no float can hold. Most have none.
pub(super) fn tame(text: &str) -> Cow<'_, str> {
    // Only a long run of digits or an exponent of three digits makes one.
    let is_suspect = memchr::memchr2_iter(b'e', b'E', text.as_bytes()).any(|at| is_exponent(text, at))
        || has_long_run(text.as_bytes());
    if !is_suspect {
        return Cow::Borrowed(text);
    }
    let mut tamed = String::with_capacity(text.len());
    let mut numbers = Numbers::of(text);
    let mut copied = 0;
    while let Some(number) = numbers.next() {
        if number.len() > STAND_IN.len() && number.parse().is_ok_and(f64::is_infinite) {
            let end = text.len() - numbers.rest.len();
            tamed.push_str(text.get(copied..end - number.len()).unwrap_or_default());
            tamed.push_str(STAND_IN);
            tamed.extend(std::iter::repeat_n(' ', number.len() - STAND_IN.len()));
            copied = end;
        }
    }
    tamed.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(tamed)
}

fn is_exponent(text: &str, at: usize) -> bool {
    let mut after = text.as_bytes().iter().skip(at + 1).skip_while(|byte| **byte == b'+');
    (0..3).all(|_| after.next().is_some_and(u8::is_ascii_digit))
}

/// Looks at every hundredth byte only: a run of 300 digits covers three of them.
fn has_long_run(bytes: &[u8]) -> bool {
    let mut run = 0;
    bytes.iter().step_by(100).any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run >= 3
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_strings() {
        let text = r#"{"a1": -1.5e3, "\"2": [3, "\\", 4]}"#;
        assert_eq!(Numbers::of(text).collect::<Vec<_>>(), ["-1.5e3", "3", "4"]);
        let mut numbers = Numbers::of(text);
        numbers.pass_over();
        numbers.pass_over();
        assert_eq!(numbers.wanted(), Some("4"));
        assert_eq!(numbers.wanted(), None);
    }

    #[test]
    fn what_no_float_can_hold_is_replaced() {
        assert_eq!(tame("[1e999, 1e30, \"1e999\"]"), "[9e15 , 1e30, \"1e999\"]");
        assert!(matches!(tame("[1e30, 12]"), Cow::Borrowed(_)));
        let long = format!("[-{}]", "1".repeat(400));
        assert_eq!(tame(&long).len(), long.len());
        assert!(tame(&long).starts_with("[9e15 "));
    }
}
