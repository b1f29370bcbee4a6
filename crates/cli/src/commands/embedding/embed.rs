//! `plugcache embed TEXT…`: a text's vector, and whether it had to be computed.

use std::{collections::HashSet, io::BufRead as _, time::Instant};

use serde_json::json;

use super::{Outcome, bar::Bar, open::open};
use crate::{
    args::Embed,
    output::{DIM, Failure, Output},
    settings,
};

pub(in crate::commands) fn run(args: &Embed, output: &Output) -> Result<Outcome, Failure> {
    let texts = texts(&args.texts)?;
    let config = settings::config(args.place.flags())?;
    let open = open(&args.model, &config, output)?;
    let asked: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut computed = HashSet::new();
    let mut bar = Bar::of_texts(output);
    let began = Instant::now();
    let vectors = open.embedder.embed_many_with(&asked, |missing| {
        computed.extend(missing.iter().map(|text| (*text).to_owned()));
        bar.show("", computed.len() as u64, asked.len() as u64);
    })?;
    drop(bar);
    let took = began.elapsed();
    let normalizer = open.embedder.vectors().normalizer();
    let is_cached = |text: &str| !computed.contains(&*normalizer.apply(text));
    if output.is_json() {
        let found = texts.iter().zip(&vectors);
        let found = found
            .map(|(text, vector)| json!({ "text": text, "vector": &**vector, "cached": is_cached(text) }));
        output.json(&found.collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    for vector in &vectors {
        output.line(vector.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))?;
    }
    let kept = texts.iter().filter(|text| is_cached(text)).count();
    let (numbers, choice) = (vectors.first().map_or(0, |vector| vector.len()), &open.choice);
    let took = took.as_secs_f64() * 1e3;
    output.talk(format!(
        "{DIM}{numbers} numbers a text by model {choice}; {} computed, {kept} kept before, in {took:.1} ms{DIM:#}",
        texts.len() - kept
    ));
    Ok(Outcome::Done)
}

/// The texts, with each line of standard input in the place of `-`.
fn texts(given: &[String]) -> Result<Vec<String>, Failure> {
    let mut texts = Vec::new();
    for text in given {
        if text == "-" {
            texts.extend(std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>()?);
        } else {
            texts.push(text.clone());
        }
    }
    Ok(texts)
}
