//! The model's vectors are those of the original libraries.

use plugcache::embedding::Model;

use crate::tools::{cosine, model_directory, reference, sentences_and_vectors};

/// The bound.
const NEAR: f64 = 0.9999;

fn compare(made: &[Vec<f32>], expected: &[Vec<f32>], sentences: &[String]) {
    let mut worst = 1.0_f64;
    for ((made, expected), sentence) in made.iter().zip(expected).zip(sentences) {
        let cosine = cosine(made, expected);
        assert!(cosine >= NEAR, "{cosine} for `{sentence}`");
        worst = worst.min(cosine);
    }
    eprintln!("{} vectors, cosine of at least {worst:.9}", made.len());
}

#[test]
fn vectors_are_those_of_the_original_alone_and_in_batches() {
    let (sentences, expected) = sentences_and_vectors(&reference());
    assert_eq!(sentences.len(), 200);
    let model = Model::load(&model_directory(), None).unwrap();
    assert_eq!((model.dimension(), model.max_tokens()), (384, 256));
    let alone: Vec<Vec<f32>> = sentences.iter().map(|sentence| model.embed(sentence).unwrap()).collect();
    compare(&alone, &expected, &sentences);
    let texts: Vec<&str> = sentences.iter().map(String::as_str).collect();
    compare(&model.embed_many(&texts).unwrap(), &expected, &sentences);
    assert_eq!(model.embed_many(&[]).unwrap(), Vec::<Vec<f32>>::new());
}
