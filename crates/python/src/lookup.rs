//! `registry["name"]` for a plugin that was imported before: its proof, and no more.
//!
//! The first question for a name goes through Python: the index is opened and proven, the plugin described, its module
//! imported. All later ones ask whether that still stands. What the answer rests on is proven again as the registry's
//! strength wants it, without opening, resolving or describing anything anew; the search path, the module and the
//! module's file must be the very objects that they were; and the object is read from the module, as it is there now.
//! Whatever is not as it was goes the long way again. At strength `trust` nothing is looked at: a name is answered from
//! a dictionary until the registry is refreshed.

use std::sync::atomic::{AtomicU64, Ordering};

use plugcache::{resolver, watch};
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyException,
    ffi,
    prelude::*,
    types::{PyDict, PyList, PyModule, PyString, PyTuple},
};

use crate::index::{Index, Record};

/// The native part of a registry. Whoever derives from it has a method `_find`, which finds and imports a plugin and
/// returns it, with its record, what it rests on, and the search path that counts.
#[pyclass(frozen, subclass, mapping, module = "plugcache._plugcache")]
pub(crate) struct Lookup {
    /// Plugins by name, which are believed in.
    trusted: Py<PyDict>,
    /// What is known of others, by name.
    known: Py<PyDict>,
    /// How often all of that was forgotten.
    forgotten: AtomicU64,
}

/// What an answer of an index rests on.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct Held {
    index: Py<Index>,
    proof: Option<Proof>,
}

pub(crate) enum Proof {
    Index(Box<resolver::Held>),
    Watch(watch::Held),
}

/// A plugin that was imported.
#[pyclass(frozen, module = "plugcache._plugcache")]
struct Known {
    held: Py<Held>,
    /// What `sys.path` was; `None`: it does not count.
    path: Option<Py<PyTuple>>,
    name: Py<PyString>,
    module: Py<PyAny>,
    file: Option<Py<PyAny>>,
    /// Attributes that lead from the module to the plugin.
    way: Vec<Py<PyString>>,
}

impl Held {
    pub(crate) fn new(index: Py<Index>, proof: Option<Proof>) -> Self {
        Self { index, proof }
    }
}

#[pymethods]
impl Lookup {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(py: Python<'_>, _args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            trusted: PyDict::new(py).unbind(),
            known: PyDict::new(py).unbind(),
            forgotten: AtomicU64::new(0),
        }
    }

    fn __getitem__(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let Ok(text) = name.cast_exact::<PyString>() else { return find(slf, name) };
        let this = slf.get();
        if let Some(plugin) = this.trusted.bind(py).get_item(text)? {
            return Ok(plugin.unbind());
        }
        if let Some(known) = this.known.bind(py).get_item(text)?
            && let Ok(known) = known.cast_exact::<Known>()
            && let Some(plugin) = known.get().plugin(py)?
        {
            return Ok(plugin);
        }
        find(slf, name)
    }

    /// Forgets what was found.
    fn _forget(&self, py: Python<'_>) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.trusted.bind(py).clear();
        self.known.bind(py).clear();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.trusted)?;
        visit.call(&self.known)
    }
}

#[derive(FromPyObject)]
struct Found<'py>(Bound<'py, PyAny>, Py<Record>, Py<Held>, Option<Py<PyTuple>>, bool);

/// The long way.
#[cold]
fn find(lookup: &Bound<'_, Lookup>, name: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let py = lookup.py();
    let this = lookup.get();
    let before = this.forgotten.load(Ordering::Acquire);
    let Found(plugin, record, held, path, is_trusted) = lookup.call_method1("_find", (name,))?.extract()?;
    // What was forgotten while it was imported does not come back.
    if name.cast_exact::<PyString>().is_err() || this.forgotten.load(Ordering::Acquire) != before {
        return Ok(plugin.unbind());
    }
    if is_trusted {
        this.trusted.bind(py).set_item(name, &plugin)?;
    } else if let Some(known) = Known::of(py, record.get(), held, path)? {
        this.known.bind(py).set_item(name, Py::new(py, known)?)?;
    }
    Ok(plugin.unbind())
}

#[pymethods]
impl Known {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.held)?;
        visit.call(&self.path)?;
        visit.call(&self.file)?;
        visit.call(&self.module)
    }
}

impl Known {
    /// `None`: it cannot be proven but by asking again.
    fn of(
        py: Python<'_>,
        record: &Record,
        held: Py<Held>,
        path: Option<Py<PyTuple>>,
    ) -> PyResult<Option<Self>> {
        let name = PyString::new(py, record.module());
        let module = modules(py)?.get_item(&name)?;
        let (true, Some(module)) = (held.get().proof.is_some(), module) else { return Ok(None) };
        // What stands in for a module may make its attributes up as it likes.
        if !module.is_instance_of::<PyModule>() {
            return Ok(None);
        }
        let way = record.qualname().split('.').filter(|part| !part.is_empty());
        let way = way.map(|part| PyString::intern(py, part).unbind()).collect();
        let file = module.getattr("__file__").ok().map(Bound::unbind);
        Ok(Some(Self { held, path, name: name.unbind(), module: module.unbind(), file, way }))
    }

    /// The plugin, if all stands as it did.
    fn plugin(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some(module) = self.module_as_it_was(py) else { return Ok(None) };
        let mut found = module;
        for part in &self.way {
            found = match found.getattr(part.bind(py)) {
                Ok(found) => found,
                Err(error) if error.is_instance_of::<PyException>(py) => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        Ok(Some(found.unbind()))
    }

    fn module_as_it_was<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let held = self.held.get();
        let (index, proof) = (held.index.get(), held.proof.as_ref()?);
        let is_true = py.detach(|| match proof {
            Proof::Index(proof) => index.still_holds(proof),
            Proof::Watch(proof) => index.is_vouched_for(proof),
        });
        if !is_true || !self.is_path_the_same(py) {
            return None;
        }
        let module = modules(py).ok()?.get_item(&self.name).ok()??;
        let file = module.getattr(pyo3::intern!(py, "__file__")).ok();
        let is_same_file = match (&file, &self.file) {
            (Some(now), Some(then)) => now.is(then),
            (now, then) => now.is_none() && then.is_none(),
        };
        if !module.is(&self.module) || !is_same_file {
            return None;
        }
        Some(module)
    }

    /// Whether modules are looked for where they were: the same texts in the same order.
    fn is_path_the_same(&self, py: Python<'_>) -> bool {
        let Some(then) = &self.path else { return true };
        let then = then.bind(py);
        search_path(py).is_some_and(|now| {
            now.len() == then.len()
                && (0..now.len()).all(|at| {
                    matches!((now.get_item(at), then.get_item(at)), (Ok(now), Ok(then)) if now.is(&then))
                })
        })
    }
}

/// `sys.modules`.
#[expect(unsafe_code, reason = "reading it as an attribute each time would take longer")]
fn modules(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: it is there while the interpreter is, and lent; it is owned here before anything else is done.
    let modules = unsafe { Bound::from_borrowed_ptr_or_err(py, ffi::PyImport_GetModuleDict()) }?;
    Ok(modules.cast_into::<PyDict>()?)
}

/// `sys.path`, if it is a list.
#[expect(unsafe_code, reason = "reading it as an attribute each time would take longer")]
fn search_path(py: Python<'_>) -> Option<Bound<'_, PyList>> {
    // SAFETY: a name that ends with zero; what is found is lent, and owned here before anything else is done.
    let path = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PySys_GetObject(c"path".as_ptr())) };
    path?.cast_into().ok()
}
