#![expect(clippy::print_stdout, reason = "a measurement tells figures")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use plugcache_testkit::Random;
use proptest::prelude::*;

use super::*;

/// The definition, with doubles.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = dot(a, a).sqrt() * dot(b, b).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

fn corpus(vectors: &[Vec<f32>]) -> Corpus<usize> {
    let mut corpus = Corpus::new(vectors.first().map_or(2, Vec::len));
    for (id, vector) in vectors.iter().enumerate() {
        corpus.add(id, vector).unwrap();
    }
    corpus
}

fn ids(found: &[(&usize, f32)]) -> Vec<usize> {
    found.iter().map(|(id, _)| **id).collect()
}

#[test]
fn equally_near_ones_come_in_their_order() {
    let vectors = [[0.0, 1.0], [1.0, 0.0], [3.0, 0.0], [0.0, 0.0], [0.5, 0.0], [-1.0, 0.0]];
    let corpus = corpus(&vectors.map(Vec::from));
    let all = corpus.nearest(&[7.0, 0.0], 100).unwrap();
    assert_eq!(ids(&all), [1, 2, 4, 0, 3, 5]);
    assert_eq!(all.iter().map(|hit| hit.1).collect::<Vec<_>>(), [1.0, 1.0, 1.0, 0.0, 0.0, -1.0]);
    for k in 0..6 {
        assert_eq!(ids(&corpus.nearest(&[7.0, 0.0], k).unwrap()), ids(&all)[..k], "{k}");
    }
    // Nothing is near to nothing, or far from it.
    assert_eq!(ids(&corpus.nearest(&[0.0, 0.0], 9).unwrap()), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let mut corpus = Corpus::new(2);
    assert!(corpus.nearest(&[1.0, 2.0], 3).unwrap().is_empty());
    let wrong = Err(CorpusError::Dimension { expected: 2, got: 3 });
    assert_eq!(corpus.add("a", &[1.0, 2.0, 3.0]), wrong);
    assert_eq!(corpus.nearest(&[1.0, 2.0, 3.0], 0).map(|_| ()), wrong);
    let infinite = CorpusError::NotFinite { position: 1, component: f32::INFINITY };
    assert_eq!(corpus.add("a", &[1.0, f32::INFINITY]), Err(infinite.clone()));
    assert_eq!(corpus.nearest(&[1.0, f32::INFINITY], 1), Err(infinite));
    assert!(corpus.is_empty());
    // As large and as small as numbers are.
    corpus.add("large", &[f32::MAX, f32::MAX]).unwrap();
    corpus.add("small", &[f32::from_bits(1), 0.0]).unwrap();
    let near = corpus.nearest(&[f32::from_bits(1), 0.0], 2).unwrap();
    assert_eq!((near[0], *near[1].0), ((&"small", 1.0), "large"));
    let nothing = Corpus::<u8>::new(0).nearest(&[], 1).map(|found| found.len());
    assert_eq!(nothing, Ok(0));
}

proptest! {
    #[test]
    fn scores_are_cosines_and_none_nearer_is_left_out(
        (vectors, query) in (1_usize..80).prop_flat_map(|dimension| {
            let vector = prop::collection::vec(-10.0_f32..10.0, dimension);
            (prop::collection::vec(vector.clone(), 0..60), vector)
        }),
        k in 0_usize..70,
    ) {
        let right: Vec<f64> = vectors.iter().map(|vector| cosine(vector, &query)).collect();
        let mut corpus = Corpus::new(query.len());
        for (id, vector) in vectors.iter().enumerate() {
            corpus.add(id, vector).unwrap();
        }
        let found = corpus.nearest(&query, k).unwrap();
        prop_assert_eq!(found.len(), k.min(vectors.len()));
        prop_assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
        for (id, score) in &found {
            prop_assert!((f64::from(*score) - right[**id]).abs() < 1e-5, "{} {}", score, right[**id]);
        }
        let worst = found.last().map_or(f64::INFINITY, |(_, score)| f64::from(*score));
        let mut seen = ids(&found);
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), found.len());
        if !found.is_empty() {
            for (id, score) in right.iter().enumerate().filter(|(id, _)| !seen.contains(id)) {
                prop_assert!(*score <= worst + 2e-5, "{} is nearer", id);
            }
        }
    }
}

/// What a query costs:
/// `cargo test -p plugcache --release --features embedding --lib similar -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn figures() {
    const DIMENSION: usize = 384;
    let mut random = Random::new(1);
    let mut vector = || -> Vec<f32> {
        (0..DIMENSION).map(|_| f32::from((random.bits() >> 48) as u16) / 65_536.0 - 0.5).collect()
    };
    let query = vector();
    for size in [1_000, 10_000, 100_000, 1_000_000] {
        let mut corpus = Corpus::new(DIMENSION);
        for id in 0..size {
            corpus.add(id, &vector()).unwrap();
        }
        let best = |run: &dyn Fn() -> Vec<usize>| {
            let times = (0..(2_000_000 / size).clamp(3, 200)).map(|_| {
                let began = Instant::now();
                black_box(run());
                began.elapsed()
            });
            times.min().unwrap_or(Duration::MAX)
        };
        let library = best(&|| ids(&corpus.nearest(black_box(&query), 10).unwrap()));
        let plain = best(&|| {
            let dot = |vector: &[f32]| vector.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
            let scores: Vec<f32> = corpus.components.chunks_exact(DIMENSION).map(dot).collect();
            let mut order: Vec<usize> = (0..size).collect();
            order.select_nth_unstable_by(10, |a, b| scores[*b].total_cmp(&scores[*a]));
            order.truncate(10);
            order
        });
        println!("{size} vectors: {library:?} a query, {plain:?} with a plain loop");
    }
}
