//! Python classes and functions, read from source.

pub mod extract;
pub mod facts;
pub mod finder;
pub mod literals;
pub mod naming;
pub mod rules;
pub mod signature;
pub mod source;

mod convert;
mod depth;
mod describe;
mod doc;
pub mod docstring;
mod indent;
mod kept;
mod lines;
mod link;
pub(crate) mod parse;
mod scan;
mod skim;
mod walk;

pub use self::{
    extract::Syntax,
    finder::{PackageSpec, PythonFinder},
    naming::NameRule,
    rules::{About, ObjectRef, Rule, RuleError},
};
