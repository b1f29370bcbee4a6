//! Running plugins that are Python objects: started once, reconfigured, stopped when nobody uses them.
//!
//! The table is the library's. What Python adds: hooks are callables, configurations are compared and copied as Python
//! does, and the exception behind a failure is kept for whoever's call it was.

use std::{
    cell::RefCell,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plugcache::{
    cache::Inputs,
    instances::{self as library, Failure as Foreign, Instance, InstanceError, InstanceKey, Outcome},
};
use plugcache_cache::key::KeyBytes;
use pyo3::{
    exceptions::PyRuntimeError,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyTuple},
};

use crate::{
    arguments::{self, NoKey},
    cached::is_interruption,
    error::{Class, Failure, raise},
    isolate::{self, Isolation},
    plain, settings, signals,
};

thread_local! {
    /// What a hook has raised in this thread, on its way out of the library.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// How a host starts, reconfigures and stops its plugins. Made by `plugcache.Instances`.
#[pyclass(frozen, weakref, module = "plugcache._plugcache")]
pub(crate) struct Instances {
    table: library::Instances<Plugin>,
    hooks: Arc<Hooks>,
    process: u32,
}

/// An instance in use.
#[pyclass(frozen, weakref, module = "plugcache._plugcache")]
pub(crate) struct Handle {
    used: Mutex<Option<library::Handle<Plugin>>>,
    outcome: Outcome,
    process: u32,
}

struct Hooks {
    reconfigure: Py<PyAny>,
    stop: Py<PyAny>,
}

struct Plugin {
    object: Py<PyAny>,
    hooks: Arc<Hooks>,
}

/// A configuration of which nobody else has the object.
#[derive(Clone)]
struct Settings(Arc<(Py<PyAny>, Isolation)>);

impl Settings {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (own, isolation) = isolate::keep(object)?;
        Ok(Self(Arc::new((own.unbind(), isolation))))
    }

    fn hand_out<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        isolate::hand_out(self.0.0.bind(py), self.0.1)
    }
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        static IS_SAME: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let compare = |py: Python<'_>| {
            let is_same = IS_SAME.import(py, "plugcache._instances", "is_same")?;
            is_same.call1((self.0.0.bind(py), other.0.0.bind(py)))?.is_truthy()
        };
        // What cannot be compared is another one.
        Arc::ptr_eq(&self.0, &other.0) || Python::try_attach(compare).and_then(Result::ok).unwrap_or(false)
    }
}

/// Runs a hook, and keeps what it raises for whoever called.
fn hooked<T>(hook: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T, Foreign> {
    let done = Python::try_attach(hook);
    let done = done.unwrap_or_else(|| Err(PyRuntimeError::new_err("the interpreter is ending")));
    done.map_err(|error| {
        let text = error.to_string();
        RAISED.with_borrow_mut(|place| {
            place.get_or_insert(error);
        });
        text.into()
    })
}

impl Instance for Plugin {
    type Config = Settings;

    fn reconfigure(&self, config: &Settings) -> Result<(), Foreign> {
        hooked(|py| {
            let config = config.hand_out(py)?;
            self.hooks.reconfigure.bind(py).call1((self.object.bind(py), config)).map(drop)
        })
    }

    fn stop(&self) {
        let _ = Python::try_attach(|py| {
            if let Err(error) = self.hooks.stop.bind(py).call1((self.object.bind(py),)) {
                error.write_unraisable(py, Some(self.object.bind(py)));
            }
        });
    }
}

/// Seconds, and how many.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Limits {
    name: String,
    capacity: usize,
    idle_after: Option<f64>,
    check_interval: f64,
    busy_wait: f64,
    start_wait: f64,
    retry: (f64, f64),
}

fn span(what: &str, seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::Config(format!("{what} is {seconds}: expected seconds")))
}

