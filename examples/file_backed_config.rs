//! A configuration that is parsed once, and again when one of its files changes: also one that it includes.
//!
//! `cargo run -p plugcache --example file_backed_config`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{collections::BTreeMap, error::Error, fs, io, path::Path};

use plugcache::{Cache, Hub, Inputs, cache::cache::Load};

type Settings = BTreeMap<String, String>;

fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::temp_dir().join(format!("plugcache-config-{}", std::process::id()));
    fs::create_dir_all(&place)?;
    let main = place.join("main.conf");
    fs::write(&main, "include colors.conf\nsize = 3\n")?;
    fs::write(place.join("colors.conf"), "front = red\n")?;

    let configs: Cache<Path, Settings> = Cache::builder("configs").build(&Hub::in_memory())?;
    let read = || -> Result<Settings, Box<dyn Error>> {
        let answer = configs.get_or_load_with(&main, |path, load| parse(path, load).map(Some))?;
        Ok(answer.value().map(|settings| Settings::clone(&settings)).unwrap_or_default())
    };
    println!("{:?}", read()?);
    println!("{:?}", read()?);
    println!("{} loads\n", configs.stats().loads);

    fs::write(place.join("colors.conf"), "front = tan\n")?;
    println!("{}", configs.explain(&*main));
    println!("{:?}", read()?);
    println!("{} loads", configs.stats().loads);
    fs::remove_dir_all(&place)?;
    Ok(())
}

/// Declares each file before it reads it: so a file that changes meanwhile is noticed.
fn parse(path: &Path, load: &Load<'_>) -> io::Result<Settings> {
    load.inputs(&Inputs::none().file(path)).map_err(io::Error::other)?;
    let mut settings = Settings::new();
    for line in fs::read_to_string(path)?.lines() {
        if let Some(included) = line.strip_prefix("include ") {
            settings.extend(parse(&path.with_file_name(included), load)?);
        } else if let Some((name, value)) = line.split_once(" = ") {
            settings.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(settings)
}
