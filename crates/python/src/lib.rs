//! The native half of the Python package `plugcache`: thin classes over the library, and nothing that the library
//! does not have.
//!
//! This is an edge: it reads the environment, and turns errors into Python's. Two rules hold everywhere:
//!
//! - whatever may wait (a file, a lock, another thread's loader) is done *detached* from the interpreter, so that
//!   other Python threads go on;
//! - no lock of ours is held while Python code runs. Values that a cache gives up are dropped detached, so that their
//!   finalisers run later, outside of it.

mod arguments;
mod cached;
mod convert;
mod entry_points;
mod error;
mod index;
mod instances;
mod isolate;
mod json;
mod kept;
mod left;
mod lookup;
mod plain;
mod quick;
mod safety;
mod schema;
mod settings;
mod signals;
mod signature;
mod stats;
mod store;
mod task;
mod watch;

use pyo3::{exceptions::PyImportError, ffi, prelude::*};

/// The native half of plugcache. Not to be imported by itself: `plugcache` has everything.
// A hit relies on the interpreter's lock: an interpreter that has none is told to take one again.
#[pymodule(gil_used = true)]
fn _plugcache(module: &Bound<'_, PyModule>) -> PyResult<()> {
    refuse_subinterpreters()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<cached::Cached>()?;
    module.add("Function", quick::class(module)?)?;
    module.add_class::<task::Load>()?;
    module.add_class::<index::Index>()?;
    module.add_class::<index::Record>()?;
    module.add_class::<lookup::Lookup>()?;
    module.add_class::<lookup::Held>()?;
    module.add_class::<store::PluginData>()?;
    module.add_class::<instances::Instances>()?;
    module.add_class::<instances::Handle>()?;
    module.add_class::<schema::Schema>()?;
    module.add_class::<schema::Values>()?;
    module.add_class::<watch::Watch>()?;
    module.add_class::<safety::Judge>()?;
    module.add_class::<safety::Judged>()?;
    module.add_class::<entry_points::EntryPointIndex>()?;
    module.add_class::<entry_points::EntryPointAnswer>()?;
    module.add_function(wrap_pyfunction!(settings::configure, module)?)?;
    module.add_function(wrap_pyfunction!(digest, module)?)?;
    module.add_function(wrap_pyfunction!(settings::directories, module)?)?;
    module.add_function(wrap_pyfunction!(settings::remove_temporary, module)?)?;
    module.add_function(wrap_pyfunction!(stats::stats, module)?)?;
    module.add_function(wrap_pyfunction!(stats::clear, module)?)?;
    Ok(())
}

/// What one interpreter has made must not be handed to another, and our caches belong to the process: a thread of a
/// subinterpreter that shares the lock with the main one would call back into that one.
#[expect(unsafe_code, reason = "PyO3 has no word for it, and refuses only those with a lock of their own")]
fn refuse_subinterpreters() -> PyResult<()> {
    // SAFETY: Python calls with its lock held, so there is a current interpreter.
    let id = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if id == 0 {
        return Ok(());
    }
    Err(PyImportError::new_err(format!(
        "plugcache works in the main interpreter only, and this is subinterpreter {id}: use processes or threads instead"
    )))
}

/// Identity of some bytes, in hexadecimal digits. `hashlib` takes longer to import than all of the package.
#[pyfunction]
fn digest(bytes: &[u8]) -> String {
    plugcache_cache::Digest::of(bytes).to_string()
}