impl Limits {
    fn build(&self) -> Result<library::Instances<Plugin>, Failure> {
        let idle = self.idle_after.map(|seconds| span("idle_after", seconds)).transpose()?;
        let check = span("check_interval", self.check_interval)?;
        let (busy, start) = (span("busy_wait", self.busy_wait)?, span("start_wait", self.start_wait)?);
        let (first, longest) = (span("retry", self.retry.0)?, span("retry", self.retry.1)?);
        let described = || {
            library::Instances::builder(self.name.clone())
                .capacity(self.capacity)
                .idle_after(idle)
                .check_interval(check)
                .busy_wait(busy)
                .start_wait(start)
                .retry(first, longest)
                .ask_while_waiting(signals::INTERVAL, signals::go_on)
        };
        let hub = &settings::state()?.hub;
        Ok(described().build(hub).or_else(|_| described().build(&hub.apart()))?)
    }
}

#[pymethods]
impl Instances {
    #[new]
    fn new(
        py: Python<'_>,
        limits: &Bound<'_, PyDict>,
        reconfigure: Py<PyAny>,
        stop: Py<PyAny>,
    ) -> PyResult<Self> {
        let limits: Limits = limits.extract()?;
        let table = py.detach(|| limits.build()).map_err(|error| error.raise(py))?;
        let hooks = Arc::new(Hooks { reconfigure, stop });
        Ok(Self { table, hooks, process: std::process::id() })
    }

    /// The instance of a key, with this configuration; `start` makes one if none runs.
    #[pyo3(signature = (key, config, start, inputs))]
    fn get(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyTuple>,
        config: &Bound<'_, PyAny>,
        start: &Bound<'_, PyAny>,
        inputs: &Bound<'_, PyAny>,
    ) -> PyResult<Handle> {
        let key = instance_key(key)?;
        let config = Settings::of(config).map_err(|error| {
            let what = format!("the configuration of instance {key} cannot be copied: {error}");
            chained(py, raise(py, Class::Config, what), Some(error))
        })?;
        let start = start.clone().unbind();
        let files: Vec<(PathBuf, bool)> = inputs.extract()?;
        let inputs = files.into_iter().fold(Inputs::none(), |inputs, (path, is_tree)| {
            if is_tree { inputs.tree(path) } else { inputs.file(path) }
        });
        let factory = |config: &Settings| {
            hooked(|py| {
                let object = start.bind(py).call1((config.hand_out(py)?,))?.unbind();
                Ok(Plugin { object, hooks: Arc::clone(&self.hooks) })
            })
        };
        // What an outer call's hook has raised is the outer call's.
        let outer = RAISED.take();
        let got = py.detach(|| self.table.get_or_create_from(&key, &inputs, &config, factory));
        let raised = RAISED.replace(outer);
        match got {
            Ok(got) => Ok(Handle::new(got.handle, got.outcome)),
            Err(error) => Err(self.failed(py, &key, error, raised)),
        }
    }

    /// The instance of a key, if one runs.
    fn find(&self, py: Python<'_>, key: &Bound<'_, PyTuple>) -> PyResult<Option<Handle>> {
        let key = instance_key(key)?;
        let found = py.detach(|| self.table.get(&key));
        Ok(found.map(|handle| Handle::new(handle, Outcome::Unchanged)))
    }

    /// Forgets that a start failed. Returns whether it had.
    fn retry_now(&self, py: Python<'_>, key: &Bound<'_, PyTuple>) -> PyResult<bool> {
        let key = instance_key(key)?;
        Ok(py.detach(|| self.table.retry_now(&key)))
    }

    /// Keys whose start failed: the key as text, why, how often in a row, and seconds until the next try.
    fn failures(&self, py: Python<'_>) -> Vec<(String, String, u32, f64)> {
        let failures = py.detach(|| self.table.failures()).into_iter();
        let told = failures.map(|one| {
            (one.key.to_string(), one.fault.to_string(), one.attempts, one.retry_in.as_secs_f64())
        });
        told.collect()
    }

    /// Stops what nobody has used for too long, what is too much, and what is unused and outdated. Returns how many of
    /// each.
    fn prune(&self, py: Python<'_>) -> (u64, u64, u64) {
        let pruned = py.detach(|| self.table.prune());
        (pruned.idle, pruned.for_room, pruned.replaced)
    }

    /// Stops all, and starts none any more. Returns how many were stopped.
    fn shutdown(&self, py: Python<'_>) -> usize {
        py.detach(|| self.table.shutdown())
    }

