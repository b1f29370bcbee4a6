//! The leader's side of a flight.

use std::sync::Arc;

use super::{FlightId, Flights, wait::Outcome};
use crate::key::Key;

/// The duty to end a flight. Dropping it without a result lets one of those who wait lead next.
pub(crate) struct Ticket<'a, K: Key + ?Sized, V> {
    flights: &'a Flights<K, V>,
    hash: u64,
    /// `None` for a load that nobody else knows of, or a flight that has ended.
    id: Option<FlightId>,
}

impl<'a, K: Key + ?Sized, V> Ticket<'a, K, V> {
    pub(super) fn new(flights: &'a Flights<K, V>, hash: u64, id: FlightId) -> Self {
        Self { flights, hash, id: Some(id) }
    }

    pub(super) fn alone(flights: &'a Flights<K, V>, hash: u64) -> Self {
        Self { flights, hash, id: None }
    }

    /// The flight, for the path of loaders that wait for each other.
    pub(crate) fn id(&self) -> Option<FlightId> {
        self.id
    }

    /// Whether what it makes may still be kept.
    pub(crate) fn is_valid(&self) -> bool {
        self.id.is_some_and(|id| self.flights.is_valid(self.hash, id))
    }

    /// Ends the flight: `keep` puts the value where lookups find it, unless it was declared wrong while it
    /// was being made. Nobody can declare it wrong between that question and `keep`. Returns whether it
    /// was kept.
    ///
    /// `still` says whether another process has declared it wrong, which this one is not told of. It is asked when
    /// nobody can join any more: if so, those who wait look for themselves, because some of them may have come
    /// after that.
    pub(crate) fn land(
        mut self,
        outcome: impl FnOnce() -> Outcome<V>,
        still: impl FnOnce() -> bool,
        keep: impl FnOnce(K::Owned),
    ) -> bool {
        let Some(id) = self.id.take() else { return false };
        let Some(mut table) = self.flights.table(self.hash).lock() else { return false };
        // Gone: a time-out took it away, and somebody else may have loaded since.
        let Ok(entry) = table.find_entry(self.hash, |record| record.id == id) else { return false };
        let (record, _) = entry.remove();
        let is_right = still();
        let is_kept = is_right && !record.is_invalidated;
        if is_kept {
            keep(record.key);
        }
        drop(table);
        if let Some(room) = record.waiters {
            room.announce(if is_right { outcome() } else { Outcome::Abandoned });
        }
        is_kept
    }

    /// Ends the flight without anything to keep.
    pub(crate) fn fail(mut self, outcome: impl FnOnce() -> Outcome<V>) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: impl FnOnce() -> Outcome<V>) {
        if let Some(id) = self.id.take()
            && let Some(room) = self.flights.retire(self.hash, id)
        {
            room.announce(outcome());
        }
    }
}

impl<K: Key + ?Sized, V> Drop for Ticket<'_, K, V> {
    fn drop(&mut self) {
        self.end(|| if std::thread::panicking() { Outcome::Panicked } else { Outcome::Abandoned });
    }
}

impl<V> Clone for Outcome<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Value(value) => Self::Value(Arc::clone(value)),
            Self::Missing(reason) => Self::Missing(Arc::clone(reason)),
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked => Self::Panicked,
            Self::Abandoned => Self::Abandoned,
        }
    }
}
