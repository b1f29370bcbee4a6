//! Recorded accesses: see `corpora/traces/README.md`.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

/// Name and keys of each.
pub(crate) fn all() -> Vec<(&'static str, Vec<u64>)> {
    let decimal = |line: &str| line.trim().parse().ok();
    let address = |line: &str| {
        let word = line.split_whitespace().nth(1)?;
        u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()
    };
    let lines = ["2_pools", "loop", "multi3", "sprite"].map(|name| (name, keys(name, decimal)));
    let mut all = Vec::from(lines);
    all.push(("gcc", keys("gcc", address)));
    all.push(("web12", words("web12")));
    all
}

/// Big-endian numbers of four bytes.
fn words(name: &str) -> Vec<u64> {
    let mut bytes = Vec::new();
    let file = File::open(path(name, "trace.xz")).unwrap();
    lzma_rs::xz_decompress(&mut BufReader::new(file), &mut bytes).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|word| u64::from(u32::from_be_bytes(*word))).collect()
}

fn keys(name: &str, key: impl Fn(&str) -> Option<u64>) -> Vec<u64> {
    let file = File::open(path(name, "trace.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().filter_map(key).collect()
}

fn path(name: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpora/traces").join(name).with_extension(extension)
}
