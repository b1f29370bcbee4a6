//! One way to write a JSON document, so that equal documents have equal bytes and equal digests.
//!
//! No white space; the keys of an object in the order of their UTF-8 bytes; integers in full, never by way of
//! a float; floats as the shortest text that reads back as the same float, always with a point or an exponent,
//! so that `1` and `1.0` are two; strings with the escapes of JSON that are needed, and no others. It is not
//! RFC 8785, which turns every number into a float and sorts by UTF-16.

use serde_json::Value;

/// The bytes that stand for a document.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    write(value, &mut text);
    text.into_bytes()
}

/// Digest of the bytes that stand for a document: BLAKE3, 256 bits.
pub fn digest(value: &Value) -> blake3::Hash {
    blake3::hash(&canonical(value))
}

/// How deep JSON may nest: no deeper can be read again.
pub(crate) const DEEPEST: usize = 127;

/// How deep a value nests that has so many levels above it, as far as it matters.
pub(crate) fn depth(value: &Value, above: usize) -> usize {
    if above > DEEPEST {
        return above;
    }
    let deepest = |depths: &mut dyn Iterator<Item = usize>| depths.max().unwrap_or(above + 1);
    match value {
        Value::Array(items) => deepest(&mut items.iter().map(|item| depth(item, above + 1))),
        Value::Object(items) => deepest(&mut items.values().map(|item| depth(item, above + 1))),
        _ => above,
    }
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (position, (key, value)) in members.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                // A string is written as serde_json does: only what must be escaped is.
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> String {
        String::from_utf8(canonical(value)).unwrap()
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_everything_else_does() {
        let one: Value =
            serde_json::from_str(r#" {"b": [1, {"z": null, "a": true}], "a": "é\n\u0041"} "#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a":"é\nA","b":[1,{"a":true,"z":null}]}"#).unwrap();
        assert_eq!(written(&one), r#"{"a":"é\nA","b":[1,{"a":true,"z":null}]}"#);
        assert_eq!(digest(&one), digest(&other));
        let others =
            [json!(1), json!(1.0), json!("1"), json!([1]), json!(true), json!(null), json!({}), json!([])];
        for (position, value) in others.iter().enumerate() {
            for later in others.iter().skip(position + 1) {
                assert_ne!(digest(value), digest(later), "{value} {later}");
            }
        }
    }

    #[test]
    fn integers_are_exact() {
        let value = json!([u64::MAX, i64::MIN, 9_007_199_254_740_993_u64, 0.1, -0.0, 1e300]);
        assert_eq!(
            written(&value),
            "[18446744073709551615,-9223372036854775808,9007199254740993,0.1,-0.0,1e+300]"
        );
    }
}
