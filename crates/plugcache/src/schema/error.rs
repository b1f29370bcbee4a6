//! Why a definition cannot be compiled.

use serde_json::Value;

/// Why a definition cannot be compiled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The defaults are not an object.
    #[error("the defaults of {class} are not an object")]
    Defaults {
        /// The class.
        class: String,
    },
    /// Rules are not an object of objects.
    #[error("the rules{} are not an object: expected {{\"KEY\": {{\"TYPE\": \"int\"}}}}", of(key))]
    Shape {
        /// The key; empty for all rules together.
        key: String,
    },
    /// No such type.
    #[error(
        "the rule about {key} has TYPE {name}: expected int, float, str, bool, list, dict or None, or a list of these"
    )]
    UnknownType {
        /// The key.
        key: String,
        /// What is there instead of a type.
        name: Value,
    },
    /// No such rule.
    #[error(
        "the rule about {key} has {rule}: expected TYPE, MIN_VAL, MAX_VAL, MIN_LEN, MAX_LEN, EXCLUDED_LIST, ACCEPTED_VALUES or DESCRIPTION"
    )]
    UnknownRule {
        /// The key.
        key: String,
        /// What is there.
        rule: String,
    },
    /// A rule has a value that makes no sense.
    #[error("the rule about {key} has {rule} = {value}: expected {expected}")]
    Rule {
        /// The key.
        key: String,
        /// Which rule.
        rule: String,
        /// Its value.
        value: Value,
        /// What it should be.
        expected: &'static str,
    },
    /// The JSON Schema is none, or refers to what it does not hold.
    #[error("the JSON Schema of {class} cannot be used: {message}")]
    JsonSchema {
        /// The class.
        class: String,
        /// What is wrong with it.
        message: String,
    },
}

fn of(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(" about {key}") }
}
