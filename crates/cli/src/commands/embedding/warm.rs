//! `plugcache cache warm --model`: the model's files are here, and it works.

use std::time::Instant;

use serde_json::json;

use super::{
    Outcome,
    open::{choice, directory, keeps_nothing},
};
use crate::{
    args::Warm,
    output::{Failure, Output},
    settings,
};

pub(in crate::commands) fn run(args: &Warm, output: &Output) -> Result<Outcome, Failure> {
    let config = settings::config(args.place.flags())?;
    if keeps_nothing(&config) {
        return Err("nothing is kept (--no-cache or PLUGCACHE_NO_CACHE), so there is nothing to warm".into());
    }
    let choice = choice(Some(&args.model), &config)?;
    let directory = directory(&choice, &config, output)?;
    let began = Instant::now();
    let model = plugcache::embedding::Model::load(&directory, None)?;
    model.embed("warm")?;
    let took = began.elapsed();
    if output.is_json() {
        output.json(&json!({
            "schema": 1,
            "model": choice.to_string(),
            "directory": directory.path(),
            "dimension": model.dimension(),
            "max_tokens": model.max_tokens(),
        }))?;
    } else {
        output.line(format!(
            "{choice}: {} numbers a text, of at most {} tokens; in {}",
            model.dimension(),
            model.max_tokens(),
            directory.path().display()
        ))?;
        output.talk(format!("loaded, and a text computed, in {:.0} ms", took.as_secs_f64() * 1e3));
    }
    Ok(Outcome::Done)
}
