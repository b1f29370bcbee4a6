//! `cargo xtask lint`: everything that can be judged without running a test.
//!
//! All checks run even if one fails, so that one run shows everything there is to mend.

mod dependencies;
mod layers;
mod sizes;
mod text;

use crate::{Result, process, repo};

/// One check: its name, and what it found.
type Check = (&'static str, fn() -> Result);

const CHECKS: [Check; 7] = [
    ("layering", layers::check),
    ("file sizes", sizes::check),
    ("committed text", text::check),
    ("dependencies explained", dependencies::check),
    ("formatting", formatting),
    ("clippy", clippy),
    ("documentation", documentation),
];

pub(crate) fn run(arguments: &[String]) -> Result {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask lint".into());
    }
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        match check() {
            Ok(()) => println!("{name}: fine"),
            Err(error) => {
                eprintln!("{name}: {error}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("to mend: {}", failed.join(", ")).into()) }
}

fn formatting() -> Result {
    process::run(repo::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result {
    let judge = |packages: &[&str]| {
        let mut clippy = repo::cargo();
        clippy.args(["clippy", "--quiet", "--all-targets"]).args(packages);
        process::run(clippy.args(["--", "--deny", "warnings"]))
    };
    judge(&[&["--workspace"][..], &repo::FEATURES].concat())?;
    // The default build, too: what is used with a feature only would be unused without.
    judge(&["--package", "plugcache", "--package", "plugcache-cli"])
}

fn documentation() -> Result {
    process::run(
        repo::cargo()
            .args(["doc", "--quiet", "--workspace", "--no-deps"])
            .args(repo::FEATURES)
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

/// A failure that lists what was found, or success if nothing was.
fn report(what: &str, found: &[String]) -> Result {
    if found.is_empty() { Ok(()) } else { Err(format!("{what}\n  {}", found.join("\n  ")).into()) }
}
