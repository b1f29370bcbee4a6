//! Python classes and functions, read from source.

pub mod facts;
