//! Values on disk: JSON that says of which type each value is, and that reads back as what it was.
//!
//! | Python | JSON |
//! |---|---|
//! | `None`, `True`, `7`, `1.5`, `"a"`, `[…]` | as JSON has it |
//! | `{"a": 1}`, in order | `{"a": 1}` |
//! | `{1: 2}`, `{"$a": 1}` | `{"$dict": [[1, 2]]}`: a key is not text, or would be misread |
//! | `(1,)`, `{1}`, `frozenset({1})` | `{"$tuple": [1]}`, `{"$set": [1]}`, `{"$frozenset": [1]}` |
//! | `b"…"`, `bytearray(b"…")` | `{"$bytes": "…"}`, `{"$bytearray": "…"}`: in base 64 |
//! | an integer of more than 64 bits | `{"$int": "…"}` |
//! | `inf`, `-inf`, `nan` | `{"$float": "inf"}` … |
//! | `1j` | `{"$complex": [0.0, 1.0]}` |
//!
//! Anything else (an enumeration, a subclass, an object of one's own) is refused: to read it back, code would have to
//! be imported that a file names. Such a value is kept in memory only.

use std::fmt;

use data_encoding::BASE64;
use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{
        PyBool, PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet,
        PyString, PyTuple,
    },
};
use serde::{
    Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
    ser::{Error as _, SerializeMap},
};

use crate::{arguments::type_name, convert};

/// What nests deeper is refused: the reader goes to 127, and special forms take two.
const DEEPEST: u32 = 60;

/// A value's bytes; an error says what of it cannot be written.
pub(crate) fn encode(value: &Bound<'_, PyAny>) -> Result<Vec<u8>, String> {
    serde_json::to_vec(&Object(value, 0)).map_err(|error| error.to_string())
}

/// The value of some bytes.
pub(crate) fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyAny>, String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Seed(py).deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

struct Object<'a, 'py>(&'a Bound<'py, PyAny>, u32);

impl Serialize for Object<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(object, depth) = *self;
        let failed = |error: PyErr| S::Error::custom(error);
        if depth > DEEPEST {
            return Err(S::Error::custom(format!("it nests deeper than {DEEPEST} levels")));
        }
        if object.is_none() {
            serializer.serialize_unit()
        } else if let Ok(text) = object.cast_exact::<PyString>() {
            serializer.serialize_str(text.to_str().map_err(failed)?)
        } else if let Ok(bool) = object.cast_exact::<PyBool>() {
            serializer.serialize_bool(bool.is_true())
        } else if let Ok(int) = object.cast_exact::<PyInt>() {
            match int.extract::<i64>() {
                Ok(int) => serializer.serialize_i64(int),
                Err(_) => form(serializer, "$int", &int.str().map_err(failed)?.to_string()),
            }
        } else if let Ok(float) = object.cast_exact::<PyFloat>() {
            let float = float.value();
            if float.is_finite() {
                serializer.serialize_f64(float)
            } else {
                form(serializer, "$float", &float.to_string())
            }
        } else if let Ok(list) = object.cast_exact::<PyList>() {
            serializer.collect_seq(Parts(list.iter().collect(), depth).objects())
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            dictionary(serializer, dict, depth)
        } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            form(serializer, "$tuple", &Parts(tuple.iter().collect(), depth))
        } else if let Ok(set) = object.cast_exact::<PySet>() {
            form(serializer, "$set", &Parts(set.iter().collect(), depth))
        } else if let Ok(set) = object.cast_exact::<PyFrozenSet>() {
            form(serializer, "$frozenset", &Parts(set.iter().collect(), depth))
        } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            form(serializer, "$bytes", &BASE64.encode(bytes.as_bytes()))
        } else if let Ok(bytes) = object.cast_exact::<PyByteArray>() {
            form(serializer, "$bytearray", &BASE64.encode(&bytes.to_vec()))
        } else if let Ok(complex) = object.cast_exact::<PyComplex>() {
            let (real, imaginary) = (complex.real(), complex.imag());
            if !real.is_finite() || !imaginary.is_finite() {
                return Err(S::Error::custom("a complex number that is not finite"));
            }
            form(serializer, "$complex", &[real, imaginary])
        } else {
            Err(S::Error::custom(format!("a value of type {}", type_name(object))))
        }
    }
}

