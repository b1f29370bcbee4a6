//! Manifests that are read once in five minutes, however many ask, and plugins that are known not to be there.
//!
//! `cargo run -p plugcache --example ttl`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, fs, io, time::Duration};

use plugcache::{Cache, Hub};

fn main() -> Result<(), Box<dyn Error>> {
    let manifests: Cache<str, String> = Cache::builder("manifests")
        .capacity(10_000)
        .ttl(Duration::from_mins(5))
        .negative_ttl(Duration::from_secs(5))
        .build(&Hub::in_memory())?;

    let place = std::env::temp_dir();
    fs::write(place.join("ocr.json"), r#"{"name": "ocr"}"#)?;
    for id in ["ocr", "ocr", "ghost", "ghost"] {
        let answer = manifests.get_or_load_with(id, |id, load| {
            println!("reading the manifest of {id}");
            match fs::read_to_string(place.join(id).with_extension("json")) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    load.because("there is no such file");
                    Ok(None)
                }
                // Anything else may pass: it is returned, and not remembered.
                Err(error) => Err(error),
            }
        })?;
        println!("{id}: {answer:?}");
    }
    let stats = manifests.stats();
    println!("{} loads, {} hits, {} of them of nothing", stats.loads, stats.hits(), stats.negative_hits);
    Ok(())
}
