//! Hears warnings, so that a test can say how many there must be.

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex, PoisonError},
};

pub use tracing::Level;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// All warnings and errors that were said while [`heard`](Self::heard) ran, on its thread.
#[derive(Debug, Clone)]
pub struct Warnings {
    level: Level,
    said: Arc<Mutex<Vec<String>>>,
}

impl Warnings {
    /// Runs something, and returns its result and the warnings that it gave.
    pub fn heard<T>(run: impl FnOnce() -> T) -> (T, Vec<String>) {
        Self::heard_from(Level::WARN, run)
    }

    /// The same with all that is at least as serious as `level`.
    pub fn heard_from<T>(level: Level, run: impl FnOnce() -> T) -> (T, Vec<String>) {
        let ear = Self { level, said: Arc::default() };
        let result = tracing::subscriber::with_default(ear.clone(), run);
        let said = std::mem::take(&mut *ear.said.lock().unwrap_or_else(PoisonError::into_inner));
        (result, said)
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use super::{Level, Warnings};

    #[test]
    fn warnings_are_heard_and_the_rest_is_not() {
        let (seven, heard) = Warnings::heard(|| {
            tracing::info!("nothing");
            tracing::warn!("{} left", 2);
            7
        });
        assert_eq!((seven, heard), (7, vec!["2 left".to_owned()]));
        let ((), heard) = Warnings::heard_from(Level::INFO, || tracing::info!("something"));
        assert_eq!(heard, ["something"]);
    }
}
