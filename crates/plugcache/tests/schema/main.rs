//! Configurations of plugins: merged, checked by rules and JSON Schema, compiled once, validated once.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod caching;
mod figures;
mod merging;
mod properties;
mod rules;

use plugcache::schema::{Definition, Profile, Rules, Schema, Violations};
use serde_json::{Value, json};

/// What a value of `K` violates under a rule.
fn violated(rule: &Value, value: &Value, profile: Profile) -> Vec<plugcache::schema::Requirement> {
    let rules = Rules::parse(&json!({ "K": rule })).unwrap();
    let definition = Definition::new(json!({ "K": value })).rules(rules).profile(profile);
    let schema = Schema::compile("Class", &definition).unwrap();
    match schema.validate(&json!({})) {
        Ok(_) => Vec::new(),
        Err(Violations { violations, .. }) => {
            assert!(violations.iter().all(|violation| violation.key == "K" && violation.value == *value));
            violations.into_iter().map(|violation| violation.rule).collect()
        }
    }
}
