//! Functions that are computed once.

use std::{
    any::Any,
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

use super::Hub;
use crate::{
    cache::{Cache, Load, LoadError},
    evidence::Inputs,
    key::{Key, KeyBytes},
};

/// Caches of functions, by name. Their type is known to whoever asks.
#[derive(Default)]
pub(super) struct Memoized(Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>);

/// What the result of a function depends on: its arguments, and what it reads.
#[derive(Debug, Clone, Default)]
pub struct Given {
    key: KeyBytes,
    inputs: Inputs,
    version: String,
}

impl Given {
    /// Nothing: the function always gives the same.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// An argument.
    #[must_use]
    pub fn argument<K: Key + ?Sized>(mut self, argument: &K) -> Self {
        argument.encode(&mut self.key);
        self
    }

    /// Files and directories that it reads.
    #[must_use]
    pub fn reading(mut self, inputs: Inputs) -> Self {
        self.inputs = self.inputs.and(inputs);
        self
    }

    /// Version of the function: the program's, usually.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }
}

impl From<Inputs> for Given {
    fn from(inputs: Inputs) -> Self {
        Self::nothing().reading(inputs)
    }
}

impl From<()> for Given {
    fn from((): ()) -> Self {
        Self::nothing()
    }
}

impl Hub {
    /// The result of a function: computed once, kept in memory and, in a hub with a directory, on disk, and
    /// computed again when something that it depends on has changed.
    ///
    /// `name` is that of its cache, and names one function with one type of result.
    ///
    /// ```
    /// # use plugcache_cache::{Hub, Inputs};
    /// let hub = Hub::in_memory();
    /// let maps = hub.memoize("colormaps", Inputs::none().file("colors.toml"), || vec!["viridis", "magma"].len());
    /// assert_eq!(*maps, 2);
    /// ```
    pub fn memoize<V>(&self, name: &str, given: impl Into<Given>, compute: impl FnOnce() -> V) -> Arc<V>
    where
        V: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        // Kept here, so that the function can still run if nobody can be waited for.
        let mut compute = Some(compute);
        let mut run = || compute.take().map(|compute| compute());
        let made = self.try_memoize(name, given, || run().ok_or(None::<Infallible>));
        match made {
            Ok(value) => value,
            Err(_) => Arc::new(run().unwrap_or_else(|| unreachable!("it runs only if it did not run"))),
        }
    }

    /// Like [`memoize`](Self::memoize), for a function that may fail. Errors are not kept.
    pub fn try_memoize<V, E>(
        &self,
        name: &str,
        given: impl Into<Given>,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        V: Serialize + DeserializeOwned + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let given = given.into();
        let Some(cache) = self.function::<V>(name) else {
            return compute().map(Arc::new).map_err(|error| LoadError::Loader(Arc::new(error)));
        };
        let key = Call { key: given.key, version: given.version };
        let loader = |_: &Call, load: &Load<'_>| {
            // What cannot be looked at is not kept; the function says for itself what it thinks of that.
            let _ = load.inputs(&given.inputs);
            compute().map(Some)
        };
        cache.get_or_load_with(&key, loader).map(|answer| match answer.value() {
            Some(value) => value,
            None => unreachable!("the loader always has a value"),
        })
    }

    /// The cache of a function. `None`, with a warning, if its name is taken by something else.
    fn function<V>(&self, name: &str) -> Option<Cache<Call, V>>
    where
        V: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let mut functions = self.shared.memoized.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = functions.get(name) {
            let cache = known.downcast_ref::<Cache<Call, V>>().cloned();
            if cache.is_none() {
                tracing::warn!("function `{name}` is not cached: another one of that name has another type");
            }
            return cache;
        }
        match Cache::builder(name).disk().build(self) {
            Ok(cache) => {
                functions.insert(name.to_owned(), Arc::new(Cache::clone(&cache)));
                Some(cache)
            }
            Err(error) => {
                tracing::warn!("function `{name}` is not cached: {error}");
                None
            }
        }
    }
}

/// A call: arguments and version.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Call {
    key: KeyBytes,
    version: String,
}

impl Key for Call {
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.tuple(2);
        self.key.as_slice().encode(bytes);
        self.version.as_str().encode(bytes);
    }
}
