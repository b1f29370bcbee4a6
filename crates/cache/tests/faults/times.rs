//! Fault 11: clocks that are wrong, and jump.

use std::{sync::Arc, time::Duration};

use plugcache_cache::{Cache, Hub, Timestamp};
use plugcache_testkit::ManualClock;

use crate::tools::{Figures, ask, list, lists, times, version};

const NOW: i64 = 1_800_000_000_000_000_000;
const HOUR: i64 = 3_600_000_000_000;
const TTL: Duration = Duration::from_mins(10);

fn hub(place: &std::path::Path, clock: &Arc<ManualClock>) -> Hub {
    Hub::builder().directory(place.join("hub")).clock(clock.clone()).build().unwrap()
}

#[test]
fn fault_11_a_clock_that_jumps_between_calls() {
    let mut figures = Figures::of("11", "clock 1969, −1 h, +10 y, jumping between calls");
    let moments = [
        i64::MIN,
        -HOUR,
        0,
        NOW - HOUR,
        NOW,
        NOW + 60_000_000_000,
        NOW + 87_600 * HOUR,
        i64::MAX - 1,
        i64::MAX,
    ];
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(NOW)));
    for round in 0..times(150, 3_000) {
        let hub = hub(place.path(), &clock);
        let lists = lists(&hub, |it| it.ttl(TTL).max_age(TTL).refresh_early(TTL / 10).serve_stale(TTL / 10));
        for _ in 0..6 {
            clock.jump(Timestamp(*figures.random.pick(&moments).unwrap()));
            clock.advance(Duration::from_secs(figures.random.below(400) as u64));
            let key = figures.random.below(5) as u64;
            let got = match figures.random.below(5) {
                0 => version(key, &lists.insert(&key, list(key, 2))),
                1 => lists.get(&key).map_or(Some(0), |found| version(key, &found)),
                2 => lists.prune().ok().map(|_| 0),
                3 => Some(lists.explain(&key).to_string().len() as u64),
                _ => ask(&lists, key, 1),
            };
            figures.right(got.is_some(), || format!("round {round}"));
        }
    }
    figures.done();
}

/// What was made at a time that lies ahead has no age: it is not served from disk, and nothing that expires by the
/// machine's own count of time is kept longer because a wall clock went back.
#[test]
fn fault_11_the_future_is_stale_and_the_past_is_old() {
    let mut figures = Figures::of("11", "made in the future, or long ago");
    for (made, now, may_be_served) in [
        (NOW, NOW + 60_000_000_000, true),
        (NOW + 87_600 * HOUR, NOW, false),
        (NOW + 1, NOW, false),
        (-HOUR, NOW, false),
        (i64::MIN, i64::MAX, false),
        (i64::MAX, i64::MIN, false),
        (NOW, NOW - HOUR, false),
        (NOW, NOW + 600_000_000_000, false),
        (NOW, NOW + 599_999_999_999, true),
    ] {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(made)));
        lists(&hub(place.path(), &clock), |it| it.ttl(TTL)).insert(&1, list(1, 1));
        clock.jump(Timestamp(now));
        let lists = lists(&hub(place.path(), &clock), |it| it.ttl(TTL));
        let served = lists.get(&1).is_some();
        figures.right(served == may_be_served, || format!("made {made}, now {now}: served {served}"));
        // In memory it is the machine's own count that matters, which never jumps.
        let memory: Cache<u8, u8> =
            Cache::builder("memory").ttl(TTL).build(&hub(place.path(), &clock)).unwrap();
        memory.insert(&1, 2);
        clock.jump(Timestamp(NOW));
        let lives = memory.get(&1).is_some();
        clock.advance(TTL);
        let dies = memory.get(&1).is_none();
        figures.right(lives && dies, || format!("made {made}, now {now}: lives {lives}, dies {dies}"));
    }
    figures.done();
}
