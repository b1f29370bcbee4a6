//! Any bytes as an envelope: opened or refused, never a panic; what was sealed opens.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plugcache_cache::envelope;

fuzz_target!(|input: (u32, u32, &[u8], &[u8])| {
    let (kind, version, key, bytes) = input;
    let _ = envelope::open(bytes, kind, version, key);
    let sealed = envelope::seal(kind, version, key, bytes);
    assert_eq!(envelope::open(&sealed, kind, version, key), Ok(bytes));
});
