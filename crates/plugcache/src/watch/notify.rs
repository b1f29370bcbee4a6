//! The thread of a watch: waits for events, lets the tree come to rest, proves it, and tells what differs.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::prove::{Proven, Shared};

/// What the thread knows.
struct Notifier<'a> {
    shared: &'a Shared,
    /// The queue's file, if there is one.
    queue: Option<Arc<OwnedFd>>,
    /// What subscribers have been told of.
    told: Arc<Proven>,
}

/// Runs until the watch is dropped. `told`: what those who subscribe before it comes to run start from.
pub(super) fn run(shared: &Shared, told: Arc<Proven>) {
    let file = |queue: &std::sync::Mutex<super::queue::Queue>| {
        queue.lock().unwrap_or_else(PoisonError::into_inner).file()
    };
    let queue = shared.queue.as_ref().ok().map(file);
    let mut notifier = Notifier { shared, queue, told };
    let mut looked = Instant::now();
    while !shared.is_stopping() {
        let last = shared.last();
        let patience = shared.patience(&last).map(|patience| patience.saturating_sub(looked.elapsed()));
        notifier.wait(patience);
        if shared.patience(&last).is_some_and(|patience| looked.elapsed() >= patience) {
            shared.drain();
            shared.prove();
            looked = Instant::now();
            notifier.tell();
        } else if notifier.has_news() {
            notifier.rest();
            if shared.is_stopping() {
                return;
            }
            let last = shared.last();
            if last.is_vouched_for() && last.is_doubtful(shared.drain()) {
                shared.prove();
                looked = Instant::now();
            }
            notifier.tell();
        }
    }
}

impl Notifier<'_> {
    /// Whether something has happened that nobody was told of.
    fn has_news(&self) -> bool {
        let events = self.shared.drain();
        let last = self.shared.last();
        // Without anybody to vouch there is news at intervals, or when somebody has asked.
        (last.is_vouched_for() && last.is_doubtful(events)) || !Arc::ptr_eq(&last, &self.told)
    }

    /// Tells what differs from what was told last, if there is a newer answer.
    fn tell(&mut self) {
        let last = self.shared.last();
        if !Arc::ptr_eq(&last, &self.told) {
            let changes = last.since(&self.told);
            self.told = last;
            self.shared.tell(&changes);
        }
    }

    /// Waits until nothing has happened for a while, but not for ever.
    fn rest(&self) {
        let began = Instant::now();
        let mut events = self.shared.drain();
        let mut quiet_since = began;
        while !self.shared.is_stopping() {
            let quiet = self.shared.debounce.saturating_sub(quiet_since.elapsed());
            let left = self.shared.longest.saturating_sub(began.elapsed()).min(quiet);
            if left.is_zero() {
                return;
            }
            self.wait(Some(left));
            let now = self.shared.drain();
            // A call, or an event of no interest, is no unrest.
            if now != events {
                (events, quiet_since) = (now, Instant::now());
            }
        }
    }

    /// Waits for an event or a call.
    fn wait(&self, patience: Option<Duration>) {
        let mut files = vec![PollFd::new(&self.shared.wake, PollFlags::IN)];
        files.extend(self.queue.as_ref().map(|queue| PollFd::new(queue, PollFlags::IN)));
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        if !matches!(poll(&mut files, timeout.as_ref()), Ok(_) | Err(Errno::INTR)) {
            // Without memory nothing can be waited for: rather slow than busy.
            std::thread::sleep(self.shared.interval);
        }
        // A call is answered by this; where there was none, it fails with `AGAIN`.
        let _ = rustix::io::read(&self.shared.wake, &mut [0_u8; 8]);
    }
}

impl Drop for Notifier<'_> {
    /// Ends all subscriptions, when a finder panics as well.
    fn drop(&mut self) {
        self.shared.dismiss();
    }
}
