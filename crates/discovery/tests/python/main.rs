//! Python plugins: small trees against the interpreter, and real packages against what running them
//! showed.

mod corpora;
mod functions;
mod hierarchies;
mod plugins;
mod trees;
