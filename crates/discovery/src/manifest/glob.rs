//! Globs below a root, expanded directory by directory.
//!
//! A part without wildcards is walked into without looking at anything beside it; `*` looks at one
//! directory; `**` at everything below, to a bounded depth. `*` and `**` pass over names that start with a
//! dot, as a shell does; a part that starts with a dot names them.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use crate::tree::{EntryKind, RootId, Tree};

/// How many directories `**` goes down.
const DEEPEST: usize = 16;

/// A glob that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` cannot be used: {message}")]
pub struct PatternError {
    pattern: String,
    message: String,
}

#[derive(Debug, Clone)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    Wild { matcher: GlobMatcher, dots: bool },
    AnyDepth,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Result<Self, PatternError> {
        let fail = |message: &str| PatternError { pattern: pattern.to_owned(), message: message.to_owned() };
        if pattern.starts_with('/') {
            return Err(fail("it is absolute: write it relative to the root"));
        }
        let mut parts = Vec::new();
        for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
            parts.push(match part {
                ".." => return Err(fail("`..` would leave the root")),
                "**" => Part::AnyDepth,
                _ if part.contains(['*', '?', '[', '{', '\\']) => {
                    let glob = GlobBuilder::new(part).literal_separator(true).build();
                    let glob = glob.map_err(|error| fail(&error.kind().to_string()))?;
                    Part::Wild { matcher: glob.compile_matcher(), dots: part.starts_with('.') }
                }
                _ => Part::Literal(part.to_owned()),
            });
        }
        match parts.last() {
            None => Err(fail("it is empty")),
            Some(Part::AnyDepth) => Err(fail("it ends with `**`: name the files, as in `**/*.json`")),
            Some(_) => Ok(Self { parts }),
        }
    }

    /// Whether a directory entry of that name can lie on the way to a match.
    pub(super) fn concerns(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.matches(name))
    }

    /// The files that match, each once, sorted within each directory.
    pub(super) fn expand(&self, tree: &mut Tree<'_>, root: RootId, found: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        expand(&self.parts, tree, root, "", &mut seen, found);
    }
}

impl Part {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == name,
            Self::Wild { matcher, dots } => (*dots || !name.starts_with('.')) && matcher.is_match(name),
            Self::AnyDepth => !name.starts_with('.'),
        }
    }
}

fn expand(
    parts: &[Part],
    tree: &mut Tree<'_>,
    root: RootId,
    directory: &str,
    seen: &mut BTreeSet<String>,
    found: &mut Vec<String>,
) {
    let Some((part, rest)) = parts.split_first() else { return };
    let depth = directory.split('/').count();
    if let (Part::Literal(name), false) = (part, rest.is_empty()) {
        let below = join(directory, name);
        if tree.is_directory(root, &below) {
            expand(rest, tree, root, &below, seen, found);
        }
        return;
    }
    if matches!(part, Part::AnyDepth) {
        expand(rest, tree, root, directory, seen, found);
    }
    let Some(listing) = tree.list(root, directory) else { return };
    let wanted = if rest.is_empty() { EntryKind::File } else { EntryKind::Directory };
    let matching = listing.entries.iter().filter(|(name, kind)| *kind == wanted && part.matches(name));
    for (name, _) in matching {
        let below = join(directory, name);
        if rest.is_empty() {
            if seen.insert(below.clone()) {
                found.push(below);
            }
        } else if matches!(part, Part::AnyDepth) {
            if depth <= DEEPEST {
                expand(parts, tree, root, &below, seen, found);
            }
        } else {
            expand(rest, tree, root, &below, seen, found);
        }
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_cannot_be_used_say_why() {
        for pattern in ["", "/a.json", "a/../b.json", "a/**", "[.json", "./."] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::new("./a//{b,c}/**/*.json").is_ok());
    }

    #[test]
    fn what_cannot_match_is_no_evidence() {
        let pattern = Pattern::new("components/*/manifest.json").unwrap();
        assert!(pattern.concerns("manifest.json") && pattern.concerns("hue"));
        assert!(!pattern.concerns(".git"));
        let pattern = Pattern::new("components/manifest.json").unwrap();
        assert!(!pattern.concerns("hue"));
    }
}
