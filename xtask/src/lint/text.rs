//! No committed file names a place of one machine or a package registry's host: the repository works the
//! same everywhere, with whatever registry the reader's clients are set up for.

use super::report;
use crate::{Result, repo};

/// Top-level directories that exist, or mean something, on one machine only. Written without their slash
/// so that this file passes its own check.
const DIRECTORIES: [&str; 5] = ["work", "root", "tmp", "home", "Users"];

/// Registry hosts, in parts for the same reason.
const HOSTS: [&str; 6] = [
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs"),
    concat!("deb.", "debian.org"),
];

/// Lists of facts about other projects' packages: their text is not ours.
const DATA: &str = "corpora/truth/";

pub(super) fn check() -> Result {
    let mut found = Vec::new();
    for path in repo::files()? {
        if path.starts_with(DATA) {
            continue;
        }
        let Some(text) = repo::text(&path)? else { continue };
        for (index, line) in text.lines().enumerate() {
            if let Some(what) =
                names_a_machine(line).or_else(|| HOSTS.into_iter().find(|host| line.contains(host)))
            {
                found.push(format!("{path}:{}: `{what}`", index + 1));
            }
        }
    }
    report("machine paths or registry hosts; name things by their place in the repository:", &found)
}

/// The directory at the start of an absolute path in the line, if it is one of [`DIRECTORIES`].
fn names_a_machine(line: &str) -> Option<&'static str> {
    line.match_indices('/').find_map(|(at, _)| {
        let starts_a_path =
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || "_.-/}])*".contains(before));
        let rest = &line[at + 1..];
        DIRECTORIES.into_iter().find(|directory| {
            starts_a_path
                && rest.strip_prefix(directory).is_some_and(|after| {
                    !after.starts_with(|next: char| next.is_alphanumeric() || "_-.".contains(next))
                })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::names_a_machine;

    #[test]
    fn only_absolute_paths_of_a_machine_count() {
        let slash = '/';
        assert_eq!(names_a_machine(&format!("see {slash}root{slash}x")), Some("root"));
        assert_eq!(names_a_machine(&format!("\"{slash}tmp\"")), Some("tmp"));
        assert_eq!(names_a_machine("crates/root/x, a/tmp, /rooted, ../work/x, /usr/bin"), None);
    }
}