    /// How many there are, and what has happened to them.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let stats = py.detach(|| serde_json::to_value(self.table.stats()).unwrap_or_default());
        plain::to_python(py, &stats)
    }

    /// The digest that stands for a key, in hexadecimal digits.
    #[staticmethod]
    fn digest(key: &Bound<'_, PyTuple>) -> PyResult<String> {
        Ok(instance_key(key)?.digest().to_string())
    }
}

impl Instances {
    fn failed(
        &self,
        py: Python<'_>,
        key: &InstanceKey,
        error: InstanceError<Plugin>,
        raised: Option<PyErr>,
    ) -> PyErr {
        if let Some(interruption) = signals::raised() {
            return interruption;
        }
        let class = match &error {
            InstanceError::Start(_) | InstanceError::StartTimeout { .. } => Class::InstanceStart,
            InstanceError::RolledBack(_) | InstanceError::NotRolledBack(_) => Class::InstanceConfig,
            InstanceError::Reentrant { .. } => Class::Reentrant,
            _ => Class::Instance,
        };
        let text = error.to_string();
        // It may hold the last handle of an instance that is to be stopped.
        py.detach(|| drop(error));
        match raised {
            // It is about who called, not about what was started: that is no failure to remember.
            Some(raised) if is_interruption(&raised) => {
                py.detach(|| self.table.retry_now(key));
                raised
            }
            raised => chained(py, raise(py, class, text), raised),
        }
    }
}

fn chained(py: Python<'_>, error: PyErr, cause: Option<PyErr>) -> PyErr {
    error.set_cause(py, cause);
    error
}

fn instance_key(key: &Bound<'_, PyTuple>) -> PyResult<InstanceKey> {
    let mut bytes = KeyBytes::default();
    match arguments::encode(key, None, &mut bytes) {
        Ok(()) => Ok(InstanceKey::of_parts(&bytes)),
        Err(NoKey::Raised(error)) => Err(error),
        Err(NoKey::Type(name)) => {
            let what = format!(
                "a part of type {name} cannot be in the key of an instance: expected text, numbers …"
            );
            Err(raise(key.py(), Class::Config, what))
        }
    }
}

impl Handle {
    fn new(handle: library::Handle<Plugin>, outcome: Outcome) -> Self {
        Self { used: Mutex::new(Some(handle)), outcome, process: std::process::id() }
    }

    fn handle(&self, py: Python<'_>) -> PyResult<library::Handle<Plugin>> {
        let held = self.used.lock().unwrap_or_else(PoisonError::into_inner).clone();
        held.ok_or_else(|| raise(py, Class::Instance, "this handle was released: get the instance again"))
    }
}

#[pymethods]
impl Handle {
    /// The plugin.
    #[getter]
    fn instance(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.handle(py)?.object.clone_ref(py))
    }

    /// What has become of the configuration: `started`, `unchanged`, `applied` or `pending`.
    #[getter]
    fn outcome(&self) -> &'static str {
        told(self.outcome)
    }

    /// The key, for people.
    #[getter]
    fn key(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.handle(py)?.key().to_string())
    }

    /// A copy of its configuration.
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.handle(py)?.config().hand_out(py)
    }

    /// Whether others get another one by now.
    #[getter]
    fn is_old(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.handle(py)?.is_old())
    }

    /// Whether it was stopped, which happens in use only when all are shut down.
    #[getter]
    fn is_stopped(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.handle(py)?.is_stopped())
    }

    /// Lets go of it: it may be stopped then. A second time does nothing.
    fn release(&self, py: Python<'_>) {
        let held = self.used.lock().unwrap_or_else(PoisonError::into_inner).take();
        if std::process::id() == self.process {
            py.detach(|| drop(held));
        } else {
            std::mem::forget(held);
        }
    }
}

fn told(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Started => "started",
        Outcome::Applied => "applied",
        Outcome::Pending => "pending",
        _ => "unchanged",
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            std::mem::forget(self.used.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            // A child that was forked leaves what runs to its parent: with one handle more, the table stays.
            std::mem::forget(self.table.clone());
        }
    }
}
