//! `plugcache demo`: what plugcache does, on this machine's own Python, with nothing prepared.
//!
//! Works on a copy of the standard library's codecs in a temporary directory, so that files can be changed
//! and broken; without a Python, on the example host that is built in.

mod floor;
mod stage;
#[path = "../../../../examples/host/tour/mod.rs"]
mod tour;

use std::{path::Path, time::Instant};

use plugcache::{
    Resolver,
    cache::Strength,
    discovery::{
        entry_points::{EntryPointFinder, interpreter::Interpreter},
        index::{Location, Report, Session},
        plugin::Problem,
    },
};

use super::Outcome;
use crate::output::{DIM, Failure, Output, STRONG, summary};
use stage::Stage;
use tour::{Line, Places};

pub(super) fn run(output: &Output) -> Result<Outcome, Failure> {
    let place = stage::temporary_directory()?;
    let result = play(&place, output);
    // What is left of a demonstration is no reason to fail it.
    let _ = std::fs::remove_dir_all(&place);
    result.map(|()| Outcome::Done)
}

fn play(place: &Path, output: &Output) -> Result<(), Failure> {
    output.line(format!("{STRONG}plugcache finds plugins without running them, and proves that what it remembers is still true.{STRONG:#}"))?;
    let cache = place.join("cache");
    let python = stage::python();
    if let Some(python) = &python {
        entry_points(python, &cache, output)?;
    } else {
        output.line("\nNo python3 on this machine: showing the example host that is built in.")?;
    }
    let stage = Stage::set(place, python.as_ref())?;
    classes(&stage, &cache, output)?;
    if let (Some(python), Some(library)) = (&python, python.as_ref().and_then(stage::library)) {
        host(place, python, library, output)?;
    }
    output.line(
        "\nTry it on your own program: plugcache plugins ls --root DIR --package PKG --rule base=MODULE:CLASS",
    )
}

/// The example host: all its layers, on the same codecs.
fn host(place: &Path, python: &Interpreter, library: &Path, output: &Output) -> Result<(), Failure> {
    output.line(format!("\n{STRONG}A host that runs them{STRONG:#}: examples/host"))?;
    let below = |name: &str| place.join("host").join(name);
    let places = Places {
        root: below("tree"),
        cache: below("cache"),
        data: below("data"),
        managed: below("managed"),
        python: python.executable.clone(),
    };
    tour::copy_codecs(library, &places.root)?;
    std::fs::create_dir_all(&places.managed)?;
    stage::settle();
    let mut say = |line: Line| -> Result<(), tour::Failure> {
        Ok(match line {
            Line::Heading(heading) => output.line(format!("  {STRONG}{heading}{STRONG:#}")),
            Line::Text(text) => output.line(format!("{DIM}      {text}{DIM:#}")),
        }
        .map_err(|error| error.to_string())?)
    };
    tour::play(&places, &mut say).map_err(|error| error as Failure)
}

fn entry_points(python: &Interpreter, cache: &Path, output: &Output) -> Result<(), Failure> {
    output.line(format!("\n{STRONG}Entry points{STRONG:#} of {}", python.executable.display()))?;
    let finder = EntryPointFinder::new(python.semantics());
    let mut session = Session::new(std::sync::Arc::new(finder), python.path.clone());
    session.location = Location { directories: vec![cache.to_owned()] };
    for (what, strength) in
        [("cold", Strength::Full), ("warm", Strength::Full), ("warm, directories only", Strength::Dirs)]
    {
        session.strength = strength;
        let (snapshot, found) = session.ask(|snapshot| snapshot.all().len());
        step(output, what, &format!("{found} entry points"), snapshot.report())?;
    }
    Ok(())
}

fn classes(stage: &Stage, cache: &Path, output: &Output) -> Result<(), Failure> {
    output.line(format!("\n{STRONG}Plugins{STRONG:#}: {}", stage.what))?;
    output.line(format!("{DIM}  {}{DIM:#}", stage.command))?;
    let mut session = Session::new(stage.finder()?, vec![stage.root.clone()]);
    session.location = Location { directories: vec![cache.to_owned()] };
    let resolver = Resolver::new(session);

    let mut told = 0;
    let mut list = |what: &str| -> Result<(), Failure> {
        let (found, report) = resolver.list();
        step(output, what, &format!("{} plugins", found.len()), &report)?;
        for stale in report.stale.iter().filter(|stale| !stale.file.is_empty()).take(2) {
            output.line(format!("{DIM}      {}: {}{DIM:#}", short(&stale.file, stage), stale.reason))?;
        }
        for problem in report.problems.iter().skip(told) {
            let Problem { file, line, message, .. } = problem;
            output.line(format!("{DIM}      {}:{line}: {message}{DIM:#}", short(file, stage)))?;
        }
        told = report.problems.len();
        Ok(())
    };
    list("cold: every file read")?;
    stage::settle();
    list("warm: every file proven")?;
    let (files, floor) = floor::measure(&stage.root);
    output.line(format!(
        "{DIM}      a bare stat of its {files} Python files takes {:.2} ms{DIM:#}",
        floor.as_secs_f64() * 1e3
    ))?;
    stage.change()?;
    list("after one file changed")?;
    stage.break_one()?;
    list("after one file broke")?;

    // So that the explanation speaks of proof, not of files too young to prove anything.
    stage::settle();
    resolver.list();
    output.line(format!("\n{STRONG}Why?{STRONG:#} plugcache explain {}", stage.name))?;
    let began = Instant::now();
    let answer = resolver.resolve(&stage.name);
    let took = began.elapsed();
    super::explain::tell(&resolver, &stage.name, &answer, output)?;
    output.line(format!(
        "\nAnswered in {:.2} ms, every file checked. No plugin code was run.",
        took.as_secs_f64() * 1e3
    ))
}

fn step(output: &Output, what: &str, found: &str, report: &Report) -> Result<(), Failure> {
    output.line(format!("  {what:<24} {STRONG}{found}{STRONG:#}"))?;
    output.line(format!("{DIM}      {}{DIM:#}", summary(report)))
}

fn short<'a>(file: &'a str, stage: &Stage) -> &'a str {
    let root = stage.root.to_str().unwrap_or_default();
    file.strip_prefix(root).map_or(file, |rest| rest.trim_start_matches('/'))
}
