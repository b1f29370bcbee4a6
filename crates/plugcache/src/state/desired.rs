//! The document that says how things are to be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::manager::StateError;

/// The desired states by plugin: `{"plugins": {NAME: STATE, …}}`, with or without a `version`, or `{NAME:
/// STATE, …}` alone.
pub(super) fn states(document: &Value) -> Result<BTreeMap<&str, &Value>, StateError> {
    let wrong = |problem: String| StateError::Document { problem };
    let expected = "expected {\"plugins\": {NAME: STATE, …}} or {NAME: STATE, …}";
    let Value::Object(members) = document else { return Err(wrong(format!("it is no object; {expected}"))) };
    let plugins = match members.get("plugins") {
        Some(Value::Object(plugins)) => {
            if let Some(other) = members.keys().find(|key| !matches!(key.as_str(), "plugins" | "version")) {
                return Err(wrong(format!("`{other}` stands beside `plugins`; {expected}")));
            }
            plugins
        }
        Some(_) => return Err(wrong(format!("`plugins` is no object; {expected}"))),
        None => members,
    };
    Ok(plugins.iter().map(|(name, state)| (name.as_str(), state)).collect())
}
