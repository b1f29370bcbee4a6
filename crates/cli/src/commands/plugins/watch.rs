//! `plugcache plugins watch`: a line for each plugin that is added, changed or removed.

use std::{
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use plugcache::watch::{Change, State, Watch};
use serde_json::{Value, json};

use super::place;
use crate::{
    args,
    commands::Outcome,
    output::{DIM, Failure, Output, STRONG},
    settings,
};

/// Longest wait at once: no clock reaches farther.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

pub(super) fn run(args: &args::Watch, output: &Output) -> Result<Outcome, Failure> {
    let began = Instant::now();
    let watch = Watch::builder(settings::resolver(&args.select)?).start()?;
    let changes = watch.subscribe();
    begin(&watch, output)?;
    loop {
        let left = args.lasting.map_or(FOR_EVER, |lasting| lasting.saturating_sub(began.elapsed()));
        match changes.recv_timeout(left) {
            Ok(change) => tell(&change, output)?,
            Err(RecvTimeoutError::Timeout) if args.lasting.is_some() => return Ok(Outcome::Done),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the watch has ended by itself".into()),
        }
    }
}

/// Says what is watched, so that whoever reads the changes knows from when on none is missing.
fn begin(watch: &Watch, output: &Output) -> Result<(), Failure> {
    let (plugins, report) = watch.list();
    output.warnings(&report);
    let directories = match watch.state() {
        State::Watching { directories } => Some(directories),
        State::Polling { why } => {
            output.warn(format!("looking every other second instead of being told: {why}"));
            None
        }
    };
    if output.is_json() {
        let (event, plugins) = ("watching", plugins.len());
        return output
            .json(&json!({ "schema": 1, "event": event, "plugins": plugins, "directories": directories }));
    }
    let directories = directories.map_or_else(String::new, |count| format!(" in {count} directories"));
    let count = plugins.len();
    let plugins = if count == 1 { "1 plugin".to_owned() } else { format!("{count} plugins") };
    output.talk(format!("{DIM}watching {plugins}{directories}{DIM:#}"));
    Ok(())
}

fn tell(change: &Change, output: &Output) -> Result<(), Failure> {
    let (sign, event, old, new) = match change {
        Change::Added { new } => ('+', "added", None, Some(new)),
        Change::Changed { old, new } => ('~', "changed", Some(old), Some(new)),
        Change::Removed { old } => ('-', "removed", Some(old), None),
    };
    if output.is_json() {
        let mut document = json!({ "schema": 1, "event": event, "name": change.name() });
        for (member, plugin) in [("old", old), ("new", new)] {
            if let (Some(plugin), Value::Object(members)) = (plugin, &mut document) {
                members.insert(member.to_owned(), serde_json::to_value(&**plugin)?);
            }
        }
        return output.json(&document);
    }
    let at = new.or(old).map(|plugin| place(plugin)).unwrap_or_default();
    output.line(format!("{sign} {STRONG}{}{STRONG:#} {at}", change.name()))
}
