//! What is computed, what is refused, and what a later process finds.

use std::{
    convert::Infallible,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{Barrier, Mutex, mpsc},
};

use plugcache::{
    Hub,
    cache::cache::LoadError,
    embedding::{Precision, Vectors},
};
use plugcache_testkit::Allocations;

use super::{build, embed, on_disk};

#[test]
fn only_what_is_missing_is_computed_each_text_once() {
    let place = tempfile::tempdir().unwrap();
    let asked = Mutex::new(Vec::new());
    let compute = |texts: &[&str]| {
        asked.lock().unwrap().push(texts.join(" "));
        Ok::<_, Infallible>(texts.iter().map(|text| vec![text.len() as f32, 0.5]).collect())
    };
    {
        let hub = on_disk(place.path());
        let vectors = build(&hub, |it| it);
        embed(&vectors, "b", &[7.0, 7.0]);
        let found = vectors.get_or_embed_many(&["aa", "b", "aa", "ccc"], compute).unwrap();
        let found: Vec<f32> = found.iter().map(|vector| vector[0]).collect();
        assert_eq!(found, [2.0, 7.0, 2.0, 3.0]);
        assert_eq!(*asked.lock().unwrap(), ["aa ccc"]);
    }
    let hub = on_disk(place.path());
    let vectors = build(&hub, |it| it);
    assert_eq!(vectors.get("aa").as_deref(), Some(&vec![2.0, 0.5]));
    assert_eq!(vectors.get_or_embed_many(&["ccc", "b", "d"], compute).unwrap().len(), 3);
    assert_eq!(asked.lock().unwrap()[1..], ["d"]);
    assert_eq!(vectors.clear().unwrap(), 4);
    assert_eq!((vectors.get("aa"), vectors.stats().size), (None, 0));
}

#[test]
fn a_hit_in_memory_allocates_nothing() {
    let vectors = build(&Hub::in_memory(), |it| it.dimension(384));
    embed(&vectors, "Created container 100", &[0.5; 384]);
    let counted = Allocations::of(|| {
        for _ in 0..100 {
            assert_eq!(vectors.get("Created container 100").unwrap().len(), 384);
            let found = vectors.get_or_embed("Created container 100", |_| Err(()));
            assert_eq!(found.unwrap().len(), 384);
        }
    });
    assert_eq!(counted, 0);
    assert!(Allocations::of(|| drop(std::hint::black_box(Box::new(7)))) > 0, "they are counted");
}

#[test]
fn threads_with_overlapping_texts_compute_each_once() {
    let vectors = build(&Hub::in_memory(), |it| it);
    let (computed, start) = (Mutex::new(Vec::new()), Barrier::new(8));
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (vectors, computed, start) = (&vectors, &computed, &start);
            scope.spawn(move || {
                // Some forwards, some backwards.
                let mut numbers: Vec<usize> = (thread * 5..thread * 5 + 40).collect();
                if thread % 2 == 0 {
                    numbers.reverse();
                }
                let texts: Vec<String> = numbers.iter().map(usize::to_string).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                start.wait();
                let found = vectors.get_or_embed_many(&texts, |missing| {
                    computed.lock().unwrap().extend(missing.iter().map(|text| (*text).to_owned()));
                    std::thread::yield_now();
                    Ok::<_, Infallible>(missing.iter().map(|text| vec![text.parse().unwrap()]).collect())
                });
                for (number, vector) in numbers.iter().zip(found.unwrap()) {
                    assert_eq!(*vector, [*number as f32]);
                }
            });
        }
    });
    let mut computed = computed.into_inner().unwrap();
    let all = computed.len();
    computed.sort();
    computed.dedup();
    assert_eq!((computed.len(), all), (75, 75));
}

