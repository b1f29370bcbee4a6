//! A constant, as Python or a document writes it.

use serde::{Deserialize, Serialize};

/// A constant value. Equality is structural: `1`, `1.0` and `True` differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `None`.
    None,
    /// `True`, `False`.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// An integer that does not fit in 64 bits, in decimal.
    BigInt(String),
    /// A float.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// `[…]`
    List(Vec<Value>),
    /// `(…)`
    Tuple(Vec<Value>),
    /// `{…}`, in source order, without duplicates.
    Set(Vec<Value>),
    /// `{k: v}`, in insertion order, later values replacing earlier ones.
    Dict(Vec<(Value, Value)>),
    /// `...`
    Ellipsis,
    /// A call that is kept as it stands because what it makes is fixed by its constant arguments:
    /// `re.compile("…")`.
    Call {
        /// Dotted name as written.
        function: String,
        /// Positional arguments.
        arguments: Vec<Value>,
        /// Keyword arguments.
        keywords: Vec<(String, Value)>,
    },
    /// A dotted name kept as a symbol: `re.VERBOSE`, `NORMAL_PRIORITY` that could not be folded.
    Name(String),
}

/// Serialises pairs as an object.
pub(crate) fn as_map<S: serde::Serializer>(
    pairs: &[(String, Value)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Serialises pairs as an object, with null for what is not known.
pub(crate) fn as_optional_map<S: serde::Serializer>(
    pairs: &[(String, Option<Value>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
