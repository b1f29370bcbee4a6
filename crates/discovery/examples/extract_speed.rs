//! How fast facts are extracted: reads every `.py` file below a directory, then times each stage alone.
//!
//! ```text
//! cargo run --release -p plugcache-discovery --example extract_speed -- DIRECTORY [ROUNDS] [full]
//! ```
#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use plugcache_discovery::python::extract::{Options, Scratch, Syntax, encode, extract_with};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| ".".to_owned());
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(10);
    let syntax = if arguments.next().as_deref() == Some("full") { Syntax::Full } else { Syntax::Skim };
    let options = Options { syntax, ..Options::default() };
    let mut paths = Vec::new();
    python_files(Path::new(&directory), &mut paths);

    let mut best = [Duration::MAX; 3];
    let (mut bytes, mut facts, mut problems) = (0, 0, 0);
    for _ in 0..rounds {
        let start = Instant::now();
        let files: Vec<Vec<u8>> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
        best[0] = best[0].min(start.elapsed());
        bytes = files.iter().map(Vec::len).sum::<usize>();

        let mut scratch = Scratch::default();
        let start = Instant::now();
        problems = files.iter().filter(|file| extract_with(file, &options, &mut scratch).is_err()).count();
        best[1] = best[1].min(start.elapsed());

        let (mut buffer, mut encoded) = (Vec::new(), Vec::new());
        let start = Instant::now();
        for file in &files {
            if let Ok((structure, details)) = extract_with(file, &options, &mut scratch) {
                encoded.extend(encode(&structure, &mut buffer));
                encoded.extend(encode(&details, &mut buffer));
            }
        }
        best[2] = best[2].min(start.elapsed());
        facts = encoded.iter().map(Vec::len).sum();
    }
    println!(
        "{} files, {bytes} bytes, {facts} bytes of facts, {problems} problems; best of {rounds}:",
        paths.len()
    );
    for (stage, time) in ["read", "extract", "extract and encode"].iter().zip(best) {
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let rate = bytes as f64 / 1e6 / time.as_secs_f64();
        println!("{stage:18} {:8.2} ms {rate:9.0} MB/s", time.as_secs_f64() * 1e3);
    }
}

fn python_files(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            python_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path);
        }
    }
}