#[test]
fn what_is_no_vector_of_the_model_is_refused() {
    let vectors = build(&Hub::in_memory(), |it| it.dimension(3));
    let refused = |vector: &[f32]| {
        let error = vectors.get_or_embed("text", |_| Ok::<_, Infallible>(vector.to_vec())).unwrap_err();
        assert!(matches!(&error, LoadError::Refused { key, .. } if key == "text"), "{error}");
        error.to_string()
    };
    let said = refused(&[1.0, 2.0]);
    assert!(
        said.contains("`text`") && said.contains("of 3 components") && said.contains("one of 2"),
        "{said}"
    );
    assert!(refused(&[0.0, f32::NAN, 1.0]).contains("component 1 of the vector is NaN"));
    assert!(refused(&[0.0, 1.0, f32::INFINITY]).contains("component 2 of the vector is inf"));
    let many = vectors.get_or_embed_many(&["right", "wrong"], |texts| {
        Ok::<_, Infallible>(vec![vec![1.0; 3], vec![1.0; texts.len()]])
    });
    assert!(matches!(many.unwrap_err(), LoadError::Refused { key, .. } if key == "wrong"));
    let few = vectors.get_or_embed_many(&["a", "b"], |_| Ok::<_, Infallible>(vec![vec![1.0; 3]]));
    assert!(matches!(few.unwrap_err(), LoadError::Count { expected: 2, got: 1, .. }));
    assert_eq!(vectors.stats().size, 0, "nothing of it is kept");
    assert_eq!(*embed(&vectors, "text", &[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
    let failed = vectors.get_or_embed("other", |_| Err("no model"));
    assert_eq!(failed.unwrap_err().loader(), Some(&"no model"));
    let half = build(&Hub::in_memory(), |it| it.precision(Precision::F16));
    let error = half.get_or_embed("text", |_| Ok::<_, Infallible>(vec![1e6])).unwrap_err();
    assert!(error.to_string().contains("as f16"), "{error}");
}

/// A text that waits for a batch in which another text's vector is refused.
#[test]
fn one_bad_text_fails_nobody_who_waits_for_another() {
    let vectors = build(&Hub::in_memory(), |it| it);
    let (began, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let waiting = &vectors;
        let waiter = scope.spawn(move || {
            told.recv().unwrap();
            embed(waiting, "good", &[2.0])
        });
        let batch = vectors.get_or_embed_many(&["good", "bad"], |_| {
            began.send(()).unwrap();
            while vectors.cache().stats().waits == 0 {
                std::thread::yield_now();
            }
            Ok::<_, Infallible>(vec![vec![1.0], vec![f32::NAN]])
        });
        assert!(matches!(batch.unwrap_err(), LoadError::Refused { key, .. } if key == "bad"));
        assert_eq!(*waiter.join().unwrap(), [2.0]);
    });
    assert_eq!(vectors.get("good").as_deref(), Some(&vec![2.0]));
    assert_eq!(vectors.get("bad"), None);
}

/// What memory serves after computing, and what a later process reads, to the last bit.
#[test]
fn an_answer_is_the_same_before_and_after_a_restart() {
    for precision in [Precision::F32, Precision::F16, Precision::I8] {
        let place = tempfile::tempdir().unwrap();
        let texts: Vec<String> = (0..50).map(|number| format!("text {number}")).collect();
        let ask = || {
            let hub = on_disk(place.path());
            let vectors = build(&hub, |it| it.precision(precision));
            let made = |text: &str| {
                let number: f32 = text.strip_prefix("text ").unwrap().parse().unwrap();
                Ok::<_, Infallible>((0..384_u16).map(|at| (number + f32::from(at)).sin() / 19.6).collect())
            };
            let found: Vec<_> =
                texts.iter().map(|text| vectors.get_or_embed(text, made).unwrap().to_vec()).collect();
            (found, vectors.cache().stats().loads)
        };
        let (computed, loads) = ask();
        assert_eq!(loads, 50);
        assert_eq!(ask(), (computed, 0), "{precision}");
    }
}

#[test]
fn every_damaged_byte_of_a_row_heals() {
    for precision in [Precision::F32, Precision::F16, Precision::I8] {
        let place = tempfile::tempdir().unwrap();
        let ask = |value: &[f32]| {
            let hub = on_disk(place.path());
            let vectors = build(&hub, |it| it.precision(precision));
            let found = embed(&vectors, "a text to be found", value).to_vec();
            (found, vectors.cache().stats().loads)
        };
        let (right, _) = ask(&[0.5, -0.25, 0.125]);
        let file = place.path().join("caches-v1/embeddings/data.mdb");
        let whole = fs::read(&file).unwrap();
        let (start, end) = row_of(&whole);
        // What surrounds the vector is the same for all: every byte of one is enough.
        let step = if precision == Precision::I8 { 1 } else { 11 };
        for at in (start..end).step_by(step) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&file, &bytes).unwrap();
            let (found, loads) = ask(&[0.5, -0.25, 0.125]);
            assert_eq!((found, loads), (right.clone(), 1), "{precision}, byte {} of the row", at - start);
            // Healed: what would be computed now is another one.
            let (found, loads) = ask(&[9.0]);
            assert_eq!((found, loads), (right.clone(), 0), "{precision}, byte {} of the row", at - start);
        }
        let mut cut = whole[..end - 1].to_vec();
        cut.resize(whole.len(), 0);
        fs::write(&file, &cut).unwrap();
        assert_eq!(ask(&[0.5, -0.25, 0.125]).0, right);
        fs::write(&file, &whole[..end - 1]).unwrap();
        assert_eq!(ask(&[0.5, -0.25, 0.125]).0, right);
    }
}

/// Where the only row's envelope begins and ends in the database. A page that was replaced may hold it too.
fn row_of(database: &[u8]) -> (usize, usize) {
    let begins = |at: &usize| database[*at..].starts_with(b"plugcach");
    let start = (0..database.len()).rev().find(begins).unwrap();
    let word = |at: usize| u32::from_le_bytes(*database[start + at..].first_chunk().unwrap()) as usize;
    (start, start + 36 + word(16) + word(20))
}

/// Two programs over one directory at the same time, of different models with different dimensions.
#[test]
fn two_processes_with_different_models_never_meet() {
    let place = tempfile::tempdir().unwrap();
    let run = |model: &str, dimension: usize| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "keeping::a_program_of_one_model", "--ignored", "--nocapture"]);
        command.env("VECTORS_PLACE", place.path()).env("VECTORS_MODEL", model);
        command.env("VECTORS_DIMENSION", dimension.to_string());
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    for _ in 0..2 {
        let programs = [run("MiniLM-L3", 384), run("MPNet", 768), run("MiniLM-L3", 384)];
        for mut program in programs {
            assert!(program.wait().unwrap().success());
        }
    }
    let hub = on_disk(place.path());
    let usage = build(&hub, |it| it).cache().disk_usage().unwrap().unwrap();
    assert_eq!(usage.entries, 200, "a row for each model and text");
}

#[test]
#[ignore = "run by another test"]
fn a_program_of_one_model() {
    let said = |name: &str| std::env::var(name).unwrap();
    let (model, dimension) = (said("VECTORS_MODEL"), said("VECTORS_DIMENSION").parse().unwrap());
    let hub = on_disk(Path::new(&said("VECTORS_PLACE")));
    let vectors = Vectors::builder(model).dimension(dimension).build(&hub).unwrap();
    for number in 0..100_u8 {
        let vector = vec![f32::from(number) + dimension as f32; dimension];
        assert_eq!(*embed(&vectors, &format!("text {number}"), &vector), vector);
    }
}
