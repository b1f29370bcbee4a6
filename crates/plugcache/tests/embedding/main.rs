//! Embeddings with real models: files of a real one are prepared by `cargo xtask test`, small ones are beside the
//! tests.

#![cfg(feature = "embedding")]

mod embedder;
mod model;
mod tools;
