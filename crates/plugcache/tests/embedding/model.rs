//! The model's vectors are those of the original libraries.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use plugcache::embedding::{Model, ModelError, files::ModelDirectory};

use crate::tools::{FILES, copy_of, cosine, model_directory, reference, sentences_and_vectors};

fn load(path: &Path, threads: Option<usize>) -> Result<Model, ModelError> {
    Model::load(&ModelDirectory::local(path)?, threads)
}

/// The issue's bound.
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
    let model = load(&model_directory(), None).unwrap();
    assert_eq!((model.dimension(), model.max_tokens()), (384, 256));
    let alone: Vec<Vec<f32>> = sentences.iter().map(|sentence| model.embed(sentence).unwrap()).collect();
    compare(&alone, &expected, &sentences);
    let texts: Vec<&str> = sentences.iter().map(String::as_str).collect();
    compare(&model.embed_many(&texts).unwrap(), &expected, &sentences);
    assert_eq!(model.embed_many(&[]).unwrap(), Vec::<Vec<f32>>::new());
}

#[test]
fn other_families_activations_and_poolings_agree_with_the_original() {
    for name in ["small-mpnet", "small-bert"] {
        let directory = reference().join(name);
        let (sentences, expected) = sentences_and_vectors(&directory);
        let model = load(&directory, Some(1)).unwrap();
        assert_eq!((model.dimension(), model.max_tokens()), (32, 100), "{name}");
        let texts: Vec<&str> = sentences.iter().map(String::as_str).collect();
        let made = model.embed_many(&texts).unwrap();
        for ((made, expected), sentence) in made.iter().zip(&expected).zip(&sentences) {
            for (a, b) in made.iter().zip(expected) {
                assert!((a - b).abs() < 1e-4, "{name}: {a} instead of {b} for `{sentence}`");
            }
        }
    }
}

fn error_after(damage: impl FnOnce(&Path)) -> String {
    let place = copy_of("small-bert");
    damage(place.path());
    let error = load(place.path(), Some(1)).unwrap_err().to_string();
    assert!(error.contains(&*place.path().to_string_lossy()), "{error} names no path");
    error
}

/// Exchanges a part of a file.
fn exchange(file: &'static str, old: &'static str, new: &'static str) -> impl FnOnce(&Path) {
    move |place| {
        let path = place.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no `{old}`");
        std::fs::write(path, text.replace(old, new)).unwrap();
    }
}

#[test]
fn what_is_absent_or_of_another_kind_is_an_error_that_names_it() {
    for name in &FILES[..3] {
        let error = error_after(|place| std::fs::remove_file(place.join(name)).unwrap());
        assert!(error.contains(name) && error.contains("cannot do without it"), "{error}");
    }
    let unknown =
        error_after(exchange("config.json", "\"model_type\": \"bert\"", "\"model_type\": \"llama\""));
    assert!(unknown.contains("config.json") && unknown.contains("llama"), "{unknown}");
    let heads =
        error_after(exchange("config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 5"));
    assert!(heads.contains("5 attention heads do not share 32 numbers"), "{heads}");
    let layers = error_after(exchange("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
    assert!(layers.contains("model.safetensors") && layers.contains("layer.2"), "{layers}");
    let words = error_after(exchange("config.json", "\"vocab_size\": 96", "\"vocab_size\": 50"));
    assert!(words.contains("tokenizer.json") && words.contains("50"), "{words}");
    let pooling =
        error_after(exchange("1_Pooling/config.json", "\"pooling_mode_cls_token\": true", "\"x\": 1"));
    assert!(pooling.contains("1_Pooling/config.json"), "{pooling}");
    let modules = error_after(exchange("modules.json", "models.Pooling", "models.Dense"));
    assert!(modules.contains("modules.json") && modules.contains("Dense"), "{modules}");
    let length = error_after(exchange("sentence_bert_config.json", "100", "2"));
    assert!(length.contains("no room beside 2 special ones"), "{length}");
}

#[test]
fn damaged_files_are_errors_and_no_panics() {
    for name in FILES {
        let whole = std::fs::read(reference().join("small-bert").join(name)).unwrap();
        for part in [0, 1, 7, whole.len() / 2, whole.len() - 2] {
            let error = error_after(|place| std::fs::write(place.join(name), &whole[..part]).unwrap());
            assert!(error.contains(name), "{error}");
        }
    }
    // The head of the weights is a length and JSON: each byte of it, turned round.
    let whole = std::fs::read(reference().join("small-bert/model.safetensors")).unwrap();
    let place = copy_of("small-bert");
    for at in (0..600).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        std::fs::write(place.path().join("model.safetensors"), damaged).unwrap();
        if let Ok(model) = load(place.path(), Some(1)) {
            // Only names that nobody asks for can have changed.
            assert_eq!(model.embed("a").unwrap().len(), 32);
        }
    }
}

#[test]
fn without_the_files_that_may_be_absent_the_mean_is_taken_and_normalised() {
    let place = copy_of("small-bert");
    for name in &FILES[3..] {
        std::fs::remove_file(place.path().join(name)).unwrap();
    }
    let model = load(place.path(), None).unwrap();
    assert_eq!(model.max_tokens(), 130);
    let vector = model.embed("Created container 100").unwrap();
    let length: f64 = vector.iter().map(|number| f64::from(*number).powi(2)).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
}

#[test]
fn many_threads_share_a_model() {
    let model = load(&reference().join("small-mpnet"), Some(2)).unwrap();
    let expected = model.embed("Created container 100").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(model.embed("Created container 100").unwrap(), expected);
                }
            });
        }
    });
}

