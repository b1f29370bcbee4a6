//! `plugcache state query`: all plugins side by side, or the state of one.

use plugcache::state::QueryOutcome;
use serde_json::{Value, json};

use super::{super::Outcome, printable};
use crate::{
    args::System,
    output::{Failure, Output},
    units::count,
};

pub(super) fn all(system: &System, output: &Output) -> Result<Outcome, Failure> {
    let manager = system.manager(false)?;
    let states = manager.query_all();
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for (name, version, capabilities) in manager.plugins() {
        let (word, text, field) = match states.get(name) {
            Some(QueryOutcome::Ok(state)) => ("ok", parts(state), ("state", Value::clone(state))),
            Some(QueryOutcome::Unavailable(why)) => ("unavailable", why.clone(), ("reason", json!(why))),
            Some(QueryOutcome::Failed(error)) => {
                ("failed", error.to_string(), ("error", json!(error.to_string())))
            }
            None => continue,
        };
        let can = if capabilities.can_apply { "read-write" } else { "read-only" };
        rows.push([name, &version, can, word, &printable(&text)].map(str::to_owned).to_vec());
        documents.push(json!({
            "plugin": name, "version": version, "can_apply": capabilities.can_apply, "outcome": word, field.0: field.1,
        }));
    }
    if output.is_json() {
        output.json(&json!({ "schema": 1, "plugins": documents }))?;
    } else {
        output.table(rows)?;
    }
    let has_failed = states.values().any(|state| matches!(state, QueryOutcome::Failed(_)));
    Ok(if has_failed { Outcome::Findings } else { Outcome::Done })
}

pub(super) fn one(plugin: &str, system: &System, output: &Output) -> Result<Outcome, Failure> {
    let state = system.manager(false)?.query(plugin)?;
    if output.is_json() {
        output.json(&json!({ "schema": 1, "plugin": plugin, "state": *state }))?;
    } else {
        // JSON escapes what would move a terminal's cursor.
        output.line(serde_json::to_string_pretty(&*state)?)?;
    }
    Ok(Outcome::Done)
}

/// How much there is to a state: `3 interfaces, 2 routes`, or `12 entries`.
fn parts(state: &Value) -> String {
    let Value::Object(members) = state else { return "1 entry".to_owned() };
    let length = |value: &Value| match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    let is_list_of_parts = ["interfaces", "values"].iter().any(|name| members.contains_key(*name));
    if is_list_of_parts {
        let parts = members.iter().map(|(name, part)| format!("{} {name}", count(length(part) as u64)));
        return parts.collect::<Vec<_>>().join(", ");
    }
    crate::units::entries(members.len() as u64)
}