fn form<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    name: &str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(1))?;
    object.serialize_entry(name, value)?;
    object.end()
}

fn dictionary<S: Serializer>(serializer: S, dict: &Bound<'_, PyDict>, depth: u32) -> Result<S::Ok, S::Error> {
    let is_plain = dict.iter().all(|(key, _)| {
        let text = key.cast_exact::<PyString>();
        text.is_ok_and(|text| text.to_str().is_ok_and(|text| !text.starts_with('$')))
    });
    if !is_plain {
        let pairs = dict.iter().map(|(key, value)| Parts(vec![key, value], depth + 1));
        return form(serializer, "$dict", &pairs.collect::<Vec<_>>());
    }
    let mut object = serializer.serialize_map(Some(dict.len()))?;
    for (key, value) in dict.iter() {
        let key = key.cast_into::<PyString>().map_err(S::Error::custom)?;
        object.serialize_entry(key.to_str().map_err(S::Error::custom)?, &Object(&value, depth + 1))?;
    }
    object.end()
}

struct Parts<'py>(Vec<Bound<'py, PyAny>>, u32);

impl<'py> Parts<'py> {
    fn objects(&self) -> impl Iterator<Item = Object<'_, 'py>> {
        self.0.iter().map(|part| Object(part, self.1 + 1))
    }
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.objects())
    }
}

#[derive(Clone, Copy)]
struct Seed<'py>(Python<'py>);

impl<'py, 'de> DeserializeSeed<'de> for Seed<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'py, 'de> Visitor<'de> for Seed<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value as plugcache writes it")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_bool<E: serde::de::Error>(self, bool: bool) -> Result<Self::Value, E> {
        bool.into_bound_py_any(self.0).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, int: i64) -> Result<Self::Value, E> {
        int.into_bound_py_any(self.0).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, int: u64) -> Result<Self::Value, E> {
        int.into_bound_py_any(self.0).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, float: f64) -> Result<Self::Value, E> {
        float.into_bound_py_any(self.0).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0, text).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(part) = parts.next_element_seed(self)? {
            all.push(part);
        }
        Ok(PyList::new(self.0, all).map_err(A::Error::custom)?.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.0);
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            if name.starts_with('$') {
                return special(self.0, &name, &value).map_err(A::Error::custom);
            }
            dict.set_item(name, value).map_err(A::Error::custom)?;
        }
        Ok(dict.into_any())
    }
}

fn special<'py>(py: Python<'py>, name: &str, value: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>, String> {
    let raised = |error: PyErr| error.to_string();
    let list = || value.cast::<PyList>().map_err(|_| format!("{name} is not a list"));
    let text = || value.extract::<String>().map_err(raised);
    let bytes = || BASE64.decode(text()?.as_bytes()).map_err(|error| error.to_string());
    Ok(match name {
        "$tuple" => list()?.to_tuple().into_any(),
        "$set" => PySet::new(py, list()?.iter()).map_err(raised)?.into_any(),
        "$frozenset" => PyFrozenSet::new(py, list()?.iter()).map_err(raised)?.into_any(),
        "$dict" => {
            let dict = PyDict::new(py);
            for pair in list()?.iter() {
                let (key, value) = pair.extract::<[Bound<'py, PyAny>; 2]>().map_err(raised)?.into();
                dict.set_item(key, value).map_err(raised)?;
            }
            dict.into_any()
        }
        "$bytes" => PyBytes::new(py, &bytes()?).into_any(),
        "$bytearray" => PyByteArray::new(py, &bytes()?).into_any(),
        "$int" => convert::big_integer(py, &text()?).map_err(raised)?,
        "$float" => PyFloat::new(py, text()?.parse().map_err(|_| "$float is no number")?).into_any(),
        "$complex" => {
            let [real, imaginary] = value.extract::<[f64; 2]>().map_err(raised)?;
            PyComplex::from_doubles(py, real, imaginary).into_any()
        }
        _ => return Err(format!("unknown form {name}")),
    })
}
