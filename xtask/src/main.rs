//! Developer commands, one file each. `cargo xtask help` lists them.
//!
//! They live here rather than in shell scripts so that CI, a developer's machine and a fresh clone run
//! the same thing, and so that each step can say what to do when it fails.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod bench;
mod corpora;
mod environment;
mod faults;
mod lint;
mod process;
mod python;
mod repo;
mod test;
mod wheel;

use std::process::ExitCode;

/// What every step returns: the message tells a person what failed and what to do.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  lint                      formatting, clippy, layering, file sizes, documentation, committed text
  test [ARGS…]              prepare corpora and environments, then examples, documentation tests, all tests;
                            ARGS go to the test runner, and then only its tests run
  test --python             the Python package only, with every Python at hand
  test --env                prepare, then print what tests need as `export NAME=value` lines
  faults [ARGS…]            the cache's fault suites at their long setting, in a release build, as a table;
                            ARGS go to the test runner: a part of a test's name
  corpora [--large]         fetch the real packages that tests and benchmarks read; --large adds
                            homeassistant and checks its 1,562 manifests
  bench [--only P1,P4] [--quick] [--large]
                            measure each goal beside its peers; writes target/bench/results.json;
                            --large adds B8, with 5 GB of the reference implementation
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        "lint" => lint::run(&rest),
        "test" => test::run(&rest),
        "faults" => faults::run(&rest),
        "corpora" => corpora::run(&rest),
        "bench" => bench::run(&rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        "" => Err(format!("no command given\n\n{HELP}").into()),
        other => Err(format!("no command `{other}`\n\n{HELP}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {command}: {error}");
            ExitCode::FAILURE
        }
    }
}
