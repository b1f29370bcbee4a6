//! A value as a cache keeps it: an object in memory, bytes on their way to disk and from it.

use std::sync::{Mutex, PoisonError};

use plugcache_cache::Codec;
use pyo3::{prelude::*, sync::PyOnceLock, types::PyBytes};

use crate::{
    isolate::{self, Isolation},
    json, left,
};

/// How values are written to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// They are not.
    None,
    /// As typed JSON: see [`json`].
    Json,
    /// As pickles, which run code when they are read.
    Pickle,
}

/// A value that is kept.
pub(crate) struct Kept {
    /// `None` inside: it cannot be copied, and so not be handed out to others.
    object: PyOnceLock<(Py<PyAny>, Isolation)>,
    bytes: Mutex<Written>,
    format: Format,
}

enum Written {
    No,
    Yes(Vec<u8>),
    Refused(String),
}

/// Why a kept value could not be handed out.
pub(crate) enum NotGiven {
    /// It cannot be copied: whoever made it has it, and nobody else can.
    Unshareable,
    /// What was on disk cannot be read.
    Unreadable,
    /// Copying it raised.
    Raised(PyErr),
}

impl Kept {
    /// Keeps what a function returned. `is_shared`: the object itself is handed out, because the caller says so. The
    /// second part tells why it cannot be kept, if so.
    pub(crate) fn of(value: &Bound<'_, PyAny>, format: Format, is_shared: bool) -> (Self, Option<PyErr>) {
        let py = value.py();
        let kept = Self { object: PyOnceLock::new(), bytes: Mutex::new(Written::No), format };
        let isolated = if is_shared { Ok((value.clone(), Isolation::Same)) } else { isolate::keep(value) };
        let error = match isolated {
            Ok((own, isolation)) => {
                let _ = kept.object.set(py, (own.unbind(), isolation));
                let written = match format {
                    Format::None => Written::No,
                    Format::Json => json::encode(value).map_or_else(Written::Refused, Written::Yes),
                    Format::Pickle => {
                        pickle(value).map_or_else(|error| Written::Refused(error.to_string()), Written::Yes)
                    }
                };
                *kept.bytes.lock().unwrap_or_else(PoisonError::into_inner) = written;
                None
            }
            Err(error) => Some(error),
        };
        (kept, error)
    }

    fn read(bytes: &[u8], format: Format) -> Self {
        Self { object: PyOnceLock::new(), bytes: Mutex::new(Written::Yes(bytes.to_owned())), format }
    }

    /// The object itself, where it is known and cannot change.
    #[inline]
    pub(crate) fn unchangeable(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self.object.get(py) {
            Some((object, Isolation::Same)) => Some(object.clone_ref(py)),
            _ => None,
        }
    }

    /// The value for a caller, who may do with it what he likes.
    #[inline]
    pub(crate) fn hand_out(&self, py: Python<'_>) -> Result<Py<PyAny>, NotGiven> {
        let (object, isolation) = match self.object.get(py) {
            Some(known) => known,
            None => self.unpack(py)?,
        };
        if *isolation == Isolation::Same {
            return Ok(object.clone_ref(py));
        }
        isolate::hand_out(object.bind(py), *isolation).map(Bound::unbind).map_err(NotGiven::Raised)
    }

    /// The value for a caller on a hit. `None`: it has to be found out by the long way.
    pub(crate) fn hand_out_again(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        match self.hand_out(py) {
            Ok(value) => Some(Ok(value)),
            Err(NotGiven::Raised(error)) => Some(Err(error)),
            Err(NotGiven::Unshareable | NotGiven::Unreadable) => None,
        }
    }

    fn unpack(&self, py: Python<'_>) -> Result<&(Py<PyAny>, Isolation), NotGiven> {
        let bytes = match &*self.bytes.lock().unwrap_or_else(PoisonError::into_inner) {
            Written::Yes(bytes) => bytes.clone(),
            Written::No | Written::Refused(_) => return Err(NotGiven::Unshareable),
        };
        let value = match self.format {
            Format::Pickle => unpickle(py, &bytes).map_err(|_| NotGiven::Unreadable)?,
            Format::None | Format::Json => json::decode(py, &bytes).map_err(|_| NotGiven::Unreadable)?,
        };
        let isolation = isolate::of(&value, 0);
        // Two threads may both have made one: the first counts.
        let _ = self.object.set(py, (value.unbind(), isolation));
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = Written::No;
        self.object.get(py).ok_or(NotGiven::Unshareable)
    }

    /// For the disk, once: nobody needs the bytes in memory after that.
    fn written(&self) -> Result<Vec<u8>, String> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *bytes, Written::No) {
            Written::Yes(bytes) => Ok(bytes),
            Written::Refused(what) => Err(format!("{what} is kept in memory only")),
            Written::No => Err("nothing was written".to_owned()),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some((object, _)) = self.object.take() {
            left::leave(object);
        }
    }
}

/// How a cache of such values writes them.
pub(crate) fn codec(format: Format) -> Option<Codec<Kept>> {
    match format {
        Format::None => None,
        Format::Json => {
            Some(Codec::custom("python-json", Kept::written, |bytes| Ok(Kept::read(bytes, Format::Json))))
        }
        Format::Pickle => {
            Some(Codec::custom("python-pickle", Kept::written, |bytes| Ok(Kept::read(bytes, Format::Pickle))))
        }
    }
}

fn pickle(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let bytes = DUMPS.import(value.py(), "pickle", "dumps")?.call1((value,))?;
    Ok(bytes.cast::<PyBytes>()?.as_bytes().to_owned())
}

fn unpickle<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    LOADS.import(py, "pickle", "loads")?.call1((PyBytes::new(py, bytes),))
}
