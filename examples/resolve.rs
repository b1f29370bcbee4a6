//! A plugin by its name, out of files that are never run.
//!
//! `cargo run -p plugcache --example resolve`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, path::Path, sync::Arc};

use plugcache::{
    Resolver,
    discovery::{
        index::Session,
        python::{PackageSpec, PythonFinder},
    },
};

fn main() -> Result<(), Box<dyn Error>> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let finder = PythonFinder {
        packages: vec![PackageSpec { name: "host.plugins".into(), recursive: true }],
        rules: vec!["base=host.base:Greeter".parse()?],
        ..PythonFinder::default()
    };
    let resolver = Resolver::new(Session::new(Arc::new(finder), vec![host]));
    for name in ["Klingon", "German", "Nobody"] {
        match resolver.resolve(name).outcome {
            Ok(resolution) => println!("{name}: {:?}", resolution.plugin),
            Err(error) => println!("{name}: {error}"),
        }
    }
    Ok(())
}
