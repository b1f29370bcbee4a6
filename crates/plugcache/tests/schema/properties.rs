//! Rules beside a model that is too simple to be wrong, and the laws of merging.

use plugcache::schema::{Definition, Merge, Profile, Requirement, Schema};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::violated;

/// Numbers as multiples of a half, which floats hold exactly.
fn number(halves: i64, as_float: bool) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a few halves")]
    if as_float || halves % 2 != 0 { json!(halves as f64 / 2.0) } else { json!(halves / 2) }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-8_i64..8, any::<bool>()).prop_map(|(halves, float)| number(halves, float)),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        "[aé]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[abcd]", value(), 0..5)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

/// Twice what a number is worth.
fn halves(value: &Value, profile: Profile) -> Option<i64> {
    match value {
        Value::Number(number) => Some((number.as_f64()? * 2.0) as i64),
        Value::Bool(truth) if profile == Profile::Ratio1 => Some(2 * i64::from(*truth)),
        _ => None,
    }
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

const NAMES: [&str; 7] = ["int", "float", "str", "bool", "list", "dict", "None"];

fn merge(kind: Merge, defaults: &Value, overrides: &Value) -> Value {
    let definition = Definition::new(defaults.clone()).merge(kind);
    Schema::compile("C", &definition).unwrap().validate(overrides).unwrap()
}

fn is_said(found: &[Requirement], is: impl Fn(&Requirement) -> bool) -> bool {
    found.iter().any(is)
}

proptest! {
    #[test]
    fn types_are_as_their_names(value in value(), wanted in prop::collection::vec(prop::sample::select(&NAMES[..]), 1..3)) {
        let found = name(&value);
        let strict = wanted.contains(&found);
        let int = strict || (found == "bool" && wanted.contains(&"int"));
        let ratio1 = int || (["bool", "int"].contains(&found) && wanted.contains(&"float"));
        let rule = json!({ "TYPE": wanted });
        prop_assert_eq!(violated(&rule, &value, Profile::Strict).is_empty(), strict);
        prop_assert_eq!(violated(&rule, &value, Profile::Ratio1).is_empty(), ratio1);
    }

    #[test]
    fn bounds_are_as_counted_in_halves(
        value in value(),
        least in prop::option::of((-8_i64..8, any::<bool>())),
        most in prop::option::of((-8_i64..8, any::<bool>())),
        is_python in any::<bool>(),
    ) {
        let profile = if is_python { Profile::Ratio1 } else { Profile::Strict };
        let bound = |bound: Option<(i64, bool)>| bound.map(|(halves, float)| number(halves, float));
        let found = violated(&json!({"MIN_VAL": bound(least), "MAX_VAL": bound(most)}), &value, profile);
        let worth = halves(&value, profile);
        let is_bound = least.is_some() || most.is_some();
        prop_assert_eq!(is_said(&found, |rule| *rule == Requirement::Number), is_bound && worth.is_none());
        let below = least.zip(worth).is_some_and(|((least, _), worth)| worth < least);
        let above = most.zip(worth).is_some_and(|((most, _), worth)| worth > most);
        prop_assert_eq!(is_said(&found, |rule| matches!(rule, Requirement::MinVal(_))), below);
        prop_assert_eq!(is_said(&found, |rule| matches!(rule, Requirement::MaxVal(_))), above);
    }

    #[test]
    fn lengths_are_as_counted(value in value(), least in 0_usize..5, most in 0_usize..5) {
        let length = match &value {
            Value::String(text) => Some(text.chars().count()),
            Value::Array(items) => Some(items.len()),
            Value::Object(members) => Some(members.keys().count()),
            _ => None,
        };
        let found = violated(&json!({"MIN_LEN": least, "MAX_LEN": most}), &value, Profile::Strict);
        let is_fine = length.is_some_and(|length| (least..=most).contains(&length));
        prop_assert_eq!(found.is_empty(), is_fine);
    }

    #[test]
    fn a_value_is_excluded_just_if_it_would_be_accepted(value in value(), list in prop::collection::vec(value(), 0..4)) {
        for profile in [Profile::Strict, Profile::Ratio1] {
            let mut list = list.clone();
            let rule = |name: &str, list: &[Value]| violated(&json!({ name: list }), &value, profile).is_empty();
            prop_assert_ne!(rule("EXCLUDED_LIST", &list), rule("ACCEPTED_VALUES", &list));
            list.push(value.clone());
            prop_assert!(rule("ACCEPTED_VALUES", &list));
        }
    }

    #[test]
    fn merging_keeps_its_laws(defaults in object(), one in object(), other in object()) {
        for kind in [Merge::Shallow, Merge::Deep] {
            prop_assert_eq!(&merge(kind, &defaults, &json!({})), &defaults);
            prop_assert_eq!(&merge(kind, &json!({}), &one), &one);
            let merged = merge(kind, &defaults, &one);
            prop_assert_eq!(&merge(kind, &merged, &one), &merged);
            for (key, value) in merged.as_object().unwrap() {
                match (defaults.get(key), one.get(key)) {
                    (Some(Value::Object(_)), Some(Value::Object(_))) if kind == Merge::Deep => {
                        prop_assert_eq!(value, &merge(kind, &defaults[key], &one[key]));
                    }
                    (_, Some(overriding)) => prop_assert_eq!(value, overriding),
                    (default, None) => prop_assert_eq!(Some(value), default),
                }
            }
        }
        let shallow = |left: &Value, right: &Value| merge(Merge::Shallow, left, right);
        prop_assert_eq!(
            shallow(&shallow(&defaults, &one), &other),
            shallow(&defaults, &shallow(&one, &other))
        );
    }

    #[test]
    fn canonical_bytes_read_back_and_tell_values_apart(one in value(), other in value()) {
        use plugcache::canonical::{canonical, digest};
        let bytes = canonical(&one);
        prop_assert_eq!(&serde_json::from_slice::<Value>(&bytes).unwrap(), &one);
        prop_assert_eq!(canonical(&one) == canonical(&other), one == other);
        prop_assert_eq!(digest(&one) == digest(&other), one == other);
    }
}
