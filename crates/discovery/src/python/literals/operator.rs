//! Operators on constants.

use super::{Folded, MAX_SIZE, key, number, percent, repr, unknown};
use crate::{
    python::facts::{Operator, UnaryOperator},
    value::Value,
};

/// Integers up to this size are exact as floats.
const EXACT: i128 = 1 << 53;

/// `left op right`
pub(super) fn binary(operator: Operator, left: Value, right: Value) -> Folded {
    match (operator, left, right) {
        (Operator::Add, Value::Str(mut left), Value::Str(right)) => {
            left.push_str(&right);
            Ok(Value::Str(left))
        }
        (Operator::Add, Value::Bytes(mut left), Value::Bytes(right)) => {
            left.extend(right);
            Ok(Value::Bytes(left))
        }
        (Operator::Add, Value::List(mut left), Value::List(right)) => {
            left.extend(right);
            Ok(Value::List(left))
        }
        (Operator::Add, Value::Tuple(mut left), Value::Tuple(right)) => {
            left.extend(right);
            Ok(Value::Tuple(left))
        }
        (Operator::Mod, Value::Str(template), arguments) => {
            percent::format(&template, &arguments).map(Value::Str)
        }
        (Operator::Mult, left, right) if is_sequence(&left) => repeat(&left, &right),
        (Operator::Mult, left, right) if is_sequence(&right) => repeat(&right, &left),
        (Operator::BitOr, Value::Dict(mut left), Value::Dict(right)) => {
            left.extend(right);
            key::dict(left)
        }
        (Operator::BitOr, Value::Set(mut left), Value::Set(right)) => {
            left.extend(right);
            key::set(left)
        }
        (Operator::BitAnd, Value::Set(left), Value::Set(right)) => Ok(chosen(left, &right, true)),
        (Operator::Sub, Value::Set(left), Value::Set(right)) => Ok(chosen(left, &right, false)),
        // Flags: the union of symbols is a symbol.
        (Operator::BitOr, Value::Name(left), Value::Name(right)) => {
            Ok(Value::Name(format!("{left} | {right}")))
        }
        (operator, left, right) => arithmetic(operator, &left, &right),
    }
}

/// `op operand`
pub(super) fn unary(operator: UnaryOperator, operand: Value) -> Folded {
    match (operator, operand) {
        (UnaryOperator::Not, operand) => match repr::truth(&operand) {
            Some(truth) => Ok(Value::Bool(!truth)),
            None => unknown("asks for the truth of a symbol"),
        },
        (UnaryOperator::Minus, Value::BigInt(digits)) => Ok(match digits.strip_prefix('-') {
            Some(magnitude) => number::from_digits(magnitude),
            None => number::from_digits(&format!("-{digits}")),
        }),
        (UnaryOperator::Minus, Value::Float(float)) => Ok(Value::Float(-float)),
        (UnaryOperator::Minus, Value::Complex(real, imaginary)) => Ok(Value::Complex(-real, -imaginary)),
        (
            UnaryOperator::Plus,
            operand @ (Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Complex(..)),
        ) => Ok(operand),
        (operator, operand) => match (operator, number::as_int(&operand)) {
            (UnaryOperator::Minus, Some(int)) => Ok(number::int(-int)),
            (UnaryOperator::Plus, Some(int)) => Ok(number::int(int)),
            (UnaryOperator::Invert, Some(int)) => Ok(number::int(!int)),
            _ => unknown("applies an operator to what has none"),
        },
    }
}

fn is_sequence(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_))
}

fn repeat(sequence: &Value, times: &Value) -> Folded {
    let Some(times) = number::as_int(times) else { return unknown("repeats by what is not an integer") };
    let length = match sequence {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        // What it holds is copied as often.
        Value::List(elements) | Value::Tuple(elements) => elements.iter().map(repr::size).sum(),
        _ => 0,
    };
    let times = if length == 0 { 0 } else { usize::try_from(times.max(0)).unwrap_or(usize::MAX) };
    if length.saturating_mul(times) > MAX_SIZE {
        return unknown("too large");
    }
    let several = |elements: &[Value]| std::iter::repeat_n(elements, times).flatten().cloned().collect();
    Ok(match sequence {
        Value::Str(text) => Value::Str(text.repeat(times)),
        Value::Bytes(bytes) => Value::Bytes(bytes.repeat(times)),
        Value::List(elements) => Value::List(several(elements)),
        Value::Tuple(elements) => Value::Tuple(several(elements)),
        _ => return unknown("repeats what is not a sequence"),
    })
}

