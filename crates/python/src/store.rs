//! Plugin-local data: bytes and JSON by name, durable. What they mean is for `plugcache.Store` to say.

use std::path::PathBuf;

use plugcache::store::{Category, Item, Loaded, Options, Profile, Store, StoreError};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    error::{Class, Failure, raise},
    settings,
};

/// What one plugin has saved. `compatible`: with all that the original allows, the signature as JSON.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct PluginData {
    store: Store,
    data: plugcache::store::PluginData,
}

#[pymethods]
impl PluginData {
    #[new]
    #[pyo3(signature = (plugin, category=None, directory=None, signature=None, compatible=false))]
    fn new(
        py: Python<'_>,
        plugin: &str,
        category: Option<String>,
        directory: Option<PathBuf>,
        signature: Option<String>,
        compatible: bool,
    ) -> PyResult<Self> {
        let made = py.detach(|| {
            let directory = match directory {
                Some(directory) => directory,
                None => settings::state()?.data_directory.clone().ok_or_else(|| {
                    Failure::Store("there is no data directory: set PLUGCACHE_DATA_DIR".to_owned())
                })?,
            };
            let profile = if compatible { Profile::Compatible } else { Profile::Strict };
            let store = Store::open_with(directory, Options { profile, ..Options::default() })?;
            let category = match category {
                Some(name) if compatible && name.is_empty() => Category::NONE,
                Some(name) => Category::custom(name)?,
                None => Category::PLUGINS,
            };
            let mut data = store.plugin(&category, plugin);
            if let Some(signature) = signature {
                let json = || {
                    serde_json::from_str::<serde_json::Value>(&signature).map_err(|error| {
                        Failure::Store(format!("the signature {signature} is no JSON: {error}"))
                    })
                };
                data = if compatible { data.signature(json()?) } else { data.signature(signature) };
            }
            Ok(Self { store, data })
        });
        made.map_err(|error: Failure| error.raise(py))
    }

    /// Saves an item: bytes by a name.
    fn save(&self, py: Python<'_>, name: &str, bytes: &[u8]) -> PyResult<()> {
        py.detach(|| self.data.save(item(name), bytes)).map_err(|error| failed(py, error))
    }

    /// The bytes of an item; `None` if nothing was saved.
    fn load<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match py.detach(|| self.data.load(item(name))).map_err(|error| failed(py, error))? {
            Loaded::Found(bytes) => Ok(Some(PyBytes::new(py, &bytes))),
            Loaded::Missing => Ok(None),
            Loaded::Stale { saved, current } => Err(raise(
                py,
                Class::StaleData,
                format!(
                    "{}: `{name}` was saved under the signature {saved}, and {current} is wanted: save it again, or \
                     open the store with the old signature",
                    self.data.path().display()
                ),
            )),
        }
    }

    /// Saves an item if it is still what `expected` says, or was saved under another signature. Returns whether it was.
    #[expect(clippy::needless_pass_by_value, reason = "what Python hands over as bytes or nothing")]
    fn exchange(
        &self,
        py: Python<'_>,
        name: &str,
        expected: Option<Vec<u8>>,
        bytes: &[u8],
    ) -> PyResult<bool> {
        let change = |saved: Loaded<Vec<u8>>| {
            let is_expected = match saved {
                Loaded::Found(saved) => expected.as_ref() == Some(&saved),
                Loaded::Missing => expected.is_none(),
                Loaded::Stale { .. } => expected.is_some(),
            };
            is_expected.then(|| bytes.to_vec())
        };
        py.detach(|| self.data.update(item(name), change)).map_err(|error| failed(py, error))
    }

    /// Adds a name to an item that is a list of names, in JSON, or takes it out of it, while no other process does.
    fn note(&self, py: Python<'_>, list: &str, name: &str, is_there: bool) -> PyResult<()> {
        let change = |saved: Loaded<Vec<u8>>| {
            let known = saved.found().and_then(|bytes| serde_json::from_slice::<Vec<String>>(&bytes).ok());
            let mut names = known.unwrap_or_default();
            if names.iter().any(|known| known == name) == is_there {
                return None;
            }
            names.retain(|known| known != name);
            names.extend(is_there.then(|| name.to_owned()));
            serde_json::to_vec(&names).ok()
        };
        py.detach(|| self.data.update(item(list), change)).map_err(|error| failed(py, error))?;
        Ok(())
    }

    /// Removes all that the plugin has saved. Returns whether there was anything.
    fn remove(&self, py: Python<'_>) -> PyResult<bool> {
        py.detach(|| self.data.remove()).map_err(|error| failed(py, error))
    }

    /// Where its files are, once there are any.
    #[getter]
    fn path(&self) -> PathBuf {
        self.data.path()
    }

    /// Bytes that all plugins of the data directory take together.
    fn total_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.store.usage()).map(|usage| usage.bytes).map_err(|error| failed(py, error))
    }
}

/// The names that `naeural_core` knows are its own files.
fn item(name: &str) -> Item<'_> {
    match name {
        "data.json" => Item::Json,
        "object.pickle" => Item::Object,
        name => Item::Named(name),
    }
}

fn failed(py: Python<'_>, error: StoreError) -> PyErr {
    Failure::from(error).raise(py)
}
