//! `constant[index]`

use super::{Folded, key, number, unknown};
use crate::value::Value;

/// The item of a container at an index or key.
pub(super) fn item(object: &Value, index: &Value) -> Folded {
    let found = match object {
        Value::List(elements) | Value::Tuple(elements) => {
            at(index, elements.len()).and_then(|place| elements.get(place).cloned())
        }
        Value::Str(text) => at(index, text.chars().count())
            .and_then(|place| text.chars().nth(place))
            .map(|c| Value::Str(c.into())),
        Value::Bytes(bytes) => {
            at(index, bytes.len()).and_then(|place| bytes.get(place)).map(|byte| Value::Int(i64::from(*byte)))
        }
        Value::Dict(pairs) => pairs
            .iter()
            .find(|(candidate, _)| key::same(candidate, index) == Some(true))
            .map(|(_, value)| value.clone()),
        _ => return unknown("reads an item of what has none"),
    };
    found.map_or_else(|| unknown("reads an item that is not there"), Ok)
}

fn at(index: &Value, length: usize) -> Option<usize> {
    let index = number::as_int(index)?;
    let length = i128::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}
