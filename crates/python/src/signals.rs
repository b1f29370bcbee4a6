//! Waiting that can be interrupted from the keyboard.
//!
//! Python runs the handler of a signal in its main thread, when that comes back to the interpreter. A thread that waits
//! detached never does, so waits are cut into slices, and after each the handlers get their turn.

use std::{cell::RefCell, time::Duration};

use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*};

/// How long a handler may have to wait.
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

thread_local! {
    /// What a handler has raised in this thread, on its way out of the library.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs the handlers of signals that have come meanwhile. No: one of them raised.
pub(crate) fn go_on() -> bool {
    let raised = Python::try_attach(|py| py.check_signals().err()).flatten();
    let is_quiet = raised.is_none();
    if !is_quiet {
        RAISED.set(raised);
    }
    is_quiet
}

/// What a handler raised, if one did: asked once.
pub(crate) fn raised() -> Option<PyErr> {
    RAISED.take()
}

/// The same where it is known that one did.
pub(crate) fn interruption() -> PyErr {
    raised().unwrap_or_else(|| PyKeyboardInterrupt::new_err(()))
}
