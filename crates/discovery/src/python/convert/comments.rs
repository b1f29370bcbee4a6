//! Comments, for what they say of a field.

use super::super::scan;

/// The comment at the end of a line that begins a statement; none if a string or bracket goes on over its end.
pub(super) fn behind(line: &str) -> Option<String> {
    let bytes = line.as_bytes();
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'#' => break,
            b'\'' | b'"' => at = scan::string(bytes, at)?,
            _ => at += 1,
        }
    }
    let text = line.get(at..)?.trim_start_matches('#');
    let text = text.strip_prefix(':').unwrap_or(text).trim();
    let is_pragma = ["noqa", "type:", "pragma:", "pylint:", "pyright:", "mypy:", "fmt:", "ruff:"]
        .iter()
        .any(|start| text.starts_with(start));
    (!text.is_empty() && !is_pragma).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::behind;

    #[test]
    fn only_what_is_said_of_the_field() {
        assert_eq!(behind("    x: int = 1  # how many").as_deref(), Some("how many"));
        assert_eq!(behind("    x: str = '#' #: which").as_deref(), Some("which"));
        assert_eq!(behind("    x: str = '#'"), None);
        assert_eq!(behind("    x: int  # noqa: E501"), None);
        assert_eq!(behind("    x: str = '''a # b"), None);
    }
}
