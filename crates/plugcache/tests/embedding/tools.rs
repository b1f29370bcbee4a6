//! What the tests share.

use std::path::{Path, PathBuf};

/// The directory of all-MiniLM-L6-v2, as its publishers have it.
pub(crate) fn model_directory() -> PathBuf {
    let directory = std::env::var_os("PLUGCACHE_MODEL");
    let directory =
        directory.expect("PLUGCACHE_MODEL is set by `cargo xtask test`, and by `cargo xtask test --env`");
    PathBuf::from(directory)
}

/// Where the reference is: sentences, and what the original libraries made of them.
pub(crate) fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/embedding/reference")
}

/// The files of a small model.
pub(crate) const FILES: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "1_Pooling/config.json",
    "modules.json",
    "sentence_bert_config.json",
];

/// A copy of a small model, to be damaged or found elsewhere.
pub(crate) fn copy_of(name: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("1_Pooling")).unwrap();
    for file in FILES {
        std::fs::copy(reference().join(name).join(file), place.path().join(file)).unwrap();
    }
    place
}

/// Sentences of a reference, and the vector of each.
pub(crate) fn sentences_and_vectors(directory: &Path) -> (Vec<String>, Vec<Vec<f32>>) {
    let text = std::fs::read(directory.join("sentences.json")).unwrap();
    let sentences: Vec<String> = serde_json::from_slice(&text).unwrap();
    let bytes = std::fs::read(directory.join("vectors.f32")).unwrap();
    let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let dimension = numbers.len() / sentences.len();
    assert_eq!(numbers.len(), dimension * sentences.len());
    (sentences, numbers.chunks(dimension).map(<[f32]>::to_vec).collect())
}

/// Cosine of the angle between two vectors.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
