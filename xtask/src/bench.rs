//! `cargo xtask bench`: prepares what is measured, builds the benchmark program and runs it.
//!
//! The program itself is the crate in `bench/`; this only hands it the places of things, so that the
//! workspace's ordinary builds know nothing of it.

use crate::{
    Result, corpora,
    environment::{self, Missing},
    process,
    python::Python,
    repo, wheel,
};

/// Whether a case is asked for that `--large` adds.
fn names_large(arguments: &[&String]) -> bool {
    let names = arguments.iter().zip(arguments.iter().skip(1)).filter(|(flag, _)| flag.as_str() == "--only");
    names.flat_map(|(_, names)| names.split(',')).any(|name| name.trim().eq_ignore_ascii_case("B8"))
}

pub(crate) fn run(arguments: &[String]) -> Result {
    let python = Python::find()?;
    let corpora = corpora::prepare(&python)?;
    let entry_points = environment::entry_points(&python, "entry-points-431", Missing::Reported)?;
    for package in &entry_points.missing {
        println!("not installed here, and so not measured: {package}");
    }
    let peers = environment::entry_points(&python, "peers", Missing::Fails)?;
    // The package beside its peers; and a few programs as they are installed without it, and with it.
    let wheel = wheel::release(&python)?;
    wheel::install(&python, &peers.directory, &wheel)?;
    let site = environment::site_packages_of(&entry_points.directory)?;
    let programs = environment::named(&python, "programs", "programs", Missing::Fails)?;
    let accelerated = environment::named(&python, "programs", "programs-plugcache", Missing::Fails)?;
    wheel::install(&python, &accelerated.directory, &wheel)?;
    for environment in [&programs, &accelerated] {
        environment.borrow_from(&site)?;
    }
    let (large, arguments): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| *argument == "--large");
    let is_large = !large.is_empty() || names_large(&arguments);
    let mut bench = repo::cargo();
    bench.args(["run", "--release", "--package", "plugcache-bench"]);
    if is_large {
        bench.args(["--features", "embedding"]);
    } else {
        println!(
            "B8 is not measured: `--large` installs the reference implementation, 5 GB, and builds the model"
        );
    }
    bench.arg("--").args(&arguments);
    if is_large {
        let reference = environment::entry_points(&python, "embedding", Missing::Fails)?;
        bench.arg("--reference-python").arg(reference.directory.join("bin/python"));
        bench.arg("--model").arg(corpora.join(corpora::MODEL));
    }
    bench.arg("--corpora").arg(corpora);
    bench.arg("--truth").arg(repo::root().join("corpora/truth"));
    bench.arg("--traces").arg(repo::root().join("corpora/traces"));
    bench.arg("--peers").arg(repo::root().join("bench/peers"));
    bench.arg("--entry-points").arg(entry_points.directory);
    bench.arg("--plugcache-python").arg(peers.directory.join("bin/python"));
    bench.arg("--programs").arg(programs.directory);
    bench.arg("--programs-plugcache").arg(accelerated.directory);
    bench.arg("--work").arg(repo::target().join("bench"));
    bench.arg("--python").arg(&python.executable);
    bench.arg("--peers-python").arg(peers.directory.join("bin/python"));
    for ((major, minor), executable) in python.others() {
        bench.arg("--other-python").arg(format!("{major}.{minor}={}", executable.display()));
    }
    process::run(&mut bench)
}
