//! Loaders that wait for each other in a circle, found before anyone waits.
//!
//! While a loader runs, the thread (or the task, whenever it is polled) knows the *path* of flights that it
//! runs in: a loader that asks for another key leads that key's flight inside its own. To wait for a flight
//! is a cycle if that flight is on one's own path (a loader asks for its own key, or A asks for B which asks
//! for A), or if somebody inside of it waits, directly or through others, for a flight on one's own path.
//! Those who wait inside of loaders are few, so all of them stand in one list.

use std::{cell::RefCell, future::Future, marker::PhantomData, pin::pin};

use super::FlightId;
use crate::sync::{Guarded, Mutex, thread_local};

thread_local! {
    static PATH: RefCell<Vec<FlightId>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the caller inside of flights until it is dropped.
pub(crate) struct Inside {
    outside: usize,
    /// A path is a thread's own.
    thread: PhantomData<*const ()>,
}

impl Inside {
    /// Of none yet.
    pub(crate) fn begin() -> Self {
        Self { outside: PATH.with(|path| path.borrow().len()), thread: PhantomData }
    }

    /// Of this one too.
    #[expect(clippy::unused_self, reason = "without it, nobody would lead out again")]
    pub(crate) fn enter(&self, flight: Option<FlightId>) {
        PATH.with(|path| path.borrow_mut().extend(flight));
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        PATH.with(|path| path.borrow_mut().truncate(self.outside));
    }
}

/// Runs a loader inside of its flight.
pub(crate) fn inside<T>(flight: Option<FlightId>, run: impl FnOnce() -> T) -> T {
    let inside = Inside::begin();
    inside.enter(flight);
    run()
}

/// Whether the caller runs inside of this flight.
pub(super) fn is_inside(flight: FlightId) -> bool {
    PATH.with(|path| path.borrow().contains(&flight))
}

/// Runs a task's loader inside of its flight, whichever thread polls it.
pub(crate) async fn inside_task<F: Future>(flight: Option<FlightId>, loader: F) -> F::Output {
    struct Restore(Vec<FlightId>);
    impl Drop for Restore {
        fn drop(&mut self) {
            PATH.with(|path| path.replace(std::mem::take(&mut self.0)));
        }
    }
    let mut path = PATH.with(|path| path.borrow().clone());
    path.extend(flight);
    let mut loader = pin!(loader);
    std::future::poll_fn(move |context| {
        let _restore = Restore(PATH.with(|current| current.replace(path.clone())));
        loader.as_mut().poll(context)
    })
    .await
}

/// Somebody who waits inside of a loader.
struct Waiting {
    number: u64,
    inside: Vec<FlightId>,
    flight: FlightId,
}

/// Everybody who waits inside of a loader, in this process.
#[cfg(not(feature = "shuttle"))]
static WAITING: std::sync::LazyLock<Guarded<Mutex<Vec<Waiting>>>> =
    std::sync::LazyLock::new(|| Guarded::mutex(Vec::new()));

#[cfg(feature = "shuttle")]
shuttle::lazy_static! {
    /// The same, for each schedule anew: its lock belongs to one scheduler.
    static ref WAITING: Guarded<Mutex<Vec<Waiting>>> = Guarded::mutex(Vec::new());
}

fn with_waiting<T>(look: impl FnOnce(&mut Vec<Waiting>) -> T) -> Option<T> {
    // Lost in a fork: then no cycle is found, and a time-out ends it.
    WAITING.lock().map(|mut waiting| look(&mut waiting))
}

/// A note that the caller waits, taken back when dropped.
#[derive(Debug)]
pub(super) struct Wait(Option<u64>);

/// Waiting would never end.
pub(crate) struct Cycle;

impl Wait {
    /// Notes that the caller waits for `flight`, unless that would never end.
    pub(super) fn begin(flight: FlightId) -> Result<Self, Cycle> {
        let own = PATH.with(|path| path.borrow().clone());
        if own.is_empty() {
            return Ok(Self(None));
        }
        with_waiting(|waiting| {
            if leads_to(flight, &own, waiting) {
                return Err(Cycle);
            }
            let number = waiting.last().map_or(0, |last| last.number + 1);
            waiting.push(Waiting { number, inside: own, flight });
            Ok(Self(Some(number)))
        })
        .unwrap_or(Ok(Self(None)))
    }
}

/// Whether `flight` is one of `own`, or cannot end before one of them does.
fn leads_to(flight: FlightId, own: &[FlightId], waiting: &[Waiting]) -> bool {
    let mut reached = vec![flight];
    let mut next = 0;
    while let Some(flight) = reached.get(next).copied() {
        if own.contains(&flight) {
            return true;
        }
        let further = waiting.iter().filter(|wait| wait.inside.contains(&flight)).map(|wait| wait.flight);
        let new: Vec<FlightId> = further.filter(|flight| !reached.contains(flight)).collect();
        reached.extend(new);
        next += 1;
    }
    false
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(number) = self.0 {
            with_waiting(|waiting| waiting.retain(|wait| wait.number != number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_through_others() {
        let wait = |inside: &[FlightId], flight| Waiting { number: 0, inside: inside.to_vec(), flight };
        assert!(leads_to(1, &[1], &[]));
        assert!(!leads_to(2, &[1], &[]));
        // 2 waits for 3, inside of which somebody waits for 1.
        assert!(leads_to(2, &[1], &[wait(&[2], 3), wait(&[3, 4], 1)]));
        // Waits that go round elsewhere do not go on for ever.
        assert!(!leads_to(2, &[1], &[wait(&[2], 3), wait(&[3], 2)]));
    }
}
