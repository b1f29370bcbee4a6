//! Constants that were read from source, as Python objects; and other values that are only shown.

use plugcache::discovery::value::Value;
use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyBytes, PyComplex, PyDict, PyFrozenSet, PyInt, PyList, PyString, PyTuple},
};

/// A constant as the object that Python would make of it; what only running could make (a call, a name that could not
/// be folded) as its source text. Sets are frozen, so that they fit wherever they stand.
pub(crate) fn value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let all = |values: &[Value]| values.iter().map(|one| self::value(py, one)).collect::<PyResult<Vec<_>>>();
    Ok(match value {
        Value::None => py.None().into_bound(py),
        Value::Bool(bool) => bool.into_bound_py_any(py)?,
        Value::Int(int) => int.into_bound_py_any(py)?,
        Value::BigInt(digits) => big_integer(py, digits)?,
        Value::Float(float) => float.into_bound_py_any(py)?,
        Value::Complex(real, imaginary) => PyComplex::from_doubles(py, *real, *imaginary).into_any(),
        Value::Str(text) => PyString::new(py, text).into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::List(values) => PyList::new(py, all(values)?)?.into_any(),
        Value::Tuple(values) => PyTuple::new(py, all(values)?)?.into_any(),
        Value::Set(values) => PyFrozenSet::new(py, all(values)?)?.into_any(),
        Value::Dict(pairs) => {
            let dict = PyDict::new(py);
            for (key, one) in pairs {
                dict.set_item(self::value(py, key)?, self::value(py, one)?)?;
            }
            dict.into_any()
        }
        Value::Ellipsis => py.Ellipsis().into_bound(py),
        Value::Name(name) => PyString::new(py, name).into_any(),
        Value::Call { .. } => PyString::new(py, &source(value)).into_any(),
    })
}

/// An integer that does not fit in 64 bits, from its digits.
pub(crate) fn big_integer<'py>(py: Python<'py>, digits: &str) -> PyResult<Bound<'py, PyAny>> {
    py.get_type::<PyInt>().call1((digits,))
}

/// Pairs as a dictionary; of two of one name, the first.
pub(crate) fn dictionary<'py>(py: Python<'py>, pairs: &[(String, Value)]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, one) in pairs {
        if !dict.contains(name)? {
            dict.set_item(name, value(py, one)?)?;
        }
    }
    Ok(dict)
}

fn source(value: &Value) -> String {
    let Value::Call { function, arguments, keywords } = value else {
        return serde_json::to_string(value).unwrap_or_default();
    };
    let keywords = keywords.iter().map(|(name, one)| format!("{name}={}", source(one)));
    let all: Vec<String> = arguments.iter().map(source).chain(keywords).collect();
    format!("{function}({})", all.join(", "))
}
