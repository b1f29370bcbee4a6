//! How much is kept in memory, and how long is waited for.

use std::{
    convert::Infallible,
    sync::{Mutex, mpsc},
    time::Duration,
};

use plugcache::{
    Hub,
    cache::{
        cache::LoadError,
        hub::{Overrides, Settings},
    },
    embedding::{Precision, Vectors, VectorsBuilder},
    opdbus::EmbeddingCache,
};

use super::{build, embed, on_disk};

#[test]
fn texts_count_as_well_as_vectors() {
    let vectors = build(&Hub::in_memory(), |it| it.dimension(384));
    embed(&vectors, "Created container 100", &[0.5; 384]);
    assert_eq!(vectors.cache().stats().bytes, 21 + 4 * 384);
    let long = "a long text ".repeat(1_000_000);
    for number in 0..8 {
        embed(&vectors, &format!("{long}{number}"), &[0.5; 384]);
    }
    let stats = vectors.cache().stats();
    assert_eq!((stats.entries, stats.max_bytes), (5, Some(64 << 20)), "{stats:?}");
    assert!(stats.bytes <= 64 << 20, "{stats:?}");
    assert!(vectors.get("Created container 100").is_none(), "it was used least recently");
    assert_eq!((vectors.stats().size, vectors.stats().capacity), (5, 10_000));
    assert_eq!(vectors.summary(), "Embedding Cache: 5 / 10,000 entries (0% full, 0% hit rate)");
}

/// The usual case is bounded by entries alone.
#[test]
fn ten_thousand_vectors_of_the_largest_model_and_their_texts_fit() {
    let vectors = build(&Hub::in_memory(), |it| it.dimension(768));
    let text = "t".repeat(3_000);
    for number in 0..10_001 {
        embed(&vectors, &format!("{text}{number}"), &[0.5; 768]);
    }
    assert_eq!((vectors.stats().size, vectors.metrics().evictions), (10_000, 1));
    assert!(vectors.get(&format!("{text}0")).is_none());
}

#[test]
fn the_least_recently_used_goes_where_bytes_are_the_bound() {
    let texts = |vectors: &Vectors, names: &str| -> String {
        names.chars().filter(|name| vectors.get(&name.to_string()).is_some()).collect()
    };
    // Each has a text of one byte and a vector of eight.
    let vectors = build(&Hub::in_memory(), |it| it.max_bytes(4 * 9));
    for text in ["a", "b", "c", "d"] {
        embed(&vectors, text, &[1.0, 2.0]);
    }
    assert!(vectors.get("a").is_some() && vectors.get("c").is_some());
    embed(&vectors, "e", &[1.0, 2.0]);
    // Looked up in the order of their last uses, which stays.
    assert_eq!(texts(&vectors, "bdace"), "dace");
    // Three vectors' bytes: the three that were used least recently go, and no other.
    embed(&vectors, "f", &[1.0; 6]);
    assert_eq!(texts(&vectors, "dacef"), "ef");
    assert_eq!((vectors.cache().stats().bytes, vectors.metrics().evictions), (9 + 25, 4));
    // What is heavier than all of it is computed and not kept, and drives nobody out.
    assert_eq!(*embed(&vectors, "g", &[1.0; 9]), [1.0; 9]);
    assert_eq!(texts(&vectors, "efg"), "ef");
}

#[test]
fn the_documents_cache_is_bounded_in_bytes_as_it_says() {
    let long = "a long text ".repeat(1_000_000);
    let kept = |cache: &EmbeddingCache| {
        for number in 0..8 {
            cache.get_or_embed(&format!("{long}{number}"), |_| Ok(vec![0.5])).unwrap();
        }
        cache.stats().size
    };
    let cache = EmbeddingCache::in_memory(100);
    assert_eq!((kept(&cache), kept(&cache.with_max_bytes(200 << 20))), (5, 8));
}

