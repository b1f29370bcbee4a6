//! Two processes that share a cache: each value is made by one of them, once on this machine, and what one
//! declares wrong the other does not serve any more.
//!
//! `cargo run -p plugcache --example two_processes`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, io, process::Command, time::Duration};

use plugcache::{Cache, Hub};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join("plugcache-example-two-processes");
    let hub = Hub::builder().directory(&directory).build()?;
    let squares: Cache<u32, u64> =
        Cache::builder("squares").ttl(Duration::from_mins(1)).disk().once_per_host().build(&hub)?;
    let me = std::process::id();
    let square = |n: u32| {
        squares.get_or_load(&n, |n| {
            println!("process {me} computes {n}²");
            std::thread::sleep(Duration::from_millis(200));
            Ok::<_, io::Error>(u64::from(*n).pow(2))
        })
    };

    match std::env::args().nth(1).as_deref() {
        Some("square") => {
            for n in 1..=4 {
                square(n)?;
            }
        }
        Some("clear") => drop(squares.clear()?),
        _ => {
            squares.clear()?;
            let mut other = again("square")?.spawn()?;
            for n in (1..=4).rev() {
                square(n)?;
            }
            other.wait()?;
            println!("before another process clears the cache: {}", squares.explain(&1));
            again("clear")?.status()?;
            println!("after it: {}", squares.explain(&1));
        }
    }
    Ok(())
}

/// This program, to do something else.
fn again(what: &str) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(what);
    Ok(command)
}
