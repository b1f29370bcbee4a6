//! Why was this a miss? Every reason that a cache knows, one after the other.
//!
//! `cargo run -p plugcache --example explain_a_miss`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, fs, time::Duration};

use plugcache::{Cache, Hub, Inputs};

fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::temp_dir().join(format!("plugcache-explain-{}", std::process::id()));
    fs::create_dir_all(&place)?;
    let file = place.join("plugin.toml");
    fs::write(&file, "name = 'ocr'")?;
    let cache: Cache<str, u32> =
        Cache::builder("answers").ttl(Duration::from_millis(100)).build(&Hub::in_memory())?;

    println!("{}\n", cache.explain("never seen"));
    cache.insert("short-lived", 1);
    println!("{}\n", cache.explain("short-lived"));
    std::thread::sleep(Duration::from_millis(150));
    println!("{}\n", cache.explain("short-lived"));

    cache.insert_with("tagged", 1, |load| load.tag("net"));
    cache.invalidate_tag("net");
    println!("{}\n", cache.explain("tagged"));

    cache.insert_with("from a file", 1, |load| {
        // An input that cannot be looked at keeps the value from being kept.
        let _ = load.inputs(&Inputs::none().file(&file));
    });
    fs::write(&file, "name = 'OCR'")?;
    println!("{}\n", cache.explain("from a file"));

    cache.insert("cleared", 1);
    cache.clear()?;
    println!("{}", cache.explain("cleared"));
    fs::remove_dir_all(&place)?;
    Ok(())
}
