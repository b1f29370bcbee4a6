//! The plugcache command line.
fn main() {}
