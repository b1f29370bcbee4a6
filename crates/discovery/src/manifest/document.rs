//! Any document into a [`Value`], whatever the format's own parser: through serde, with a bound on depth
//! and number of values, and without losing one of two equal keys.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    fmt,
};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{
    Limits,
    numbers::{self, Numbers},
};
use crate::value::Value;

/// More keys than this are compared through a set.
const FEW: usize = 16;

/// How `toml` hands over a date: as a map with this one key.
const TOML_DATE: &str = "$__toml_private_datetime";

/// Why reading was given up, in a form that the parsers' own errors cannot carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    TooDeep,
    TooMany,
    DuplicateKey(String),
}

/// One reading of one document.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    limits: Limits,
    values: Cell<usize>,
    refusal: RefCell<Option<Refusal>>,
    /// The numbers of a JSON document as text: one may be too large for a float to tell.
    numbers: Option<RefCell<Numbers<'a>>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(limits: Limits, json: Option<&'a str>) -> Self {
        let numbers = json.map(|text| RefCell::new(Numbers::of(text)));
        Self { limits, values: Cell::new(0), refusal: RefCell::new(None), numbers }
    }

    /// Why it was given up, if it was.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal.borrow().clone()
    }

    /// Reads one value; also the seed for it.
    pub(super) fn document(&self) -> Seed<'_, 'a> {
        Seed { reading: self, depth: 0 }
    }

    fn refuse<E: Error>(&self, refusal: Refusal) -> E {
        let error = E::custom(match &refusal {
            Refusal::TooDeep => "nested too deep",
            Refusal::TooMany => "too many values",
            Refusal::DuplicateKey(_) => "duplicate key",
        });
        self.refusal.replace(Some(refusal));
        error
    }

    fn number(&self, otherwise: Value) -> Value {
        let Some(numbers) = &self.numbers else { return otherwise };
        let mut numbers = numbers.borrow_mut();
        if !matches!(otherwise, Value::Float(float) if float.abs() >= numbers::LARGE) {
            numbers.pass_over();
            return otherwise;
        }
        match numbers.wanted() {
            Some(text) if numbers::is_integer(text) => {
                text.parse().map_or_else(|_| Value::BigInt(text.to_owned()), Value::Int)
            }
            Some(text) => text.parse().map_or(otherwise, Value::Float),
            None => otherwise,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Seed<'r, 'a> {
    reading: &'r Reading<'a>,
    depth: usize,
}

impl Seed<'_, '_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= self.reading.limits.depth {
            return Err(self.reading.refuse(Refusal::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let values = self.reading.values.get() + 1;
        if values > self.reading.limits.values {
            return Err(self.reading.refuse(Refusal::TooMany));
        }
        self.reading.values.set(values);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.reading.number(Value::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int);
        Ok(self.reading.number(value))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        let value = i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int);
        Ok(self.reading.number(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        let value = i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int);
        Ok(self.reading.number(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(self.reading.number(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Str(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Str(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut members: Vec<(Value, Value)> = Vec::new();
        let mut texts: HashSet<String> = HashSet::new();
        while let Some(key) = access.next_key_seed(seed)? {
            let is_known = match &key {
                Value::Str(text) if members.len() > FEW => !texts.insert(text.clone()),
                _ => members.iter().any(|(known, _)| *known == key),
            };
            if is_known {
                return Err(self.reading.refuse(Refusal::DuplicateKey(shown(&key))));
            }
            let value = access.next_value_seed(seed)?;
            if matches!((&key, &value), (Value::Str(key), Value::Str(_)) if key == TOML_DATE) {
                return Ok(value);
            }
            members.push((key, value));
            if members.len() == FEW + 1 {
                texts.extend(members.iter().filter_map(|(key, _)| match key {
                    Value::Str(text) => Some(text.clone()),
                    _ => None,
                }));
            }
        }
        Ok(Value::Dict(members))
    }
}

fn shown(key: &Value) -> String {
    match key {
        Value::Str(text) | Value::BigInt(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::None => "null".to_owned(),
        other => format!("{other:?}"),
    }
}
