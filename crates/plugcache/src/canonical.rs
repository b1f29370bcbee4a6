//! JSON written in one way only, so that equal values have equal digests.

use serde_json::Value;

/// The one way to write a value: no spaces, the keys of each object in the order of their bytes. Numbers are
/// written as they are, so that integers stay exact and `1` is not `1.0`.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

/// BLAKE3 of the [canonical](canonical()) form. The order of keys does not matter.
pub fn digest(value: &Value) -> blake3::Hash {
    blake3::hash(&canonical(value))
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                bytes.push(if position == 0 { b'[' } else { b',' });
                write(item, bytes);
            }
            bytes.extend_from_slice(if items.is_empty() { b"[]" } else { b"]" });
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| key.as_bytes());
            for (position, (key, member)) in sorted.into_iter().enumerate() {
                bytes.push(if position == 0 { b'{' } else { b',' });
                bytes.extend_from_slice(Value::from(key.as_str()).to_string().as_bytes());
                bytes.push(b':');
                write(member, bytes);
            }
            bytes.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
        }
        plain => bytes.extend_from_slice(plain.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter_and_numbers_stay_exact() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let text = r#"{"b": [1, {}, []], "a": {"y": "\u0007\"", "x": null}}"#;
        let other = r#"{"a": {"x": null, "y": "\u0007\""}, "b": [1, {}, []]}"#;
        assert_eq!(canonical(&read(text)), br#"{"a":{"x":null,"y":"\u0007\""},"b":[1,{},[]]}"#);
        assert_eq!(digest(&read(text)), digest(&read(other)));
        // 2^53 + 1 is no `f64`.
        assert_ne!(digest(&read("9007199254740993")), digest(&read("9007199254740992")));
        assert_ne!(digest(&read("1")), digest(&read("1.0")));
        assert_ne!(digest(&read("[1,2]")), digest(&read("[2,1]")));
    }
}
