//! `plugcache similar TEXT`: what means nearly the same, in the log and among plugins.

use std::sync::Arc;

use plugcache::{
    embedding::{Corpus, speech},
    ledger::Block,
};
use serde_json::{Value, json};

use super::{Outcome, bar::Bar, open::open};
use crate::{
    args::Similar,
    commands::{cache::ls::printable, log},
    output::{DIM, Failure, Output},
    settings,
    units::count,
};

/// Something that can be found.
struct Thing {
    kind: &'static str,
    /// A block's number or a plugin's name.
    name: Value,
    text: String,
}

pub(in crate::commands) fn run(args: &Similar, output: &Output) -> Result<Outcome, Failure> {
    let mut things = Vec::new();
    if !args.plugins {
        things.extend(blocks(args)?);
    }
    if !args.log {
        things.extend(plugins(args, output)?);
    }
    if things.is_empty() {
        output.warn(format!("there is nothing to look among: {}", where_to_look(args)?));
        show(&[], output)?;
        return Ok(Outcome::Findings);
    }
    let config = settings::config(args.select.proof.flags())?;
    let open = open(&args.model, &config, output)?;
    let texts: Vec<&str> = things.iter().map(|thing| thing.text.as_str()).collect();
    let mut bar = Bar::of_texts(output);
    let mut computed = 0;
    let vectors = open.embedder.embed_many_with(&texts, |missing| {
        computed += missing.len() as u64;
        bar.show("", computed, texts.len() as u64);
    })?;
    drop(bar);
    let query = open.embedder.embed(&args.text)?;
    let mut corpus = Corpus::new(query.len());
    for (thing, vector) in things.iter().zip(&vectors) {
        corpus.add(thing, vector)?;
    }
    show(&corpus.nearest(&query, args.limit)?, output)?;
    if !output.is_json() {
        let (texts, computed) = (count(texts.len() as u64), count(computed));
        output.talk(format!("{DIM}{texts} texts looked at, {computed} of them computed now{DIM:#}"));
    }
    Ok(Outcome::Done)
}

fn where_to_look(args: &Similar) -> Result<String, Failure> {
    const PLUGINS: &str = "no plugin was found; --root DIR says where they are";
    let log = log::place_of(&args.data)?.0;
    let log = format!("there is no block in {}; `plugcache log append` adds them", log.display());
    Ok(match (args.log, args.plugins) {
        (true, _) => log,
        (_, true) => PLUGINS.to_owned(),
        _ => format!("{log}; and {PLUGINS}"),
    })
}

fn show(found: &[(&&Thing, f32)], output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        let found = found.iter().map(|(thing, score)| {
            json!({ "kind": thing.kind, "name": thing.name, "text": thing.text, "score": score })
        });
        return output.json(&json!({ "schema": 1, "similar": found.collect::<Vec<_>>() }));
    }
    output.table(found.iter().map(|(thing, score)| {
        let name = thing.name.as_str().map_or_else(|| thing.name.to_string(), str::to_owned);
        vec![format!("{score:.3}"), format!("{} {}", thing.kind, printable(&name)), first_line(&thing.text)]
    }))
}

/// As much of a text as fits into a line.
fn first_line(text: &str) -> String {
    const WIDEST: usize = 80;
    let line = printable(text.lines().next().unwrap_or_default());
    match line.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", line.split_at(end).0),
        None => line,
    }
}

fn blocks(args: &Similar) -> Result<Vec<Thing>, Failure> {
    let Some(log) = log::find(&args.data)? else { return Ok(Vec::new()) };
    let thing = |block: Result<Arc<Block>, _>| {
        let block = block?;
        Ok(Thing { kind: "block", name: json!(block.number), text: speech::of_block(&block) })
    };
    log.blocks(..)?.map(thing).collect()
}

fn plugins(args: &Similar, output: &Output) -> Result<Vec<Thing>, Failure> {
    if !args.plugins && !settings::has_roots(&args.select)? {
        return Ok(Vec::new());
    }
    let (found, report) = settings::resolver(&args.select)?.list();
    output.warnings(&report);
    let thing = |found: plugcache::Resolution| Thing {
        kind: "plugin",
        text: speech::of_plugin(&found.plugin),
        name: json!(found.plugin.name),
    };
    Ok(found.into_iter().map(thing).collect())
}
