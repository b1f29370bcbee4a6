//! `plugcache plugins …`

mod ls;
mod resolve;
mod safety;
mod search;
mod show;
mod watch;

use plugcache::discovery::plugin::Plugin;
use serde_json::{Value, json};

use super::Outcome;
use crate::{
    args::Plugins,
    output::{Failure, Output},
};

pub(super) fn run(command: Plugins, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Plugins::Ls { select } => ls::run(&select, output),
        Plugins::Resolve { name, select } => resolve::run(&name, &select, output),
        Plugins::Show { name, select } => show::run(&name, &select, output),
        Plugins::Safety(args) => safety::run(&args, output),
        Plugins::Search { words, select } => search::run(&words, &select, output),
        Plugins::Watch(args) => watch::run(&args, output),
    }
}

/// A row for people: name, what it is, where.
fn row(plugin: &Plugin) -> Vec<String> {
    let what = match (&plugin.module, &plugin.qualname) {
        (Some(module), Some(qualname)) => format!("{module}:{qualname}"),
        _ => plugin.kind.to_owned(),
    };
    vec![plugin.name.clone(), what, place(plugin)]
}

/// `file:line`.
fn place(plugin: &Plugin) -> String {
    if plugin.line == 0 { plugin.file.clone() } else { format!("{}:{}", plugin.file, plugin.line) }
}

/// A shadowed plugin, short.
fn brief(plugin: &Plugin) -> Value {
    json!({
        "name": plugin.name,
        "kind": plugin.kind,
        "module": plugin.module,
        "qualname": plugin.qualname,
        "file": plugin.file,
        "line": plugin.line,
    })
}
