//! `plugcache embed TEXT…`: a text's vector, and whether it had to be computed.

use std::{collections::HashSet, io::BufRead as _, time::Instant};

use serde::Serialize;

use super::{Outcome, bar::Bar, open::open};
use crate::{
    args::Embed,
    output::{DIM, Failure, Output},
    settings,
};

/// A text's vector, for programs.
#[derive(Serialize)]
struct Found<'a> {
    text: &'a str,
    /// As short as a number of this precision can be written.
    vector: &'a [f32],
    /// Whether nothing had to be computed for it.
    cached: bool,
}

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
        let found = found.map(|(text, vector)| Found { text, vector, cached: is_cached(text) });
        output.json(&found.collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    for vector in &vectors {
        output.line(vector.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))?;
    }
    let Some(numbers) = vectors.first().map(|vector| vector.len()) else {
        output.warn("standard input has no line, so there is no text");
        return Ok(Outcome::Done);
    };
    let kept = texts.iter().filter(|text| is_cached(text)).count();
    let alike = match texts.len() - kept - computed.len() {
        0 => String::new(),
        some => format!(", {some} like another"),
    };
    let (computed, took) = (computed.len(), took.as_secs_f64() * 1e3);
    output.talk(format!(
        "{DIM}{numbers} numbers a text by model {}; {computed} computed{alike}, {kept} kept before, in \
         {took:.1} ms{DIM:#}",
        open.choice
    ));
    Ok(Outcome::Done)
}

/// The texts, with each line of standard input in the place of `-`.
fn texts(given: &[String]) -> Result<Vec<String>, Failure> {
    let mut texts = Vec::new();
    for text in given {
        if text == "-" {
            let lines: Result<Vec<_>, _> = std::io::stdin().lock().lines().collect();
            texts.extend(lines.map_err(|error| format!("standard input: {error}"))?);
        } else {
            texts.push(text.clone());
        }
    }
    Ok(texts)
}
