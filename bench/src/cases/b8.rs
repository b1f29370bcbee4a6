//! B8 and B9, texts as vectors: what a model costs beside its reference implementation, and what its vectors cost once
//! they are kept. The bounds of hits are the project's; those beside the reference only say who is ahead.

use std::{hint::black_box, path::Path};

use plugcache::embedding::{Corpus, Model, Vectors, files::ModelDirectory};
use plugcache_cache::{Cache, Hub, cache::Eviction};

use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Series, Subject, interleave},
    peers,
    report::{Bound, Row},
};

const GOAL: &str = "B8";
/// Messages as hosts log them: the first of the reference's sentences.
const SENTENCES: usize = 64;
/// Sentences that are computed together.
pub(crate) const BATCH: usize = 32;
/// Vectors that are kept, and hits of one sample.
const KEPT: usize = 4_000;
const HITS: usize = 20_000;
/// Components of a vector.
const DIMENSION: usize = 384;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let mut rows = beside_reference(context)?;
    let (hits, on_disk) = hits(context)?;
    rows.extend(hits);
    rows.push(beside_computing(context, &on_disk)?);
    rows.extend(search(context)?);
    Ok(rows)
}

/// The sentences, as all subjects see them.
pub(crate) fn sentences() -> Result<Vec<String>> {
    const REFERENCE: &str =
        include_str!("../../../crates/plugcache/tests/embedding/reference/sentences.json");
    let mut sentences: Vec<String> = serde_json::from_str(REFERENCE)?;
    sentences.truncate(SENTENCES);
    Ok(sentences)
}

/// A fresh process that loads the model and does one thing with it; `answer` is what it has grown to, in KiB.
pub(crate) fn work(what: &str, model: &Path) -> Result<Sample> {
    let texts = sentences()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let directory = ModelDirectory::local(model)?;
    if what == "load" {
        let before = resident()?;
        let mut sample = Sample::of(|| {
            black_box(Model::load(&directory, None)?).embed("warm")?;
            Ok(0)
        })?;
        let model = Model::load(&directory, None)?;
        model.embed("warm")?;
        sample.answer = resident()?.saturating_sub(before);
        return Ok(sample);
    }
    let model = Model::load(&directory, None)?;
    model.embed_many(&texts)?;
    let at_once = if what == "batch" { BATCH } else { 1 };
    Sample::of(|| {
        for some in texts.chunks(at_once) {
            black_box(model.embed_many(some)?);
        }
        Ok(texts.len() as u64)
    })
}

/// Memory that this process has in use, in KiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

fn beside_reference(context: &Context) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let file = context.work.join("sentences.json");
    std::fs::write(&file, serde_json::to_string(&sentences()?)?)?;
    for (what, case) in [
        ("alone", format!("{SENTENCES} sentences, one at a time")),
        ("batch", format!("{SENTENCES} sentences, {BATCH} at a time")),
        ("load", "model loaded, first sentence".to_owned()),
    ] {
        let mut script = peers::script(context, &context.reference_python, "embedding.py");
        script.arg(what).arg(&context.model).arg(&file).env("HF_HUB_OFFLINE", "1");
        let peer = Subject::child("sentence-transformers, torch", script);
        let ours = Subject::child("ours", child::command("embed", &[what.as_ref(), context.model.as_ref()])?);
        let [ours, peer] = interleave(context.slow_rounds(), [ours, peer])?;
        rows.push(Row::faster(GOAL, &case, &ours, 1.0, &peer));
        if what == "load" {
            rows.push(memory(&ours, &peer));
        }
    }
    Ok(rows)
}

/// What a process has grown by, with the model loaded.
fn memory(ours: &Series, peer: &Series) -> Row {
    #[expect(clippy::cast_precision_loss, reason = "MiB in a table")]
    let [ours, theirs] = [ours.answer, peer.answer].map(|kib| kib as f64 / 1024.0);
    Row {
        goal: GOAL,
        case: "memory that a loaded model takes, MiB".to_owned(),
        ours,
        reference: String::new(),
        peer: format!("sentence-transformers, torch, with their modules: {theirs:.0} MiB"),
        ratio: theirs / ours,
        bound: Bound::AtLeast(1.0),
    }
}

/// A vector that looks like a model's: nothing in it repeats.
fn vector(seed: usize) -> Vec<f32> {
    let mut state = seed as u64 + 1;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let vector: Vec<f32> = (0..DIMENSION).map(|_| number()).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter().map(|number| number / length).collect()
}

fn message(number: usize) -> String {
    format!("Created container {number} on node {}", number % 7)
}

