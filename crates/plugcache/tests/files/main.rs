//! A model's files from a hub on loopback: whole, in pieces, wrong, slow, by several processes, and off line.

#![cfg(feature = "embedding")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, reason = "says what was skipped, and figures")]

mod breaks;
mod hub;
mod lies;
mod local;
mod processes;
mod proxies;
mod real;
mod server;
mod store;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use plugcache::embedding::files::{FetchError, ModelDirectory, ModelStore, Options, Source};
use server::Server;

/// Files of a model as small as they can be.
const SMALL: [(&str, &[u8]); 4] = [
    ("config.json", b"{\"hidden_size\": 4}"),
    ("tokenizer.json", b"{\"version\": \"1.0\"}"),
    ("model.safetensors", b"0123456789abcdefghijklmnopqrstuvwxyz"),
    ("modules.json", b"[]"),
];

/// Files of a sentence model that the small one does without.
const ABSENT: [&str; 4] = [
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "config_sentence_transformers.json",
];

/// A file that is larger than what is read or buffered at once.
fn large() -> Vec<u8> {
    (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// The small files, with weights that are large.
fn with_large(large: &[u8]) -> [(&'static str, &[u8]); 4] {
    SMALL.map(|(name, bytes)| (name, if name == "model.safetensors" { large } else { bytes }))
}

fn source() -> Source {
    Source::sentence_model("owner/model").unwrap()
}

/// Few tries with short pauses, so that a test of what fails is short. What comes late on a busy machine is no stall.
fn options(server: &Server) -> Options {
    Options {
        endpoint: server.endpoint(),
        first_pause: Duration::from_millis(2),
        tries: 4,
        ..Options::default()
    }
}

fn store(place: &Path, server: &Server) -> ModelStore {
    ModelStore::open(place.join("models-v1"), options(server)).unwrap()
}

fn fetch(store: &ModelStore) -> Result<ModelDirectory, FetchError> {
    store.fetch(&source(), &mut |_| {})
}

/// The model is there, complete, and has these contents.
fn assert_holds(model: &ModelDirectory, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        let read = std::fs::read(model.file(name).unwrap_or_else(|| panic!("{name} is not there"))).unwrap();
        assert!(read == *bytes, "{name} has another content");
    }
}

/// Files of the store that are no finished ones.
fn parts(store: &ModelStore) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in std::fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if place.is_dir() {
            let inside = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
            found.extend(inside.filter(|path| path.is_file() && !path.ends_with("manifest.json")));
        }
    }
    found
}
