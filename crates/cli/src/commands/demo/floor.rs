//! The floor: the same files looked at and nothing else.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Number of Python files below a directory, and the best of five bare looks at all of them.
pub(super) fn measure(root: &Path) -> (usize, Duration) {
    let mut files = Vec::new();
    collect(root, &mut files);
    let looks = (0..5).map(|_| {
        let began = Instant::now();
        for file in &files {
            drop(std::hint::black_box(std::fs::metadata(file)));
        }
        began.elapsed()
    });
    (files.len(), looks.min().unwrap_or_default())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            files.push(path);
        }
    }
}
