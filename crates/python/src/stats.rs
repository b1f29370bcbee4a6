//! What caches have counted, and clearing them.

use std::time::Duration;

use plugcache_cache::{Stats, admin::Caches};
use pyo3::{prelude::*, types::PyDict};

use crate::{error::Failure, left, settings};

/// What each cache has done in this process, by name.
#[pyfunction]
pub(crate) fn stats(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let all = py.detach(|| settings::state().map(|state| state.hub.stats()));
    let told = PyDict::new(py);
    for (name, one) in all.map_err(|error| error.raise(py))? {
        told.set_item(name, dictionary(py, &one)?)?;
    }
    Ok(told)
}

/// Figures of one cache.
pub(crate) fn dictionary<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("hits", stats.hits())?;
    told.set_item("misses", stats.missed())?;
    told.set_item("hit_rate", stats.hit_rate())?;
    for (name, count) in [
        ("memory_hits", stats.memory_hits),
        ("disk_hits", stats.disk_hits),
        ("negative_hits", stats.negative_hits),
        ("loads", stats.loads),
        ("load_errors", stats.load_errors),
        ("waits", stats.waits),
        ("inserts", stats.inserts),
        ("not_kept", stats.not_kept),
        ("store_errors", stats.store_errors),
        ("removed", stats.removed),
        ("clears", stats.clears),
        ("entries", stats.entries),
    ] {
        told.set_item(name, count)?;
    }
    told.set_item("capacity", stats.capacity)?;
    told.set_item("load_time", stats.load_time.as_secs_f64())?;
    told.set_item("time_saved", stats.time_saved.as_secs_f64())?;
    told.set_item("ttl", stats.ttl.as_ref().map(Duration::as_secs_f64))?;
    told.set_item("has_disk", stats.has_disk)?;
    told.set_item("misses_by_reason", &stats.misses)?;
    told.set_item("evictions", &stats.evictions)?;
    Ok(told)
}

/// Clears one cache, or all: those of this process, and those on disk that it has not opened. Returns how many entries
/// went. Data of plugins is never touched.
#[pyfunction]
#[pyo3(signature = (name=None))]
pub(crate) fn clear(py: Python<'_>, name: Option<&str>) -> PyResult<u64> {
    let cleared = py.detach(|| {
        let state = settings::state()?;
        let mut live = state.hub.names();
        live.retain(|known| name.is_none_or(|name| name == known));
        let mut count = 0;
        for one in &live {
            count += state.hub.clear_one(one)?.unwrap_or(0);
        }
        let Some(caches) = state.directory().map(Caches::open).transpose()?.flatten() else {
            return Ok(count);
        };
        for one in caches.names()? {
            if name.is_none_or(|name| name == one)
                && !live.contains(&one)
                && let Some(cache) = caches.cache(&one)?
            {
                count += cache.clear()?;
            }
        }
        Ok(count)
    });
    left::let_go(py);
    cleared.map_err(|error: Failure| error.raise(py))
}
