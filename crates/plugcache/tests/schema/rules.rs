//! What rules say.

use plugcache::schema::{Definition, Kind, Profile, Requirement, Rules, Schema, SchemaError};
use serde_json::{Value, json};

use super::violated;

fn is_fine(rule: &Value, value: &Value) -> bool {
    violated(rule, value, Profile::Strict).is_empty()
}

/// Behaviour 23.
#[test]
fn a_bool_is_an_int_only_where_the_profile_says_so() {
    let python = |rule: &Value, value: &Value| violated(rule, value, Profile::Ratio1).is_empty();
    for (name, value, strict, ratio1) in [
        ("int", json!(1), true, true),
        ("int", json!(true), false, true),
        ("int", json!(1.0), false, false),
        ("float", json!(1.5), true, true),
        ("float", json!(1), false, true),
        ("float", json!(false), false, true),
        ("float", json!(f64::NAN), false, false),
        ("bool", json!(true), true, true),
        ("bool", json!(1), false, false),
        ("str", json!("1"), true, true),
        ("str", json!(1), false, false),
        ("list", json!([]), true, true),
        ("dict", json!({}), true, true),
        ("dict", json!([]), false, false),
        ("None", json!(null), true, true),
        ("None", json!(0), false, false),
    ] {
        let rule = json!({ "TYPE": name });
        assert_eq!((is_fine(&rule, &value), python(&rule, &value)), (strict, ratio1), "{name} {value}");
    }
    let bounds = json!({"TYPE": "int", "MIN_VAL": 1});
    assert!(python(&bounds, &json!(true)) && !python(&bounds, &json!(false)));
    let listed = json!({"ACCEPTED_VALUES": [1]});
    assert!(python(&listed, &json!(true)) && !is_fine(&listed, &json!(true)));
}

#[test]
fn a_type_may_be_one_of_several() {
    let rule = json!({"TYPE": ["int", "None"], "MIN_VAL": 1, "MIN_LEN": 1});
    assert!(is_fine(&rule, &json!(null)) && is_fine(&rule, &json!(1)));
    assert_eq!(violated(&rule, &json!(0), Profile::Strict), [Requirement::MinVal(json!(1))]);
    let wanted = vec![Kind::Int, Kind::None];
    let found = Kind::Str;
    assert_eq!(violated(&rule, &json!("x"), Profile::Strict), [Requirement::Type { wanted, found }]);
}

#[test]
fn bounds_may_be_reached_and_are_exact() {
    let within = |least: &Value, most: &Value, value: &Value| {
        is_fine(&json!({"MIN_VAL": least, "MAX_VAL": most}), value)
    };
    assert!(within(&json!(1), &json!(1), &json!(1)) && within(&json!(1), &json!(1), &json!(1.0)));
    assert!(!within(&json!(1), &json!(2), &json!(0.999)) && !within(&json!(1), &json!(2), &json!(2.001)));
    // Beyond 2^53 these three are one and the same float.
    let (big, as_float) = (9_007_199_254_740_992_u64, 9_007_199_254_740_992.0);
    assert!(!within(&json!(big + 1), &json!(u64::MAX), &json!(big)));
    assert!(!within(&json!(big + 1), &json!(u64::MAX), &json!(as_float)));
    assert!(within(&json!(as_float), &json!(u64::MAX), &json!(big + 1)));
    assert!(!within(&json!(0), &json!(as_float), &json!(big + 1)));
    // One more than the largest u64 is a float to JSON, and larger than all integers of 64 bits.
    let beyond: Value = serde_json::from_str("18446744073709551616").unwrap();
    assert!(!within(&json!(0), &json!(u64::MAX), &beyond));
    assert!(within(&json!(i64::MIN), &beyond, &json!(u64::MAX)));
    // A bound that is null is none.
    assert!(within(&json!(null), &json!(null), &json!("text")));
}

#[test]
fn lengths_are_of_characters_items_and_keys() {
    let rule = json!({"MIN_LEN": 2, "MAX_LEN": 3});
    for fine in [json!("éa"), json!("🦀🦀🦀"), json!([1, 2]), json!({"a": 1, "b": 2, "c": 3})] {
        assert!(is_fine(&rule, &fine), "{fine}");
    }
    let short = Requirement::MinLen { least: 2, found: 1 };
    let long = Requirement::MaxLen { most: 3, found: 4 };
    assert_eq!(violated(&rule, &json!("é"), Profile::Strict), [short]);
    assert_eq!(violated(&rule, &json!([1, 2, 3, 4]), Profile::Strict), [long]);
    assert_eq!(violated(&rule, &json!(12), Profile::Strict), [Requirement::Sized]);
}

