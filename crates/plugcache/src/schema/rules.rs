//! Rules about single keys, from the shape in which plugins write them.
//!
//! A type is one of seven names that are looked up here. Nothing is evaluated.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Kind, Profile, SchemaError,
    violation::{Requirement, Violation},
};

/// Rules about the keys of a configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules(BTreeMap<String, Rule>);

/// What is said about one key.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rule {
    /// Any, if empty.
    pub(super) types: Vec<Kind>,
    pub(super) min_val: Option<Value>,
    pub(super) max_val: Option<Value>,
    pub(super) min_len: Option<u64>,
    pub(super) max_len: Option<u64>,
    pub(super) excluded: Option<Vec<Value>>,
    pub(super) accepted: Option<Vec<Value>>,
}

impl Rules {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads rules as plugins write them under `VALIDATION_RULES`:
    /// `{"RATE": {"TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 60}, "MODE": {"TYPE": ["str", "None"]}}`.
    ///
    /// | rule | value | says |
    /// |---|---|---|
    /// | `TYPE` | a name or a list of names, see [`Kind`] | it is of one of these kinds |
    /// | `MIN_VAL`, `MAX_VAL` | a number | it is not smaller, not larger; both may be reached |
    /// | `MIN_LEN`, `MAX_LEN` | a whole number from 0 | characters of a text, items of a list, keys of an object |
    /// | `EXCLUDED_LIST` | a list | it is none of these |
    /// | `ACCEPTED_VALUES` | a list | it is one of these |
    /// | `DESCRIPTION` | anything | nothing |
    ///
    /// A rule that is `null` says nothing. A value of a kind that `TYPE` allows and that has no size, `null`
    /// say, is not measured. Numbers are compared exactly, 1 and 1.0 are equal. A key that there is a rule
    /// about has to have a value.
    pub fn parse(rules: &Value) -> Result<Self, SchemaError> {
        let shape = |key: &str| SchemaError::Shape { key: key.to_owned() };
        let rules = rules.as_object().ok_or_else(|| shape(""))?;
        let parse = |(key, rule): (&String, &Value)| {
            let rule = Rule::parse(key, rule.as_object().ok_or_else(|| shape(key))?)?;
            Ok((key.clone(), rule))
        };
        rules.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// These and those of a base class. Where both say something about a key, only this one's rule counts, as
    /// a whole.
    #[must_use]
    pub fn extend(mut self, base: &Self) -> Self {
        for (key, rule) in &base.0 {
            self.0.entry(key.clone()).or_insert_with(|| rule.clone());
        }
        self
    }

    /// Checks a configuration, which is an object.
    pub(super) fn check(&self, config: &Value, profile: Profile, found: &mut Vec<Violation>) {
        for (key, rule) in &self.0 {
            let violate =
                |value: &Value, rule: Requirement| Violation { key: key.clone(), value: value.clone(), rule };
            match config.get(key) {
                Some(value) => {
                    rule.check(value, profile, |requirement| found.push(violate(value, requirement)));
                }
                None => found.push(violate(&Value::Null, Requirement::Present)),
            }
        }
    }

    /// All that they say, in one form.
    pub(super) fn to_json(&self) -> Value {
        self.0.iter().map(|(key, rule)| (key.clone(), rule.to_json())).collect()
    }
}

impl Rule {
    fn parse(key: &str, rules: &Map<String, Value>) -> Result<Self, SchemaError> {
        let mut rule = Self::default();
        for (name, value) in rules.iter().filter(|(_, value)| !value.is_null()) {
            let wrong = |expected| SchemaError::Rule {
                key: key.to_owned(),
                rule: name.clone(),
                value: value.clone(),
                expected,
            };
            let number = || {
                let is_number = value.is_number();
                is_number.then(|| value.clone()).ok_or_else(|| wrong("a number")).map(Some)
            };
            let length = || value.as_u64().ok_or_else(|| wrong("a whole number from 0")).map(Some);
            let list = || value.as_array().cloned().ok_or_else(|| wrong("a list")).map(Some);
            match name.as_str() {
                "TYPE" => rule.types = types(key, value)?,
                "MIN_VAL" => rule.min_val = number()?,
                "MAX_VAL" => rule.max_val = number()?,
                "MIN_LEN" => rule.min_len = length()?,
                "MAX_LEN" => rule.max_len = length()?,
                "EXCLUDED_LIST" => rule.excluded = list()?,
                "ACCEPTED_VALUES" => rule.accepted = list()?,
                "DESCRIPTION" => {}
                _ => return Err(SchemaError::UnknownRule { key: key.to_owned(), rule: name.clone() }),
            }
        }
        Ok(rule)
    }

    fn to_json(&self) -> Value {
        let types: Vec<_> = self.types.iter().map(|kind| Value::from(kind.as_str())).collect();
        let list = |values: &Option<Vec<Value>>| values.clone().map_or(Value::Null, Value::from);
        Value::from(vec![
            Value::from(types),
            self.min_val.clone().unwrap_or_default(),
            self.max_val.clone().unwrap_or_default(),
            self.min_len.map_or(Value::Null, Value::from),
            self.max_len.map_or(Value::Null, Value::from),
            list(&self.excluded),
            list(&self.accepted),
        ])
    }
}

fn types(key: &str, value: &Value) -> Result<Vec<Kind>, SchemaError> {
    let kind = |name: &Value| {
        let unknown = || SchemaError::UnknownType { key: key.to_owned(), name: name.clone() };
        name.as_str().and_then(Kind::named).ok_or_else(unknown)
    };
    match value {
        Value::Array(names) if !names.is_empty() => names.iter().map(kind).collect(),
        name => kind(name).map(|kind| vec![kind]),
    }
}
