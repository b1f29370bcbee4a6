//! Arguments of a call as a key: by value, each with its type, so that `1`, `1.0`, `True` and `"1"` are four keys.
//!
//! Keys are written in the engine's own form, which any tool can show. What Python has and that form has not is a
//! group that begins with a character, which no argument can be:
//!
//! | argument | key |
//! |---|---|
//! | `None`, `True`, `7`, `"a"`, `b"a"` | none, true, 7, `a`, bytes |
//! | `(1, "a")` | a group of two |
//! | `1.5` | `f`, its 64 bits |
//! | an integer of more than 64 bits | `i`, its digits |
//! | text that is no UTF-8 | `u`, its bytes |
//! | a frozen set | `S`, its elements in the order of their bytes |
//! | enumerations, dataclasses, paths, dates … | `x`, what it is, what it holds: see `plugcache._keys` |
//! | declared variables | `v`, the key of the arguments, a group of names and values (none: it is not set) |
//! | arguments by name | `k`, a group of those by position, a group of names and values, by name |

use plugcache_cache::key::{Key, KeyBytes};
use pyo3::{
    Borrowed,
    exceptions::PyException,
    ffi,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyModule, PyString, PyTuple, PyType},
};

/// Arguments that nest deeper have no key.
const DEEPEST: u32 = 64;

/// Why a call has no key.
pub(crate) enum NoKey {
    /// An argument of this type cannot be one.
    Type(String),
    /// Something raised.
    Raised(PyErr),
}

impl From<PyErr> for NoKey {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

/// Writes the key of a call.
#[inline]
pub(crate) fn encode(
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    key: &mut KeyBytes,
) -> Result<(), NoKey> {
    match kwargs.filter(|kwargs| !kwargs.is_empty()) {
        None => tuple(args, key, 0),
        Some(kwargs) => {
            begin_named(key);
            tuple(args, key, 0)?;
            let mut named = Vec::with_capacity(kwargs.len());
            for (name, value) in kwargs.iter() {
                named.push((name.cast_into::<PyString>().map_err(PyErr::from)?, value));
            }
            if named.len() > 1 {
                named.sort_by(|left, right| left.0.to_str().ok().cmp(&right.0.to_str().ok()));
            }
            key.tuple(named.len() * 2);
            for (name, value) in named {
                name.to_str()?.encode(key);
                part(&value, key, 1)?;
            }
            Ok(())
        }
    }
}

/// Writes the key of a call whose result depends on variables of the environment, too.
pub(crate) fn encode_with_variables(
    names: &[String],
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    key: &mut KeyBytes,
) -> Result<(), NoKey> {
    static OS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let py = args.py();
    // Python's own view: what the process has may be changed only by it.
    let os = OS.get_or_try_init(py, || py.import("os").map(Bound::unbind))?;
    let environment = os.bind(py).getattr("environ")?;
    key.tuple(3);
    'v'.encode(key);
    encode(args, kwargs, key)?;
    key.tuple(names.len() * 2);
    for name in names {
        name.encode(key);
        part(&environment.call_method1("get", (name,))?, key, 1)?;
    }
    Ok(())
}

/// What comes first if there are arguments by name: then those by position follow, and names and values.
fn begin_named(key: &mut KeyBytes) {
    key.tuple(3);
    'k'.encode(key);
}

#[inline]
fn tuple(tuple: &Bound<'_, PyTuple>, key: &mut KeyBytes, depth: u32) -> Result<(), NoKey> {
    key.tuple(tuple.len());
    for one in tuple.iter_borrowed() {
        part(&one, key, depth + 1)?;
    }
    Ok(())
}

fn part(object: &Bound<'_, PyAny>, key: &mut KeyBytes, depth: u32) -> Result<(), NoKey> {
    if let Ok(text) = object.cast_exact::<PyString>() {
        if let Ok(text) = text.to_str() {
            text.encode(key);
        } else {
            key.tuple(2);
            'u'.encode(key);
            let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
            bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes().encode(key);
        }
    } else if let Ok(int) = object.cast_exact::<PyInt>() {
        if let Ok(int) = int.extract::<i64>() {
            int.encode(key);
        } else {
            key.tuple(2);
            'i'.encode(key);
            // In hexadecimal: Python refuses to write more than some thousand decimal digits.
            let digits = int.call_method1("__format__", ("x",))?;
            digits.cast::<PyString>().map_err(PyErr::from)?.to_str()?.encode(key);
        }
    } else if object.is_none() {
        None::<bool>.encode(key);
    } else if let Ok(bool) = object.cast_exact::<PyBool>() {
        bool.is_true().encode(key);
    } else if let Ok(float) = object.cast_exact::<PyFloat>() {
        key.tuple(2);
        'f'.encode(key);
        float.value().to_bits().encode(key);
    } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        bytes.as_bytes().encode(key);
    } else if depth > DEEPEST {
        return Err(NoKey::Type(format!("something that nests deeper than {DEEPEST} levels")));
    } else if let Ok(inside) = object.cast_exact::<PyTuple>() {
        tuple(inside, key, depth)?;
    } else if let Ok(set) = object.cast_exact::<PyFrozenSet>() {
        frozen_set(set, key, depth)?;
    } else {
        other(object, key, depth)?;
    }
    Ok(())
}

