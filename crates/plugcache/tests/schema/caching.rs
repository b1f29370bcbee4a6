//! What is compiled and validated once, and what is never mixed up.

use std::{sync::Arc, thread};

use plugcache::{
    Hub,
    schema::{Definition, Profile, Rules, Schemas},
};
use serde_json::json;

/// The original looks the list of validators up as an attribute: once the base had validated, its subclasses
/// found the base's list and never ran their own.
#[test]
fn a_subclass_is_checked_by_its_own_rules_after_its_base_was() {
    let schemas = Schemas::new(&Hub::in_memory()).unwrap();
    let defaults = json!({"RATE": 10, "MODE": "fast"});
    let base = Rules::parse(&json!({"RATE": {"MAX_VAL": 60}, "MODE": {"TYPE": "str"}})).unwrap();
    let own = Rules::parse(&json!({"RATE": {"MIN_VAL": 5}})).unwrap();
    let compile = |class: &str, rules: Rules| {
        schemas.compile(class, &Definition::new(defaults.clone()).rules(rules)).unwrap()
    };
    let base_schema = compile("Base", base.clone());
    schemas.configure(&base_schema, &json!({"RATE": 3})).unwrap();
    let heir = compile("Heir", own.clone().extend(&base));
    let orphan = compile("Orphan", own);
    // Its own rule about RATE replaces the base's; the base's rule about MODE is inherited.
    assert!(schemas.configure(&heir, &json!({"RATE": 3})).is_err());
    assert!(schemas.configure(&heir, &json!({"RATE": 61})).is_ok());
    assert!(schemas.configure(&heir, &json!({"MODE": 1})).is_err());
    assert!(schemas.configure(&orphan, &json!({"MODE": 1})).is_ok());
    assert!(schemas.configure(&base_schema, &json!({"RATE": 3})).is_ok());
}

#[test]
fn a_schema_is_compiled_once_and_anew_when_anything_of_it_differs() {
    let schemas = Schemas::new(&Hub::in_memory()).unwrap();
    let definition = Definition::new(json!({"A": 1}));
    let first = schemas.compile("C", &definition).unwrap();
    assert!(Arc::ptr_eq(&first, &schemas.compile("C", &definition.clone()).unwrap()));
    let rules = |rules| Rules::parse(&rules).unwrap();
    let others = [
        Definition::new(json!({"A": 1.0})),
        definition.clone().json_schema(json!({})),
        definition.clone().json_schema(json!(null)),
        definition.clone().merge(plugcache::schema::Merge::Deep),
        definition.clone().unknown(plugcache::schema::Unknown::Deny),
        definition.clone().profile(Profile::Ratio1),
        definition.clone().rules(rules(json!({"A": {"MIN_VAL": 1}}))),
        definition.clone().rules(rules(json!({"A": {"MAX_VAL": 1}}))),
        definition.clone().rules(rules(json!({"A": {"EXCLUDED_LIST": []}}))),
    ];
    let mut digests = vec![first.digest()];
    for other in &others {
        // `null` is no JSON Schema.
        if let Ok(schema) = schemas.compile("C", other) {
            digests.push(schema.digest());
        }
    }
    let count = digests.len();
    digests.sort_by_key(|digest| digest.0);
    digests.dedup();
    assert_eq!((digests.len(), count), (others.len(), others.len()));
    assert!(!Arc::ptr_eq(&first, &schemas.compile("D", &definition).unwrap()));
}

#[test]
fn a_configuration_is_validated_once_whatever_the_order_of_its_keys() {
    let schemas = Schemas::new(&Hub::in_memory()).unwrap();
    let schema = schemas.compile("C", &Definition::new(json!({"A": {"x": 1}}))).unwrap();
    let read = |text: &str| serde_json::from_str(text).unwrap();
    let first = schemas.configure(&schema, &read(r#"{"B": 1, "A": {"y": 1, "x": 2}}"#)).unwrap();
    let again = schemas.configure(&schema, &read(r#"{"A": {"x": 2, "y": 1}, "B": 1}"#)).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let float = schemas.configure(&schema, &read(r#"{"A": {"x": 2, "y": 1}, "B": 1.0}"#)).unwrap();
    assert!(float["B"].is_f64() && first["B"].is_u64());
    let (_, configured) = schemas.stats();
    assert_eq!((configured.loads, configured.hits()), (2, 1));
}

/// Behaviour 10.
#[test]
fn what_a_caller_does_to_his_values_does_not_reach_the_cache() {
    let schemas = Schemas::new(&Hub::in_memory()).unwrap();
    let mut defaults = json!({"A": [1]});
    let schema = schemas.compile("C", &Definition::new(defaults.clone())).unwrap();
    let mut overrides = json!({"B": [2]});
    let mut own = schemas.configure(&schema, &overrides).unwrap();
    Arc::make_mut(&mut own)["A"] = json!("mine");
    defaults["A"] = json!(null);
    overrides["B"] = json!(null);
    assert_eq!(*schemas.configure(&schema, &json!({"B": [2]})).unwrap(), json!({"A": [1], "B": [2]}));
}

#[test]
fn refused_configurations_are_not_kept_and_many_threads_agree() {
    let schemas = Schemas::new(&Hub::in_memory()).unwrap();
    let rules = Rules::parse(&json!({"RATE": {"TYPE": "int", "MAX_VAL": 60}})).unwrap();
    let schema = schemas.compile("C", &Definition::new(json!({"RATE": 1})).rules(rules)).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for rate in 0..200 {
                    let made = schemas.configure(&schema, &json!({ "RATE": rate }));
                    match made {
                        Ok(config) => assert_eq!(*config, json!({ "RATE": rate })),
                        Err(violations) => assert_eq!(violations.violations[0].value, json!(rate)),
                    }
                    assert_eq!(schemas.configure(&schema, &json!({ "RATE": rate })).is_ok(), rate <= 60);
                }
            });
        }
    });
    let (_, configured) = schemas.stats();
    assert_eq!(configured.entries, 61);
}
