//! The full parse: a module's whole text through the parser.
//!
//! Only real syntax errors count: what a version of Python does not know yet is read as the newest does.

use ruff_python_ast::{ModModule, PythonVersion};
use ruff_python_parser::{Mode, ParseOptions, Parsed};
use ruff_text_size::Ranged;

use super::{
    convert::{self, Text},
    depth,
    extract::Options,
    facts::{Details, Structure},
    source,
};
use crate::plugin::Problem;

/// Facts of a module, from its whole text.
///
/// # Errors
/// The first syntax error and its place.
pub(super) fn facts(text: &str, options: &Options) -> Result<(Structure, Details), Problem> {
    let tree = module(text)?;
    Ok(convert::module(tree.syntax(), &Text::whole(text), options))
}

/// The tree of a module that does not nest too deeply.
pub(crate) fn module(text: &str) -> Result<Parsed<ModModule>, Problem> {
    if let Some(found) = depth::exceeded(text.as_bytes()) {
        return Err(problem(text, found.at, found.message.to_owned()));
    }
    tree(text).map_err(|(at, message)| problem(text, at, message))
}

/// The tree of a module, or where it is wrong and how. The caller has measured its depth.
pub(super) fn tree(text: &str) -> Result<Parsed<ModModule>, (usize, String)> {
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::latest());
    let parsed = ruff_python_parser::parse_unchecked(text, options);
    if let Some(error) = parsed.errors().first() {
        return Err((error.range().start().to_usize(), format!("syntax error: {}", error.error)));
    }
    parsed.try_into_module().ok_or_else(|| (0, "the parser did not see a module".to_owned()))
}

fn problem(text: &str, at: usize, message: String) -> Problem {
    let (line, column) = source::position(text.as_bytes(), at);
    Problem { file: String::new(), line, column, message }
}
