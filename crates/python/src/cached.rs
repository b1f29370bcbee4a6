//! A function whose results are kept: a view over one cache of the hub.
//!
//! A hit takes one way: arguments to bytes, a look into memory, the object. Only what is not proven there by time and
//! generations alone goes on, detached from the interpreter, to inputs, disk, other threads and the function.

use std::{
    cell::RefCell,
    path::PathBuf,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use plugcache_cache::{
    Cache, Inputs,
    cache::{Answer, Load, LoadError},
    key::KeyBytes,
};
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyException, PyRuntimeError},
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyDict, PyTuple, PyType},
};

use crate::{
    arguments::{self, NoKey},
    error::{Class, Failure, raise, warn},
    kept::{Format, Kept, NotGiven, codec},
    left, settings, signals, stats, task,
};

pub(crate) type Results = Cache<KeyBytes, Kept>;

/// A function whose results are kept. Made by `plugcache.cached`.
#[pyclass(frozen, dict, weakref, subclass, module = "plugcache._plugcache")]
pub(crate) struct Cached {
    function: Py<PyAny>,
    pub(crate) options: Options,
    /// The cache that was built first: for most programs, the only one.
    first: OnceLock<Built>,
    /// The one that was built last, after the package was configured anew.
    later: RwLock<Option<Built>>,
    has_warned: AtomicBool,
}

/// How results are kept.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    name: String,
    ttl: Option<f64>,
    maxsize: Option<usize>,
    /// `json`, `pickle`, or nothing for memory only.
    codec: Option<String>,
    inputs: Vec<(PathBuf, bool)>,
    version: String,
    scope: Vec<String>,
    wait: f64,
    shared: bool,
    once_per_host: bool,
    /// Variables that select the result.
    #[pyo3(default)]
    env: Vec<String>,
}

struct Built {
    epoch: u32,
    cache: Results,
}

/// Stands for no bound at all.
const UNBOUNDED: usize = 1 << 40;

/// Most bytes that the place of a key keeps.
const LONGEST_KEPT: usize = 1 << 16;

thread_local! {
    /// Where keys are written, so that a hit allocates nothing.
    static KEY: RefCell<KeyBytes> = RefCell::new(KeyBytes::default());
}

impl Options {
    pub(crate) fn format(&self) -> Format {
        match self.codec.as_deref() {
            None => Format::None,
            Some("pickle") => Format::Pickle,
            Some(_) => Format::Json,
        }
    }

    /// Whether the object itself is handed out.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    pub(crate) fn inputs(&self) -> Inputs {
        self.inputs.iter().fold(
            Inputs::none(),
            |inputs, (path, is_tree)| {
                if *is_tree { inputs.tree(path) } else { inputs.file(path) }
            },
        )
    }

    fn build(&self) -> Result<Results, Failure> {
        let state = settings::state()?;
        let described = || {
            let mut builder = Results::builder(self.name.clone())
                .capacity(self.maxsize.unwrap_or(UNBOUNDED))
                .version(self.version.clone())
                .wait_timeout(Duration::from_secs_f64(self.wait))
                .ask_while_waiting(signals::INTERVAL, signals::go_on);
            if let Some(ttl) = self.ttl {
                builder = builder.ttl(Duration::from_secs_f64(ttl));
            }
            if let Some(codec) = codec(self.format()) {
                builder = builder.disk_with(codec).scope(&self.scope);
                if self.once_per_host {
                    builder = builder.once_per_host();
                }
            }
            builder
        };
        // Another of this name is one that was decorated again, after a reload say: on disk they are one if they are
        // the same, in memory they are two.
        Ok(described().build(&state.hub).or_else(|_| described().build(&state.hub.apart()))?)
    }
}

#[pymethods]
impl Cached {
    #[new]
    fn new(function: Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let options: Options = options.extract()?;
        let (first, later) = (OnceLock::new(), RwLock::new(None));
        let has_warned = AtomicBool::new(false);
        Ok(Self { function: function.unbind(), options, first, later, has_warned })
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        if let Some(value) = self.glance(py, args, kwargs) {
            return value;
        }
        let function = self.function.bind(py);
        match self.key(args, kwargs)? {
            Some(key) => self.load(py, &key, function, args, kwargs),
            None => function.call(args, kwargs).map(Bound::unbind),
        }
    }

