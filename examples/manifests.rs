//! Manifests that are read once, and again as soon as their file changes.
//!
//! `cargo run -p plugcache --example manifests`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{cell::Cell, error::Error, fs, io, time::Duration};

use plugcache::{Hub, manifests::ManifestCache};

fn main() -> Result<(), Box<dyn Error>> {
    let manifests = ManifestCache::builder()
        .ttl(Duration::from_mins(5))
        .negative_ttl(Duration::from_secs(5))
        .build(&Hub::in_memory())?;
    let place = tempfile::tempdir()?;
    let path = |id: &str| place.path().join(id).with_extension("json");

    let reads = Cell::new(0);
    let version = |id: &str| -> Result<String, Box<dyn Error>> {
        // The file is declared before it is read, so that no edit can slip in between.
        let manifest = manifests.get_from(id, [path(id)], |id| {
            reads.set(reads.get() + 1);
            match fs::read(path(id)) {
                Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        Ok(manifest.map_or_else(|| "none".to_owned(), |manifest| manifest["version"].to_string()))
    };

    fs::write(path("ocr"), r#"{"id": "ocr", "version": 1}"#)?;
    for _ in 0..1_000 {
        version("ocr")?;
    }
    println!("1,000 lookups of ocr, version {}: {} read", version("ocr")?, reads.get());
    fs::write(path("ocr"), r#"{"id": "ocr", "version": 2}"#)?;
    println!("after an edit: version {}, {} reads", version("ocr")?, reads.get());
    println!("a plugin that is not there: {}, {} reads", version("ghost")?, reads.get());
    fs::write(path("ghost"), r#"{"id": "ghost", "version": 1}"#)?;
    println!("as soon as it is: version {}, {} reads", version("ghost")?, reads.get());

    // Without a loader of one's own: JSON, TOML or YAML, by extension.
    fs::write(path("tracker").with_extension("toml"), "id = 'tracker'\ntools = ['follow']\n")?;
    let tracker = manifests.read("tracker", &path("tracker").with_extension("toml"))?;
    println!("tracker: {}", tracker.map_or_else(|| "none".to_owned(), |manifest| manifest.to_string()));
    manifests.clear("tracker");
    println!("{}", serde_json::to_string(&manifests.stats())?);
    Ok(())
}