#[test]
fn vectors_from_disk_are_bounded_in_memory_too_and_a_hub_says_how() {
    let place = tempfile::tempdir().unwrap();
    {
        let hub = on_disk(place.path());
        let vectors = build(&hub, |it| it);
        (0..100).for_each(|number| drop(embed(&vectors, &format!("{number:09}"), &[0.5])));
    }
    let bound = Overrides { max_bytes: Some(10 * 13), ..Overrides::default() };
    let settings = Settings { caches: [("embeddings".to_owned(), bound)].into(), ..Settings::default() };
    let hub = Hub::builder().directory(place.path()).settings(settings).build().unwrap();
    let vectors = build(&hub, |it| it);
    assert!((0..100).all(|number| vectors.get(&format!("{number:09}")).is_some()));
    assert_eq!((vectors.stats().size, vectors.cache().stats().bytes), (10, 130));
    assert_eq!(vectors.cache().stats().disk_hits, 100);
}

/// While one thread computes the vector of a text, another asks for it. Returns what that one gets.
fn while_one_computes(
    describe: impl FnOnce(VectorsBuilder) -> VectorsBuilder,
    until: impl FnOnce(&Vectors, &mpsc::Receiver<()>) + Send,
) -> Result<f32, String> {
    let vectors = build(&Hub::in_memory(), describe);
    let ((began, told), (ended, end)) = (mpsc::channel(), mpsc::channel());
    std::thread::scope(|scope| {
        let computing = &vectors;
        scope.spawn(move || {
            let compute = |_: &str| {
                began.send(()).unwrap();
                until(computing, &end);
                Ok::<_, Infallible>(vec![1.0])
            };
            computing.get_or_embed("text", compute).unwrap();
        });
        told.recv().unwrap();
        let waited = vectors.get_or_embed("text", |_| Ok::<_, Infallible>(vec![2.0]));
        // Nobody listens if it has ended.
        let _ = ended.send(());
        waited.map(|vector| vector[0]).map_err(|error| {
            assert!(matches!(error, LoadError::Timeout { .. }), "{error}");
            error.to_string()
        })
    })
}

/// The remedy that the error names is there.
#[test]
fn who_waits_long_enough_is_served_and_told_how_to_wait_longer_if_not() {
    let short = |it: VectorsBuilder| it.wait_timeout(Duration::from_millis(20));
    let said = while_one_computes(short, |_, waited| waited.recv().unwrap()).unwrap_err();
    assert!(said.contains("`text`") && said.contains("20ms") && said.contains("`wait_timeout`"), "{said}");
    let until_somebody_waits = |vectors: &Vectors, _: &mpsc::Receiver<()>| {
        while vectors.cache().stats().waits == 0 {
            std::thread::yield_now();
        }
    };
    assert_eq!(while_one_computes(|it| it, until_somebody_waits), Ok(1.0));
}

/// A healthy computation may take minutes: many long texts, by a model that has to be loaded first.
#[test]
fn minutes_are_waited_for_a_vector() {
    let vectors = build(&Hub::in_memory(), |it| it);
    let shown = format!("{:?}", vectors.cache());
    assert!(shown.contains("wait_timeout: 600s"), "{shown}");
}

/// The remedy that the error names is one.
#[test]
fn what_is_too_large_for_a_precision_is_kept_as_f32() {
    let asked = Mutex::new(0);
    let compute = |_: &str| {
        *asked.lock().unwrap() += 1;
        Ok::<_, Infallible>(vec![1e6])
    };
    let half = build(&Hub::in_memory(), |it| it.precision(Precision::F16));
    let said = half.get_or_embed("text", compute).unwrap_err().to_string();
    assert!(said.contains("keep such vectors as f32"), "{said}");
    let whole = build(&Hub::in_memory(), |it| it.precision(Precision::F32));
    for _ in 0..2 {
        assert_eq!(*whole.get_or_embed("text", compute).unwrap(), [1e6]);
    }
    assert_eq!(asked.into_inner().unwrap(), 2);
}
