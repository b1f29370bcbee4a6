//! What compiling, validating and finding again cost. Not run with the others:
//! `cargo test -p plugcache --release --test schema -- --ignored --nocapture figures`

#![expect(clippy::print_stdout, reason = "a measurement tells figures")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use plugcache::{
    Hub,
    schema::{Definition, Merge, Rules, Schema, Schemas},
};
use serde_json::{Map, Value, json};

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..300)
        .map(|_| {
            let began = Instant::now();
            run();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
#[ignore = "a measurement"]
fn figures() {
    for keys in [10, 40] {
        let key = |n: usize| format!("KEY_{n}");
        let defaults: Map<String, Value> = (0..keys).map(|n| (key(n), json!(n))).collect();
        let rule = json!({"TYPE": "int", "MIN_VAL": 0, "MAX_VAL": 100, "EXCLUDED_LIST": [77, 78]});
        let rules: Map<String, Value> = (0..keys).map(|n| (key(n), rule.clone())).collect();
        let properties: Map<String, Value> =
            (0..keys).map(|n| (key(n), json!({"type": "integer", "minimum": 0}))).collect();
        let rules = Rules::parse(&rules.into()).unwrap();
        let plain = Definition::new(defaults.into()).rules(rules);
        let full = plain.clone().json_schema(json!({"type": "object", "properties": properties}));
        let overrides = json!({"KEY_1": 5, "KEY_2": 6, "NAME": "camera"});
        for (what, definition) in [("rules", plain), ("rules and JSON Schema", full)] {
            let schemas = Schemas::new(&Hub::in_memory()).unwrap();
            let schema = schemas.compile("C", &definition).unwrap();
            let compile = median(|| drop(black_box(Schema::compile("C", &definition))));
            let anew =
                median(|| drop(black_box(schemas.compile("C", &definition.clone().merge(Merge::Shallow)))));
            let again = median(|| drop(black_box(schemas.compile("C", &definition))));
            let validate = median(|| drop(black_box(schema.validate(&overrides))));
            let cached = median(|| drop(black_box(schemas.configure(&schema, &overrides))));
            println!(
                "{keys} keys, {what}: compile {compile:?}, found compiled {again:?}, the same for a definition made anew {anew:?}, validate {validate:?}, \
                 found validated {cached:?}"
            );
        }
    }
}
