//! The plugcache command line: reads flags, environment and project file, asks the library, prints.
//!
//! Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 findings (an unknown name,
//! a damaged index), 2 usage or failure.

mod args;
mod commands;
mod log;
mod output;
mod settings;
mod units;

use std::process::ExitCode;

use clap::Parser;

/// Facts are many small strings: a tenth of a cold start was spent in the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let output = output::Output::new(args.format, args.quiet);
    log::listen(args.quiet, &output);
    let ended = commands::run(args.command, &output);
    settings::remove_temporary();
    match ended {
        Ok(outcome) => outcome.into(),
        Err(error) if output::is_closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&*error);
            ExitCode::from(2)
        }
    }
}
