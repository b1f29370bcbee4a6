//! Calling a plugin: with panics contained, and queries with a time-out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    super::plugin::{PluginError, StatePlugin},
    Identity, QueryError,
};

/// A plugin with what is known of its calls.
pub(super) struct Registered {
    pub(super) name: String,
    pub(super) plugin: Arc<dyn StatePlugin>,
    /// Queries whose time is over and that have not ended.
    overdue: Arc<AtomicUsize>,
}

const RUNS: u8 = 0;
const ENDED: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Registered {
    pub(super) fn new(plugin: Arc<dyn StatePlugin>) -> Self {
        Self { name: plugin.name().to_owned(), plugin, overdue: Arc::default() }
    }

    pub(super) fn identity(&self) -> Result<Identity, QueryError> {
        let parts =
            contained("tell its scope", || Ok((self.plugin.version().to_owned(), self.plugin.scope())));
        match parts {
            Ok((version, scope)) => Ok((self.name.clone(), version, scope)),
            Err(error) => Err(QueryError::Failed { plugin: self.name.clone(), error }),
        }
    }

    /// Asks the plugin on a thread of its own, and waits for it so long. A thread cannot be stopped: one that
    /// takes longer is left to itself, and until it ends the plugin is not asked again, so that one that never
    /// answers costs one thread and not one a query.
    pub(super) fn query(&self, timeout: Duration) -> Result<Value, QueryError> {
        let failed = |error| QueryError::Failed { plugin: self.name.clone(), error };
        if self.overdue.load(Ordering::Acquire) > 0 {
            return Err(QueryError::Overdue { plugin: self.name.clone() });
        }
        let (tell, answer) = mpsc::sync_channel(1);
        let phase = Arc::new(AtomicU8::new(RUNS));
        let work = {
            let (plugin, phase, overdue) =
                (Arc::clone(&self.plugin), Arc::clone(&phase), Arc::clone(&self.overdue));
            move || {
                let asked = contained("tell its state", || match plugin.unavailable_reason() {
                    Some(reason) => Ok(Err(reason)),
                    None => plugin.query_current_state().map(Ok),
                });
                if phase.swap(ENDED, Ordering::AcqRel) == GIVEN_UP {
                    overdue.fetch_sub(1, Ordering::AcqRel);
                }
                // Who does not listen any more has said so.
                let _ = tell.send(asked);
            }
        };
        let name = format!("state {}", self.name.replace('\0', "?"));
        thread::Builder::new()
            .name(name)
            .spawn(work)
            .map_err(|error| failed(PluginError(format!("no thread can be started for it: {error}"))))?;
        match answer.recv_timeout(timeout) {
            Ok(Ok(Ok(state))) => Ok(state),
            Ok(Ok(Err(reason))) => Err(QueryError::Unavailable { plugin: self.name.clone(), reason }),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => {
                self.overdue.fetch_add(1, Ordering::AcqRel);
                if phase.swap(GIVEN_UP, Ordering::AcqRel) == ENDED {
                    // It ended this very moment.
                    self.overdue.fetch_sub(1, Ordering::AcqRel);
                }
                Err(QueryError::TimedOut { plugin: self.name.clone(), after: timeout })
            }
        }
    }
}

/// Runs a plugin's code. A panic is an error that says what was being done.
pub(super) fn contained<T>(
    doing: &str,
    run: impl FnOnce() -> Result<T, PluginError>,
) -> Result<T, PluginError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(PluginError(format!("it panicked when it was to {doing}: {}", text.unwrap_or_default())))
    })
}
