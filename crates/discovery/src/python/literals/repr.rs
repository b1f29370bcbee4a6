//! `str`, `repr` and `ascii` of constants, where they are the same on every Python.

use super::{Unknown, number, unknown};
use crate::value::Value;

/// `str(value)`
pub(super) fn str(value: &Value) -> Result<String, Unknown> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        other => repr(other),
    }
}

/// `repr(value)`
pub(super) fn repr(value: &Value) -> Result<String, Unknown> {
    let mut result = String::new();
    write(value, false, &mut result)?;
    Ok(result)
}

/// `ascii(value)`
pub(super) fn ascii(value: &Value) -> Result<String, Unknown> {
    let mut result = String::new();
    write(value, true, &mut result)?;
    Ok(result)
}

/// `bool(value)`, if it is known.
pub(super) fn truth(value: &Value) -> Option<bool> {
    Some(match value {
        Value::None => false,
        Value::Bool(bool) => *bool,
        Value::Int(int) => *int != 0,
        Value::BigInt(_) | Value::Ellipsis => true,
        Value::Float(float) => *float != 0.0,
        Value::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
        Value::Str(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::List(elements) | Value::Tuple(elements) | Value::Set(elements) => !elements.is_empty(),
        Value::Dict(pairs) => !pairs.is_empty(),
        Value::Call { .. } | Value::Name(_) => return None,
    })
}

/// How much room a value takes, in bytes of text and elements.
pub(super) fn size(value: &Value) -> usize {
    1 + match value {
        Value::Str(text) | Value::BigInt(text) | Value::Name(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(elements) | Value::Tuple(elements) | Value::Set(elements) => {
            elements.iter().map(size).sum()
        }
        Value::Dict(pairs) => pairs.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    }
}

fn write(value: &Value, ascii: bool, result: &mut String) -> Result<(), Unknown> {
    match value {
        Value::None => result.push_str("None"),
        Value::Bool(bool) => result.push_str(if *bool { "True" } else { "False" }),
        Value::Int(int) => result.push_str(&int.to_string()),
        Value::BigInt(digits) => result.push_str(digits),
        Value::Float(float) => result.push_str(&number::float_repr(*float)),
        Value::Ellipsis => result.push_str("Ellipsis"),
        Value::Str(text) => write_str(text, ascii, result)?,
        Value::Bytes(bytes) => write_bytes(bytes, result),
        Value::List(elements) => write_all("[", elements, "]", ascii, result)?,
        Value::Tuple(elements) if elements.len() == 1 => write_all("(", elements, ",)", ascii, result)?,
        Value::Tuple(elements) => write_all("(", elements, ")", ascii, result)?,
        Value::Set(elements) if elements.is_empty() => result.push_str("set()"),
        Value::Set(elements) if elements.len() == 1 => write_all("{", elements, "}", ascii, result)?,
        Value::Dict(pairs) => {
            result.push('{');
            for (number, (key, value)) in pairs.iter().enumerate() {
                result.push_str(if number == 0 { "" } else { ", " });
                write(key, ascii, result)?;
                result.push_str(": ");
                write(value, ascii, result)?;
            }
            result.push('}');
        }
        Value::Set(_) => return unknown("depends on the order of a set"),
        Value::Complex(..) | Value::Call { .. } | Value::Name(_) => {
            return unknown("writes out what has no fixed text");
        }
    }
    Ok(())
}

fn write_all(
    open: &str,
    elements: &[Value],
    close: &str,
    ascii: bool,
    result: &mut String,
) -> Result<(), Unknown> {
    result.push_str(open);
    for (number, element) in elements.iter().enumerate() {
        result.push_str(if number == 0 { "" } else { ", " });
        write(element, ascii, result)?;
    }
    result.push_str(close);
    Ok(())
}

fn write_str(text: &str, ascii: bool, result: &mut String) -> Result<(), Unknown> {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    result.push(quote);
    for c in text.chars() {
        match c {
            '\\' => result.push_str("\\\\"),
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\t' => result.push_str("\\t"),
            c if c == quote => result.extend(['\\', c]),
            ' '..='~' => result.push(c),
            '\0'..='\u{ff}' if c.is_ascii() || ascii => result.extend([format!("\\x{:02x}", u32::from(c))]),
            '\u{100}'..='\u{ffff}' if ascii => result.extend([format!("\\u{:04x}", u32::from(c))]),
            _ if ascii => result.extend([format!("\\U{:08x}", u32::from(c))]),
            // Letters and digits are printable; of the rest only Python's own tables know.
            _ if c.is_alphanumeric() => result.push(c),
            _ => return unknown("writes out a character that may not be printable"),
        }
    }
    result.push(quote);
    Ok(())
}

fn write_bytes(bytes: &[u8], result: &mut String) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    result.extend(['b', char::from(quote)]);
    for byte in bytes {
        match *byte {
            b'\\' => result.push_str("\\\\"),
            b'\n' => result.push_str("\\n"),
            b'\r' => result.push_str("\\r"),
            b'\t' => result.push_str("\\t"),
            byte if byte == quote => result.extend(['\\', char::from(byte)]),
            byte @ b' '..=b'~' => result.push(char::from(byte)),
            byte => result.extend([format!("\\x{byte:02x}")]),
        }
    }
    result.push(char::from(quote));
}
