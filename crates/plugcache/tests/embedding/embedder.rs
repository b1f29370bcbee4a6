//! A model is loaded once, and a text computed once.

use std::{path::Path, time::Duration};

use plugcache::{
    Hub,
    embedding::{Embedder, Model, Normalizer, Precision, files::ModelDirectory},
};

use crate::tools::{copy_of, cosine, reference};

fn small(name: &str) -> ModelDirectory {
    ModelDirectory::local(reference().join(name)).unwrap()
}

fn in_directory(place: &Path) -> Hub {
    Hub::builder().directory(place).build().unwrap()
}

fn loads_of_the_model(hub: &Hub) -> u64 {
    hub.stats()["embedding-model"].loads
}

#[test]
fn many_threads_load_the_model_once_and_compute_each_text_once() {
    let hub = Hub::in_memory();
    let embedder = Embedder::builder(small("small-mpnet")).threads(1).build(&hub).unwrap();
    assert!(!embedder.is_loaded());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let embedder = &embedder;
            scope.spawn(move || {
                for text in 0..20 {
                    embedder.embed(&format!("text {text}")).unwrap();
                }
                let texts: Vec<String> = (thread..thread + 200).map(|text| format!("text {text}")).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                assert_eq!(embedder.embed_many(&texts).unwrap().len(), 200);
            });
        }
    });
    assert_eq!(loads_of_the_model(&hub), 1);
    assert_eq!(embedder.vectors().cache().stats().loads, 207);
}

#[test]
fn a_later_program_has_the_vectors_and_loads_no_model() {
    let place = tempfile::tempdir().unwrap();
    let texts = ["Created container 100", "Removed it", "Created container 100"];
    let first = {
        let embedder = Embedder::builder(small("small-mpnet")).build(&in_directory(place.path())).unwrap();
        embedder.embed_many(&texts).unwrap()
    };
    let hub = in_directory(place.path());
    let embedder = Embedder::builder(small("small-mpnet")).build(&hub).unwrap();
    assert_eq!(embedder.embed_many(&texts).unwrap(), first);
    assert_eq!(*embedder.embed(texts[1]).unwrap(), *first[1]);
    assert!(!embedder.is_loaded());
    assert_eq!(embedder.vectors().cache().stats().disk_hits, 2);
    // A copy elsewhere is the same model.
    let copy = copy_of("small-mpnet");
    drop((embedder, hub));
    let copied = || ModelDirectory::local(copy.path()).unwrap();
    let embedder = Embedder::builder(copied()).build(&in_directory(place.path())).unwrap();
    assert_eq!(*embedder.embed(texts[0]).unwrap(), *first[0]);
    assert!(!embedder.is_loaded());
    drop(embedder);
    // An edited file makes it another one, though size and place are the same.
    let modules = copy.path().join("sentence_bert_config.json");
    let edited = std::fs::read_to_string(&modules).unwrap().replace("100", "101");
    std::fs::write(&modules, edited).unwrap();
    let embedder = Embedder::builder(copied()).build(&in_directory(place.path())).unwrap();
    embedder.embed(texts[0]).unwrap();
    assert!(embedder.is_loaded());
}

#[test]
fn models_normalisers_and_precisions_have_vectors_of_their_own() {
    let place = tempfile::tempdir().unwrap();
    let text = "Created container 100";
    let with = |name, normalizer: Normalizer, precision| {
        let builder = Embedder::builder(small(name)).normalizer(normalizer).precision(precision);
        let embedder = builder.build(&in_directory(place.path())).unwrap();
        let vector = embedder.embed(text).unwrap();
        assert!(embedder.is_loaded(), "{name} was served a vector of another kind");
        vector
    };
    let exact = with("small-mpnet", Normalizer::None, Precision::F32);
    let other = with("small-bert", Normalizer::None, Precision::F32);
    assert_ne!(exact, other);
    let normalised = with("small-mpnet", Normalizer::Digits, Precision::F32);
    let model = Model::load(&small("small-mpnet"), Some(1)).unwrap();
    assert_eq!(*normalised, model.embed("Created container #").unwrap());
    for precision in [Precision::F16, Precision::I8] {
        let rounded = with("small-mpnet", Normalizer::None, precision);
        assert!(rounded != exact && cosine(&rounded, &exact) > 0.999);
    }
}

