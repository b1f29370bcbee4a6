//! Errors of the library as exceptions of `plugcache`, with their text.

use std::fmt::Display;

use plugcache::{ResolveError, config::ConfigError, discovery::python::RuleError, store::StoreError};
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyTuple, PyType},
};

/// The classes of `plugcache._errors`: they have two bases, which Python says more shortly.
#[derive(Clone, Copy)]
pub(crate) enum Class {
    Config,
    Cache,
    Unknown,
    Ambiguous,
    Store,
    StaleData,
    Reentrant,
    Rejected,
    Instance,
    InstanceStart,
    InstanceConfig,
}

/// An exception of a class, with a text.
pub(crate) fn raise(py: Python<'_>, class: Class, what: impl Display) -> PyErr {
    static CONFIG: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static CACHE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static UNKNOWN: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static AMBIGUOUS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static STORE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static STALE_DATA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static REENTRANT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static REJECTED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static INSTANCE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static INSTANCE_START: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static INSTANCE_CONFIG: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let (place, name) = match class {
        Class::Config => (&CONFIG, "ConfigError"),
        Class::Cache => (&CACHE, "CacheError"),
        Class::Unknown => (&UNKNOWN, "UnknownPluginError"),
        Class::Ambiguous => (&AMBIGUOUS, "AmbiguousPluginError"),
        Class::Store => (&STORE, "StoreError"),
        Class::StaleData => (&STALE_DATA, "StaleDataError"),
        Class::Reentrant => (&REENTRANT, "ReentrantError"),
        Class::Rejected => (&REJECTED, "RejectedPluginError"),
        Class::Instance => (&INSTANCE, "InstanceError"),
        Class::InstanceStart => (&INSTANCE_START, "InstanceStartError"),
        Class::InstanceConfig => (&INSTANCE_CONFIG, "InstanceConfigError"),
    };
    match place.import(py, "plugcache._errors", name) {
        Ok(class) => PyErr::from_type(class.clone(), what.to_string()),
        Err(error) => error,
    }
}

/// One `PlugcacheWarning`.
pub(crate) fn warn(py: Python<'_>, what: &str) -> PyResult<()> {
    static WARN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    WARN.import(py, "plugcache._errors", "warn")?.call1((what,)).map(drop)
}

/// What fails while no interpreter is at hand, to be raised where one is.
pub(crate) enum Failure {
    /// Settings that cannot be used.
    Config(String),
    /// A cache that cannot be made or reached.
    Cache(String),
    /// No plugin of that name, and the names that are nearly it.
    Unknown(String, Vec<String>),
    /// Several plugins of that name.
    Ambiguous(String),
    /// Plugin-local data.
    Store(String),
}

impl Failure {
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Config(what) => raise(py, Class::Config, what),
            Self::Cache(what) => raise(py, Class::Cache, what),
            Self::Unknown(what, close) => {
                let error = raise(py, Class::Unknown, what);
                match PyTuple::new(py, close).and_then(|close| error.value(py).setattr("close", close)) {
                    Ok(()) => error,
                    Err(error) => error,
                }
            }
            Self::Ambiguous(what) => raise(py, Class::Ambiguous, what),
            Self::Store(what) => raise(py, Class::Store, what),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<RuleError> for Failure {
    fn from(error: RuleError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<plugcache_cache::Error> for Failure {
    fn from(error: plugcache_cache::Error) -> Self {
        Self::Cache(error.to_string())
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Ambiguous { .. } => Self::Ambiguous(error.to_string()),
            ResolveError::Unknown { ref close, .. } => Self::Unknown(error.to_string(), close.clone()),
            _ => Self::Unknown(error.to_string(), Vec::new()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}
