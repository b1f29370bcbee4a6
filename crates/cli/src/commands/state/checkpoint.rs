//! `plugcache state checkpoint` and `rollback`: what was there is kept, and brought back.

use plugcache::state::{CheckpointInfo, QueryOutcome};
use serde_json::{Value, json};

use super::super::Outcome;
use crate::{
    args::System,
    commands::cache::ls,
    output::{Failure, Output},
    units::time,
};

pub(super) fn make(plugin: Option<&str>, system: &System, output: &Output) -> Result<Outcome, Failure> {
    let manager = system.manager(true)?;
    let plugins: Vec<String> = if let Some(plugin) = plugin {
        vec![plugin.to_owned()]
    } else {
        let states = manager.query_all();
        let is_there = |name: &str| matches!(states.get(name), Some(QueryOutcome::Ok(_)));
        let able = manager.plugins().filter(|(name, _, can)| can.can_apply && is_there(name));
        able.map(|(name, ..)| name.to_owned()).collect()
    };
    let mut documents = Vec::new();
    for plugin in plugins {
        let id = manager.checkpoint(&plugin)?;
        if !output.is_json() {
            output.line(format!("{id}  {plugin}"))?;
        }
        documents.push(json!({ "id": id, "plugin": plugin }));
    }
    if output.is_json() {
        output.json(&json!({ "schema": 1, "checkpoints": documents }))?;
    }
    Ok(Outcome::Done)
}

pub(super) fn list(system: &System, output: &Output) -> Result<Outcome, Failure> {
    let (mut rows, mut documents, mut is_damaged) = (Vec::new(), Vec::new(), false);
    for one in system.manager(true)?.checkpoints()? {
        match one {
            Ok(info) => {
                rows.push(row(&info));
                documents.push(json!(info));
            }
            Err(error) => {
                is_damaged = true;
                output.warn(&error);
                documents.push(json!({ "error": error.to_string() }));
            }
        }
    }
    if output.is_json() {
        output.json(&json!({ "schema": 1, "checkpoints": Value::from(documents) }))?;
    } else {
        output.table(rows)?;
    }
    Ok(if is_damaged { Outcome::Findings } else { Outcome::Done })
}

fn row(info: &CheckpointInfo) -> Vec<String> {
    let age = ls::now().0.div_euclid(1_000_000_000).saturating_sub(info.made);
    let age = std::time::Duration::from_secs(u64::try_from(age).unwrap_or(0));
    let why = if info.is_of_apply { "before a change" } else { "asked for" };
    vec![
        info.id.clone(),
        info.plugin.clone(),
        why.to_owned(),
        format!("{} ago", time(age)),
        info.scope.clone(),
    ]
}

pub(super) fn go_back(id: &str, system: &System, output: &Output) -> Result<Outcome, Failure> {
    let plugin = system.manager(true)?.rollback(id)?;
    if output.is_json() {
        output.json(&json!({ "schema": 1, "id": id, "plugin": plugin }))?;
    } else {
        output.line(format!("{plugin}: as it was at checkpoint {id}"))?;
    }
    Ok(Outcome::Done)
}
