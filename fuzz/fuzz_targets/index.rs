//! Any bytes as an index: read whole or refused, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = plugcache_discovery::index::maintenance::check(bytes.to_vec());
});
