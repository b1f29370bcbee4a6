//! What a caller does to a value that he got cannot change the one that is kept.
//!
//! Values that cannot change are handed out as they are. Lists, dictionaries, sets and byte arrays of such values are
//! copied, at every level, when they come in and when they go out. Anything else is copied by `copy.deepcopy`, which
//! hands out what says of itself that it never changes; what it refuses (a generator, a lock) cannot be kept.

use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{
        PyBool, PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyModule,
        PyNone, PySet, PyString, PyTuple,
    },
};

/// What nests deeper is left to `copy.deepcopy`, which sees circles.
const DEEPEST: u32 = 64;

/// How a value is kept apart from those that are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Isolation {
    /// It cannot change.
    Same,
    /// It is copied level by level.
    Copy,
    /// It is copied by `copy.deepcopy`.
    Deep,
}

/// The copy that is kept of a value, and how it is handed out. An error says that it cannot be copied.
pub(crate) fn keep<'py>(value: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Isolation)> {
    match of(value, 0) {
        Isolation::Same => Ok((value.clone(), Isolation::Same)),
        Isolation::Copy => Ok((copy(value)?, Isolation::Copy)),
        Isolation::Deep => {
            let own = deep_copy(value)?;
            let isolation = if own.is(value) { Isolation::Same } else { Isolation::Deep };
            Ok((own, isolation))
        }
    }
}

/// What is handed out of a value that is kept.
#[inline]
pub(crate) fn hand_out<'py>(value: &Bound<'py, PyAny>, isolation: Isolation) -> PyResult<Bound<'py, PyAny>> {
    match isolation {
        Isolation::Same => Ok(value.clone()),
        Isolation::Copy => copy(value),
        Isolation::Deep => deep_copy(value),
    }
}

/// How a value is to be isolated.
pub(crate) fn of(value: &Bound<'_, PyAny>, depth: u32) -> Isolation {
    let is_plain = value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyNone>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyComplex>()
        || value.is_exact_instance_of::<PyModule>();
    if is_plain {
        return Isolation::Same;
    }
    if depth > DEEPEST {
        return Isolation::Deep;
    }
    let worst = |parts: &mut dyn Iterator<Item = Bound<'_, PyAny>>| {
        parts.map(|part| of(&part, depth + 1)).max().unwrap_or(Isolation::Same)
    };
    let only_frozen = |found| if found == Isolation::Same { found } else { Isolation::Deep };
    if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        worst(&mut tuple.iter())
    } else if let Ok(set) = value.cast_exact::<PyFrozenSet>() {
        only_frozen(worst(&mut set.iter()))
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        worst(&mut list.iter()).max(Isolation::Copy)
    } else if let Ok(set) = value.cast_exact::<PySet>() {
        only_frozen(worst(&mut set.iter())).max(Isolation::Copy)
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        let keys = only_frozen(worst(&mut dict.iter().map(|(key, _)| key)));
        keys.max(worst(&mut dict.iter().map(|(_, value)| value))).max(Isolation::Copy)
    } else if value.is_exact_instance_of::<PyByteArray>() {
        Isolation::Copy
    } else {
        Isolation::Deep
    }
}

/// Copies what [`of`] calls [`Isolation::Copy`].
fn copy<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    if let Ok(list) = value.cast_exact::<PyList>() {
        let parts = list.iter().map(|part| copy(&part)).collect::<PyResult<Vec<_>>>()?;
        return Ok(PyList::new(py, parts)?.into_any());
    }
    if let Ok(dict) = value.cast_exact::<PyDict>() {
        let new = PyDict::new(py);
        for (key, part) in dict.iter() {
            new.set_item(key, copy(&part)?)?;
        }
        return Ok(new.into_any());
    }
    if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        let parts = tuple.iter().map(|part| copy(&part)).collect::<PyResult<Vec<_>>>()?;
        let is_same = parts.iter().zip(tuple.iter_borrowed()).all(|(new, old)| new.is(&*old));
        return if is_same { Ok(value.clone()) } else { Ok(PyTuple::new(py, parts)?.into_any()) };
    }
    if let Ok(set) = value.cast_exact::<PySet>() {
        return Ok(PySet::new(py, set.iter())?.into_any());
    }
    if value.is_exact_instance_of::<PyByteArray>() {
        return value.get_type().call1((value,));
    }
    Ok(value.clone())
}

fn deep_copy<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static DEEP_COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    DEEP_COPY.import(value.py(), "copy", "deepcopy")?.call1((value,))
}
