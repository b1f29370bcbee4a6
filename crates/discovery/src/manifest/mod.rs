//! Plugins that are told of by a manifest: a JSON, TOML or YAML file.
//!
//! Which files, is said by globs below the roots; what the plugin is called, by a path in the document.
//! A manifest comes from whoever wrote the plugin, so reading one is bounded in size, depth and in what
//! YAML's aliases unfold to, and what is wrong with it is one problem with line and column. Other
//! manifests are unaffected.

mod document;
mod finder;
mod glob;
mod numbers;
mod read;
mod schema;

pub use finder::{ManifestFinder, Options, OptionsError};
pub use glob::PatternError;
pub use read::{Format, Limits, parse};
pub use schema::SchemaError;

/// What is wrong with one manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// More bytes than allowed. Nothing was parsed.
    #[error("{actual} bytes, more than the limit of {limit}: raise the limit or make it smaller")]
    TooLarge {
        /// Allowed.
        limit: usize,
        /// Found.
        actual: usize,
    },
    /// More values than allowed, which is what a YAML file with aliases in aliases unfolds to.
    #[error("unfolds to more than {limit} values: remove aliases")]
    TooMany {
        /// Allowed.
        limit: usize,
    },
    /// Arrays and tables nested deeper than allowed.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// Allowed.
        limit: usize,
        /// Where: one-based, 0 if not known.
        line: u32,
        /// One-based column in characters; 0 if not known.
        column: u32,
    },
    /// Not of its format.
    #[error("{message}")]
    Syntax {
        /// One-based; 0 if not known.
        line: u32,
        /// One-based column in characters; 0 if not known.
        column: u32,
        /// What was found or expected.
        message: String,
    },
    /// Two members of one name in one object.
    #[error("the key `{key}` occurs twice")]
    DuplicateKey {
        /// The key.
        key: String,
        /// One-based; 0 if not known.
        line: u32,
        /// One-based column in characters; 0 if not known.
        column: u32,
    },
    /// Not UTF-8, or with a NUL in it.
    #[error("{message}: save it as UTF-8")]
    Encoding {
        /// One-based.
        line: u32,
        /// One-based column in characters.
        column: u32,
        /// What was found.
        message: &'static str,
    },
    /// The document is a list or a single value.
    #[error("expected an object at the top")]
    NotAnObject,
    /// There is no name where one was asked for.
    #[error("no name at `{path}`")]
    MissingName {
        /// The path that was asked for.
        path: String,
    },
    /// What is there is no text, or empty.
    #[error("the name at `{path}` is not text, or empty")]
    NameNotText {
        /// The path that was asked for.
        path: String,
    },
    /// It is not what the schema asks for.
    #[error("not valid against the schema: {}", violations.join("; "))]
    SchemaViolation {
        /// All of them: where, and what was expected.
        violations: Vec<String>,
    },
}

impl ManifestError {
    /// One-based line and column; zeroes for the file as a whole.
    pub fn position(&self) -> (u32, u32) {
        match self {
            Self::TooDeep { line, column, .. }
            | Self::Syntax { line, column, .. }
            | Self::DuplicateKey { line, column, .. }
            | Self::Encoding { line, column, .. } => (*line, *column),
            _ => (0, 0),
        }
    }
}
