//! Plain JSON: what a configuration is made of. Unlike in [`json`](crate::json), a tuple is a list, and what JSON has
//! not is refused with its place.

use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use serde_json::{Map, Number, Value};

use crate::arguments::type_name;

const DEEPEST: u32 = 100;

/// A value as JSON. An error says where in it something is that JSON has not.
pub(crate) fn from_python(object: &Bound<'_, PyAny>) -> Result<Value, String> {
    read(object, "", 0)
}

fn read(object: &Bound<'_, PyAny>, place: &str, depth: u32) -> Result<Value, String> {
    let wrong = |what: &str| {
        let place = if place.is_empty() { "it" } else { place };
        Err(format!(
            "{place} {what}: expected numbers, text, booleans, None, lists and dictionaries of these"
        ))
    };
    let failed = |error: PyErr| error.to_string();
    if depth > DEEPEST {
        return wrong("nests deeper than 100 levels");
    }
    let below = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    if object.is_none() {
        Ok(Value::Null)
    } else if let Ok(bool) = object.cast::<PyBool>() {
        Ok(bool.is_true().into())
    } else if let Ok(int) = object.cast::<PyInt>() {
        let small = int.extract::<i64>().map(Value::from).or_else(|_| int.extract::<u64>().map(Value::from));
        small.or_else(|_| wrong("is an integer of more than 64 bits"))
    } else if let Ok(float) = object.cast::<PyFloat>() {
        Number::from_f64(float.value()).map_or_else(
            || wrong(&format!("is {}, which JSON has not", float.value())),
            |float| Ok(float.into()),
        )
    } else if let Ok(text) = object.cast::<PyString>() {
        text.to_str().map(Value::from).map_err(failed)
    } else if let Ok(list) = object.cast::<PyList>() {
        list.iter().enumerate().map(|(at, one)| read(&one, &below(&at.to_string()), depth + 1)).collect()
    } else if let Ok(tuple) = object.cast::<PyTuple>() {
        tuple.iter().enumerate().map(|(at, one)| read(&one, &below(&at.to_string()), depth + 1)).collect()
    } else if let Ok(dict) = object.cast::<PyDict>() {
        let mut members = Map::new();
        for (key, one) in dict.iter() {
            let Ok(key) = key.extract::<String>() else {
                return wrong(&format!("has a key of type {}, which is no text", type_name(&key)));
            };
            let value = read(&one, &below(&key), depth + 1)?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    } else {
        wrong(&format!("is of type {}", type_name(object)))
    }
}

/// A fresh object of a JSON value.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(bool) => bool.into_bound_py_any(py),
        Value::Number(number) => {
            if let Some(int) = number.as_i64() {
                int.into_bound_py_any(py)
            } else if let Some(int) = number.as_u64() {
                int.into_bound_py_any(py)
            } else {
                number.as_f64().into_bound_py_any(py)
            }
        }
        Value::String(text) => text.into_bound_py_any(py),
        Value::Array(items) => {
            let all = items.iter().map(|one| to_python(py, one)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, all)?.into_any())
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            for (key, one) in members {
                dict.set_item(key, to_python(py, one)?)?;
            }
            Ok(dict.into_any())
        }
    }
}
