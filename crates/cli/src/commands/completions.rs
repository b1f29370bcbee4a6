//! `plugcache completions SHELL`

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Outcome;
use crate::{args::Args, output::Failure};

pub(super) fn run(shell: Shell) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "plugcache", &mut script);
    io::Write::write_all(&mut io::stdout(), &script)?;
    Ok(Outcome::Done)
}
