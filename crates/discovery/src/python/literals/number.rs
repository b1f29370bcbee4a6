//! Integers beyond 64 bits, and the text of floats.

use super::{Folded, unknown};
use crate::value::Value;

/// Python refuses longer decimal integers too.
const MAX_DIGITS: usize = 4_300;

/// An integer from its token: decimal, `0x…`, `0o…` or `0b…`, with or without underscores.
pub(super) fn big(token: &str) -> Folded {
    let token = token.replace('_', "").to_ascii_lowercase();
    if token.len() > MAX_DIGITS {
        return unknown("has too many digits");
    }
    let digits = match token.get(..2) {
        Some("0x") => decimal(token.get(2..).unwrap_or_default(), 16),
        Some("0o") => decimal(token.get(2..).unwrap_or_default(), 8),
        Some("0b") => decimal(token.get(2..).unwrap_or_default(), 2),
        _ => token.bytes().all(|byte| byte.is_ascii_digit()).then_some(token),
    };
    match digits {
        Some(digits) => Ok(from_digits(&digits)),
        None => unknown("is not a number"),
    }
}

/// An integer from its decimal digits, with an optional minus.
pub(super) fn from_digits(digits: &str) -> Value {
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let magnitude = magnitude.trim_start_matches('0');
    let digits = if magnitude.is_empty() { "0".to_owned() } else { format!("{sign}{magnitude}") };
    match digits.parse() {
        Ok(int) => Value::Int(int),
        Err(_) => Value::BigInt(digits),
    }
}

/// An integer, in the form that fits.
pub(super) fn int(value: i128) -> Value {
    match i64::try_from(value) {
        Ok(int) => Value::Int(int),
        Err(_) => Value::BigInt(value.to_string()),
    }
}

/// The value of an integer or bool that fits into 128 bits.
pub(super) fn as_int(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(bool) => Some(i128::from(*bool)),
        Value::Int(int) => Some(i128::from(*int)),
        Value::BigInt(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// The value of a number as a float, rounded as Python rounds.
pub(super) fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(bool) => Some(f64::from(u8::from(*bool))),
        #[expect(clippy::cast_precision_loss, reason = "rounds to nearest even, as Python does")]
        Value::Int(int) => Some(*int as f64),
        Value::BigInt(digits) => digits.parse().ok().filter(|float: &f64| float.is_finite()),
        Value::Float(float) => Some(*float),
        _ => None,
    }
}

/// The decimal digits of a float that is an integer.
pub(super) fn integral(float: f64) -> Option<String> {
    if !float.is_finite() || float.fract() != 0.0 {
        return None;
    }
    let digits = format!("{float:.0}");
    Some(if digits == "-0" { "0".to_owned() } else { digits })
}

/// `repr` of a float: the shortest digits that read back the same.
pub(super) fn float_repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => format!("{mantissa}{}", exponent_text(exponent)),
        _ => {
            let plain = format!("{float}");
            if plain.contains('.') { plain } else { format!("{plain}.0") }
        }
    }
}

/// `e+05`: a sign and at least two digits.
pub(super) fn exponent_text(exponent: i32) -> String {
    format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

/// Digits of another base to decimal ones.
fn decimal(digits: &str, base: u32) -> Option<String> {
    const LIMB: u64 = 1_000_000_000;
    let mut limbs: Vec<u64> = vec![0];
    for digit in digits.chars() {
        let mut carry = u64::from(digit.to_digit(base)?);
        for limb in &mut limbs {
            let sum = *limb * u64::from(base) + carry;
            *limb = sum % LIMB;
            carry = sum / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut limbs = limbs.iter().rev();
    let mut result = limbs.next()?.to_string();
    result.extend(limbs.map(|limb| format!("{limb:09}")));
    Some(result)
}