#[test]
fn what_is_not_known_is_an_error_and_no_vector() {
    let lower = error_after(exchange(
        "sentence_bert_config.json",
        "\"do_lower_case\": false",
        "\"do_lower_case\": true",
    ));
    assert!(lower.contains("lower-case"), "{lower}");
    let both = "\"pooling_mode_cls_token\": true, \"pooling_mode_lasttoken\": true";
    let both = error_after(exchange("1_Pooling/config.json", "\"pooling_mode_cls_token\": true", both));
    assert!(both.contains("pooling_mode_cls_token, pooling_mode_lasttoken"), "{both}");
    let elsewhere =
        error_after(exchange("modules.json", "\"path\": \"1_Pooling\"", "\"path\": \"2_Pooling\""));
    assert!(elsewhere.contains("2_Pooling"), "{elsewhere}");
    let prompt = error_after(|place| {
        let text = r#"{"default_prompt_name": "query", "prompts": {"query": "query: "}}"#;
        std::fs::write(place.join("config_sentence_transformers.json"), text).unwrap();
    });
    assert!(prompt.contains("`query`"), "{prompt}");
}

#[test]
fn without_its_own_length_a_text_is_cut_as_the_tokenizer_says() {
    let place = copy_of("small-bert");
    std::fs::remove_file(place.path().join("sentence_bert_config.json")).unwrap();
    std::fs::write(place.path().join("tokenizer_config.json"), r#"{"model_max_length": 40}"#).unwrap();
    assert_eq!(load(place.path(), Some(1)).unwrap().max_tokens(), 40);
    std::fs::write(place.path().join("tokenizer_config.json"), r#"{"model_max_length": 1e30}"#).unwrap();
    assert_eq!(load(place.path(), Some(1)).unwrap().max_tokens(), 130);
}

#[test]
fn of_a_long_text_only_what_counts_is_looked_at() {
    let model = load(&reference().join("small-mpnet"), Some(1)).unwrap();
    let begin = "created the container far off one two ".repeat(40);
    let expected = model.embed(&begin).unwrap();
    assert_eq!(model.embed(&begin.repeat(10_000)).unwrap(), expected);
    // White space is no token: what counts may stand far behind it.
    let far = format!("{}{begin}", " \n".repeat(1_000_000));
    assert_eq!(model.embed(&far).unwrap(), expected);
    assert_eq!(model.embed(&"é".repeat(3_000_000)).unwrap().len(), 32);
}

/// Names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between the listing and the look.
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    tasks.filter_map(|task| name(task.unwrap())).map(|name| name.trim().to_owned()).collect()
}

/// Run by the next test, alone in its process: what forks must not have other tests beside it.
#[test]
#[ignore = "a part of another test"]
#[expect(unsafe_code, reason = "a fork without exec is what is tested")]
fn child_that_forks() {
    let model = load(&model_directory(), Some(2)).unwrap();
    // Long enough for all that is done side by side.
    let text = "Created container 100 and removed it again. ".repeat(20);
    let texts = vec![text.as_str(); 3];
    let expected = model.embed_many(&texts).unwrap();
    let own = |name: &String| ["embedding-0", "embedding-1"].contains(&name.as_str());
    assert_eq!(threads().iter().filter(|name| own(name)).count(), 2, "{:?}", threads());
    let before = threads();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                model.embed("busy").unwrap();
            }
        });
        let mut failed = Vec::new();
        for round in 0..3 {
            // SAFETY: the child computes as a forked child of a host would, and then leaves at once.
            let forked = unsafe { libc::fork() };
            assert!(forked >= 0);
            if forked == 0 {
                let is_right = model.embed_many(&texts).is_ok_and(|vectors| vectors == expected);
                // SAFETY: leaves without running the parent's exit handlers.
                unsafe { libc::_exit(i32::from(!is_right)) };
            }
            let mut status = -1;
            // SAFETY: waits for a child of this process, with room for its status.
            assert_eq!(unsafe { libc::waitpid(forked, &raw mut status, 0) }, forked);
            if status != 0 {
                failed.push((round, status));
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(failed.is_empty(), "round and status: {failed:?}");
    });
    drop(model);
    let gone = (0..1_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        !threads().iter().any(own)
    });
    assert!(gone, "threads of the model are left: {before:?}, {:?}", threads());
    let others: Vec<String> = threads().into_iter().filter(|name| name.contains("candle")).collect();
    assert_eq!(others, [] as [String; 0]);
}

#[test]
fn a_forked_child_computes_on_threads_of_its_own_and_no_thread_is_left() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "model::child_that_forks", "--include-ignored", "--nocapture"]);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
