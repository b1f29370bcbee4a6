//! What a hit costs. Not run with the others:
//! `cargo test -p plugcache --release --test vectors -- --ignored --nocapture figures`

#![expect(clippy::print_stdout, reason = "a measurement tells figures")]

use std::{
    convert::Infallible,
    hint::black_box,
    time::{Duration, Instant},
};

use plugcache::{
    Cache, Hub,
    cache::cache::Eviction,
    embedding::{Normalizer, Precision},
};

use super::{build, on_disk};

const MANY: usize = 5_000;

#[test]
#[ignore = "a measurement"]
fn figures() {
    let texts: Vec<String> = (0..MANY).map(|number| format!("Created container {number}")).collect();
    let vector = || Ok::<_, Infallible>(vec![0.05_f32; 384]);
    let bare = |eviction| {
        let cache: Cache<str, Vec<f32>> =
            Cache::builder("bare").eviction(eviction).build(&Hub::in_memory()).unwrap();
        for text in &texts {
            drop(cache.get_or_load(text, |_| vector()));
        }
        cache
    };
    let each = |what: &str, run: &mut dyn FnMut(&str)| {
        let mut best = Duration::MAX;
        for _ in 0..50 {
            let began = Instant::now();
            for text in &texts {
                run(text);
            }
            best = best.min(began.elapsed());
        }
        println!("{what}: {:?} each", best / u32::try_from(MANY).unwrap());
    };
    let (adaptive, lru) = (bare(Eviction::Adaptive), bare(Eviction::Lru));
    each("bare hit", &mut |text| drop(black_box(adaptive.get_or_load(text, |_| vector()))));
    each("bare hit, least recently used", &mut |text| drop(black_box(lru.get_or_load(text, |_| vector()))));
    let vectors = build(&Hub::in_memory(), |it| it);
    each("vector hit", &mut |text| drop(black_box(vectors.get_or_embed(text, |_| vector()))));
    let digits = build(&Hub::in_memory(), |it| it.normalizer(Normalizer::Digits));
    each("vector hit, digits", &mut |text| drop(black_box(digits.get_or_embed(text, |_| vector()))));
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut best = Duration::MAX;
    for _ in 0..50 {
        let began = Instant::now();
        let found = vectors.get_or_embed_many(&all, |_| Ok::<_, Infallible>(Vec::new()));
        assert_eq!(black_box(found).unwrap().len(), MANY);
        best = best.min(began.elapsed());
    }
    println!("vector hit, in a batch: {:?} each", best / u32::try_from(MANY).unwrap());
    for precision in [Precision::F32, Precision::F16, Precision::I8] {
        let place = tempfile::tempdir().unwrap();
        let hub = on_disk(place.path());
        let vectors = build(&hub, |it| it.precision(precision));
        let began = Instant::now();
        for text in &texts {
            drop(vectors.get_or_embed(text, |_| vector()));
        }
        let one_by_one = began.elapsed() / u32::try_from(MANY).unwrap();
        vectors.clear().unwrap();
        let began = Instant::now();
        let computed = |texts: &[&str]| texts.iter().map(|_| vector()).collect();
        vectors.get_or_embed_many(&all, computed).unwrap();
        let together = began.elapsed() / u32::try_from(MANY).unwrap();
        let usage = vectors.cache().disk_usage().unwrap().unwrap();
        drop((vectors, hub));
        let hub = on_disk(place.path());
        let vectors = build(&hub, |it| it.precision(precision));
        let began = Instant::now();
        for text in &texts {
            drop(black_box(vectors.get(text)));
        }
        let read = began.elapsed() / u32::try_from(MANY).unwrap();
        let bytes = usage.bytes / usage.entries;
        println!(
            "{precision}: {bytes} bytes a row, read in {read:?}, written in {one_by_one:?}, in a batch {together:?}"
        );
    }
}
