//! What shares a vector and what does not.

use std::{convert::Infallible, sync::Mutex};

use plugcache::{
    Hub,
    embedding::{Normalizer, Precision, Vectors},
    opdbus::EmbeddingCache,
};

use plugcache_testkit::{Warnings, warnings::Level};

use super::{build, embed, on_disk};

/// The document's own example: the first is computed, the next two are hits.
#[test]
fn the_documents_three_lines_compute_once() {
    let place = tempfile::tempdir().unwrap();
    let computed = Mutex::new(Vec::new());
    let cache = EmbeddingCache::new(10_000, place.path().join("cache")).with_normalizer(Normalizer::Digits);
    let get = |text: &str| {
        let embed = |text: &str| {
            computed.lock().unwrap().push(text.to_owned());
            Ok(vec![text.len() as f32])
        };
        cache.get_or_embed(text, embed).unwrap()
    };
    let vectors = ["Created container 100", "Created container 101", "Created container 102"].map(get);
    assert_eq!(*computed.lock().unwrap(), ["Created container #"]);
    assert!(vectors.iter().all(|vector| *vector == [19.0]));
    assert_eq!((cache.metrics().misses, cache.metrics().hits), (1, 2));
    let summary = "Embedding Cache: 1 / 10,000 entries (0% full, 66% hit rate); texts normalised by `digits`";
    assert_eq!(cache.summary(), summary);
}

#[test]
fn a_normaliser_is_said_aloud_and_none_is_not() {
    let said = |normalizer: Normalizer| {
        let build = || build(&Hub::in_memory(), |it| it.normalizer(normalizer)).summary();
        Warnings::heard_from(Level::INFO, build)
    };
    let (summary, heard) = said(Normalizer::host("lower-1", str::to_lowercase));
    assert_eq!(heard, ["cache `embeddings`: texts share vectors, normalised by `host:lower-1`"]);
    assert!(summary.ends_with("; texts normalised by `host:lower-1`"), "{summary}");
    let (summary, heard) = said(Normalizer::None);
    assert!(heard.is_empty() && summary.ends_with("(0% full)"), "{heard:?} {summary}");
}

#[test]
fn a_batch_computes_a_normalised_text_once() {
    let vectors = build(&Hub::in_memory(), |it| it.normalizer(Normalizer::Digits));
    let asked = Mutex::new(Vec::new());
    let found = vectors.get_or_embed_many(&["up 1", "down", "up 22", "up 333"], |texts| {
        asked.lock().unwrap().extend(texts.iter().map(|text| (*text).to_owned()));
        Ok::<_, Infallible>(texts.iter().map(|text| vec![text.len() as f32]).collect())
    });
    assert_eq!(*asked.lock().unwrap(), ["up #", "down"]);
    let found: Vec<f32> = found.unwrap().iter().map(|vector| vector[0]).collect();
    assert_eq!(found, [4.0, 4.0, 4.0, 4.0]);
    assert_eq!(vectors.get("up 4444").as_deref(), Some(&vec![4.0]));
}

/// Each over the same directory: none is served what another has kept.
#[test]
fn models_normalisers_precisions_and_dimensions_do_not_mix() {
    let place = tempfile::tempdir().unwrap();
    let described = || {
        let plain = || Vectors::builder("one");
        [
            plain(),
            Vectors::builder("two"),
            plain().normalizer(Normalizer::Digits),
            plain().normalizer(Normalizer::host("digits", str::to_owned)),
            plain().normalizer(Normalizer::host("other", str::to_owned)),
            plain().precision(Precision::F16),
            plain().precision(Precision::I8),
            plain().dimension(1),
        ]
    };
    for pass in 0..2 {
        for (number, described) in described().into_iter().enumerate() {
            let hub = on_disk(place.path());
            let vectors = described.build(&hub).unwrap();
            // `#` is what the digits become: the same text for all.
            let own = 1.0 + number as f32;
            let computed = if pass == 0 { own } else { 99.0 };
            let found = embed(&vectors, "container #", &[computed]);
            assert!((found[0] - own).abs() < 0.001, "{number}: {found:?}");
            assert_eq!(vectors.cache().stats().loads, 1 - pass, "{number}");
        }
    }
}

#[test]
fn a_handle_of_another_model_leaves_the_others_alone() {
    let place = tempfile::tempdir().unwrap();
    let hub = on_disk(place.path());
    let one = EmbeddingCache::in_hub(10, &hub).unwrap().with_model("one");
    assert_eq!(hub.names(), ["embeddings"], "still in its hub");
    let get = |cache: &EmbeddingCache, made: f32| cache.get_or_embed("text", |_| Ok(vec![made])).unwrap();
    assert_eq!(get(&one, 1.0), [1.0]);
    let two = one.clone().with_model("two");
    assert_eq!(get(&two, 2.0), [2.0]);
    assert_eq!((get(&one, 9.0), get(&two, 9.0)), (vec![1.0], vec![2.0]));
    let again = two.clone().with_model("one").with_normalizer(Normalizer::None);
    assert_eq!(get(&again, 9.0), [1.0], "on disk they are one cache");
    two.clear().unwrap();
    assert_eq!((get(&one, 3.0), get(&two, 4.0)), (vec![3.0], vec![4.0]), "all models are cleared");
    let here = EmbeddingCache::in_memory(10);
    assert_eq!(get(&here, 5.0), [5.0]);
    assert_eq!(get(&here.clone().with_model("two"), 6.0), [6.0]);
}
