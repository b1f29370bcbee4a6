//! Python modules of a made-up host: what the mutations write.
//!
//! A module's text holds numbers of four digits in its class name and attributes, so that a change of the
//! same size is a change of digits, and the made-up plugin's facts follow.

use crate::random::Random;

/// The module that defines the host's base class, relative to the root.
pub const BASE_FILE: &str = "host/base.py";
/// The base class, as a rule names it.
pub const BASE_CLASS: &str = "host.base:Plugin";
/// The package below which plugins are, as a dotted name.
pub const PACKAGE: &str = "host.plugins";
/// The same as a path relative to the root.
pub const PACKAGE_PATH: &str = "host/plugins";

/// The text that makes a module unreadable.
const BROKEN: &str = "\ndef broken(:\n";

/// What the base module says.
pub(super) fn base() -> String {
    "\"\"\"The host's base.\"\"\"\n\nclass Plugin:\n    kind = \"plugin-0001\"\n".to_owned()
}

/// A module with one class or two. `siblings` are module names it may import from.
pub(super) fn module(random: &mut Random, siblings: &[String]) -> String {
    let class = random.below(10_000);
    let value = random.below(10_000);
    let head = format!("\"\"\"Made by number {value:04}.\"\"\"\n");
    let body = format!("    name = \"n{value:04}\"\n    weight = {:04}\n", 1_000 + random.below(9_000));
    let sibling = random.pick(siblings).cloned().unwrap_or_else(|| "m000".to_owned());
    let text = match random.below(9) {
        0 | 1 => format!(
            "from host.base import Plugin\n\nclass P{class:04}(Plugin):\n{body}\nMain = P{class:04}\n"
        ),
        2 => format!(
            "import host.base as base\n\nclass P{class:04}(base.Plugin):\n{body}\nMain = P{class:04}\n"
        ),
        3 => format!(
            "from host.plugins.{sibling} import Main as Parent\n\nclass P{class:04}(Parent):\n{body}\nMain = P{class:04}\n"
        ),
        4 => format!("from .{sibling} import *\n\nclass P{class:04}(Main):\n{body}\nMain = P{class:04}\n"),
        5 => format!(
            "try:\n    from host.base import Plugin\nexcept ImportError:\n    Plugin = object\n\n\
             class P{class:04}(Plugin):\n{body}\n    class Inner{value:04}(Plugin):\n        pass\n\nMain = P{class:04}\n"
        ),
        6 => format!(
            "from host.base import Plugin\n__all__ = [\"Main\"]\n\nclass P{class:04}(Plugin):\n{body}\nMain = P{class:04}\n"
        ),
        7 => format!("class P{class:04}:\n{body}\nMain = P{class:04}\n"),
        _ => format!("NUMBER = {value:04}\n"),
    };
    head + &text
}

/// An `__init__.py`: empty, a re-export, or a class of its own.
pub(super) fn init(random: &mut Random, siblings: &[String]) -> String {
    match (random.below(4), random.pick(siblings)) {
        (0, Some(sibling)) => format!("from .{sibling} import *\n"),
        (1, Some(sibling)) => format!("from .{sibling} import Main as Default\n"),
        (2, _) => module(random, siblings),
        _ => String::new(),
    }
}

/// Other text of the same length: other digits, and sometimes another base. `None` if the text has
/// nothing that can change.
pub(super) fn same_size(random: &mut Random, text: &[u8]) -> Option<Vec<u8>> {
    let mut changed = text.to_owned();
    // A name that is not bound anywhere: the class leaves the set, or comes back.
    if random.once_in(4) && swap_word(&mut changed, b"(Plugin)", b"(Absent)") {
        return Some(changed);
    }
    let digits: Vec<usize> = (0..changed.len()).filter(|&at| changed[at].is_ascii_digit()).collect();
    let at = *random.pick(&digits)?;
    // Names start with a letter and numbers of four digits may start with any, except that a leading
    // zero would be a syntax error in an integer: keep the first digit of those.
    let starts_a_number = at > 0 && changed[at - 1] == b' ';
    let old = changed[at] - b'0';
    let new = (old + 1 + random.below(8) as u8) % 10;
    changed[at] = b'0' + if starts_a_number && new == 0 { if old == 9 { 8 } else { old + 1 } } else { new };
    Some(changed)
}

fn swap_word(text: &mut [u8], one: &[u8], other: &[u8]) -> bool {
    debug_assert_eq!(one.len(), other.len(), "the size must not change");
    let found = |word: &[u8]| text.windows(word.len()).position(|window| window == word);
    let (at, to) = match (found(one), found(other)) {
        (Some(at), _) => (at, other),
        (None, Some(at)) => (at, one),
        (None, None) => return false,
    };
    text[at..at + to.len()].copy_from_slice(to);
    true
}

/// The text with a syntax error at its end.
pub(super) fn broken(text: &[u8]) -> Vec<u8> {
    [text, BROKEN.as_bytes()].concat()
}

/// The text without the syntax error; `None` if it has none.
pub(super) fn fixed(text: &[u8]) -> Option<Vec<u8>> {
    text.strip_suffix(BROKEN.as_bytes()).map(<[u8]>::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_same_size_is_a_change() {
        let mut random = Random::new(3);
        for _ in 0..2_000 {
            let text = module(&mut random, &["m001".to_owned()]);
            let changed = same_size(&mut random, text.as_bytes()).unwrap_or_default();
            assert_eq!(changed.len(), text.len());
            assert_ne!(changed, text.as_bytes());
            assert_eq!(fixed(&broken(&changed)).as_deref(), Some(changed.as_slice()));
        }
    }
}
