//! Any text folds to a value or to a reason, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugcache_discovery::python::literals::{NoNames, fold_text, parse_literal};

fuzz_target!(|text: &str| {
    let _ = parse_literal(text);
    let _ = fold_text(text, 1, &mut NoNames);
});
