//! `plugcache state …`: how this system is, how it is to be, and the way there and back.

mod apply;
mod checkpoint;
mod diff;
mod query;

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use plugcache::{
    canonical::canonical,
    ledger::{self, Ledger, Operation},
    state::{
        StateAction, StateManager,
        plugins::{Files, Mounts, Net, Sysctl},
    },
};
use serde_json::Value;

use super::Outcome;
use crate::{
    args::{State, System},
    output::{Failure, Output},
    settings,
    units::size,
};

pub(super) fn run(command: State, output: &Output) -> Result<Outcome, Failure> {
    match command {
        State::Query { plugin: None, system } => query::all(&system, output),
        State::Query { plugin: Some(plugin), system } => query::one(&plugin, &system, output),
        State::Diff { file, system } => diff::run(&file, &system, output),
        State::Apply { file, dry_run, system } => apply::run(&file, dry_run, &system, output),
        State::Checkpoint { list: true, system, .. } => checkpoint::list(&system, output),
        State::Checkpoint { plugin, system, .. } => checkpoint::make(plugin.as_deref(), &system, output),
        State::Rollback { id, system } => checkpoint::go_back(&id, &system, output),
    }
}

impl System {
    /// The plugins of this machine; `changes`: with a place for checkpoints.
    fn manager(&self, changes: bool) -> Result<StateManager, Failure> {
        let config = settings::config(self.flags())?;
        let sysctl = self.prefixes.iter().fold(Sysctl::new(), Sysctl::prefix);
        let mut manager = StateManager::builder().plugin(Mounts).plugin(Net).plugin(sysctl);
        if let Some(managed) = &self.managed {
            manager = manager.plugin(Files::new(std::path::absolute(managed)?));
        }
        if changes {
            let data = settings::data_directory(&config)
                .ok_or("there is no place for checkpoints: say --data-dir DIR, or set PLUGCACHE_DATA_DIR")?;
            let data = std::path::absolute(data)?;
            manager = manager
                .checkpoints(data.join("checkpoints"))
                .on_operation(recorder(data.join("log"), config.lock_timeout.value));
        }
        Ok(manager.build(&settings::hub(&config))?)
    }
}

/// Appends what is done to the log. A log that cannot be written to keeps nobody from going back.
fn recorder(log: PathBuf, lock_timeout: Duration) -> impl Fn(&str, &str, &Value) {
    move |plugin, operation, data| {
        let block = Operation::new(plugin, operation).data(&canonical(data));
        let options = ledger::Options { lock_timeout, ..ledger::Options::default() };
        if let Err(error) = Ledger::open_with(&log, options).and_then(|log| log.append(block)) {
            tracing::warn!("{plugin} {operation} is not in the log: {error}");
        }
    }
}

/// Reads a document, from standard input if it is called `-`.
fn read(file: &Path) -> Result<Value, Failure> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", file.display());
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    } else {
        bytes = std::fs::read(file).map_err(|error| failed(&error))?;
    }
    Ok(serde_json::from_slice(&bytes)
        .map_err(|error| failed(&format!("{error}; expected a JSON document")))?)
}

/// `modify files motd`.
fn told(plugin: &str, action: &StateAction) -> Vec<String> {
    let (verb, old, new) = match action {
        StateAction::Create { new, .. } => ("create", None, Some(new)),
        StateAction::Modify { old, new, .. } => ("modify", Some(old), Some(new)),
        StateAction::Delete { old, .. } => ("delete", Some(old), None),
    };
    let values = match (old, new) {
        (Some(old), Some(new)) => format!("{} → {}", short(old), short(new)),
        (old, new) => old.or(new).map(short).unwrap_or_default(),
    };
    vec![verb.to_owned(), plugin.to_owned(), printable(action.path()), values]
}

/// A value in no more than a line.
fn short(value: &Value) -> String {
    const MOST: usize = 60;
    // A file as it is: its digest says nothing to a reader.
    if let (Some(mode), Some(bytes), Some(_)) =
        (value["mode"].as_str(), value["size"].as_u64(), value.get("blake3"))
    {
        return format!("{}, mode {mode}", size(bytes));
    }
    let text = printable(&value.to_string());
    if text.chars().count() <= MOST {
        return text;
    }
    let mut text: String = text.chars().take(MOST).collect();
    text.push('…');
    text
}

/// Without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
