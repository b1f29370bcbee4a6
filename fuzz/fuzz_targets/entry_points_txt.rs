//! Any bytes are entry points or metadata, or a problem.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use plugcache_discovery::{
    entry_points::{EntryPointFinder, EntryPointRef, PythonVersion},
    finder::Finder,
};

fuzz_target!(|bytes: &[u8]| {
    for python in [PythonVersion::V3_11, PythonVersion::V3_14] {
        let finder = EntryPointFinder::new(python);
        for name in ["entry_points.txt", "METADATA"] {
            finder.extract(Path::new(name), bytes);
        }
    }
    _ = EntryPointRef::decode("name", bytes);
});
