//! Any bytes are read without a panic, and where the full parse succeeds the skimmer finds the same facts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugcache_discovery::python::extract::{Options, Syntax, extract};

fuzz_target!(|input: (bool, &[u8])| {
    let (functions, bytes) = input;
    let skimmed = extract(bytes, &Options { syntax: Syntax::Skim, functions });
    if let Ok(full) = extract(bytes, &Options { syntax: Syntax::Full, functions }) {
        assert_eq!(skimmed, Ok(full));
    }
});
