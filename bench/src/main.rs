//! Measures what the project promises, beside the peers and floors it is promised against, in one run.
//!
//! Two programs in one. Without more, it measures: each case runs its subjects in turn (A, B, A, B, …), so
//! that a noisy machine disturbs all of them alike, and judges ratios, never absolute times. As
//! `child NAME …` it is one subject: a fresh process that does one thing once, measures only that, and
//! prints how long it took. Peers in Python are scripts that print the same line.
//!
//! `cargo xtask bench` prepares what is needed and starts this.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod cases;
mod child;
mod context;
mod floors;
mod heap;
mod measure;
mod peers;
mod replay;
mod report;
mod rows;
mod subject;
mod traces;
mod trees;

use std::process::ExitCode;

/// What every step returns.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((first, rest)) if first == "child" => child::run(rest),
        _ => measure_all(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(arguments: &[String]) -> Result {
    let context = context::Context::parse(arguments)?;
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for case in cases::ALL {
        if !context.wants(case.goal) {
            continue;
        }
        eprintln!("{}: {}", case.goal, case.what);
        match (case.run)(&context) {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                eprintln!("{}: could not be measured: {error}", case.goal);
                failed.push(case.goal);
            }
        }
    }
    report::print(&rows);
    report::write(&context.work.join("results.json"), &rows)?;
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("could not be measured: {}", failed.join(", ")).into())
    }
}
