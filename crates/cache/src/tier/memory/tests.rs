//! The shard against a simple model, and against the caches it has to beat.

mod model;
mod ratios;
