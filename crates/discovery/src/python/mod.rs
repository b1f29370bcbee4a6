//! Python classes and functions, read from source.

pub mod extract;
pub mod facts;
pub mod literals;
pub mod signature;
pub mod source;

mod convert;
mod depth;
mod doc;
mod indent;
mod kept;
mod lines;
mod parse;
mod scan;
mod skim;
