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
mod plain;
mod safety;
mod schema;
mod settings;
mod signals;
mod signature;
mod stats;
mod store;
mod task;
mod watch;

use pyo3::prelude::*;

/// The native half of plugcache. Not to be imported by itself: `plugcache` has everything.
#[pymodule]
fn _plugcache(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<cached::Cached>()?;
    module.add_class::<task::Load>()?;
    module.add_class::<index::Index>()?;
    module.add_class::<index::Record>()?;
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

/// Identity of some bytes, in hexadecimal digits. `hashlib` takes longer to import than all of the package.
#[pyfunction]
fn digest(bytes: &[u8]) -> String {
    plugcache_cache::Digest::of(bytes).to_string()
}
