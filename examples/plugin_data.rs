//! What a plugin keeps for itself: found again after a restart, under its signature, whatever its id looks like.
//!
//! `cargo run -p plugcache --example plugin_data`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;

use plugcache::store::{Category, Item, Loaded, Store};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let store = Store::open(place.path().join("data"))?;

    let camera = store.plugin(&Category::PLUGINS, "Camera_01").signature("config-1");
    println!("at first: {:?}", camera.load_json()?);
    camera.save_json(&json!([]))?;
    println!("an empty list is something: {:?}", camera.load_json()?);

    // Under a lock between processes: no count is lost.
    for _ in 0..3 {
        camera.update_json(|list| {
            let mut list = list.found()?;
            list.as_array_mut()?.push(json!("frame"));
            Some(list)
        })?;
    }
    println!("after three updates: {:?}", camera.load_json()?);

    let changed = store.plugin(&Category::PLUGINS, "Camera_01").signature("config-2");
    if let Loaded::Stale { saved, current } = changed.load_json()? {
        println!("the signature differs: {saved} → {current}");
    }

    let hostile = store.plugin(&Category::PLUGINS, "../../etc/passwd");
    hostile.save(Item::Object, b"any bytes, such as a pickle")?;
    let name = |path: std::path::PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    println!("{:?} is in {:.9}…", camera.id(), name(camera.path()).unwrap_or_default());
    println!("{:?} is in {:.9}…", hostile.id(), name(hostile.path()).unwrap_or_default());

    let usage = store.usage()?;
    println!("{} plugins have {} bytes", usage.plugins, usage.bytes);
    Ok(())
}
