//! Reads `entry_points.txt` the way `importlib.metadata` does, which is not the way of an INI parser: no
//! continuation lines, no inline comments, no interpolation, and duplicates are kept.

use super::{
    PythonVersion,
    text::{is_space, split_lines, strip},
};

/// One `name = value` line below a `[group]` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The group, without its brackets and with whatever white space stood inside them.
    pub group: &'a str,
    /// Left of the first `=`, stripped.
    pub name: &'a str,
    /// Right of it, stripped.
    pub value: &'a str,
    /// One-based line, counted by Python's line ends.
    pub line: u32,
}

/// A line for which Python raises, and with it loses the entry points of every distribution. It alone is
/// lost here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// One-based line.
    pub line: u32,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Everything that one file says, in its order.
pub(crate) fn parse(text: &str) -> impl Iterator<Item = Result<Entry<'_>, Malformed>> {
    let mut group = None;
    split_lines(text).zip(1_u32..).filter_map(move |(raw, line)| {
        let stripped = strip(raw);
        if stripped.is_empty() || stripped.starts_with('#') {
            return None;
        }
        if stripped.starts_with('[') && stripped.ends_with(']') {
            group = Some(stripped.trim_matches(['[', ']']));
            return None;
        }
        let group = group?;
        Some(match stripped.split_once('=') {
            Some((name, value)) => Ok(Entry { group, name: strip(name), value: strip(value), line }),
            None => Err(Malformed { line, why: "no `=` in an entry point: expected `name = module:object`" }),
        })
    })
}

/// Whether this Python makes an entry point of that value. 3.14 raises for one that names no object, the
/// older ones only when it is loaded.
pub(crate) fn accepts(version: PythonVersion, value: &str) -> bool {
    version < PythonVersion::V3_14 || is_object_reference(value)
}

/// `module`, `module:object.attribute`, either followed by `[extras]`, white space allowed between.
fn is_object_reference(value: &str) -> bool {
    let Some(rest) = dotted(value) else { return false };
    let rest = rest.trim_start_matches(is_space);
    // The object is optional: where it does not match, what follows the module must be extras or nothing.
    let rest = match rest.strip_prefix(':').map(|after| dotted(after.trim_start_matches(is_space))) {
        Some(Some(rest)) => rest.trim_start_matches(is_space),
        Some(None) => return false,
        None => rest,
    };
    let rest = rest.trim_end_matches(is_space);
    rest.is_empty()
        || (rest.len() > 1 && rest.starts_with('[') && rest.ends_with(']') && !rest.contains('\n'))
}

/// What follows a run of word characters and dots, which must not be empty.
fn dotted(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    (rest.len() < text.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<(&str, &str, &str), u32>> {
        parse(text).map(|entry| entry.map(|l| (l.group, l.name, l.value)).map_err(|bad| bad.line)).collect()
    }

    #[test]
    fn sections_comments_and_duplicates() {
        let text =
            "early = lost\nnot even this\n# c\n[[a]]\nx=1\n x = 2 # kept\n\n[ b ]\ny = k=v\n  cont\n[]\nz=\n";
        assert_eq!(
            read(text),
            [
                Ok(("a", "x", "1")),
                Ok(("a", "x", "2 # kept")),
                Ok((" b ", "y", "k=v")),
                Err(10),
                Ok(("", "z", ""))
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_hides_the_first_section() {
        assert_eq!(read("\u{feff}[a]\nx = 1\n[b]\ny = 2"), [Ok(("b", "y", "2"))]);
    }

    #[test]
    fn object_references() {
        for good in ["a", "a.b:c.d", "a:b [x]", "a [x, y]", "a : b[x] ", "1:2", "ü.é:ñ", "a:b []", "."] {
            assert!(is_object_reference(good), "{good}");
        }
        for bad in ["", "a-b", "a:", "a:b-c", "a b", "a:b [x", "a:b x]", ":a", "a [", "a:b c"] {
            assert!(!is_object_reference(bad), "{bad}");
        }
        assert!(accepts(PythonVersion::V3_13, "a-b"));
        assert!(!accepts(PythonVersion::V3_14, "a-b"));
    }
}
