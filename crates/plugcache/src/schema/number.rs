//! Numbers, compared exactly: no integer becomes a float on the way.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::Profile;

/// A number without loss.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exact {
    Int(i128),
    Float(f64),
}

impl Exact {
    pub(super) fn of(number: &Number) -> Option<Self> {
        let int = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        int.map(Self::Int).or_else(|| number.as_f64().map(Self::Float))
    }

    /// The number that a value is; in ratio1, `true` is 1.
    pub(super) fn of_value(value: &Value, profile: Profile) -> Option<Self> {
        match value {
            Value::Number(number) => Self::of(number),
            Value::Bool(truth) if profile == Profile::Ratio1 => Some(Self::Int((*truth).into())),
            _ => None,
        }
    }

    /// `None` if one of them is not a number.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(&other)),
            (Self::Float(one), Self::Float(other)) => one.partial_cmp(&other),
            (Self::Int(one), Self::Float(other)) => int_to_float(one, other),
            (Self::Float(one), Self::Int(other)) => int_to_float(other, one).map(Ordering::reverse),
        }
    }
}

/// 2¹²⁷: no `i128` is as large, and each float below it is whole in its integer part.
const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

fn int_to_float(int: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    Some(int.cmp(&(whole as i128)).then_with(|| whole.total_cmp(&float)).then(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_compare_exactly() {
        use Ordering::{Equal, Greater, Less};
        let limit = 1_i128 << 53;
        for (int, float, order) in [
            (1, 1.0, Some(Equal)),
            (0, -0.0, Some(Equal)),
            (1, 1.5, Some(Less)),
            (-1, -1.5, Some(Greater)),
            // As floats these two are the same.
            (limit + 1, 9_007_199_254_740_992.0, Some(Greater)),
            (i128::from(u64::MAX), 18_446_744_073_709_551_616.0, Some(Less)),
            (i128::MAX, f64::MAX, Some(Less)),
            (i128::MIN, -BEYOND, Some(Equal)),
            (i128::MIN, f64::NEG_INFINITY, Some(Greater)),
            (5, f64::NAN, None),
        ] {
            assert_eq!(Exact::Int(int).compare(Exact::Float(float)), order, "{int} {float}");
            let reverse = order.map(Ordering::reverse);
            assert_eq!(Exact::Float(float).compare(Exact::Int(int)), reverse, "{float} {int}");
        }
    }
}
