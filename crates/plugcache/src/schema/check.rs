//! One value against one rule.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Kind, Profile, number::Exact, rules::Rule, violation::Requirement};

impl Rule {
    /// Tells of everything that is wrong with a value. One of the wrong kind is not looked at further.
    pub(super) fn check(&self, value: &Value, profile: Profile, mut violated: impl FnMut(Requirement)) {
        let found = Kind::of(value);
        if !self.types.is_empty() && !self.types.iter().any(|wanted| profile.takes(*wanted, found)) {
            return violated(Requirement::Type { wanted: self.types.clone(), found });
        }
        self.check_value(value, profile, &mut violated);
        self.check_length(value, &mut violated);
        let is_in = |list: &[Value]| list.iter().any(|other| is_equal(value, other, profile));
        if let Some(excluded) = self.excluded.as_ref().filter(|list| is_in(list)) {
            violated(Requirement::Excluded(excluded.clone()));
        }
        if let Some(accepted) = self.accepted.as_ref().filter(|list| !is_in(list)) {
            violated(Requirement::Accepted(accepted.clone()));
        }
    }

    fn check_value(&self, value: &Value, profile: Profile, violated: &mut impl FnMut(Requirement)) {
        if self.min_val.is_none() && self.max_val.is_none() {
            return;
        }
        let Some(number) = Exact::of_value(value, profile) else {
            if self.types.is_empty() {
                violated(Requirement::Number);
            }
            return;
        };
        let compared =
            |bound: &Value| Exact::of_value(bound, profile).and_then(|bound| number.compare(bound));
        // What cannot be compared is not within any bound.
        let is_below = |bound: &&Value| !matches!(compared(bound), Some(Ordering::Equal | Ordering::Greater));
        let is_above = |bound: &&Value| !matches!(compared(bound), Some(Ordering::Equal | Ordering::Less));
        if let Some(least) = self.min_val.as_ref().filter(is_below) {
            violated(Requirement::MinVal(least.clone()));
        }
        if let Some(most) = self.max_val.as_ref().filter(is_above) {
            violated(Requirement::MaxVal(most.clone()));
        }
    }

    fn check_length(&self, value: &Value, violated: &mut impl FnMut(Requirement)) {
        if self.min_len.is_none() && self.max_len.is_none() {
            return;
        }
        let Some(found) = length(value) else {
            if self.types.is_empty() {
                violated(Requirement::Sized);
            }
            return;
        };
        if let Some(least) = self.min_len.filter(|least| found < *least) {
            violated(Requirement::MinLen { least, found });
        }
        if let Some(most) = self.max_len.filter(|most| found > *most) {
            violated(Requirement::MaxLen { most, found });
        }
    }
}

/// Characters of a text (not bytes), items of a list, keys of an object.
fn length(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => Some(text.chars().count() as u64),
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(members) => Some(members.len() as u64),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Whether two values are the same, numbers by what they are worth.
fn is_equal(one: &Value, other: &Value, profile: Profile) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_equal(one, other, profile))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| is_equal(value, other, profile)))
        }
        _ => match (Exact::of_value(one, profile), Exact::of_value(other, profile)) {
            (Some(one), Some(other)) => one.compare(other) == Some(Ordering::Equal),
            _ => one == other,
        },
    }
}
