//! Embeddings with real models: files of a real one are prepared by `cargo xtask test`, small ones are beside the
//! tests.

#![cfg(feature = "embedding")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stderr, reason = "says how near the vectors are")]

mod embedder;
mod model;
mod tools;
