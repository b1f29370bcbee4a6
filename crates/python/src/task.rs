//! Loading by an `async def`: one task runs it, the others of the same key await its end.
//!
//! The engine's own asynchronous lookup is driven by whatever drives the Python coroutine. Each `send` polls it; if it
//! is the function's turn, what the function yields goes to the event loop; if another task is at it, a future of the
//! loop is yielded, which the engine's waker completes from wherever the other one ends.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use plugcache_cache::{
    cache::{Answer, Load as Said, LoadError},
    key::KeyBytes,
};
use pyo3::{
    exceptions::{PyRuntimeError, PyStopIteration},
    prelude::*,
    types::{PyDict, PyTuple},
};

use crate::{
    cached::{Cached, Results, give, is_interruption, raised},
    kept::{Kept, NotGiven},
    left,
};

type Loaded = Result<Answer<Kept>, LoadError<PyErr>>;
type Lookup = Pin<Box<dyn Future<Output = Loaded> + Send>>;

/// The value of a call, to be awaited once.
#[pyclass(frozen, weakref, module = "plugcache._plugcache")]
pub(crate) struct Load {
    /// `None`: it has ended.
    lookup: Mutex<Option<Lookup>>,
    stage: Arc<Stage>,
    bell: Arc<Bell>,
    cache: Results,
    key: KeyBytes,
}

/// What the coroutine and the event loop hand to each other.
#[derive(Default)]
struct Stage {
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// For the coroutine.
    given: Option<Given>,
    /// By the coroutine.
    yielded: Option<Py<PyAny>>,
    /// The function's own result, which its caller gets as it is.
    made: Option<Py<PyAny>>,
    /// What ended the coroutine from outside: a cancellation. Others who wait for its value have no part in that.
    interrupted: Option<PyErr>,
    /// The coroutine that runs; `None`: another task is at it, or it has ended.
    coroutine: Option<Py<PyAny>>,
}

enum Given {
    Value(Py<PyAny>),
    Error(PyErr),
}

impl Stage {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rung by the engine when what is waited for has ended.
#[derive(Default)]
struct Bell {
    state: Mutex<Rung>,
}

#[derive(Default)]
struct Rung {
    is_rung: bool,
    /// The event loop and its future.
    waits: Option<(Py<PyAny>, Py<PyAny>)>,
}

impl Bell {
    fn state(&self) -> MutexGuard<'_, Rung> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let waits = {
            let mut state = self.state();
            state.is_rung = true;
            state.waits.take()
        };
        // An interpreter that is ending has nobody left to wake.
        let _ = waits.map(|waits| Python::try_attach(|py| ring(py, waits)));
    }
}

/// Completes a future of an event loop, from any thread. A loop that is closed meanwhile is left alone.
fn ring(py: Python<'_>, (event_loop, future): (Py<PyAny>, Py<PyAny>)) {
    let complete = || -> PyResult<()> {
        let complete = py.import("plugcache._tasks")?.getattr("complete")?;
        event_loop.bind(py).call_method1("call_soon_threadsafe", (complete, future))?;
        Ok(())
    };
    let _ = complete();
}

impl Load {
    pub(crate) fn new(
        cached: &Bound<'_, Cached>,
        cache: Results,
        key: KeyBytes,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> Self {
        let stage = Arc::new(Stage::default());
        let own = Arc::clone(&stage);
        let call = Call {
            cached: cached.clone().unbind(),
            args: args.clone().unbind(),
            kwargs: kwargs.clone().unbind(),
        };
        let (own_cache, own_key) = (cache.clone(), key.clone());
        let lookup = async move {
            let run = async |_: &KeyBytes, said: &Said<'_>| call.run(&own, said).await.map(Some);
            cache.get_or_load_async_with(&key, run).await
        };
        Self {
            lookup: Mutex::new(Some(Box::pin(lookup))),
            stage,
            bell: Arc::default(),
            cache: own_cache,
            key: own_key,
        }
    }

    fn lookup(&self) -> MutexGuard<'_, Option<Lookup>> {
        self.lookup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on until something is to be waited for.
    fn step(&self, py: Python<'_>, given: Given) -> PyResult<Py<PyAny>> {
        let Some(mut lookup) = self.lookup().take() else {
            return Err(PyRuntimeError::new_err("cannot reuse already awaited coroutine"));
        };
        self.stage.now().given = Some(given);
        loop {
            let waker = Waker::from(Arc::clone(&self.bell));
            let polled = py.detach(|| lookup.as_mut().poll(&mut Context::from_waker(&waker)));
            if let Poll::Ready(loaded) = polled {
                // It holds what the call was made with: dropped where nobody waits for us.
                py.detach(|| drop(lookup));
                left::let_go(py);
                return Err(self.end(py, loaded));
            }
            let interrupted = self.stage.now().interrupted.take();
            if let Some(error) = interrupted {
                // Who waits for its value takes over.
                py.detach(|| drop(lookup));
                left::let_go(py);
                return Err(error);
            }
            let yielded = self.stage.now().yielded.take();
            let waits = match yielded {
                Some(yielded) => Some(yielded),
                None => self.wait(py)?,
            };
            if let Some(waits) = waits {
                *self.lookup() = Some(lookup);
                return Ok(waits);
            }
        }
    }

    /// What the event loop is to wait for while another task is at it; `None` if that has ended.
    fn wait(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let tasks = py.import("plugcache._tasks")?;
        let (event_loop, future, first): (Py<PyAny>, Py<PyAny>, Py<PyAny>) =
            tasks.call_method0("begin")?.extract()?;
        let mut state = self.bell.state();
        if std::mem::take(&mut state.is_rung) {
            return Ok(None);
        }
        state.waits = Some((event_loop, future));
        drop(state);
        Ok(Some(first))
    }

    /// The exception that ends a coroutine: with its value, or its error.
    fn end(&self, py: Python<'_>, loaded: Loaded) -> PyErr {
        let made = self.stage.now().made.take();
        let value = match (made, loaded) {
            (Some(value), _) => value,
            (None, Ok(answer)) => match give(py, &answer) {
                Ok(value) => value,
                Err(NotGiven::Raised(error)) => return error,
                // Whoever awaits sees to it: see `plugcache._tasks`.
                Err(not_given) => {
                    if matches!(not_given, NotGiven::Unreadable) {
                        py.detach(|| self.cache.remove(&self.key));
                        left::let_go(py);
                    }
                    match py.import("plugcache._tasks").and_then(|tasks| tasks.getattr("AGAIN")) {
                        Ok(again) => again.unbind(),
                        Err(error) => return error,
                    }
                }
            },
            (None, Err(error)) => return raised(py, error),
        };
        PyStopIteration::new_err((value,))
    }
}

#[pymethods]
impl Load {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.step(py, Given::Value(py.None()))
    }

