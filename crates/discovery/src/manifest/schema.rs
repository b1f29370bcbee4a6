//! Checking documents against a JSON Schema, which is compiled once and never fetched from anywhere.

use super::ManifestError;
use crate::value::Value;

/// A schema that is none, or that refers to what it does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the JSON Schema cannot be used: {message}")]
pub struct SchemaError {
    message: String,
}

/// More violations than this of one document tell nothing more.
const MOST: usize = 20;

#[derive(Debug, Clone)]
pub(super) struct Schema {
    text: String,
    validator: jsonschema::Validator,
}

impl Schema {
    pub(super) fn compile(schema: &serde_json::Value) -> Result<Self, SchemaError> {
        let fail = |message: String| SchemaError { message };
        let validator = jsonschema::validator_for(schema).map_err(|error| fail(error.to_string()))?;
        Ok(Self { text: schema.to_string(), validator })
    }

    /// The schema itself, for the finder's specification.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, document: &Value) -> Result<(), ManifestError> {
        let document = to_json(document);
        if self.validator.is_valid(&document) {
            return Ok(());
        }
        let said = self.validator.iter_errors(&document).take(MOST).map(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "/" } else { &place };
            format!("{place}: {error}")
        });
        Err(ManifestError::SchemaViolation { violations: said.collect() })
    }
}

/// As the schema's validator wants it. Keys that are no text (YAML has them) are written as text.
fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Bool(truth) => Json::from(*truth),
        Value::Int(number) => Json::from(*number),
        Value::BigInt(text) => text.parse::<u64>().map_or_else(
            |_| text.parse().map_or_else(|_| Json::from(text.as_str()), |float: f64| Json::from(float)),
            Json::from,
        ),
        Value::Float(number) => Json::from(*number),
        Value::Str(text) => Json::from(text.as_str()),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().map(to_json).collect(),
        Value::Dict(members) => members
            .iter()
            .map(|(key, value)| {
                let key = match key {
                    Value::Str(text) => text.clone(),
                    other => to_json(other).to_string(),
                };
                (key, to_json(value))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => Json::Null,
    }
}
