//! From one file's bytes to its facts.

use super::{
    facts::{Details, Structure},
    parse, source,
};
use crate::plugin::Problem;

/// How a file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// Only what facts are made of is parsed. Inside the bodies of functions, and inside long literals,
    /// only strings, brackets and indentation are checked. Several times as fast.
    #[default]
    Skim,
    /// Everything is parsed, so that each syntax error is found.
    Full,
}

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// How it is read. Default: [`Syntax::Skim`].
    pub syntax: Syntax,
    /// Whether the details hold docstrings and parameters of functions. Their rows are there in any case.
    /// Default: no.
    pub functions: bool,
}

/// Reads a file into facts.
///
/// # Errors
/// What stands in the way, with its place; the file's path is left empty.
pub fn extract(bytes: &[u8], options: &Options) -> Result<(Structure, Details), Problem> {
    let text = source::decode(bytes)?;
    parse::facts(&text, options.functions)
}
