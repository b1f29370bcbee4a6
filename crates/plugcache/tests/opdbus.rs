//! The types of the op-dbus document as its own snippets use them, and the faults that its code has.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    path::PathBuf,
    sync::{
        Arc, Barrier, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use plugcache::{
    Hub,
    cache::{Timestamp, hub::Overrides},
    config::{Config, Files, Origin},
    embedding::Level,
    opdbus::{
        BlockCache, BlockEvent, CacheMetrics, CacheStats, DiffCache, EmbeddingCache, QueryCache, Result,
        Settings, StateDiff,
    },
};
use plugcache_testkit::ManualClock;
use serde_json::{Value, json};

/// The document's `ModelManager`, word for word but for the directory.
struct ModelManager {
    place: PathBuf,
}

struct Embedder;

#[expect(clippy::unused_self, reason = "the shape of the original")]
impl Embedder {
    fn embed(&self, text: &str) -> Result<Vec<f32>> {
        Ok(vec![f32::from(u16::try_from(text.len())?), 1.0])
    }
}

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the shape of the original")]
impl ModelManager {
    fn is_enabled(&self) -> bool {
        true
    }

    fn get_or_load_embedder(&self) -> Result<Embedder> {
        Ok(Embedder)
    }

    fn embed_cached(&self, text: &str) -> Result<Vec<f32>> {
        if !self.is_enabled() {
            return Ok(Vec::new());
        }

        let cache = self.embedding_cache();
        cache.get_or_embed(text, |t| {
            let embedder = self.get_or_load_embedder()?;
            embedder.embed(t)
        })
    }

    fn embedding_cache(&self) -> &'static EmbeddingCache {
        static CACHE: OnceLock<EmbeddingCache> = OnceLock::new();
        CACHE.get_or_init(|| {
            let cache_dir = self.place.clone();
            EmbeddingCache::new(10000, cache_dir)
        })
    }
}

#[test]
fn the_documents_snippets_run() {
    let place = tempfile::tempdir().unwrap();
    let manager = ModelManager { place: place.path().join("cache") };
    assert_eq!(manager.embed_cached("Created container 100").unwrap(), [21.0, 1.0]);
    assert_eq!(manager.embed_cached("Created container 101").unwrap(), [21.0, 1.0]);
    assert_eq!(manager.embed_cached("Created container 101").unwrap(), [21.0, 1.0]);
    let CacheStats { size, capacity } = manager.embedding_cache().stats();
    assert_eq!((size, capacity), (2, 10_000));

    let metrics: CacheMetrics = manager.embedding_cache().metrics();
    assert_eq!((metrics.hits, metrics.misses, metrics.evictions), (1, 2, 0));
    assert!((metrics.hit_rate() - 1.0 / 3.0).abs() < 1e-9);
    assert!((metrics.utilization() - 0.0002).abs() < 1e-9);
    let expected = "Embedding Cache: 2 / 10,000 entries (0% full, 33% hit rate)";
    assert_eq!(manager.embedding_cache().summary(), expected);
    let nothing = CacheMetrics { hits: 0, misses: 0, evictions: 0, size: 0, capacity: 0 };
    assert_eq!(nothing.hit_rate().total_cmp(&0.0), std::cmp::Ordering::Equal);
    assert_eq!(nothing.utilization().total_cmp(&0.0), std::cmp::Ordering::Equal);
}

fn embed(cache: &EmbeddingCache, text: &str, vector: &[f32]) -> Vec<f32> {
    cache.get_or_embed(text, |_| Ok(vector.to_vec())).unwrap()
}

/// The original computes sixteen times.
#[test]
fn sixteen_threads_compute_one_embedding_once() {
    let cache = EmbeddingCache::in_memory(10);
    let (computed, start) = (AtomicUsize::new(0), Barrier::new(16));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                let vector = cache.get_or_embed("text", |_| {
                    computed.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    Ok(vec![1.0])
                });
                assert_eq!(vector.unwrap(), [1.0]);
            });
        }
    });
    assert_eq!(computed.load(Ordering::SeqCst), 1);
}

