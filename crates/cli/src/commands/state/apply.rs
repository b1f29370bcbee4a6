//! `plugcache state apply`: the system is made as it is to be, or is as it was.

use std::path::Path;

use plugcache::state::{ApplyReport, Outcome as Ended, PluginReport};
use serde_json::json;

use super::{super::Outcome, read, told};
use crate::{
    args::System,
    output::{Failure, Output},
};

pub(super) fn run(file: &Path, dry_run: bool, system: &System, output: &Output) -> Result<Outcome, Failure> {
    let desired = read(file)?;
    let manager = system.manager(!dry_run)?;
    let report = if dry_run { manager.plan_only(&desired)? } else { manager.apply(&desired)? };
    tell(&report, dry_run, output)?;
    if report.is_success() {
        return Ok(Outcome::Done);
    }
    let errors = report
        .plugins
        .iter()
        .filter(|plugin| !plugin.outcome.is_success())
        .map(|plugin| format!("{}: {}", plugin.diff.plugin, plugin.errors.join("; ")));
    Err(errors.collect::<Vec<_>>().join("; ").into())
}

fn tell(report: &ApplyReport, dry_run: bool, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&json!({
            "schema": 1, "dry_run": dry_run, "success": report.is_success(), "plugins": report.plugins,
        }));
    }
    let actions = report
        .plugins
        .iter()
        .flat_map(|plugin| plugin.diff.actions.iter().map(|action| told(&plugin.diff.plugin, action)));
    output.table(actions)?;
    for plugin in &report.plugins {
        output.line(format!("{}: {}", plugin.diff.plugin, ended(plugin)))?;
    }
    Ok(())
}

fn ended(plugin: &PluginReport) -> String {
    let count = plugin.diff.actions.len();
    let changes = if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
    let text = match plugin.outcome {
        Ended::Unchanged => "as desired already".to_owned(),
        Ended::Planned => format!("{changes} would be made"),
        Ended::Verified => format!("{changes} made and verified"),
        Ended::NotApplied => "nothing was changed, because there is no checkpoint to go back to".to_owned(),
        Ended::RolledBack => "failed, and is as it was before".to_owned(),
        _ => "failed, and going back failed too: look at it".to_owned(),
    };
    match &plugin.checkpoint {
        Some(id) => format!("{text} (checkpoint {id})"),
        None => text,
    }
}
