//! What linking found out about one plugin, as the index keeps it.
//!
//! Only what cannot be read from the facts again is here: where attributes are inherited from, values that
//! needed other files, and doubts. A simple class takes a dozen bytes.

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// The encoded part of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::python) enum Payload {
    Class(ClassPayload),
    Function(FunctionPayload),
    Module {
        /// See [`ClassPayload::module_values`].
        values: Vec<(String, Stored)>,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::python) struct ClassPayload {
    pub(in crate::python) class: u32,
    /// Known ancestors in the order of attribute look-up: file and class.
    pub(in crate::python) ancestors: Vec<(u32, u32)>,
    /// In the order of the class statement.
    pub(in crate::python) bases: Vec<BaseName>,
    /// Values that are no literals: whose they are (0 is the class itself, then its ancestors), the
    /// position among its members, the value.
    pub(in crate::python) values: Vec<(u32, u32, Stored)>,
    /// Doubts: (what, why).
    pub(in crate::python) notes: Vec<(String, String)>,
    /// Values of names in the arguments of decorators.
    pub(in crate::python) symbols: Vec<(String, Value)>,
    /// Module literals that were asked for and are not literals of the class's own module.
    pub(in crate::python) module_values: Vec<(String, Stored)>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::python) struct FunctionPayload {
    pub(in crate::python) function: u32,
    pub(in crate::python) symbols: Vec<(String, Value)>,
    pub(in crate::python) module_values: Vec<(String, Stored)>,
    /// Dotted names under which public modules expose it, the shortest first.
    pub(in crate::python) exports: Vec<String>,
    /// Why what is exposed may be something else.
    pub(in crate::python) doubt: Option<String>,
    /// For each decorator what it stands for, as far as that is known: `functools.lru_cache`.
    pub(in crate::python) decorators: Vec<Option<String>>,
}

/// What a base turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::python) enum BaseName {
    /// One of the ancestors, by position.
    Ancestor(u32),
    /// Something outside the roots, or an ancestor that the order left out.
    Named(String),
}

/// The outcome of folding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::python) enum Stored {
    Known(Value),
    Dynamic(String),
}
