//! Calling what others wrote: whatever it does, the caller gets an answer.

use std::{
    any::Any,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Why a plugin could not do what it was asked to, in its own words.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How a plugin's code has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It said so: its error and what that came from.
    Error(String),
    /// It panicked, with this message.
    Panic(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(message) => f.write_str(message),
            Self::Panic(message) => write!(f, "it panicked: {message}"),
        }
    }
}

/// Runs foreign code. No lock may be held.
pub(super) fn contained<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(failure)) => Err(Fault::Error(with_sources(&*failure))),
        Err(panic) => Err(Fault::Panic(message_of(&*panic))),
    }
}

fn with_sources(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