#[test]
fn embeddings_survive_the_process_and_heal_when_they_are_damaged() {
    let place = tempfile::tempdir().unwrap();
    let open = || EmbeddingCache::new(100, place.path().join("cache"));
    let texts: Vec<String> = (0..50).map(|number| format!("text {number}")).collect();
    let first = open();
    for text in &texts {
        assert_eq!(embed(&first, text, &[0.5, 1.5]), [0.5, 1.5]);
    }
    drop(first);
    // From disk: what would be computed now is another one.
    let second = open();
    assert!(texts.iter().all(|text| embed(&second, text, &[9.0]) == [0.5, 1.5]));
    assert_eq!(second.metrics().hits, 50);
    drop(second);

    // The original answers with an error for ever after.
    let file = place.path().join("cache/caches-v1/embeddings/data.mdb");
    let mut bytes = std::fs::read(&file).unwrap();
    let row: Vec<u8> = [0.5_f32, 1.5].iter().flat_map(|number| number.to_le_bytes()).collect();
    let places: Vec<usize> =
        (0..bytes.len() - row.len()).filter(|at| bytes[*at..].starts_with(&row)).collect();
    assert!(places.len() >= 50, "{}", places.len());
    for at in places {
        bytes[at + 1] ^= 0x40;
    }
    std::fs::write(&file, bytes).unwrap();
    let third = open();
    assert!(texts.iter().all(|text| embed(&third, text, &[0.5, 1.5]) == [0.5, 1.5]));
    assert_eq!(third.metrics().hits, 0);
    assert!(texts.iter().all(|text| embed(&third, text, &[9.0]) == [0.5, 1.5]));

    third.clear().unwrap();
    assert_eq!(third.stats().size, 0);
    assert_eq!(embed(&open(), "text 1", &[7.0]), [7.0]);
}

/// The original serves the dimension of whatever model came first.
#[test]
fn another_models_vector_is_never_served() {
    let place = tempfile::tempdir().unwrap();
    let cache = EmbeddingCache::new(10, place.path().join("cache")).with_model("MiniLM-L3");
    assert_eq!(embed(&cache, "text", &[1.0; 384]).len(), 384);
    let other = cache.clone().with_model("MPNet");
    assert_eq!(embed(&other, "text", &[2.0; 768]).len(), 768);
    assert_eq!(embed(&cache, "text", &[]).len(), 384);
}

/// The variables name a level, and nothing else tells its vectors from another level's.
#[test]
fn levels_share_a_directory_and_no_vector() {
    let place = tempfile::tempdir().unwrap();
    let open = |level: &str| {
        let directory = place.path().to_str().unwrap();
        let set = [("OPDBUS_CACHE_DIR", directory), ("OP_DBUS_VECTOR_LEVEL", level)];
        Settings::from_variables(set).unwrap().embedding_cache()
    };
    let of_its_own =
        |number: usize, level: Level| vec![f32::from(u8::try_from(number).unwrap()); level.dimension()];
    let levels = [Level::Low, Level::Medium, Level::High];
    for (number, level) in levels.into_iter().enumerate() {
        let vector = of_its_own(number, level);
        assert_eq!(embed(&open(&level.to_string()), "text", &vector), vector, "{level}");
    }
    for (number, level) in levels.into_iter().enumerate() {
        let cache = open(&level.to_string());
        assert_eq!(embed(&cache, "text", &[]), of_its_own(number, level), "{level}: kept");
        let said = cache.get_or_embed("other", |_| Ok(vec![1.0])).unwrap_err().to_string();
        assert!(
            said.contains(&format!("{} components", level.dimension())) && said.contains("`other`"),
            "{said}"
        );
        // What it asks about is so: it is another model's, which is then said.
        assert_eq!(embed(&cache.with_model("letters"), "other", &[1.0]), [1.0]);
    }
    // A host that has a model and no level says which.
    assert_eq!(embed(&open("none").with_model("letters"), "other", &[2.0]), [1.0]);
    assert_eq!(embed(&open("none"), "text", &[3.0]), [3.0]);
}

#[test]
fn errors_are_passed_on_and_not_kept() {
    let cache = EmbeddingCache::in_memory(10);
    let failed = cache.get_or_embed("text", |_| Err(std::fmt::Error.into()));
    assert!(failed.unwrap_err().is::<std::fmt::Error>());
    assert_eq!(embed(&cache, "text", &[1.0]), [1.0]);
}

