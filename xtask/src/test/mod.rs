//! `cargo xtask test`: prepares what tests need, then runs every one of them.
//!
//! The order is examples, documentation tests, the Python package, all other tests: what fails is named where it stands, and
//! the output closes with the runner's own summary and one line with the sum.

mod python;
mod tally;

use std::{
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    Result, environment, process,
    python::Python,
    repo::{self, FEATURES},
};
use tally::Tally;

type Variables = [(&'static str, PathBuf)];

pub(crate) fn run(arguments: &[String]) -> Result {
    let python = Python::find()?;
    let variables = environment::prepare(&python)?;
    if arguments == ["--env"] {
        for (name, value) in &variables {
            println!("export {name}='{}'", value.display());
        }
        return Ok(());
    }
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut failed = Vec::new();
    if arguments.is_empty() {
        if let Err(error) = examples(&variables) {
            eprintln!("examples: {error}");
            failed.push("examples");
        }
        let documentation = [&["test", "--workspace", "--doc"][..], &FEATURES].concat();
        if !tested(&documentation, &[], &variables, &tally)? {
            failed.push("documentation tests");
        }
    }
    if arguments.is_empty() {
        // Their own build: locks that a scheduler drives through every order.
        let schedules = ["--package", "plugcache-cache", "--features", "shuttle", "--test", "shuttle"];
        if !tested(&[&["test"][..], &schedules].concat(), &[], &variables, &tally)? {
            failed.push("schedules");
        }
    }
    let is_python_only = arguments == ["--python"];
    if (arguments.is_empty() || is_python_only) && !python::run(&python, &variables, &tally)? {
        failed.push("Python package");
    }
    if is_python_only {
        return close(&tally, failed);
    }
    let mut runner = if has_nextest() { vec!["nextest", "run"] } else { vec!["test", "--all-targets"] };
    if !arguments.iter().any(|argument| argument == "-p" || argument == "--package") {
        runner.push("--workspace");
        runner.extend(FEATURES);
    }
    if !tested(&runner, arguments, &variables, &tally)? {
        failed.push("tests");
    }
    close(&tally, failed)
}

/// The last line, and what all comes to.
fn close(tally: &Mutex<Tally>, mut failed: Vec<&str>) -> Result {
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    if tally.passed + tally.failed == 0 {
        failed.push("nothing was tested");
    }
    println!("total: {tally}");
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

/// Runs the tests with a part of their name, those that are ignored otherwise included.
pub(crate) fn named(part: &str, variables: &Variables) -> Result {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let options = ["--", "--include-ignored"].map(str::to_owned);
    let command = [&["test", "--workspace", "--tests"][..], &FEATURES, &[part]].concat();
    let passed = tested(&command, &options, variables, &tally)?;
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    println!("total: {tally}");
    match (passed, tally.passed) {
        (false, _) => Err(format!("tests of {part} failed").into()),
        (true, 0) => Err(format!("there is no test with {part} in its name").into()),
        (true, _) => Ok(()),
    }
}

fn tested(
    command: &[&str],
    arguments: &[String],
    variables: &Variables,
    tally: &Arc<Mutex<Tally>>,
) -> Result<bool> {
    let mut cargo = repo::cargo();
    cargo.args(command).arg("--no-fail-fast").args(arguments).envs(variables.iter().cloned());
    let tally = Arc::clone(tally);
    process::watched(&mut cargo, move |line| {
        tally.lock().unwrap_or_else(PoisonError::into_inner).read(line);
    })
}

/// Runs each example of the public library: they are documentation, and documentation has to be true.
/// Other crates' examples are tools for those who work on them; they are only built.
fn examples(variables: &Variables) -> Result {
    // With all of the workspace, as the tests are built: `cargo run` would build what they stand on once more.
    process::run(repo::cargo().args(["build", "--workspace", "--examples"]).args(FEATURES))?;
    for package in repo::packages()?.iter().filter(|package| package.name == "plugcache") {
        for example in &package.examples {
            let mut command = Command::new(repo::target().join("debug/examples").join(example));
            process::run(command.current_dir(repo::root()).envs(variables.iter().cloned()))?;
        }
    }
    Ok(())
}

fn has_nextest() -> bool {
    process::output(repo::cargo().args(["nextest", "--version"])).is_ok()
}
