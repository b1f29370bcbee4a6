//! Recorded accesses, decoded: see `corpora/traces/README.md`.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use crate::Result;

/// The keys that a program asked for, in order.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) keys: Vec<u64>,
}

impl Trace {
    /// How many different keys there are.
    pub(crate) fn distinct(&self) -> usize {
        self.keys.iter().collect::<HashSet<_>>().len()
    }
}

type Decode = fn(&Path) -> Result<Vec<u64>>;

const ALL: [(&str, &str, Decode); 6] = [
    ("2_pools", "2_pools.trace.gz", decimal),
    ("loop", "loop.trace.gz", decimal),
    ("multi3", "multi3.trace.gz", decimal),
    ("sprite", "sprite.trace.gz", decimal),
    ("gcc", "gcc.trace.gz", addresses),
    ("web12", "web12.trace.xz", words),
];

/// All of them.
pub(crate) fn all(directory: &Path) -> Result<Vec<Trace>> {
    let decode = |&(name, file, decode): &(&'static str, &str, Decode)| {
        let path = directory.join(file);
        let keys = decode(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Trace { name, keys })
    };
    ALL.iter().map(decode).collect()
}

/// A decimal number a line; other lines are remarks.
fn decimal(path: &Path) -> Result<Vec<u64>> {
    Ok(gzip(path)?.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

/// `l 0x1f2e3d4c 5`: load or store, address, count.
fn addresses(path: &Path) -> Result<Vec<u64>> {
    let address = |line: &str| {
        let word = line.split_whitespace().nth(1).ok_or_else(|| format!("no address in {line:?}"))?;
        Ok(u64::from_str_radix(word.trim_start_matches("0x"), 16)?)
    };
    gzip(path)?.lines().filter(|line| !line.trim().is_empty()).map(address).collect()
}

/// Big-endian numbers of four bytes.
fn words(path: &Path) -> Result<Vec<u64>> {
    let mut bytes = Vec::new();
    lzma_rs::xz_decompress(&mut BufReader::new(File::open(path)?), &mut bytes)?;
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err("the last key is cut".into());
    }
    Ok(words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).collect())
}

fn gzip(path: &Path) -> Result<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}
