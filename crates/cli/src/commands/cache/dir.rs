//! `plugcache cache dir`

use serde_json::json;

use super::{Desk, Models, Outcome};
use crate::{
    args::Place,
    output::{Failure, Output},
    settings,
};

/// The directory that is used: the first, or nothing with `--no-cache`. It may not be safe or not exist, so
/// nothing is opened.
pub(super) fn run(place: &Place, output: &Output) -> Result<Outcome, Failure> {
    let config = settings::config(place.flags())?;
    let directories =
        if config.no_cache.value { Vec::new() } else { settings::location(&config).directories };
    let desk = Desk { directories, caches: None, models: Models::of(&config) };
    if output.is_json() {
        let fallbacks = desk.directories.get(1..).unwrap_or_default();
        let models = desk.models.as_ref().map(|models| &models.directory);
        let directory = desk.first();
        output.json(&json!({
            "schema": 1, "directory": directory, "fallbacks": fallbacks, "models": models,
        }))?;
    } else if let Some(first) = desk.first() {
        output.line(first.display())?;
    } else {
        output.warn("nothing is kept: --no-cache or PLUGCACHE_NO_CACHE, or no home directory");
    }
    Ok(Outcome::Done)
}
