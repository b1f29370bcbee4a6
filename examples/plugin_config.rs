//! Configuration of plugins: defaults, overrides and rules, compiled once, validated once.
//!
//! `cargo run -p plugcache --example plugin_config`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, sync::Arc};

use plugcache::{
    Hub,
    schema::{Definition, Merge, Rules, Schemas, Unknown},
};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let schemas = Schemas::new(&Hub::in_memory())?;

    let base = Rules::parse(&json!({
        "RATE": {"TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 60},
        "NAME": {"TYPE": "str", "MIN_LEN": 1},
    }))?;
    // A class inherits because it says so, and replaces the rules that it has its own for.
    let rules = Rules::parse(&json!({"MODE": {"ACCEPTED_VALUES": ["fast", "slow"]}}))?.extend(&base);
    let defaults =
        json!({"RATE": 10, "NAME": "camera", "MODE": "fast", "LENS": {"zoom": 1, "focus": "auto"}});
    let definition = Definition::new(defaults).rules(rules).merge(Merge::Deep).unknown(Unknown::Deny);
    let schema = schemas.compile("plugins.camera.Camera", &definition)?;

    let config = schemas.configure(&schema, &json!({"RATE": 25, "LENS": {"zoom": 4}}))?;
    println!("{config}");
    let again = schemas.configure(&schema, &json!({"LENS": {"zoom": 4}, "RATE": 25}))?;
    println!("found again, whatever the order of the keys: {}", Arc::ptr_eq(&config, &again));

    println!("everything that is wrong is told at once:");
    let wrong = json!({"RATE": true, "MODE": "medium", "NAME": "", "LENS": {"zom": 2}});
    if let Err(refused) = schemas.configure(&schema, &wrong) {
        for violation in &refused.violations {
            println!("  {violation}");
        }
    }

    // A type is a name that is looked up. Nothing is evaluated.
    if let Err(error) = Rules::parse(&json!({"RATE": {"TYPE": "__import__('os')"}})) {
        println!("{error}");
    }
    Ok(())
}