/// The document says LRU, and its callers count on the last blocks.
#[test]
fn the_least_recently_used_goes() {
    let block = |number: u64| BlockEvent {
        timestamp: number,
        category: "c".to_owned(),
        action: "a".to_owned(),
        data: json!(null),
        hash: String::new(),
        vector: Vec::new(),
    };
    let cache = BlockCache::new(1_000);
    (0..1_500).for_each(|number| cache.put(number, block(number)));
    let kept: Vec<u64> = (0..1_500).filter(|number| cache.get(*number).is_some()).collect();
    assert_eq!(kept, (500..1_500).collect::<Vec<u64>>());

    let cache = BlockCache::new(3);
    (1..=3).for_each(|number| cache.put(number, block(number)));
    assert!(cache.get(1).is_some() && cache.get(2).is_some());
    cache.put(4, block(4));
    cache.put(5, block(5));
    assert_eq!([1, 2, 3, 4, 5].map(|number| cache.get(number).is_some()), [false, true, false, true, true]);
    assert_eq!(cache.metrics().evictions, 2);
}

/// The document's `NonZeroUsize::new(capacity).unwrap()` panics.
#[test]
fn a_capacity_of_nothing_keeps_nothing() {
    let blocks = BlockCache::new(0);
    blocks.put(1, block(1));
    assert_eq!(blocks.get(1), None);
    let diffs = DiffCache::new(0);
    diffs.put("a".to_owned(), "b".to_owned(), Vec::new());
    assert_eq!(diffs.get("a", "b"), None);
    let cache = EmbeddingCache::in_memory(0);
    assert_eq!(embed(&cache, "x", &[1.0]), [1.0]);
    assert_eq!(embed(&cache, "x", &[2.0]), [2.0]);
    assert_eq!(cache.stats().capacity, 0);
    assert_eq!(cache.summary(), "Embedding Cache: 0 / 0 entries (0% full, 0% hit rate)");
}

fn block(number: u64) -> BlockEvent {
    BlockEvent {
        timestamp: 1_700_000_000 + number,
        category: "lxc".to_owned(),
        action: "create".to_owned(),
        data: json!({ "id": number }),
        hash: blake3::hash(&number.to_le_bytes()).to_hex().to_string(),
        vector: vec![0.25; 3],
    }
}

#[test]
fn blocks_are_kept_forgotten_and_bounded() {
    let cache = BlockCache::new(1000);
    for number in 0..1500 {
        cache.put(number, block(number));
    }
    assert!(cache.stats().size <= 1000 && cache.metrics().evictions >= 500);
    cache.put(7, block(7));
    assert_eq!(cache.get(7), Some(block(7)));
    cache.put(7, block(8));
    assert_eq!(cache.get(7).unwrap().data["id"], 8);
    cache.invalidate(7);
    assert_eq!(cache.get(7), None);
    assert!(
        cache.summary().starts_with("Block Cache: 999 / 1,000 blocks (99% full, 66% hit rate"),
        "{}",
        cache.summary()
    );
    cache.clear();
    assert_eq!(cache.stats().size, 0);
    let text = serde_json::to_value(block(1)).unwrap();
    let fields: Vec<_> = text.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["action", "category", "data", "hash", "timestamp", "vector"]);
}

