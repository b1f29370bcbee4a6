//! What is set, where caches are, and the hub that has them all: one for the process, made when first asked for.
//!
//! Variables and the user's file count. A project file does not: a library does not obey whatever directory its
//! program happens to be started in.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use etcetera::{BaseStrategy, base_strategy::Xdg};
use plugcache::{
    Config, Hub,
    cache::{Strength, hub::Refresh},
    config::{self, Files, Flags},
    discovery::index::Location,
};
use pyo3::prelude::*;
use tempfile::TempDir;

use crate::{
    error::{Failure, warn},
    left,
};

/// What all of the package shares.
pub(crate) struct State {
    pub(crate) hub: Hub,
    /// Where indexes may be kept.
    pub(crate) location: Location,
    pub(crate) strength: Strength,
    /// Indexes are to be made anew.
    pub(crate) refresh: bool,
    pub(crate) lock_timeout: std::time::Duration,
    /// Where durable data is.
    pub(crate) data_directory: Option<PathBuf>,
    /// Keeps what is not to be kept: gone when the program ends.
    temporary: Mutex<Option<(u32, TempDir)>>,
    /// Why nothing is kept beyond the process, until somebody was told.
    trouble: Mutex<Option<String>>,
}

static STATE: RwLock<Option<Arc<State>>> = RwLock::new(None);
/// Counts the states, so that handles into an older one are noticed.
static EPOCH: AtomicU32 = AtomicU32::new(0);

/// How many times the package was configured anew.
#[inline]
pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Acquire)
}

/// The state, made from the environment if there is none yet.
pub(crate) fn state() -> Result<Arc<State>, Failure> {
    if let Some(state) = &*STATE.read().unwrap_or_else(PoisonError::into_inner) {
        return Ok(Arc::clone(state));
    }
    let made = Arc::new(State::read(None, None)?);
    let mut place = STATE.write().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::clone(place.get_or_insert(made)))
}

impl State {
    fn read(chosen: Option<PathBuf>, data: Option<PathBuf>) -> Result<Self, Failure> {
        let config = Config::read_with(Flags::default(), env::vars_os(), &user_file()?)?;
        let mut temporary = None;
        let directories: Vec<PathBuf> = if let Some(chosen) = chosen {
            vec![absolute(&chosen)]
        } else if config.no_cache.value {
            // The same way as always, and gone when the program ends.
            temporary = tempfile::Builder::new().prefix("plugcache-").tempdir().ok();
            temporary.iter().map(|place| place.path().to_owned()).collect()
        } else {
            usual_directories(&config)
        };
        let mut trouble = None;
        let kept = directories
            .first()
            .map(|place| Hub::builder().settings(config.settings()).directory(place).build());
        let hub = match kept {
            Some(Ok(hub)) => hub,
            Some(Err(error)) => {
                trouble = Some(format!("caches are in memory only: {error}"));
                Hub::builder().settings(config.settings()).build()?
            }
            None => Hub::builder().settings(config.settings()).build()?,
        };
        let own = || Xdg::new().ok().map(|strategy| strategy.data_dir().join("plugcache"));
        Ok(Self {
            hub,
            location: Location { directories },
            strength: config.strength.value,
            refresh: refreshes_indexes(&config),
            lock_timeout: config.lock_timeout.value,
            data_directory: data
                .map(|data| absolute(&data))
                .or_else(|| config.data_directory.value.clone())
                .or_else(own),
            trouble: Mutex::new(trouble),
            temporary: Mutex::new(temporary.map(|place| (std::process::id(), place))),
        })
    }

    /// The directory with the caches, if it can be used.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.hub.directory()
    }
}

impl State {
    fn remove_temporary(&self) {
        let taken = self.temporary.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((made_by, place)) = taken
            && made_by != std::process::id()
        {
            // A child that was forked leaves it to its parent.
            let _ = place.keep();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.remove_temporary();
    }
}

/// What an index needs to know. No hub is made for it: who asks for entry points alone is a program that does not
/// know of us, and gets no open file more.
pub(crate) struct IndexSettings {
    pub(crate) location: Location,
    pub(crate) strength: Strength,
    pub(crate) refresh: bool,
    pub(crate) lock_timeout: std::time::Duration,
}

/// Those of the state, if there is one.
pub(crate) fn index_settings() -> Result<IndexSettings, Failure> {
    let of = |state: &State| IndexSettings {
        location: state.location.clone(),
        strength: state.strength,
        refresh: state.refresh,
        lock_timeout: state.lock_timeout,
    };
    if let Some(state) = &*STATE.read().unwrap_or_else(PoisonError::into_inner) {
        return Ok(of(state));
    }
    let config = Config::read_with(Flags::default(), env::vars_os(), &user_file()?)?;
    if config.no_cache.value {
        return Ok(of(&*state()?));
    }
    Ok(IndexSettings {
        location: Location { directories: usual_directories(&config) },
        strength: config.strength.value,
        refresh: refreshes_indexes(&config),
        lock_timeout: config.lock_timeout.value,
    })
}

fn usual_directories(config: &Config) -> Vec<PathBuf> {
    let own = Xdg::new().ok().map(|strategy| strategy.cache_dir().join("plugcache"));
    let named = config.directory.value.as_deref().map(absolute);
    let mut all: Vec<PathBuf> = named.into_iter().chain(own).collect();
    all.dedup();
    all
}

fn refreshes_indexes(config: &Config) -> bool {
    match &config.refresh.value {
        Refresh::None => false,
        Refresh::All => true,
        Refresh::Named(names) => names.contains("index"),
    }
}

/// Warns, once, if caches cannot be kept where they should be.
pub(crate) fn tell_trouble(py: Python<'_>) -> PyResult<()> {
    let state = py.detach(state).map_err(|error| error.raise(py))?;
    let trouble = state.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
    trouble.map_or(Ok(()), |what| warn(py, &what))
}

fn user_file() -> Result<Files, Failure> {
    let Some(path) = Xdg::new().ok().map(|strategy| config::user_file(&strategy.config_dir())) else {
        return Ok(Files::default());
    };
    Ok(Files::of_user(&path)?)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Chooses directories for caches and for durable data, before what the environment says. Caches that are in use
/// are left as they are, and made anew in the new place when they are next asked.
#[pyfunction]
#[pyo3(signature = (directory=None, data_directory=None))]
pub(crate) fn configure(
    py: Python<'_>,
    directory: Option<PathBuf>,
    data_directory: Option<PathBuf>,
) -> PyResult<()> {
    let old = py.detach(|| {
        let state = Arc::new(State::read(directory, data_directory)?);
        let mut place = STATE.write().unwrap_or_else(PoisonError::into_inner);
        let old = place.replace(state);
        EPOCH.fetch_add(1, Ordering::AcqRel);
        Ok(old)
    });
    let old = old.map_err(|error: Failure| error.raise(py))?;
    py.detach(|| drop(old));
    left::let_go(py);
    Ok(())
}

/// Where caches are (`None`: in memory only), and where durable data is.
#[pyfunction]
pub(crate) fn directories(py: Python<'_>) -> PyResult<(Option<PathBuf>, Option<PathBuf>)> {
    let state = py.detach(state).map_err(|error| error.raise(py))?;
    Ok((state.directory().map(Path::to_owned), state.data_directory.clone()))
}

/// Removes what is not to be kept, as the program ends.
#[pyfunction]
pub(crate) fn remove_temporary(py: Python<'_>) {
    py.detach(|| {
        let state = STATE.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(state) = state {
            state.remove_temporary();
        }
    });
}
