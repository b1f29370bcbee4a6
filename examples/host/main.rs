//! A host that uses the layers together, on real plugins: the codecs of this machine's Python.
//!
//! `cargo run -p plugcache --example host`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod tour;

use std::{path::PathBuf, process::Command};

use tour::{Failure, Line, Places};

fn main() -> Result<(), Failure> {
    let Some((python, library)) = python() else {
        println!("There is no python3 on this machine, and this host's plugins are its codecs.");
        return Ok(());
    };
    let place = tempfile::tempdir()?;
    let below = |name: &str| place.path().join(name);
    let places = Places {
        root: below("tree"),
        cache: below("cache"),
        data: below("data"),
        managed: below("managed"),
        python,
    };
    tour::copy_codecs(&library, &places.root)?;
    std::fs::create_dir(&places.managed)?;
    tour::play(&places, &mut |line| {
        match line {
            Line::Heading(heading) => println!("\n{heading}"),
            Line::Text(text) => println!("  {text}"),
        }
        Ok(())
    })
}

/// The interpreter, and where its library is.
fn python() -> Option<(PathBuf, PathBuf)> {
    let program = "import sys, encodings, os; print(sys.executable); print(os.path.dirname(os.path.dirname(encodings.__file__)))";
    let output = Command::new("python3").args(["-I", "-c", program]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines().map(PathBuf::from);
    Some((lines.next()?, lines.next()?))
}