#[test]
fn lists_compare_values_by_what_they_are_worth() {
    let excluded = json!({"EXCLUDED_LIST": [1, "admin", [1, 2], {"a": 1}]});
    for value in [json!(1), json!(1.0), json!("admin"), json!([1.0, 2]), json!({"a": 1.0})] {
        assert!(!is_fine(&excluded, &value), "{value}");
    }
    for value in [json!(true), json!("Admin"), json!([1]), json!({"a": 1, "b": 1}), json!(null)] {
        assert!(is_fine(&excluded, &value), "{value}");
    }
    let accepted = json!({"ACCEPTED_VALUES": ["fast", null]});
    assert!(is_fine(&accepted, &json!("fast")) && is_fine(&accepted, &json!(null)));
    assert!(!is_fine(&accepted, &json!("slow")));
    assert!(!is_fine(&json!({"ACCEPTED_VALUES": []}), &json!("fast")));
}

#[test]
fn rules_that_make_no_sense_do_not_compile() {
    let error = |rules: Value| Rules::parse(&rules).unwrap_err();
    // The original evaluates this.
    let hostile = "__import__('os').system('true')";
    let unknown = SchemaError::UnknownType { key: "K".to_owned(), name: json!(hostile) };
    assert_eq!(error(json!({"K": {"TYPE": hostile}})), unknown);
    for name in [json!("integer"), json!("Int"), json!(""), json!([]), json!(["int", "x"]), json!(3)] {
        let found = error(json!({"K": {"TYPE": name}}));
        assert!(matches!(found, SchemaError::UnknownType { .. }), "{found}");
    }
    let typo = error(json!({"K": {"MIN_VALUE": 3}}));
    assert_eq!(typo, SchemaError::UnknownRule { key: "K".to_owned(), rule: "MIN_VALUE".to_owned() });
    for rule in [
        json!({"MIN_VAL": "3"}),
        json!({"MIN_LEN": -1}),
        json!({"MAX_LEN": 1.5}),
        json!({"EXCLUDED_LIST": 1}),
    ] {
        assert!(matches!(error(json!({ "K": rule })), SchemaError::Rule { .. }));
    }
    assert!(matches!(error(json!({"K": 3})), SchemaError::Shape { .. }));
    assert_eq!(
        error(json!([])).to_string(),
        r#"the rules are not an object: expected {"KEY": {"TYPE": "int"}}"#
    );
    let definition = Definition::new(json!([]));
    assert!(matches!(Schema::compile("C", &definition), Err(SchemaError::Defaults { .. })));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let rules = json!({
        "MODE": {"TYPE": "str", "MIN_LEN": 3, "ACCEPTED_VALUES": ["fast", "slow"]},
        "NOWHERE": {"TYPE": "int", "DESCRIPTION": "has no default"},
        "RATE": {"TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 60},
    });
    let json_schema = json!({"properties": {"DEEP": {"properties": {"X": {"type": "string"}}}}});
    let definition = Definition::new(json!({"RATE": 10, "MODE": "fast", "DEEP": {"X": 1}}))
        .rules(Rules::parse(&rules).unwrap())
        .json_schema(json_schema);
    let schema = Schema::compile("plugins.Camera", &definition).unwrap();
    let violations = schema.validate(&json!({"RATE": 61, "MODE": "x"})).unwrap_err();
    let keys: Vec<_> = violations.violations.iter().map(|violation| violation.key.as_str()).collect();
    assert_eq!(keys, ["MODE", "MODE", "NOWHERE", "RATE", "/DEEP/X"]);
    assert_eq!(
        violations.to_string(),
        "the configuration of plugins.Camera is not valid: MODE = \"x\" has a length of 1, less than 3; \
         MODE = \"x\" is none of those accepted: \"fast\", \"slow\"; NOWHERE has a rule and no value; give it a \
         default; RATE = 61 is more than 60; /DEEP/X: 1 is not of type \"string\""
    );
}

#[test]
fn a_json_schema_never_refers_to_anything_elsewhere() {
    let compile = |schema: Value| Schema::compile("C", &Definition::new(json!({})).json_schema(schema));
    for reference in ["https://example.com/schema.json", "file:///etc/hostname", "other.json"] {
        let error = compile(json!({ "$ref": reference })).unwrap_err();
        assert!(matches!(error, SchemaError::JsonSchema { .. }), "{error}");
    }
    assert!(matches!(compile(json!({"type": 7})), Err(SchemaError::JsonSchema { .. })));
    let own = json!({"$defs": {"n": {"type": "integer"}}, "properties": {"A": {"$ref": "#/$defs/n"}}});
    assert!(compile(own.clone()).unwrap().validate(&json!({"A": 1})).is_ok());
    assert!(compile(own).unwrap().validate(&json!({"A": "1"})).is_err());
}
