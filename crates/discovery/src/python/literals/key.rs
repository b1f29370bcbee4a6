//! Equality of dictionary keys and set elements, as Python has it: `1`, `1.0` and `True` are one key.

use std::collections::HashMap;

use super::{Folded, number, unknown};
use crate::value::Value;

/// A dictionary of pairs: a key keeps its first form and place, and gets its last value.
pub(super) fn dict(pairs: Vec<(Value, Value)>) -> Folded {
    let mut places = HashMap::with_capacity(pairs.len());
    let mut result: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let Some(identity) = identity(&key) else { return unknown("has a key that cannot be hashed") };
        if let Some(pair) = places.get(&identity).and_then(|place: &usize| result.get_mut(*place)) {
            pair.1 = value;
        } else {
            places.insert(identity, result.len());
            result.push((key, value));
        }
    }
    Ok(Value::Dict(result))
}

/// A set of elements: of equal ones the first stays.
pub(super) fn set(elements: Vec<Value>) -> Folded {
    let pairs = elements.into_iter().map(|element| (element, Value::None)).collect();
    match dict(pairs)? {
        Value::Dict(pairs) => Ok(Value::Set(pairs.into_iter().map(|(element, _)| element).collect())),
        other => Ok(other),
    }
}

/// Whether two values are equal as keys; `None` if one cannot be a key.
pub(super) fn same(left: &Value, right: &Value) -> Option<bool> {
    Some(identity(left)? == identity(right)?)
}

/// Bytes that are equal just when Python's `==` holds; `None` for what cannot be hashed, or whose equality
/// is not known.
pub(super) fn identity(value: &Value) -> Option<Vec<u8>> {
    let mut result = Vec::new();
    write(value, &mut result)?;
    Some(result)
}

fn write(value: &Value, result: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::None => result.push(b'n'),
        Value::Ellipsis => result.push(b'e'),
        Value::Str(text) => sized(b's', text.as_bytes(), result),
        Value::Bytes(bytes) => sized(b'b', bytes, result),
        Value::Tuple(elements) => {
            sized(b't', &[], result);
            result.extend((elements.len() as u64).to_le_bytes());
            for element in elements {
                write(element, result)?;
            }
        }
        Value::Bool(bool) => sized(b'i', i64::from(*bool).to_string().as_bytes(), result),
        Value::Int(int) => sized(b'i', int.to_string().as_bytes(), result),
        Value::BigInt(digits) => sized(b'i', digits.as_bytes(), result),
        Value::Float(float) => real(*float, result)?,
        Value::Complex(real_part, 0.0) => real(*real_part, result)?,
        Value::Complex(real_part, imaginary) => {
            result.push(b'c');
            real(*real_part, result)?;
            real(*imaginary, result)?;
        }
        Value::List(_) | Value::Set(_) | Value::Dict(_) | Value::Call { .. } | Value::Name(_) => return None,
    }
    Some(())
}

fn real(float: f64, result: &mut Vec<u8>) -> Option<()> {
    if float.is_nan() {
        return None;
    }
    match number::integral(float) {
        Some(digits) => sized(b'i', digits.as_bytes(), result),
        None => sized(b'f', &float.to_bits().to_le_bytes(), result),
    }
    Some(())
}

fn sized(tag: u8, bytes: &[u8], result: &mut Vec<u8>) {
    result.push(tag);
    result.extend((bytes.len() as u64).to_le_bytes());
    result.extend(bytes);
}