fn frozen_set(set: &Bound<'_, PyFrozenSet>, key: &mut KeyBytes, depth: u32) -> Result<(), NoKey> {
    let mut parts = Vec::with_capacity(set.len());
    for one in set.iter() {
        let mut bytes = KeyBytes::default();
        part(&one, &mut bytes, depth + 1)?;
        parts.push(bytes);
    }
    parts.sort_by(|left, right| left.as_slice().cmp(right.as_slice()));
    key.tuple(parts.len() + 1);
    'S'.encode(key);
    for bytes in parts {
        bytes.encode(key);
    }
    Ok(())
}

fn other(object: &Bound<'_, PyAny>, key: &mut KeyBytes, depth: u32) -> Result<(), NoKey> {
    static DESCRIBE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    let describe = DESCRIBE.import(py, "plugcache._keys", "describe")?;
    let described = match describe.call1((object,)) {
        Ok(described) => described,
        // What cannot even be told is no key: the function says for itself what it thinks of it.
        Err(error) if error.is_instance_of::<PyException>(py) => return Err(NoKey::Type(type_name(object))),
        Err(error) => return Err(NoKey::Raised(error)),
    };
    let Ok((what, holds)) = described.extract::<(String, Bound<'_, PyTuple>)>() else {
        return Err(NoKey::Type(type_name(object)));
    };
    key.tuple(3);
    'x'.encode(key);
    what.encode(key);
    tuple(&holds, key, depth + 1)
}

/// Arguments of a call that may have a key without any Python code being run: text, numbers, bytes, `None`, and tuples
/// of these.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a, 'py> {
    pub(crate) by_position: &'a [Borrowed<'a, 'py, PyAny>],
    pub(crate) names: Option<Borrowed<'a, 'py, PyTuple>>,
    /// Values of the names, in their order.
    pub(crate) by_name: &'a [Borrowed<'a, 'py, PyAny>],
}

/// More arguments by name are none that are plain.
const MOST_NAMES: usize = 8;

impl Plain<'_, '_> {
    /// Writes the key that [`encode`] would write. `false`: they are not plain after all, and what was written is of no
    /// use.
    #[inline]
    pub(crate) fn encode(self, key: &mut KeyBytes) -> bool {
        match self.names {
            None => plain_group(self.by_position, key),
            Some(names) => self.encode_named(names, key).is_some(),
        }
    }

    fn encode_named(self, names: Borrowed<'_, '_, PyTuple>, key: &mut KeyBytes) -> Option<()> {
        let mut texts = [const { None::<Borrowed<'_, '_, PyString>> }; MOST_NAMES];
        let texts = texts.get_mut(..names.len())?;
        for (at, place) in texts.iter_mut().enumerate() {
            *place = Some(names.get_borrowed_item(at).ok()?.cast().ok()?);
        }
        let mut pairs = [("", None); MOST_NAMES];
        let pairs = pairs.get_mut(..names.len())?;
        for ((place, text), value) in pairs.iter_mut().zip(&*texts).zip(self.by_name) {
            *place = (text.as_ref()?.to_str().ok()?, Some(value));
        }
        pairs.sort_unstable_by_key(|(name, _)| *name);
        begin_named(key);
        let mut is_plain = plain_group(self.by_position, key);
        key.tuple(pairs.len() * 2);
        for (name, value) in pairs {
            name.encode(key);
            is_plain = is_plain && plain(value.as_ref()?, key, 1);
        }
        is_plain.then_some(())
    }
}

#[inline]
fn plain_group(group: &[Borrowed<'_, '_, PyAny>], key: &mut KeyBytes) -> bool {
    key.tuple(group.len());
    group.iter().all(|one| plain(one, key, 1))
}

/// Writes what [`part`] would write of a plain argument.
#[inline]
fn plain(object: &Bound<'_, PyAny>, key: &mut KeyBytes, depth: u32) -> bool {
    if let Ok(text) = object.cast_exact::<PyString>() {
        return text.to_str().map(|text| text.encode(key)).is_ok();
    }
    if object.is_exact_instance_of::<PyInt>() {
        return small(object).map(|int| int.encode(key)).is_some();
    }
    plain_and_rare(object, key, depth)
}

fn plain_and_rare(object: &Bound<'_, PyAny>, key: &mut KeyBytes, depth: u32) -> bool {
    if let Ok(group) = object.cast_exact::<PyTuple>() {
        key.tuple(group.len());
        return depth < DEEPEST && group.iter_borrowed().all(|one| plain(&one, key, depth + 1));
    }
    let is_plain = object.is_none()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBytes>();
    is_plain && part(object, key, depth).is_ok()
}

/// An integer of 64 bits.
#[inline]
#[expect(
    unsafe_code,
    reason = "Python's own conversion makes an exception of what does not fit, which costs more"
)]
fn small(int: &Bound<'_, PyAny>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: an integer, and a place for what is told. Nothing is raised for an integer.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(int.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// What a person calls the type of an object.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    let class: Bound<'_, PyType> = object.get_type();
    class.fully_qualified_name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}
