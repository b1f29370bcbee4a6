//! `plugcache state diff`: what would have to be changed. As with `diff`, a difference is a finding.

use std::path::Path;

use serde_json::json;

use super::{super::Outcome, read, told};
use crate::{
    args::System,
    output::{Failure, Output},
};

pub(super) fn run(file: &Path, system: &System, output: &Output) -> Result<Outcome, Failure> {
    let diffs = system.manager(false)?.diff(&read(file)?)?;
    let (mut rows, mut documents, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (plugin, diff) in &diffs {
        match diff {
            Ok(diff) => {
                rows.extend(diff.actions.iter().map(|action| told(plugin, action)));
                documents.push(json!({ "plugin": plugin, "diff": **diff }));
            }
            Err(error) => {
                documents.push(json!({ "plugin": plugin, "error": error.to_string() }));
                errors.push(error.to_string());
            }
        }
    }
    let is_different = !rows.is_empty();
    if output.is_json() {
        output.json(&json!({ "schema": 1, "is_different": is_different, "plugins": documents }))?;
    } else {
        output.table(rows)?;
    }
    if !errors.is_empty() {
        return Err(errors.join("; ").into());
    }
    Ok(if is_different { Outcome::Findings } else { Outcome::Done })
}
