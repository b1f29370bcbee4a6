//! No source file outgrows a reader.

use super::report;
use crate::{Result, repo};

/// Lines from which a file is worth a thought.
const LARGE: usize = 500;
/// Lines that no file may exceed.
const TOO_LARGE: usize = 1_000;

const SOURCES: [&str; 4] = ["rs", "py", "sh", "toml"];

pub(super) fn check() -> Result {
    let mut too_large = Vec::new();
    for path in repo::files()? {
        if path.starts_with("corpora/") || !SOURCES.iter().any(|kind| path.ends_with(&format!(".{kind}"))) {
            continue;
        }
        let lines = repo::text(&path)?.map_or(0, |text| text.lines().count());
        if lines > TOO_LARGE {
            too_large.push(format!("{path}: {lines} lines"));
        } else if lines > LARGE {
            println!("{path}: {lines} lines, more than {LARGE}");
        }
    }
    report(&format!("files over {TOO_LARGE} lines; divide them by what they are for:"), &too_large)
}