/// The elements of `left` that are in `right`, or that are not.
fn chosen(left: Vec<Value>, right: &[Value], present: bool) -> Value {
    let right: std::collections::HashSet<_> = right.iter().filter_map(key::identity).collect();
    let stays = |element: &Value| key::identity(element).is_some_and(|one| right.contains(&one)) == present;
    Value::Set(left.into_iter().filter(stays).collect())
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Folded {
    let result = match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => match operator {
            Operator::BitOr => Some(Value::Bool(left | right)),
            Operator::BitAnd => Some(Value::Bool(left & right)),
            Operator::BitXor => Some(Value::Bool(left ^ right)),
            _ => integers(operator, i128::from(*left), i128::from(*right)),
        },
        (Value::Complex(..), _) | (_, Value::Complex(..)) => complex(operator, left, right),
        (Value::Float(_), _) | (_, Value::Float(_)) => {
            number::as_float(left).zip(number::as_float(right)).and_then(|(l, r)| floats(operator, l, r))
        }
        _ => number::as_int(left).zip(number::as_int(right)).and_then(|(l, r)| integers(operator, l, r)),
    };
    result.map_or_else(|| unknown("applies an operator whose result is not known exactly"), Ok)
}

fn integers(operator: Operator, left: i128, right: i128) -> Option<Value> {
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Sub => left.checked_sub(right),
        Operator::Mult => left.checked_mul(right),
        Operator::FloorDiv => {
            let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
            Some(if rest != 0 && (rest < 0) != (right < 0) { quotient - 1 } else { quotient })
        }
        Operator::Mod => {
            let rest = left.checked_rem(right)?;
            Some(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest })
        }
        Operator::Pow => left.checked_pow(u32::try_from(right).ok()?),
        Operator::LShift => {
            let factor = 1_i128.checked_shl(u32::try_from(right).ok().filter(|bits| *bits < 127)?)?;
            left.checked_mul(factor)
        }
        Operator::RShift => Some(left >> u32::try_from(right).ok()?.min(127)),
        Operator::BitOr => Some(left | right),
        Operator::BitAnd => Some(left & right),
        Operator::BitXor => Some(left ^ right),
        Operator::Div => {
            let exact = left.abs() <= EXACT && right.abs() <= EXACT && right != 0;
            #[expect(clippy::cast_precision_loss, reason = "both are exact")]
            return exact.then(|| Value::Float(left as f64 / right as f64));
        }
    };
    result.map(number::int)
}

fn floats(operator: Operator, left: f64, right: f64) -> Option<Value> {
    let result = match operator {
        Operator::Add => left + right,
        Operator::Sub => left - right,
        Operator::Mult => left * right,
        Operator::Div if right != 0.0 => left / right,
        Operator::FloorDiv if right != 0.0 => divmod(left, right).0,
        Operator::Mod if right != 0.0 => divmod(left, right).1,
        _ => return None,
    };
    Some(Value::Float(result))
}

/// Floor division of floats as C Python computes it.
fn divmod(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    let floor = if quotient == 0.0 {
        0.0_f64.copysign(left / right)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 { floor + 1.0 } else { floor }
    };
    (floor, rest)
}

fn complex(operator: Operator, left: &Value, right: &Value) -> Option<Value> {
    let parts = |value: &Value| match value {
        Value::Complex(real, imaginary) => Some((*real, *imaginary)),
        other => number::as_float(other).map(|real| (real, 0.0)),
    };
    let ((a, b), (c, d)) = parts(left).zip(parts(right))?;
    match operator {
        Operator::Add => Some(Value::Complex(a + c, b + d)),
        Operator::Sub => Some(Value::Complex(a - c, b - d)),
        _ => None,
    }
}
