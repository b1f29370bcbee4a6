//! Python plugins: small trees against the interpreter, and real packages against what running them
//! showed.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod corpora;
mod hierarchies;
mod plugins;
mod trees;
