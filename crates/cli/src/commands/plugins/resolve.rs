//! `plugcache plugins resolve NAME`: where a plugin is, and what it hides.

use plugcache::{ResolveError, resolver::Answer};
use serde_json::json;

use super::{brief, row};
use crate::{
    args::Select,
    commands::Outcome,
    output::{Failure, Output, index_json},
    settings,
};

pub(super) fn run(name: &str, select: &Select, output: &Output) -> Result<Outcome, Failure> {
    let answer = settings::resolver(select)?.resolve(name);
    match &answer.outcome {
        Ok(found) if output.is_json() => {
            output.warnings(&answer.report);
            output.json(&json!({
                "schema": 1,
                "plugin": found.plugin,
                "shadowed": found.shadowed.iter().map(brief).collect::<Vec<_>>(),
                "index": index_json(&answer.report),
            }))?;
        }
        Ok(found) => {
            output.table([row(&found.plugin)])?;
            for hidden in &found.shadowed {
                output.warn(format!("it hides {}", plugcache::resolver::place(hidden)));
            }
            output.footer(&answer.report);
        }
        Err(error) => return not_found(error, &answer, output),
    }
    Ok(Outcome::Done)
}

/// Tells why a name gave nothing; exit code 1.
pub(super) fn not_found(error: &ResolveError, answer: &Answer, output: &Output) -> Result<Outcome, Failure> {
    if output.is_json() {
        let (close, places) = match error {
            ResolveError::Unknown { close, .. } => (close.clone(), Vec::new()),
            ResolveError::Ambiguous { places, .. } => (Vec::new(), places.clone()),
            _ => (Vec::new(), Vec::new()),
        };
        output.json(&json!({
            "schema": 1,
            "plugin": null,
            "error": error.to_string(),
            "close": close,
            "places": places,
            "index": index_json(&answer.report),
        }))?;
    }
    output.error(error);
    output.footer(&answer.report);
    Ok(Outcome::Findings)
}
