//! Kinds of values, by the names that rules have for them.

use std::fmt;

use serde_json::Value;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A whole number, written without point and exponent. One beyond 64 bits is read as a
    /// [`Float`](Self::Float).
    Int,
    /// A number with a point or an exponent. JSON knows no infinity and no NaN: who writes a NaN writes `null`,
    /// which is [`None`](Self::None), and is refused where a float is asked for.
    Float,
    /// Text.
    Str,
    /// `true` or `false`.
    Bool,
    /// A list.
    List,
    /// An object.
    Dict,
    /// `null`.
    None,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Int, Self::Float, Self::Str, Self::Bool, Self::List, Self::Dict, Self::None];

    /// The kind of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_i64() || number.is_u64() => Self::Int,
            Value::Number(_) => Self::Float,
            Value::String(_) => Self::Str,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Dict,
        }
    }

    /// The kind of a name, compared exactly.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "str",
            Self::Bool => "bool",
            Self::List => "list",
            Self::Dict => "dict",
            Self::None => "None",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What counts as a number of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Each kind is itself. A rule that takes both 1 and 1.0 says `["int", "float"]`.
    #[default]
    Strict,
    /// As ratio1 and naeural have it from Python: a bool is an int, `true` is 1, and a float may be written as
    /// an int.
    Ratio1,
}

impl Profile {
    /// Whether a rule for `wanted` takes a value of kind `found`.
    pub(super) fn takes(self, wanted: Kind, found: Kind) -> bool {
        let is_python = self == Self::Ratio1;
        match (wanted, found) {
            (Kind::Int, Kind::Bool) | (Kind::Float, Kind::Int | Kind::Bool) => is_python,
            _ => wanted == found,
        }
    }
}