    /// As a function does: a method of the instance that it is looked up on.
    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: Option<&Bound<'py, PyAny>>,
        _owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        match instance {
            Some(instance) => METHOD.import(slf.py(), "types", "MethodType")?.call1((slf, instance)),
            None => Ok(slf.clone().into_any()),
        }
    }

    /// Copied and pickled by its name, as functions are.
    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(slf.getattr("__qualname__")?.unbind())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    fn __deepcopy__<'py>(slf: &Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf.clone()
    }

    /// The value that is kept for these arguments, if memory has one; else `default`.
    fn _peek(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
        default: Py<PyAny>,
    ) -> PyResult<Py<PyAny>> {
        self.glance(py, args, Some(kwargs)).unwrap_or(Ok(default))
    }

    /// The value of these arguments as something to await: `function` is an `async def`.
    fn _load(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        match this.key(args, Some(kwargs))? {
            Some(key) => {
                let cache = this.cache(py)?;
                let load = task::Load::new(slf, cache, key, args, kwargs);
                Ok(Py::new(py, load)?.into_any())
            }
            None => this.function.bind(py).call(args, Some(kwargs)).map(Bound::unbind),
        }
    }

    /// Like a call, with another function: for a cache whose loader comes with each call.
    fn _load_with(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        function: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        if let Some(value) = self.glance(py, args, None) {
            return value;
        }
        match self.key(args, None)? {
            Some(key) => self.load(py, &key, function, args, None),
            None => function.call(args, None).map(Bound::unbind),
        }
    }

    /// Forgets one key. Returns whether it was kept.
    fn _remove(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<bool> {
        let Some(key) = self.key(args, Some(kwargs))? else { return Ok(false) };
        let cache = self.cache(py)?;
        let removed = py.detach(|| cache.remove(&key));
        left::let_go(py);
        Ok(removed)
    }

    /// Name of the cache.
    #[getter]
    fn _name(&self) -> &str {
        &self.options.name
    }

    /// Figures of the cache.
    fn _stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.told(py)
    }

    /// Figures of this process: hits, misses, maxsize and currsize as in `functools`, then more.
    fn cache_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        static INFO: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        INFO.import(py, "plugcache._cached", "_info")?.call1((self.told(py)?,))
    }

    /// Forgets all results, in memory and on disk, of this process and of others.
    fn cache_clear(&self, py: Python<'_>) -> PyResult<()> {
        let cache = self.cache(py)?;
        let cleared = py.detach(|| cache.clear());
        left::let_go(py);
        cleared.map_err(|error| Failure::from(error).raise(py))?;
        Ok(())
    }

    /// The bytes that stand for these arguments; `None` if a call with them is not kept.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_key<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut key = KeyBytes::default();
        match self.encode(args, kwargs, &mut key) {
            Ok(()) => Ok(Some(PyBytes::new(py, key.as_slice()))),
            Err(NoKey::Type(_)) => Ok(None),
            Err(NoKey::Raised(error)) => Err(error),
        }
    }

    /// Says of each tier whether it would answer a call with these arguments, and if not why.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_explain(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<String> {
        let mut key = KeyBytes::default();
        match self.encode(args, kwargs, &mut key) {
            Ok(()) => {
                let cache = self.cache(py)?;
                Ok(py.detach(|| cache.explain(&key).to_string()))
            }
            Err(NoKey::Type(name)) => Ok(format!("never kept: an argument of type {name} cannot be a key")),
            Err(NoKey::Raised(error)) => Err(error),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let function = slf.get().function.bind(slf.py()).repr()?;
        Ok(format!("<plugcache.cached {function}>"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}

impl Cached {
    /// The way of nearly all calls. What copying a value raises is the caller's: it may be a signal's.
    #[inline]
    fn glance(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> Option<PyResult<Py<PyAny>>> {
        let seen = KEY.with(|place| {
            // Describing an argument can run code that calls a cached function in its turn.
            let mut key = place.try_borrow_mut().ok()?;
            key.clear();
            let is_key = self.encode(args, kwargs, &mut key).is_ok();
            let seen = if is_key { self.glance_at(py, &key) } else { None };
            give_back(&mut key);
            seen
        })?;
        match seen {
            Ok(value) => Some(Ok(value)),
            Err(kept) => kept.hand_out_again(py),
        }
    }

    /// Whether keys hold more than the arguments.
    pub(crate) fn depends_on_variables(&self) -> bool {
        !self.options.env.is_empty()
    }

    /// Writes the key of a call: its arguments, and the variables that were declared.
    #[inline]
    fn encode(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        key: &mut KeyBytes,
    ) -> Result<(), NoKey> {
        match self.options.env.as_slice() {
            [] => arguments::encode(args, kwargs, key),
            names => arguments::encode_with_variables(names, args, kwargs, key),
        }
    }

    /// What memory has for a key and may be handed out without a further look: the object, or what it has to be copied
    /// from.
    #[inline]
    pub(crate) fn glance_at(&self, py: Python<'_>, key: &KeyBytes) -> Option<Result<Py<PyAny>, Arc<Kept>>> {
        // Under the cache's lock an object is counted, and nothing is run. Who is here has the interpreter's lock.
        let see = |kept: &Arc<Kept>| kept.unchangeable(py).ok_or_else(|| Arc::clone(kept));
        let epoch = settings::epoch();
        if let Some(first) = self.first.get()
            && first.epoch == epoch
        {
            return first.cache.glance_in_turn(key, see);
        }
        let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
        later.as_ref().filter(|later| later.epoch == epoch)?.cache.glance_in_turn(key, see)
    }

    fn told<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let cache = self.cache(py)?;
        let told = stats::dictionary(py, &cache.stats())?;
        told.set_item("maxsize", self.options.maxsize)?;
        told.set_item("expired", py.detach(|| cache.expired_len()))?;
        Ok(told)
    }

    /// The key of a call; `None`, with a warning the first time, if an argument cannot be one.
    fn key(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<KeyBytes>> {
        let mut key = KeyBytes::default();
        match self.encode(args, kwargs, &mut key) {
            Ok(()) => Ok(Some(key)),
            Err(NoKey::Raised(error)) => Err(error),
            Err(NoKey::Type(name)) => {
                let advice = "pass something immutable that Python and disk agree on, or do not cache it";
                self.warn_once(
                    args.py(),
                    &format!("is computed each time: an argument of type {name} cannot be a key; {advice}"),
                )?;
                Ok(None)
            }
        }
    }

    /// Says of a result that it cannot be kept.
    pub(crate) fn warn_of_result(&self, value: &Bound<'_, PyAny>, error: &PyErr) -> PyResult<()> {
        let name = arguments::type_name(value);
        self.warn_once(
            value.py(),
            &format!(
                "is computed each time: its result of type {name} cannot be copied ({error}), so that callers would \
                 share it; say share=True if they may"
            ),
        )
    }

    /// One warning, once for the function.
    fn warn_once(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        if self.has_warned.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        warn(py, &format!("{} {what}", self.options.name))
    }

    /// The cache, made when it is first asked for, and again after the package was configured anew.
    pub(crate) fn cache(&self, py: Python<'_>) -> PyResult<Results> {
        let epoch = settings::epoch();
        let known = |built: Option<&Built>| {
            built.filter(|built| built.epoch == epoch).map(|built| built.cache.clone())
        };
        let later = || self.later.read().unwrap_or_else(PoisonError::into_inner);
        let found = known(self.first.get()).or_else(|| known(later().as_ref()));
        if let Some(cache) = found {
            return Ok(cache);
        }
        let made = py.detach(|| self.options.build()).map_err(|error| error.raise(py))?;
        settings::tell_trouble(py)?;
        let built = Built { epoch, cache: made.clone() };
        let Err(built) = self.first.set(built) else { return Ok(made) };
        if let Some(cache) = known(self.first.get()) {
            return Ok(cache);
        }
        let mut place = self.later.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = known(place.as_ref()) {
            return Ok(cache);
        }
        let old = place.replace(built);
        drop(place);
        py.detach(|| drop(old));
        left::let_go(py);
        Ok(made)
    }

    /// What is called.
    pub(crate) fn function<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.function.bind(py)
    }

    fn load(
        &self,
        py: Python<'_>,
        key: &KeyBytes,
        function: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let cache = self.cache(py)?;
        let (call, arguments, named) =
            (function.clone().unbind(), args.clone().unbind(), kwargs.cloned().map(Bound::unbind));
        let mut made = None;
        let mut is_ours = false;
        let loader = |_: &KeyBytes, load: &Load<'_>| {
            is_ours = true;
            // What cannot be looked at is not kept; the function says for itself what it thinks of that.
            let _ = load.inputs(&self.options.inputs());
            let called = Python::try_attach(|py| {
                let named = named.as_ref().map(|named| named.bind(py));
                let value = call.bind(py).call(arguments.bind(py), named)?;
                let (kept, error) = Kept::of(&value, self.options.format(), self.options.shared);
                if error.is_some() {
                    load.do_not_keep();
                }
                made = Some((value.unbind(), error));
                Ok(Some(kept))
            });
            called.unwrap_or_else(|| Err(PyRuntimeError::new_err("the interpreter is ending")))
        };
        let answer = py.detach(|| cache.get_or_load_with(key, loader));
        left::let_go(py);
        if let Some((value, error)) = made {
            if let Some(error) = error {
                self.warn_of_result(value.bind(py), &error)?;
            }
            return Ok(value);
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(LoadError::Loader(error)) if !is_ours && is_interruption(&error) => {
                return self.load(py, key, function, args, kwargs);
            }
            Err(error) => return without(py, error, function, args, kwargs),
        };
        match give(py, &answer) {
            Ok(value) => Ok(value),
            Err(NotGiven::Raised(error)) => Err(error),
            Err(NotGiven::Unshareable) => function.call(args, kwargs).map(Bound::unbind),
            Err(NotGiven::Unreadable) => {
                py.detach(|| cache.remove(key));
                left::let_go(py);
                function.call(args, kwargs).map(Bound::unbind)
            }
        }
    }
}

/// Keys are written in one place again and again; one that was very long does not keep its memory.
pub(crate) fn give_back(key: &mut KeyBytes) {
    if key.as_slice().len() > LONGEST_KEPT {
        *key = KeyBytes::default();
    }
}

/// What a call comes to that the cache has no value for.
fn without(
    py: Python<'_>,
    error: LoadError<PyErr>,
    function: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<PyAny>> {
    match error {
        LoadError::Timeout { .. } => function.call(args, kwargs).map(Bound::unbind),
        error => Err(raised(py, error)),
    }
}

/// The value of an answer, for a caller.
pub(crate) fn give(py: Python<'_>, answer: &Answer<Kept>) -> Result<Py<PyAny>, NotGiven> {
    match answer {
        Answer::Value(kept) => kept.hand_out(py),
        // No loader of ours says that there is nothing: `None` is a value.
        Answer::Missing(_) => Err(NotGiven::Unreadable),
    }
}

/// Whether an exception is about who computed, not about what: a cancellation, an interrupt from the keyboard. Others
/// who wait for the value have no part in it.
pub(crate) fn is_interruption(error: &PyErr) -> bool {
    Python::try_attach(|py| !error.is_instance_of::<PyException>(py)).unwrap_or(true)
}

/// The exception for what a load came to. All who waited get the function's own.
pub(crate) fn raised(py: Python<'_>, error: LoadError<PyErr>) -> PyErr {
    match error {
        LoadError::Loader(error) => error.clone_ref(py),
        LoadError::Reentrant { .. } => raise(py, Class::Reentrant, error),
        LoadError::Interrupted { .. } => signals::interruption(),
        error => raise(py, Class::Cache, error),
    }
}
