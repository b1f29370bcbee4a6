//! What is wrong with a configuration, for people and for programs.

use std::fmt;

use serde_json::Value;

use super::Kind;

/// A value that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Its key; `A.B` for `B` in the object under `A`, a JSON pointer for what a JSON Schema says, empty for the
    /// configuration as a whole.
    pub key: String,
    /// The value; `null` if there is none.
    pub value: Value,
    /// What it should be.
    pub rule: Requirement,
}

/// What a value should be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Requirement {
    /// The configuration should be an object.
    Object,
    /// The key should be one that has a default.
    Known {
        /// The key that was probably meant.
        close: Option<String>,
    },
    /// There should be a value, since there is a rule about it.
    Present,
    /// TYPE: it should be of one of these kinds.
    Type {
        /// The kinds.
        wanted: Vec<Kind>,
        /// Its kind.
        found: Kind,
    },
    /// It should be a number, since it has a smallest or largest value.
    Number,
    /// It should be text, a list or an object, since it has a smallest or largest length.
    Sized,
    /// `MIN_VAL`: it should not be smaller than this.
    MinVal(Value),
    /// `MAX_VAL`: it should not be larger than this.
    MaxVal(Value),
    /// `MIN_LEN`: it should not be shorter than this.
    MinLen {
        /// Least characters, items or keys.
        least: u64,
        /// How many it has.
        found: u64,
    },
    /// `MAX_LEN`: it should not be longer than this.
    MaxLen {
        /// Most characters, items or keys.
        most: u64,
        /// How many it has.
        found: u64,
    },
    /// `EXCLUDED_LIST`: it should be none of these.
    Excluded(Vec<Value>),
    /// `ACCEPTED_VALUES`: it should be one of these.
    Accepted(Vec<Value>),
    /// The JSON Schema says something else, in these words.
    JsonSchema(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, rule, .. } = self;
        let value = short(&self.value);
        match rule {
            Requirement::Object => write!(f, "a configuration is an object, not {}", Kind::of(&self.value)),
            Requirement::Known { close: None } => write!(f, "{key} is not a known key"),
            Requirement::Known { close: Some(close) } => {
                write!(f, "{key} is not a known key; did you mean {close}?")
            }
            Requirement::Present => write!(f, "{key} has a rule and no value; give it a default"),
            Requirement::Type { wanted, found } => {
                let wanted: Vec<_> = wanted.iter().map(|kind| kind.as_str()).collect();
                write!(f, "{key} = {value} is of type {found}, not {}", wanted.join(" or "))
            }
            Requirement::Number => write!(f, "{key} = {value} is not a number, and its rule has bounds"),
            Requirement::Sized => write!(f, "{key} = {value} has no length, and its rule is about one"),
            Requirement::MinVal(least) => write!(f, "{key} = {value} is less than {least}"),
            Requirement::MaxVal(most) => write!(f, "{key} = {value} is more than {most}"),
            Requirement::MinLen { least, found } => {
                write!(f, "{key} = {value} has a length of {found}, less than {least}")
            }
            Requirement::MaxLen { most, found } => {
                write!(f, "{key} = {value} has a length of {found}, more than {most}")
            }
            Requirement::Excluded(values) => {
                write!(f, "{key} = {value} is one of those excluded: {}", list(values))
            }
            Requirement::Accepted(values) => {
                write!(f, "{key} = {value} is none of those accepted: {}", list(values))
            }
            Requirement::JsonSchema(message) if key.is_empty() => f.write_str(message),
            Requirement::JsonSchema(message) => write!(f, "{key}: {message}"),
        }
    }
}

fn list(values: &[Value]) -> String {
    const MOST: usize = 20;
    let mut shown: Vec<_> = values.iter().take(MOST).map(short).collect();
    if values.len() > MOST {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// A value as JSON, its beginning if it is long.
fn short(value: &Value) -> String {
    const MOST: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text,
    }
}

/// Everything that is wrong with a configuration, in the order of the rules' keys, what a JSON Schema says
/// last.
#[derive(Debug, Clone, PartialEq)]
pub struct Violations {
    /// The class that was to be configured.
    pub class: String,
    /// What is wrong; at least one.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration of {} is not valid: ", self.class)?;
        for (position, violation) in self.violations.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
