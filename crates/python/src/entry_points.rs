//! Entry points of a search path, as plain tuples: the objects are made by the interpreter's own
//! `importlib.metadata`.

use std::{path::PathBuf, sync::Arc};

use plugcache::discovery::{
    entry_points::{EntryPointFinder, EntryPointRef, PythonVersion},
    index::Session,
};
use pyo3::prelude::*;

use crate::{error::Failure, settings};

/// Directories of distributions, and entry points: group, name, value, and the number of their distribution.
type Found = (Vec<String>, Vec<(String, String, String, usize)>);

/// The entry points of the distributions in these directories, in their order. Sorting by group, as Python 3.11 and
/// older do, is left to the caller. `group` and `name` select; `strength` is as for an index.
#[pyfunction]
#[pyo3(signature = (path, group=None, name=None, strength=None))]
pub(crate) fn entry_points(
    py: Python<'_>,
    path: Vec<PathBuf>,
    group: Option<&str>,
    name: Option<&str>,
    strength: Option<String>,
) -> PyResult<Found> {
    let version = py.version_info();
    let version = PythonVersion::of(version.major.into(), version.minor.into());
    let found = py.detach(|| {
        let state = settings::state()?;
        let mut session = Session::new(Arc::new(EntryPointFinder::new(version)), path);
        session.location = state.location.clone();
        session.strength =
            strength.map_or(Ok(state.strength), |text| text.parse().map_err(Failure::Config))?;
        session.refresh = state.refresh;
        session.lock_timeout = state.lock_timeout;
        let wants = |entry: &EntryPointRef<'_>| {
            group.is_none_or(|group| group == entry.group) && name.is_none_or(|name| name == entry.name)
        };
        let (_, found) = session.ask(|snapshot| {
            let index = snapshot.index();
            let mut found: Found = (Vec::new(), Vec::new());
            let mut last = None;
            // A damaged index is asked again when it has been built anew.
            let _ = index.for_each(|record| {
                let entry = EntryPointRef::decode(record.name, record.payload)?;
                if wants(&entry) {
                    if last != Some(record.file) {
                        last = Some(record.file);
                        found.0.push(index.absolute(record.file)?);
                    }
                    let (group, name, value) = (entry.group, entry.name, entry.value);
                    found.1.push((group.to_owned(), name.to_owned(), value.to_owned(), found.0.len() - 1));
                }
                Some(())
            });
            found
        });
        Ok(found)
    });
    found.map_err(|error: Failure| error.raise(py))
}
