//! A slow function whose result outlives the process: run it twice.
//!
//! `cargo run -p plugcache --example memoised`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, time::Instant};

use plugcache::{Hub, cache::hub::Given};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
enum Scale {
    Linear,
    Cyclic { period: u32 },
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join("plugcache-example-memoised");
    let hub = Hub::builder().directory(&directory).build()?;

    let began = Instant::now();
    let given = Given::nothing().argument("colors").version(env!("CARGO_PKG_VERSION"));
    let scales = hub.memoize("scales", given, || {
        println!("computing, which takes a while");
        std::thread::sleep(std::time::Duration::from_millis(300));
        vec![("viridis".to_owned(), Scale::Linear), ("hsv".to_owned(), Scale::Cyclic { period: 360 })]
    });
    println!("{scales:?} after {:.1?}", began.elapsed());
    println!("kept in {}", directory.display());
    Ok(())
}