#[test]
fn a_model_that_is_idle_is_let_go_and_loaded_again() {
    let hub = Hub::in_memory();
    let embedder = Embedder::builder(small("small-bert")).build(&hub).unwrap();
    assert!(!embedder.release_idle(Duration::ZERO));
    let vector = embedder.embed("a").unwrap();
    assert!(embedder.is_loaded() && !embedder.release_idle(Duration::from_hours(1)));
    assert!(embedder.release_idle(Duration::ZERO) && !embedder.is_loaded());
    // A vector that is kept needs no model.
    assert_eq!(embedder.embed("a").unwrap(), vector);
    assert!(!embedder.is_loaded());
    embedder.embed("b").unwrap();
    assert!(embedder.is_loaded());
    assert_eq!(loads_of_the_model(&hub), 2);
}

#[test]
fn files_that_change_before_they_are_loaded_make_no_vectors_for_the_old_ones() {
    let place = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(reference().join("small-bert").join(name), place.path().join(name)).unwrap();
    }
    let directory = ModelDirectory::local(place.path()).unwrap();
    let embedder = Embedder::builder(directory).build(&Hub::in_memory()).unwrap();
    let config = place.path().join("config.json");
    let edited = std::fs::read_to_string(&config).unwrap().replace("gelu_new", "relu");
    std::fs::write(&config, edited).unwrap();
    let error = embedder.embed("a").unwrap_err().to_string();
    assert!(error.contains("have changed") && error.contains("open it again"), "{error}");
}

#[test]
fn a_model_that_cannot_be_loaded_is_an_error_each_time() {
    let place = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(reference().join("small-bert").join(name), place.path().join(name)).unwrap();
    }
    let weights = place.path().join("model.safetensors");
    std::fs::write(&weights, b"cut off").unwrap();
    let directory = ModelDirectory::local(place.path()).unwrap();
    let embedder = Embedder::builder(directory).build(&Hub::in_memory()).unwrap();
    for _ in 0..2 {
        let error = embedder.embed("a").unwrap_err().to_string();
        assert!(error.contains("model.safetensors"), "{error}");
    }
    std::fs::copy(reference().join("small-bert/model.safetensors"), weights).unwrap();
    // It is another model now, with vectors of its own.
    assert!(embedder.embed("a").unwrap_err().to_string().contains("open it again"));
    let directory = ModelDirectory::local(place.path()).unwrap();
    let embedder = Embedder::builder(directory).build(&Hub::in_memory()).unwrap();
    assert_eq!(embedder.embed("a").unwrap().len(), 32);
}

/// The threads of a pool do other work of it while they wait. A text must not be computed inside of another.
#[test]
fn the_threads_of_another_pool_may_ask_side_by_side() {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    for is_warm in [false, true] {
        let hub = Hub::in_memory();
        let embedder = Embedder::builder(small("small-mpnet")).threads(2).build(&hub).unwrap();
        if is_warm {
            embedder.model().unwrap();
        }
        let ask = |n: usize| embedder.embed(&format!("text {}", n % 50)).map_err(|error| error.to_string());
        let failed: Vec<String> =
            pool.install(|| (0..200).into_par_iter().filter_map(|n| ask(n).err()).collect());
        assert_eq!(failed, [] as [String; 0]);
        assert_eq!(embedder.vectors().cache().stats().loads, 50);
    }
}

#[test]
fn a_long_list_is_kept_piece_by_piece() {
    let embedder = Embedder::builder(small("small-mpnet")).build(&Hub::in_memory()).unwrap();
    let long = "far ".repeat(2_000);
    let mut texts: Vec<String> = (0..300).map(|n| format!("text {n}")).collect();
    texts.extend((0..20).map(|n| format!("{n} {long}")));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut pieces = Vec::new();
    let vectors = embedder.embed_many_with(&texts, |piece| pieces.push(piece.len())).unwrap();
    assert_eq!((vectors.len(), pieces.iter().sum::<usize>()), (320, 320));
    assert!(pieces.iter().all(|piece| *piece <= 128) && pieces.len() >= 5, "{pieces:?}");
    assert_eq!(embedder.embed_many(&[]).unwrap().len(), 0);
}
