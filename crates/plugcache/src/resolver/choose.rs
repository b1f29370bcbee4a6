//! Which names are the same, and which are nearly.

use super::Case;

/// Whether `name` answers to `wanted`.
pub(super) fn matches_case(case: Case, name: &str, wanted: &str) -> bool {
    match case {
        Case::Exact => name == wanted,
        Case::Insensitive => name.to_lowercase() == wanted.to_lowercase(),
        // The index itself finds names loosely.
        Case::Loose => true,
    }
}

/// How many close matches are told.
const TOLD: usize = 3;
/// Jaro-Winkler similarity from which two names count as close.
const CLOSE: f64 = 0.8;

/// The names most like `wanted`, with or without its suffix, best first.
pub(super) fn close_matches<'a>(
    wanted: &str,
    suffix: &str,
    names: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let score = |name: &str| {
        let name = name.to_lowercase();
        let bare = name.strip_suffix(&suffix.to_lowercase()).unwrap_or(&name);
        strsim::jaro_winkler(&wanted, bare).max(strsim::jaro_winkler(&wanted, &name))
    };
    let mut scored: Vec<(f64, &str)> =
        names.map(|name| (score(name), name)).filter(|(s, _)| *s >= CLOSE).collect();
    scored.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.cmp(right)));
    scored.dedup_by(|(_, a), (_, b)| a == b);
    scored.into_iter().take(TOLD).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_told_best_first() {
        let names = ["YoutubeIE", "YoutubeTabIE", "VimeoIE", "YoutubeIE"];
        assert_eq!(close_matches("yuotube", "IE", names.into_iter()), ["YoutubeIE", "YoutubeTabIE"]);
        assert!(close_matches("zzz", "", names.into_iter()).is_empty());
    }
}