/// Hits in memory beside those of a bare cache, and on disk.
fn hits(context: &Context) -> Result<(Vec<Row>, Series)> {
    let texts: Vec<String> = (0..KEPT).map(message).collect();
    let order: Vec<&str> = (0..HITS).map(|at| texts[at.wrapping_mul(0x9E37_79B9) % KEPT].as_str()).collect();
    let memory = Vectors::builder("model").build(&Hub::in_memory())?;
    let bare: Cache<str, Vec<f32>> =
        Cache::builder("bare").eviction(Eviction::Lru).build(&Hub::in_memory())?;
    let place = context.empty("vectors")?;
    let hub = Hub::builder().directory(&place).build()?;
    let disk = Vectors::builder("model").capacity(0).build(&hub)?;
    for (number, text) in texts.iter().enumerate() {
        bare.insert(text.as_str(), vector(number));
    }
    let asked: Vec<&str> = texts.iter().map(String::as_str).collect();
    for vectors in [&memory, &disk] {
        let mut next = 0..;
        let make = |missing: &[&str]| {
            Ok::<_, std::fmt::Error>(missing.iter().zip(&mut next).map(|(_, n)| vector(n)).collect())
        };
        vectors.get_or_embed_many(&asked, make)?;
    }
    let none = |_: &str| Err(std::fmt::Error);
    let subjects = [
        asked_for("vectors", &order, |text| Ok(memory.get_or_embed(text, none)?)),
        asked_for("bare cache, least recently used", &order, |text| Ok(bare.get_or_load(text, none)?)),
        asked_for("on disk", &order, |text| Ok(disk.get_or_embed(text, none)?)),
    ];
    let [memory, bare, on_disk] = interleave(context.rounds(), subjects)?;
    let case = format!("{HITS} vectors from memory");
    Ok((vec![Row::at_most(GOAL, &case, &memory, 3.0, &bare)], on_disk))
}

fn asked_for<'a, T>(
    name: &'static str,
    order: &'a [&'a str],
    hit: impl Fn(&str) -> Result<T> + 'a,
) -> Subject<'a> {
    Subject::new(name, move |_| {
        Sample::of(|| {
            for text in order {
                black_box(hit(text)?);
            }
            Ok(order.len() as u64)
        })
    })
}

/// A vector from disk beside computing it, in the same unit: one of each.
fn beside_computing(context: &Context, on_disk: &Series) -> Result<Row> {
    let texts = sentences()?;
    let model = Model::load(&ModelDirectory::local(&context.model)?, None)?;
    model.embed("warm")?;
    let compute = Subject::new("computing", |_| {
        Sample::of(|| {
            for text in &texts {
                black_box(model.embed(text)?);
            }
            Ok(texts.len() as u64)
        })
    });
    let [computed] = interleave(context.slow_rounds(), [compute])?;
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let (hit, one) = (on_disk.median() / HITS as f64, computed.median() / texts.len() as f64);
    Ok(Row {
        goal: GOAL,
        case: "a vector from disk, ms".to_owned(),
        ours: hit,
        reference: String::new(),
        peer: format!("computing one: {one:.2} ms"),
        ratio: one / hit,
        bound: Bound::AtLeast(5_000.0),
    })
}

/// A query among so many vectors, beside a plain loop over the same numbers.
fn search(context: &Context) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for count in [1_000, 10_000, 100_000] {
        if context.quick && count > 10_000 {
            continue;
        }
        let mut corpus = Corpus::new(DIMENSION);
        let mut plain = Vec::with_capacity(count * DIMENSION);
        for number in 0..count {
            let vector = vector(number);
            corpus.add(number, &vector)?;
            plain.extend(vector);
        }
        let query = vector(count + 1);
        let subjects = [
            Subject::new("ours", |_| {
                Sample::of(|| Ok(corpus.nearest(&query, 10)?.first().map_or(0, |(id, _)| **id) as u64))
            }),
            Subject::new("plain loop", |_| Sample::of(|| Ok(nearest(&plain, &query)))),
        ];
        let [ours, loop_] = interleave(context.rounds(), subjects)?;
        if ours.answer != loop_.answer {
            return Err(format!("the nearest is {}, not {}", loop_.answer, ours.answer).into());
        }
        rows.push(Row::faster(GOAL, &format!("nearest of {count} vectors"), &ours, 1.0, &loop_));
    }
    Ok(rows)
}

fn nearest(all: &[f32], query: &[f32]) -> u64 {
    let product = |vector: &[f32]| vector.iter().zip(query).map(|(a, b)| a * b).sum::<f32>();
    let scores = all.chunks_exact(DIMENSION).map(product).enumerate();
    scores.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(position, _)| position as u64)
}
