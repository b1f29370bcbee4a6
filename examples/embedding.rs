//! What texts mean, as vectors: a model loaded once, each text computed once, and a log searched by meaning.
//!
//! `PLUGCACHE_MODEL=DIRECTORY cargo run -p plugcache --features embedding --example embedding`, where the directory has
//! the files of all-MiniLM-L6-v2; `plugcache cache warm --model` fetches them, and says where they are.

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{env, error::Error};

use plugcache::{
    Hub,
    embedding::{Corpus, Embedder, files::ModelDirectory},
};

const LOG: [&str; 6] = [
    "Created container web-1 from image nginx",
    "User alice was given administrator rights",
    "Disk /dev/sdb is 95 % full",
    "Backup of all users finished without errors",
    "Network interface eth0 lost its link",
    "Disk /dev/sdb is 95 % full",
];

fn main() -> Result<(), Box<dyn Error>> {
    let set =
        env::var_os("PLUGCACHE_MODEL").ok_or("set PLUGCACHE_MODEL to a directory with a model's files")?;
    let model = ModelDirectory::local(set)?;
    let place = tempfile::tempdir()?;

    // The first run of a program: nothing is kept, so the model is loaded and each text computed, equal ones once.
    let hub = Hub::builder().directory(place.path()).build()?;
    let embedder = Embedder::builder(model.clone()).build(&hub)?;
    let vectors = embedder.embed_many(&LOG)?;
    let computed = embedder.vectors().cache().stats().loads;
    println!("{} lines, {computed} vectors computed; model loaded: {}", LOG.len(), embedder.is_loaded());
    drop((embedder, hub));

    // The next run finds them on disk, and loads no model.
    let hub = Hub::builder().directory(place.path()).build()?;
    let embedder = Embedder::builder(model).build(&hub)?;
    assert_eq!(embedder.embed_many(&LOG)?, vectors);
    let computed = embedder.vectors().cache().stats().loads;
    println!("again: {computed} vectors computed; model loaded: {}", embedder.is_loaded());

    // Searched by meaning: no word of the question is in the answer.
    let mut corpus = Corpus::new(vectors[0].len());
    for (line, vector) in LOG.iter().zip(&vectors).take(5) {
        corpus.add(line, vector)?;
    }
    for question in ["running out of storage", "someone became root", "cable unplugged"] {
        let query = embedder.embed(question)?;
        if let Some((line, score)) = corpus.nearest(&query, 1)?.first() {
            println!("{question}? {line} ({score:.2})");
        }
    }
    println!("{}", embedder.vectors().summary());
    Ok(())
}
