//! From one file's bytes to its facts.

use serde::Serialize;

pub use super::skim::Scratch;
use super::{
    facts::{Details, Structure},
    parse, skim, source,
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
    /// Whether the details hold methods, and what is said of fields. Default: no.
    pub methods: bool,
}

/// The binary form of facts: of a [`Structure`] or of [`Details`]. `buffer` is used again from call to call,
/// so that the result is allocated once and in its size.
///
/// # Errors
/// None that facts can cause.
pub fn encode<T: Serialize>(facts: &T, buffer: &mut Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
    buffer.clear();
    *buffer = postcard::to_extend(facts, std::mem::take(buffer))?;
    Ok(buffer.clone())
}

/// Reads a file into facts.
///
/// # Errors
/// What stands in the way, with its place; the file's path is left empty.
pub fn extract(bytes: &[u8], options: &Options) -> Result<(Structure, Details), Problem> {
    extract_with(bytes, options, &mut Scratch::default())
}

/// As [`extract`], with memory that is used again from file to file.
///
/// # Errors
/// What stands in the way, with its place; the file's path is left empty.
pub fn extract_with(
    bytes: &[u8],
    options: &Options,
    scratch: &mut Scratch,
) -> Result<(Structure, Details), Problem> {
    let text = source::decode(bytes)?;
    if options.syntax == Syntax::Skim
        && let Some(facts) = skim::facts(&text, options, scratch)
    {
        return Ok(facts);
    }
    // The skimmer understands less than the parser, which is the judge of what is an error.
    parse::facts(&text, options)
}

#[cfg(test)]
mod tests;
