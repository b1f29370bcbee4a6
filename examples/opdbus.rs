//! The caches of the op-dbus document: set by its variables, used as in its snippets, shown as it shows them.
//!
//! `OPDBUS_BLOCK_CACHE_SIZE=500 cargo run -p plugcache --example opdbus`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use plugcache::opdbus::{BlockEvent, Result, Settings};
use serde_json::json;

fn main() -> Result<()> {
    let mut settings = Settings::from_variables(std::env::vars_os())?;
    if settings.cache_dir.value.starts_with("/var/lib/op-dbus") {
        // An example keeps away from where a service keeps its own.
        settings.cache_dir.value = std::env::temp_dir().join("plugcache-example-opdbus");
    }
    let embeddings = settings.embedding_cache().with_model("letters");
    for text in ["Created container 100", "Created container 101", "Created container 100"] {
        let vector: Vec<f32> = embeddings.get_or_embed(text, |text| {
            println!("computing the vector of {text:?}");
            let share = |letter| Ok(f32::from(u16::try_from(text.matches(letter).count())?));
            ['a', 'e', 'i', 'o', 'u'].map(share).into_iter().collect::<Result<Vec<f32>>>()
        })?;
        println!("{text}: {vector:?}");
    }

    let blocks = settings.block_cache();
    let event = BlockEvent {
        timestamp: 1_700_000_000,
        category: "lxc".to_owned(),
        action: "create".to_owned(),
        data: json!({ "id": 100 }),
        hash: String::new(),
        vector: Vec::new(),
    };
    blocks.put(1, event);
    println!("block 1: {:?}", blocks.get(1).map(|block| block.action));
    println!("block 2: {:?}", blocks.get(2).map(|block| block.action));

    let queries = settings.query_cache();
    queries.put("net".to_owned(), json!({ "eth0": "up" }));
    println!("net: {:?}", queries.get("net"));
    for line in [embeddings.summary(), blocks.summary(), queries.summary(), settings.diff_cache().summary()] {
        println!("{line}");
    }
    Ok(())
}