#[test]
fn states_and_diffs_expire() {
    let clock = Arc::new(ManualClock::at(Timestamp(0)));
    let hub = Hub::builder().clock(Arc::clone(&clock) as _).build().unwrap();
    let queries = QueryCache::in_hub(Duration::from_secs(5), &hub).unwrap();
    queries.put("net".to_owned(), json!({ "up": true }));
    queries.put("lxc".to_owned(), Value::Null);
    clock.advance(Duration::from_millis(4900));
    assert_eq!(queries.get("net"), Some(json!({ "up": true })));
    assert_eq!(queries.get("lxc"), Some(Value::Null), "nothing is something");
    queries.invalidate("net");
    assert_eq!(queries.get("net"), None);
    clock.advance(Duration::from_millis(200));
    assert_eq!(queries.get("lxc"), None);
    queries.put("net".to_owned(), json!(1));
    queries.clear();
    assert_eq!(queries.get("net"), None);
    assert!(queries.summary().contains("5s TTL"), "{}", queries.summary());

    let diffs = DiffCache::in_hub(100, &hub).unwrap();
    let diff = StateDiff::new("net", &json!(1), &json!(2), Vec::new());
    diffs.put("a".to_owned(), "b:c".to_owned(), vec![diff.clone()]);
    assert_eq!(diffs.get("a", "b:c"), Some(vec![diff]));
    assert_eq!(diffs.get("a:b", "c"), None, "keys are not joined");
    clock.advance(Duration::from_secs(61));
    assert_eq!(diffs.get("a", "b:c"), None);
    assert_eq!(diffs.stats().capacity, 100);
    assert_eq!(QueryCache::new(Duration::from_secs(1)).metrics().hits, 0);
}

#[test]
fn variables_are_read_and_wrong_ones_explained() {
    assert_eq!(
        Settings::from_variables([("PATH", "/bin"), ("OPDBUS_CACHE_DIR", "")]).unwrap(),
        Settings::default()
    );
    let all = [
        ("OPDBUS_EMBEDDING_CACHE_SIZE", "20000"),
        ("OPDBUS_EMBEDDING_DISK_CACHE", "false"),
        ("OPDBUS_BLOCK_CACHE_SIZE", "7"),
        ("OPDBUS_QUERY_CACHE_TTL", "2"),
        ("OPDBUS_DIFF_CACHE_SIZE", "0"),
        ("OPDBUS_CACHE_DIR", "/srv/x"),
        ("OPENHCS_DISABLE_REGISTRY_CACHE", "true"),
    ];
    let settings = Settings::from_variables(all).unwrap();
    assert_eq!(settings.query_cache_ttl.value, Duration::from_secs(2));
    assert_eq!(settings.block_cache_size.origin, Origin::Variable("OPDBUS_BLOCK_CACHE_SIZE".to_owned()));
    assert_eq!(settings.embedding_cache().stats().capacity, 20_000);
    assert_eq!((settings.block_cache().stats().capacity, settings.diff_cache().stats().capacity), (7, 0));
    assert!(settings.query_cache().summary().contains("2s TTL"));

    let mut config = Config::read([("PLUGCACHE_BLOCKS_CAPACITY", "9")], &Files::default()).unwrap();
    settings.put_into(&mut config);
    assert_eq!(config.directory.value, Some("/srv/x".into()));
    assert_eq!(config.directory.origin.to_string(), "variable OPDBUS_CACHE_DIR");
    assert!(config.no_cache.value);
    let caches = config.settings().caches;
    assert_eq!(caches["blocks"].capacity, Some(9), "our own variable comes first");
    assert_eq!(caches["diffs"].capacity, Some(0));
    assert_eq!(caches["queries"].ttl, Some(Duration::from_secs(2)));
    let expected = Overrides { capacity: Some(20_000), disk: Some(false), ..Overrides::default() };
    assert_eq!(caches["embeddings"], expected);
    let mut untouched = Config::read([("PLUGCACHE_DIR", "/y")], &Files::default()).unwrap();
    settings.put_into(&mut untouched);
    assert_eq!(untouched.directory.value, Some("/y".into()));

    let level = |level: &str| Settings::from_variables([("OP_DBUS_VECTOR_LEVEL", level)]);
    let said = level("top").unwrap_err().to_string();
    let (expected, _) = said.split_once("expected ").unwrap().1.split_once(';').unwrap();
    let expected: Vec<&str> = expected.split([',', ' ']).filter(|word| !matches!(*word, "" | "or")).collect();
    assert_eq!(expected, ["none", "low", "medium", "high"]);
    assert!(expected.into_iter().all(|word| level(word).unwrap().vector_level.value.to_string() == word));
    for (name, _) in all.iter().filter(|(name, _)| *name != "OPDBUS_CACHE_DIR") {
        let said = Settings::from_variables([(*name, "soon")]).unwrap_err().to_string();
        assert!(
            said.contains(name) && said.contains("`soon`") && said.contains("such as") | said.contains("yes"),
            "{said}"
        );
    }
}
