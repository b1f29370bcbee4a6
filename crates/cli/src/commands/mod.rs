//! One file a command.

mod cache;
mod completions;
mod config;
mod demo;
#[cfg(feature = "embedding")]
mod embedding;
#[cfg(not(feature = "embedding"))]
#[path = "embedding/absent.rs"]
mod embedding;
mod entry_points;
mod explain;
mod explain_entry;
mod log;
mod plugins;
mod state;

use std::process::ExitCode;

use crate::{
    args::{Command, Config},
    output::{Failure, Output},
};

/// How a command ended, if it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what was asked.
    Done,
    /// It did, and found something wanting: an unknown name, a damaged file.
    Findings,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Findings => Self::from(1),
        }
    }
}

pub(crate) fn run(command: Command, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Command::Plugins(command) => plugins::run(command, output),
        Command::EntryPoints(args) => entry_points::run(&args, output),
        Command::Explain { name, cache: Some(cache), select } => {
            explain_entry::run(&cache, &name, &select.proof, output)
        }
        Command::Explain { name, cache: None, select } => explain::run(&name, &select, output),
        Command::Cache(command) => cache::run(command, output),
        Command::Log(command) => log::run(command, output),
        Command::State(command) => state::run(command, output),
        Command::Embed(args) => embedding::embed(&args, output),
        Command::Similar(args) => embedding::similar(&args, output),
        Command::Config(Config::Show(place)) => config::show(&place, output),
        Command::Demo => demo::run(output),
        Command::Completions { shell } => completions::run(shell),
    }
}
