//! Name and version out of `METADATA` and `PKG-INFO`, as Python's `email` package reads their headers.
//!
//! Only the headers are looked at; the description below them, most of the file, is not even decoded. So a
//! file whose description is not UTF-8 still has a name here, where `importlib.metadata` raises.

use std::borrow::Cow;

use super::PythonVersion;

/// What a distribution says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// `Name`, as written.
    pub name: Option<String>,
    /// `Version`, as written.
    pub version: Option<String>,
}

/// Reads the headers, as far as both are found, which is in the first few lines of nearly every file.
/// Continuation lines are kept as the file has them: see [`redent`].
pub(crate) fn parse(bytes: &[u8]) -> Identity {
    let mut identity = Identity::default();
    let mut headers = Headers { lines: Lines { rest: bytes }.peekable(), first: true };
    while let Some((name, value)) = headers.next_header() {
        let place = if name.eq_ignore_ascii_case("name") {
            &mut identity.name
        } else if name.eq_ignore_ascii_case("version") {
            &mut identity.version
        } else {
            continue;
        };
        place.get_or_insert(value);
        if identity.name.is_some() && identity.version.is_some() {
            break;
        }
    }
    identity
}

/// Lines as reading in text mode gives them: any of the three line ends becomes `\n`, which stays.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', self.rest).unwrap_or(self.rest.len());
        let (line, after) = self.rest.split_at_checked(end)?;
        let next = match after {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => after,
        };
        let with_end = self.rest.get(..end + 1).filter(|_| after.first() == Some(&b'\n'));
        self.rest = next;
        Some(match with_end {
            Some(line) => String::from_utf8_lossy(line),
            None if after.is_empty() => String::from_utf8_lossy(line),
            None => Cow::Owned(format!("{}\n", String::from_utf8_lossy(line))),
        })
    }
}

struct Headers<'a> {
    lines: std::iter::Peekable<Lines<'a>>,
    first: bool,
}

impl Headers<'_> {
    /// The next header and its value, or `None` at the first line that belongs to no header.
    fn next_header(&mut self) -> Option<(String, String)> {
        loop {
            let line = self.lines.next()?;
            let first = std::mem::replace(&mut self.first, false);
            if line.starts_with([' ', '\t']) {
                continue; // A continuation of nothing.
            }
            if line.starts_with("From ") {
                // An mbox envelope: allowed on the first line, a defect that is passed over further down,
                // and the start of the body where it ends the headers.
                if first || self.lines.peek().is_some_and(|next| is_header_line(next)) {
                    continue;
                }
                return None;
            }
            let (name, value) = line.split_once(':').filter(|(name, _)| name.bytes().all(is_name_byte))?;
            let mut value = value.trim_start_matches([' ', '\t']).to_owned();
            while let Some(more) = self.lines.next_if(|next| next.starts_with([' ', '\t'])) {
                value.push_str(&more);
            }
            if name.is_empty() {
                continue;
            }
            value.truncate(value.trim_end_matches('\n').len());
            return Some((name.to_owned(), value));
        }
    }
}

fn is_header_line(line: &str) -> bool {
    line.starts_with([' ', '\t'])
        || line.starts_with("From ")
        || line.split_once(':').is_some_and(|(name, _)| name.bytes().all(is_name_byte))
}

/// Printable ASCII without the space; the colon cannot occur.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// Undoes the indentation of a value of several lines, which each Python version does a little differently.
pub(crate) fn redent(version: PythonVersion, value: &str) -> String {
    let needed = if version < PythonVersion::V3_14 { "\n" } else { "\n        " };
    if !value.contains(needed) {
        return value.to_owned();
    }
    let indented = format!("        {value}");
    let lines: Vec<&str> = indented.split('\n').collect();
    let is_blank = |line: &str| line.chars().all(|c| c == ' ' || c == '\t');
    let margin = lines
        .iter()
        .filter(|line| !is_blank(line))
        .map(|line| line.split_at(line.len() - line.trim_start_matches([' ', '\t']).len()).0)
        .reduce(common_prefix)
        .unwrap_or_default();
    let dedented: Vec<&str> = lines
        .iter()
        .map(|line| if is_blank(line) { "" } else { line.strip_prefix(margin).unwrap_or(line) })
        .collect();
    dedented.join("\n")
}

fn common_prefix<'a>(left: &'a str, right: &str) -> &'a str {
    let length = left.bytes().zip(right.bytes()).take_while(|(l, r)| l == r).count();
    left.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, Option<String>) {
        let identity = parse(text.as_bytes());
        (identity.name, identity.version)
    }

    fn some(name: &str, version: &str) -> (Option<String>, Option<String>) {
        (Some(name.to_owned()), Some(version.to_owned()))
    }

    #[test]
    fn plain_headers() {
        assert_eq!(read("Metadata-Version: 2.1\nNAME: a\nversion:\t1 \nName: b\n\nName: c"), some("a", "1 "));
        assert_eq!(read("Name: a\r\nVersion: 1\r\n\r\nbody"), some("a", "1"));
        assert_eq!(read("Name: a\rVersion: 1\r\rbody"), some("a", "1"));
    }

    #[test]
    fn headers_end_at_the_first_line_that_is_none() {
        assert_eq!(read("\nName: a"), (None, None));
        assert_eq!(read("Name: a\nno header\nVersion: 1"), (Some("a".to_owned()), None));
        assert_eq!(read("Name : a\nVersion: 1"), (None, None));
        assert_eq!(read(""), (None, None));
    }

    #[test]
    fn oddities_of_mail() {
        assert_eq!(read("From me\nName: a\nVersion: 1"), some("a", "1"));
        assert_eq!(read("Name: a\nFrom me\nVersion: 1"), some("a", "1"));
        assert_eq!(read(" lost\nName: a\n: empty\nVersion: 1\n"), some("a", "1"));
        assert_eq!(read("Name: a\n b\nVersion:\n"), (Some("a\n b".to_owned()), Some(String::new())));
    }

    #[test]
    fn a_description_in_another_encoding_harms_nothing() {
        assert_eq!(parse(b"Name: a\nVersion: 1\n\n\xe4\xf6").name.as_deref(), Some("a"));
    }

    #[test]
    fn indentation() {
        assert_eq!(redent(PythonVersion::V3_13, "a\n        b"), "a\nb");
        assert_eq!(redent(PythonVersion::V3_13, "a\n b"), "       a\nb");
        assert_eq!(redent(PythonVersion::V3_14, "a\n b"), "a\n b");
    }
}