    fn send(&self, py: Python<'_>, value: Py<PyAny>) -> PyResult<Py<PyAny>> {
        self.step(py, Given::Value(value))
    }

    /// Raises inside of the function, if it runs here; else this call ends with it, and what it waits for goes on.
    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let _ = traceback;
        let error = PyErr::from_value(value.filter(|value| !value.is_none()).unwrap_or(kind));
        if self.stage.now().coroutine.is_some() {
            return self.step(py, Given::Error(error));
        }
        self.close(py);
        Err(error)
    }

    /// Ends it without a value: another task that waits for it takes over.
    fn close(&self, py: Python<'_>) {
        let lookup = self.lookup().take();
        let coroutine = self.stage.now().coroutine.take();
        if let Some(coroutine) = coroutine {
            // It says why it does not end in peace where Python says so of any coroutine.
            if let Err(error) = coroutine.call_method0(py, "close") {
                error.write_unraisable(py, Some(coroutine.bind(py)));
            }
        }
        py.detach(|| drop(lookup));
        left::let_go(py);
    }
}

/// What a load calls.
struct Call {
    cached: Py<Cached>,
    args: Py<PyTuple>,
    kwargs: Py<PyDict>,
}

impl Call {
    async fn run(&self, stage: &Arc<Stage>, said: &Said<'_>) -> PyResult<Kept> {
        let options = &self.cached.get().options;
        // What cannot be looked at is not kept; the function says for itself what it thinks of that.
        let _ = said.inputs(&options.inputs());
        attached(|py| {
            let function = self.cached.get().function(py);
            let coroutine = function.call(self.args.bind(py), Some(self.kwargs.bind(py)))?;
            stage.now().coroutine = Some(coroutine.unbind());
            Ok(())
        })?;
        let made = Run { stage }.await?;
        attached(|py| {
            let (kept, error) = Kept::of(made.bind(py), options.format(), options.is_shared());
            if let Some(error) = error {
                said.do_not_keep();
                self.cached.get().warn_of_result(made.bind(py), &error)?;
            }
            stage.now().made = Some(made.clone_ref(py));
            Ok(kept)
        })
    }
}

fn attached<T>(act: impl FnOnce(Python<'_>) -> PyResult<T>) -> PyResult<T> {
    Python::try_attach(act).unwrap_or_else(|| Err(PyRuntimeError::new_err("the interpreter is ending")))
}

/// The function's coroutine, as a future.
struct Run<'a> {
    stage: &'a Stage,
}

impl Future for Run<'_> {
    type Output = PyResult<Py<PyAny>>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let stepped = attached(|py| {
            let (coroutine, given) = {
                let mut now = self.stage.now();
                (now.coroutine.as_ref().map(|coroutine| coroutine.clone_ref(py)), now.given.take())
            };
            let Some(coroutine) = coroutine else {
                return Err(PyRuntimeError::new_err("the coroutine has ended"));
            };
            match given {
                None => coroutine.call_method1(py, "send", (py.None(),)),
                Some(Given::Value(value)) => coroutine.call_method1(py, "send", (value,)),
                Some(Given::Error(error)) => coroutine.call_method1(py, "throw", (error,)),
            }
        });
        match stepped {
            Ok(yielded) => {
                self.stage.now().yielded = Some(yielded);
                Poll::Pending
            }
            Err(error) => {
                let ended = self.stage.now().coroutine.take();
                drop(ended);
                let value = attached(|py| {
                    if error.is_instance_of::<PyStopIteration>(py) {
                        error.value(py).getattr("value").map(Bound::unbind)
                    } else {
                        Err(error.clone_ref(py))
                    }
                });
                match value {
                    Err(error) if is_interruption(&error) => {
                        self.stage.now().interrupted = Some(error);
                        Poll::Pending
                    }
                    value => Poll::Ready(value),
                }
            }
        }
    }
}
