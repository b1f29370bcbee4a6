//! A JSON Schema, compiled.

use serde_json::Value;

use super::{
    SchemaError,
    violation::{Requirement, Violation},
};

#[derive(Debug)]
pub(super) struct Document(jsonschema::Validator);

impl Document {
    /// What it refers to must be in itself: this build of the validator cannot fetch anything.
    pub(super) fn compile(class: &str, schema: &Value) -> Result<Self, SchemaError> {
        // Patterns of strangers: the engine without backtracking takes no time that grows without bounds.
        let options = jsonschema::options().with_pattern_options(jsonschema::PatternOptions::regex());
        options
            .build(schema)
            .map(Self)
            .map_err(|error| SchemaError::JsonSchema { class: class.to_owned(), message: error.to_string() })
    }

    pub(super) fn check(&self, config: &Value, found: &mut Vec<Violation>) {
        if self.0.is_valid(config) {
            return;
        }
        found.extend(self.0.iter_errors(config).map(|error| {
            let key = error.instance_path().to_string();
            let value = config.pointer(&key).cloned().unwrap_or(Value::Null);
            Violation { key, value, rule: Requirement::JsonSchema(error.to_string()) }
        }));
    }
}
