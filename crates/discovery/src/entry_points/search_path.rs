//! Which distributions a directory of the search path holds: a pure function of its listing.

use std::collections::HashMap;

use crate::tree::EntryKind;

/// A directory or file that stands for an installed distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its name in the directory.
    pub entry: String,
    /// What it is.
    pub kind: EntryKind,
    /// The distribution's normalised name, if the entry tells it; otherwise its metadata does.
    pub name: Option<String>,
}

/// Whether a directory entry can stand for a distribution.
pub(crate) fn is_metadata(entry: &str) -> bool {
    has_extension(entry) || entry.eq_ignore_ascii_case("egg-info")
}

fn has_extension(entry: &str) -> bool {
    // Lower-casing text that is not ASCII may make it so (the Kelvin sign), so the short way is for ASCII.
    let ends = |suffix: &str| {
        if entry.is_ascii() {
            let start = entry.len().checked_sub(suffix.len());
            start.and_then(|at| entry.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        } else {
            entry.to_lowercase().ends_with(suffix)
        }
    };
    ends(".dist-info") || ends(".egg-info")
}

fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

/// PEP 503, with `_` for `-`.
pub(crate) fn normalize(name: &str) -> String {
    let is_normal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name.bytes().all(is_normal) {
        return name.to_owned();
    }
    let mut normal = String::with_capacity(name.len());
    let mut in_run = false;
    for c in name.chars() {
        let separates = matches!(c, '-' | '_' | '.');
        if !separates {
            normal.push(c);
        } else if !in_run {
            normal.push('_');
        }
        in_run = separates;
    }
    lower(&normal)
}

/// The distributions of one directory, in the order in which Python meets them: those of one name together,
/// names by first appearance, an egg's own `EGG-INFO` last. `root` is the entry of the search path.
pub(crate) fn distributions<'a>(
    root: &str,
    listing: impl Iterator<Item = (&'a str, EntryKind)>,
) -> Vec<Found> {
    let base = lower(root.rsplit('/').next().unwrap_or(root));
    let is_egg = base.rsplit_once('.').is_some_and(|(_, extension)| extension == "egg");
    let mut groups: Vec<Vec<Found>> = Vec::new();
    let mut group_of: HashMap<String, usize> = HashMap::new();
    let mut eggs = Vec::new();
    for (entry, kind) in listing {
        let found = || Found { entry: entry.to_owned(), kind, name: name_of(entry) };
        let low = lower(entry);
        if let Some((stem, "dist-info" | "egg-info")) = low.rsplit_once('.') {
            let key = normalize(stem.split('-').next().unwrap_or(stem));
            let at = *group_of.entry(key).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups.get_mut(at).into_iter().for_each(|group| group.push(found()));
        } else if is_egg && low == "egg-info" {
            eggs.push(found());
        }
    }
    groups.into_iter().flatten().chain(eggs).collect()
}

/// Whether an entry tells the distribution's name.
pub(crate) fn is_named(entry: &str) -> bool {
    name_of(entry).is_some()
}

/// The normalised name, if the entry has one of the two extensions in lower case and a stem.
fn name_of(entry: &str) -> Option<String> {
    let stem = entry.strip_suffix(".dist-info").or_else(|| entry.strip_suffix(".egg-info"))?;
    // A name of nothing but dots has no extension for Python.
    if stem.bytes().all(|byte| byte == b'.') {
        return None;
    }
    let name = normalize(stem.split('-').next().unwrap_or(stem));
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &str, entries: &[&str]) -> Vec<(String, Option<String>)> {
        distributions(root, entries.iter().map(|entry| (*entry, EntryKind::Directory)))
            .into_iter()
            .map(|found| (found.entry, found.name))
            .collect()
    }

    #[test]
    fn names_are_normalised() {
        for (name, normal) in [("A.-_b", "a_b"), ("a__b", "a_b"), ("-a-", "_a_"), ("", ""), ("Ünï", "ünï")]
        {
            assert_eq!(normalize(name), normal);
        }
    }

    #[test]
    fn those_of_one_name_stand_together() {
        let listed = ["b-1.dist-info", "a-1.egg-info", "B-2.dist-info", "EGG-INFO", "x.py"];
        let found = names("/site-packages", &listed);
        let entries: Vec<_> = found.iter().map(|(entry, _)| entry.as_str()).collect();
        assert_eq!(entries, ["b-1.dist-info", "B-2.dist-info", "a-1.egg-info"]);
    }

    #[test]
    fn an_egg_has_its_own_metadata() {
        assert_eq!(names("/x/Foo-1.EGG", &["EGG-INFO"]), [("EGG-INFO".to_owned(), None)]);
        assert_eq!(names("/x/foo", &["EGG-INFO"]), []);
    }

    #[test]
    fn names_that_only_the_metadata_tells() {
        let found =
            names("/x", &["a-1.DIST-INFO", "-1.dist-info", ".dist-info", "b.dist-info", "..egg-info"]);
        let unnamed: Vec<_> = found.iter().filter(|(_, name)| name.is_none()).map(|(e, _)| &**e).collect();
        assert_eq!(unnamed, ["a-1.DIST-INFO", "-1.dist-info", ".dist-info", "..egg-info"]);
    }
}
