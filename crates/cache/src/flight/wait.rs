//! The side of those who wait: threads and tasks in one room.

use std::{
    any::Any,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{FlightId, cycle};
use crate::sync::{Condvar, Mutex};

/// How a flight ended.
pub(crate) enum Outcome<V> {
    /// With a value.
    Value(Arc<V>),
    /// With the knowledge that there is nothing, and why.
    Missing(Arc<str>),
    /// With the loader's error.
    Failed(Arc<dyn Any + Send + Sync>),
    /// The loader panicked.
    Panicked,
    /// The leader went away or takes too long; somebody else may lead.
    Abandoned,
}

/// Where a flight's result is announced.
pub(crate) struct Room<V> {
    state: Mutex<State<V>>,
    news: Condvar,
}

struct State<V> {
    outcome: Option<Outcome<V>>,
    wakers: Vec<Waker>,
}

impl<V> Default for Room<V> {
    fn default() -> Self {
        Self { state: Mutex::new(State { outcome: None, wakers: Vec::new() }), news: Condvar::new() }
    }
}

impl<V> std::fmt::Debug for Room<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Room")
    }
}

impl<V> Room<V> {
    pub(super) fn announce(&self, outcome: Outcome<V>) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.outcome.get_or_insert(outcome);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.news.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A place among those who wait, taken and not yet used.
pub(crate) struct Place<V> {
    room: Arc<Room<V>>,
    flight: FlightId,
}

impl<V> Place<V> {
    pub(super) fn new(room: Arc<Room<V>>, flight: FlightId) -> Self {
        Self { room, flight }
    }

    /// Begins to wait, if that can end: inside of the flights that the caller is inside of now.
    pub(crate) fn wait(self) -> Result<Waiter<V>, cycle::Cycle> {
        let wait = cycle::Wait::begin(self.flight)?;
        Ok(Waiter { room: self.room, flight: self.flight, _wait: wait })
    }
}

/// Somebody who waits, by blocking or by `await`.
pub(crate) struct Waiter<V> {
    room: Arc<Room<V>>,
    flight: FlightId,
    _wait: cycle::Wait,
}

impl<V> Waiter<V> {
    /// The flight it waits for.
    pub(crate) fn flight(&self) -> FlightId {
        self.flight
    }

    /// Blocks the thread until the flight ends; `None` when it has not after `timeout`.
    pub(crate) fn block(&self, timeout: Duration) -> Option<Outcome<V>> {
        // A scheduler of tests has no time: where none is given, any moment may be the end of it.
        #[cfg(feature = "shuttle")]
        if timeout.is_zero() {
            shuttle::thread::yield_now();
            let state = self.room.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            return state.outcome.clone();
        }
        let guard = self.room.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (state, _) = self
            .room
            .news
            .wait_timeout_while(guard, timeout, |state| state.outcome.is_none())
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.outcome.clone()
    }
}

impl<V> Future for Waiter<V> {
    type Output = Outcome<V>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<V>> {
        let mut state = self.room.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(outcome.clone());
        }
        // A task that is polled twice has one place; a future that was moved to another task has two, the
        // older of which wakes somebody for nothing.
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}
