//! Telling commands from configurations, where a host sends both in one document.

use serde_json::Value;

/// What a host's document asks for, as hosts of the naeural kind send it: a configuration that may carry a
/// command beside it, under `INSTANCE_COMMAND`.
#[derive(Debug, Clone, PartialEq)]
pub enum Upstream {
    /// A command. The configuration in the same document is not meant yet: the host sends it again without
    /// the command.
    Command(Value),
    /// A configuration, without the keys that are about commands.
    Config(Value),
}

const COMMAND: &str = "INSTANCE_COMMAND";
const LAST_COMMAND: &str = "INSTANCE_COMMAND_LAST";

impl Upstream {
    /// Reads a document, which stays as it is. A command counts if it is not empty: no `null`, `false`, 0,
    /// `""`, `[]` or `{}`.
    pub fn of(document: &Value) -> Self {
        let Some(members) = document.as_object() else { return Self::Config(document.clone()) };
        match members.get(COMMAND) {
            Some(command) if !is_empty(command) => Self::Command(command.clone()),
            _ => {
                let is_config = |key: &str| key != COMMAND && key != LAST_COMMAND;
                let config = members.iter().filter(|(key, _)| is_config(key));
                Self::Config(config.map(|(key, value)| (key.clone(), value.clone())).collect())
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_goes_alone_and_the_document_stays() {
        let document = json!({"RATE": 1, "INSTANCE_COMMAND": {"pause": true}, "INSTANCE_COMMAND_LAST": "x"});
        let before = document.clone();
        assert_eq!(Upstream::of(&document), Upstream::Command(json!({"pause": true})));
        assert_eq!(document, before);
        for empty in [json!(null), json!(""), json!({}), json!([]), json!(0), json!(0.0), json!(false)] {
            let document = json!({"RATE": 1, "INSTANCE_COMMAND": empty, "INSTANCE_COMMAND_LAST": "x"});
            assert_eq!(Upstream::of(&document), Upstream::Config(json!({"RATE": 1})));
        }
        assert_eq!(Upstream::of(&json!(3)), Upstream::Config(json!(3)));
    }
}
