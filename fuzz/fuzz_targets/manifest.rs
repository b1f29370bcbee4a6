//! Any bytes are a manifest or an error, in each format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugcache_discovery::manifest::{Format, Limits, parse};

fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Json, Format::Toml, Format::Yaml] {
        _ = parse(bytes, format, Limits::default());
    }
});
