//! Defaults and overrides.

use plugcache::schema::{Definition, Merge, Requirement, Schema, Unknown};
use serde_json::{Value, json};

fn merged(definition: &Definition, overrides: &Value) -> Value {
    Schema::compile("C", definition).unwrap().validate(overrides).unwrap()
}

#[test]
fn overrides_replace_key_by_key() {
    let definition = Definition::new(json!({"A": 1, "B": {"x": 1, "y": 2}, "C": [1, 2]}));
    let overrides = json!({"B": {"x": 3}, "C": [], "D": null});
    assert_eq!(merged(&definition, &overrides), json!({"A": 1, "B": {"x": 3}, "C": [], "D": null}));
    let deep = definition.merge(Merge::Deep);
    assert_eq!(merged(&deep, &overrides), json!({"A": 1, "B": {"x": 3, "y": 2}, "C": [], "D": null}));
    // What is no object on either side replaces.
    assert_eq!(merged(&deep, &json!({"A": {"x": 1}, "B": null}))["B"], Value::Null);
}

#[test]
fn unknown_keys_may_be_denied_at_any_depth() {
    let definition = Definition::new(json!({"RATE": 1, "B": {"deep": {"x": 1}}})).unknown(Unknown::Deny);
    let keys = |definition: &Definition, overrides: &Value| {
        let violations =
            Schema::compile("C", definition).unwrap().validate(overrides).unwrap_err().violations;
        violations.into_iter().map(|violation| (violation.key, violation.rule)).collect::<Vec<_>>()
    };
    let known = |close: Option<&str>| Requirement::Known { close: close.map(str::to_owned) };
    let found = keys(&definition, &json!({"RAET": 1, "ZZZ": 1}));
    assert_eq!(found, [("RAET".to_owned(), known(Some("RATE"))), ("ZZZ".to_owned(), known(None))]);
    let below = json!({"B": {"deep": {"z": 1}}});
    assert_eq!(merged(&definition, &below)["B"], below["B"]);
    let found = keys(&definition.merge(Merge::Deep), &below);
    assert_eq!(found, [("B.deep.z".to_owned(), known(None))]);
}

#[test]
fn a_configuration_is_an_object() {
    let schema = Schema::compile("C", &Definition::new(json!({}))).unwrap();
    for overrides in [json!(null), json!([]), json!("A=1")] {
        let violations = schema.validate(&overrides).unwrap_err().violations;
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].rule, Requirement::Object);
    }
}
