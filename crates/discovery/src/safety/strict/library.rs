//! What of the standard library a plugin may use.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// Harmless members by module.
static LIBRARY: LazyLock<BTreeMap<&str, BTreeSet<&str>>> = LazyLock::new(|| {
    let mut library: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut module = "";
    for line in include_str!("../stdlib.txt").lines().filter(|line| !line.starts_with('#')) {
        let members = match line.split_once(':') {
            Some((name, members)) => {
                module = name;
                members
            }
            None => line,
        };
        library.entry(module).or_default().extend(members.split_whitespace());
    }
    library
});

/// Whether it is a module of the list.
pub(super) fn has(module: &str) -> bool {
    LIBRARY.contains_key(module)
}

/// Whether a module of the list has this member on the list.
pub(super) fn has_member(module: &str, member: &str) -> bool {
    LIBRARY.get(module).is_some_and(|members| members.contains(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_reads_as_it_is_meant() {
        assert!(has("collections.abc") && has_member("collections.abc", "Mapping"));
        assert!(has_member("typing", "Any") && !has_member("typing", "get_type_hints"));
        assert!(!has("os") && !has_member("json", "codecs") && !has_member("string", "Formatter"));
        assert!(LIBRARY.values().all(|members| !members.is_empty()));
        assert!(LIBRARY.values().flatten().all(|member| !member.starts_with('_')));
    }
}
