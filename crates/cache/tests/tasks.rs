//! Tasks, of no runtime in particular: they may move between threads, be dropped in the middle, and share their
//! flights with threads.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
    time::Duration,
};

use plugcache_cache::{Cache, Hub};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park_timeout(Duration::from_secs(10)),
        }
    }
}

fn sendable<T: Send>(future: T) -> T {
    future
}

fn numbers() -> Cache<str, usize> {
    Cache::builder("numbers").build(&Hub::in_memory()).unwrap()
}

/// Polls once and no more.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Pending for ever.
async fn never() {
    poll_fn(|_| Poll::<()>::Pending).await;
}

#[test]
fn a_task_loads_once_and_may_be_sent() {
    let cache = numbers();
    for _ in 0..2 {
        let load = sendable(cache.get_or_load_async("four", async |key| Ok::<_, Infallible>(key.len())));
        assert_eq!(*block_on(load).unwrap(), 4);
    }
    assert_eq!((cache.stats().loads, cache.stats().memory_hits), (1, 1));
}

#[test]
fn tasks_and_threads_share_a_flight() {
    let cache = numbers();
    let gate = Cell::new(false);
    let mut leader = pin!(cache.get_or_load_async("x", async |_| {
        poll_fn(|_| if gate.get() { Poll::Ready(()) } else { Poll::Pending }).await;
        Ok::<_, Infallible>(1)
    }));
    assert!(poll_once(leader.as_mut()).is_pending());
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| *cache.get_or_load("x", |_| Ok::<_, Infallible>(2)).unwrap());
        let task = scope
            .spawn(|| *block_on(cache.get_or_load_async("x", async |_| Ok::<_, Infallible>(3))).unwrap());
        while cache.stats().waits < 2 {
            std::thread::yield_now();
        }
        gate.set(true);
        assert!(matches!(poll_once(leader.as_mut()), Poll::Ready(Ok(value)) if *value == 1));
        assert_eq!((thread.join().unwrap(), task.join().unwrap()), (1, 1));
    });
}

#[test]
fn when_a_leader_is_dropped_one_who_waits_leads() {
    let cache = numbers();
    let loads = AtomicU32::new(0);
    let mut leader = Box::pin(cache.get_or_load_async("x", async |_| {
        never().await;
        Ok::<_, Infallible>(1)
    }));
    assert!(poll_once(leader.as_mut()).is_pending());
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let made = cache.get_or_load("x", |_| {
                        loads.fetch_add(1, Ordering::SeqCst);
                        Ok::<_, Infallible>(2)
                    });
                    *made.unwrap()
                })
            })
            .collect();
        while cache.stats().waits < 4 {
            std::thread::yield_now();
        }
        drop(leader);
        assert!(waiting.into_iter().all(|thread| thread.join().unwrap() == 2));
    });
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[test]
fn a_task_that_waits_for_itself_is_told() {
    let cache = numbers();
    let outer = cache.get_or_load_async("x", async |_| {
        let inner = cache.get_or_load_async("x", async |_| Ok::<_, String>(0)).await;
        inner.map(|value| *value).map_err(|error| error.to_string())
    });
    let error = block_on(outer).unwrap_err().to_string();
    assert!(error.contains("asks for its own value"), "{error}");
    // Two of one loader that want the same are no circle.
    let siblings = cache.get_or_load_async("a", async |_| {
        let [one, two] = ["b", "b"].map(|key| cache.get_or_load_async(key, async |_| Ok::<_, String>(1)));
        let (one, two) = (one.await, two.await);
        Ok::<_, String>(*one.unwrap() + *two.unwrap())
    });
    assert_eq!(*block_on(siblings).unwrap(), 2);
}
