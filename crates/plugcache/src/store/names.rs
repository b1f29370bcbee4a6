//! From ids to directories: a plugin's id never leads out of its category, whatever is in it.

use std::{borrow::Cow, fmt};

use super::StoreError;

/// A family of plugins, which has a directory of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(Cow<'static, str>);

impl Category {
    /// Business plugins: `cache_plugins`.
    pub const PLUGINS: Self = Self(Cow::Borrowed("cache_plugins"));
    /// Plugins that capture data: `cache_data_capture`.
    pub const DATA_CAPTURE: Self = Self(Cow::Borrowed("cache_data_capture"));
    /// Plugins that serve models: `cache_serving`.
    pub const SERVING: Self = Self(Cow::Borrowed("cache_serving"));

    /// None: the directories of plugins are in the data directory itself, as those of the original's plugins are that
    /// name no category. Plugins are not listed or counted that way.
    pub const NONE: Self = Self(Cow::Borrowed("."));

    pub(super) const KNOWN: [Self; 3] = [Self::PLUGINS, Self::DATA_CAPTURE, Self::SERVING];

    /// Another one: lower-case letters, digits, `-` and `_`, a letter first, at most 63 bytes, and not `log`,
    /// which is the log's.
    pub fn custom(name: impl Into<String>) -> Result<Self, StoreError> {
        let name = name.into();
        let is_usual = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        let is_right = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= 63
            && name.bytes().all(is_usual)
            && name != "log";
        if is_right { Ok(Self(Cow::Owned(name))) } else { Err(StoreError::Category { name }) }
    }

    /// Its name, which is its directory's.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest name that is used as it is. File systems take 255 bytes, some of which a temporary name needs.
const LONGEST: usize = 200;

/// Names that some systems keep for devices.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The directory of a plugin: the id in lower case, where that is a plain name, so that the original finds it;
/// for all other ids a name made from the digest of the exact id. The two never meet: a plain name does not
/// begin with `@`.
pub(super) fn directory_of(id: &str) -> String {
    let lower = id.to_lowercase();
    if is_plain(&lower) { lower } else { format!("@{}", blake3::hash(id.as_bytes()).to_hex()) }
}

fn is_plain(name: &str) -> bool {
    let is_odd =
        |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let stem = name.split('.').next().unwrap_or_default();
    let is_port = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.starts_with(['.', '@', ' '])
        && !name.ends_with(['.', ' '])
        && !name.contains(is_odd)
        && !DEVICES.contains(&stem)
        && !is_port("com")
        && !is_port("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_ids_are_found_by_the_original() {
        for (id, directory) in [
            ("Camera_01", "camera_01"),
            ("a", "a"),
            ("ÄRGER", "ärger"),
            ("ΟΔΟΣ", "οδος"),
            ("İ", "i\u{307}"),
            ("with space", "with space"),
            ("v1.2", "v1.2"),
            ("🦀", "🦀"),
        ] {
            assert_eq!(directory_of(id), directory);
        }
    }

    #[test]
    fn hostile_ids_get_names_of_their_own() {
        let long = "x".repeat(201);
        let hostile = [
            "", ".", "..", "...", "/", "a/b", "../a", "/etc", "a\\b", "a\0b", "a\nb", "a.", "a ", " a",
            ".hidden", "nul", "CON", "com1", "aux.txt", "@a", "\u{7f}", "\u{85}", &long,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for id in hostile {
            let directory = directory_of(id);
            assert!(directory.starts_with('@') && directory.len() == 65, "{id:?}: {directory}");
            assert!(seen.insert(directory), "{id:?}");
        }
        // What looks like such a name is not one.
        assert_ne!(directory_of(seen.first().unwrap()), *seen.first().unwrap());
    }

    #[test]
    fn categories_are_checked() {
        assert_eq!(Category::custom("my_own-2").unwrap().name(), "my_own-2");
        for name in ["", "log", "Upper", "../x", "a/b", "1st", ".x", &"x".repeat(64), "a b", "ä"] {
            assert!(Category::custom(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_directory_is_one_harmless_name(id in any::<String>()) {
            let name = directory_of(&id);
            prop_assert!(!name.is_empty() && name.len() <= 200 && !name.contains(['/', '\0']));
            prop_assert!(name != "." && name != ".." && !name.starts_with('.'));
        }

        #[test]
        fn ids_share_a_directory_only_if_they_differ_in_case(a in "[aA./@\u{e9}]{0,4}", b in "[aA./@\u{e9}]{0,4}") {
            if directory_of(&a) == directory_of(&b) {
                prop_assert_eq!(a.to_lowercase(), b.to_lowercase());
            }
        }
    }
}
