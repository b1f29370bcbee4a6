//! P6, the memory hit: with freshness checked and the hit counted, close to a bare map and far from its peers.

use std::{
    hint::black_box,
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use plugcache_cache::{Cache, Hub, Key};

use crate::{
    Result,
    context::Context,
    measure::{Sample, Series, Subject, interleave},
    peers,
    report::{Bound, Row},
};

const GOAL: &str = "P6";
/// Entries, all of them in the cache.
const ENTRIES: u64 = 10_000;
/// Lookups of one sample.
const LOOKUPS: usize = 400_000;
/// Keys of one sample that are not in the cache.
const MISSES: u64 = 100_000;
/// A time to live that does not end meanwhile.
const TTL: Duration = Duration::from_hours(1);

type Bare<K> = hashbrown::HashMap<K, Arc<u64>>;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let mut rows = hits(context, "u64 keys", |n| n, 5.0)?;
    rows.extend(hits(context, "40-byte keys", |n| format!("plugins/extractor/module-{n:0>18}"), 3.5)?);
    rows.extend(misses(context)?);
    rows.extend(side_by_side(context)?);
    rows.extend(beside_python(context)?);
    Ok(rows)
}

fn hits<K>(context: &Context, what: &str, key: impl Fn(u64) -> K, faster: f64) -> Result<Vec<Row>>
where
    K: Key + Clone,
    K: ToOwned<Owned = K>,
{
    let keys: Vec<K> = (0..ENTRIES).map(key).collect();
    let order = shuffled(&keys);
    let cache = ours::<K>("hits")?;
    let bare: Bare<K> = keys.iter().map(|key| (key.clone(), Arc::new(7))).collect();
    let moka = moka::sync::Cache::builder().max_capacity(ENTRIES * 2).time_to_live(TTL).build();
    let quick = quick_cache::sync::Cache::new(ENTRIES as usize * 2);
    for key in &keys {
        cache.insert(key, 7);
        moka.insert(key.clone(), Arc::new(7_u64));
        quick.insert(key.clone(), Arc::new(7_u64));
    }
    let subjects = [
        lookups("ours", &order, |key| cache.get(key)),
        lookups("hashbrown map and Arc clone", &order, |key| bare.get(key).cloned()),
        lookups("moka with a TTL", &order, |key| moka.get(key)),
        lookups("quick_cache", &order, |key| quick.get(key)),
    ];
    let [ours, bare, moka, quick] = interleave(context.rounds(), subjects)?;
    let case = format!("{LOOKUPS} hits, {what}");
    Ok(vec![
        Row::at_most(GOAL, &case, &ours, 2.2, &bare),
        Row::faster(GOAL, &case, &ours, faster, &moka),
        Row {
            bound: Bound::AtLeast(0.0),
            ..Row::faster(GOAL, &format!("{case}, for comparison"), &ours, 0.0, &quick)
        },
    ])
}

/// Python's caches, which the hosts use today, for comparison: no goal.
fn beside_python(context: &Context) -> Result<Vec<Row>> {
    let keys: Vec<u64> = (0..ENTRIES).collect();
    let order = shuffled(&keys);
    let cache = ours::<u64>("python")?;
    for key in &keys {
        cache.insert(key, 7);
    }
    let peer = |which: &'static str| {
        let mut command = peers::script(context, &context.peers_python, "memory.py");
        command.args([which, &ENTRIES.to_string(), &LOOKUPS.to_string()]);
        Subject::child(which, command)
    };
    let subjects = [
        lookups("ours", &order, |key| cache.get(key)),
        peer("functools"),
        peer("LRUCache"),
        peer("TTLCache"),
    ];
    let [ours, rest @ ..] = interleave(context.slow_rounds(), subjects)?;
    let case = format!("{LOOKUPS} hits, from Python, for comparison");
    let row =
        |peer: &Series| Row { bound: Bound::AtLeast(0.0), ..Row::faster(GOAL, &case, &ours, 0.0, peer) };
    Ok(rest.iter().map(row).collect())
}

fn misses(context: &Context) -> Result<Vec<Row>> {
    let cache = ours::<u64>("misses")?;
    let moka = moka::sync::Cache::builder().max_capacity(ENTRIES * 2).time_to_live(TTL).build();
    let quick = quick_cache::sync::Cache::new(ENTRIES as usize * 2);
    let fresh = |round: usize| round as u64 * MISSES..(round as u64 + 1) * MISSES;
    let sample = |keys: std::ops::Range<u64>, load: &dyn Fn(u64) -> Arc<u64>| {
        Sample::of(|| Ok(keys.map(|key| *black_box(load(key))).sum::<u64>() % 2))
    };
    let subjects = [
        Subject::new("ours", |round| {
            sample(fresh(round), &|key| {
                cache.get_or_load(&key, |key| Ok::<_, std::io::Error>(*key)).unwrap_or_default()
            })
        }),
        Subject::new("moka get_with", |round| {
            sample(fresh(round), &|key| moka.get_with(key, || Arc::new(key)))
        }),
        Subject::new("quick_cache get_or_insert_with", |round| {
            sample(fresh(round), &|key| {
                quick.get_or_insert_with(&key, || Ok::<_, ()>(Arc::new(key))).unwrap_or_default()
            })
        }),
    ];
    let [ours, moka, quick] = interleave(context.rounds(), subjects)?;
    let case = format!("{MISSES} times miss, load, insert");
    Ok(vec![
        Row::faster(GOAL, &case, &ours, 8.0, &moka),
        Row {
            bound: Bound::AtLeast(0.0),
            ..Row::faster(GOAL, &format!("{case}, for comparison"), &ours, 0.0, &quick)
        },
    ])
}

/// Two threads on different keys against one, beside two threads that share nothing at all.
fn side_by_side(context: &Context) -> Result<Vec<Row>> {
    let keys: Vec<u64> = (0..ENTRIES).collect();
    let halves = [shuffled(&keys[..keys.len() / 2]), shuffled(&keys[keys.len() / 2..])];
    let cache = ours::<u64>("threads")?;
    let bare: [Bare<u64>; 2] = [(); 2].map(|()| keys.iter().map(|key| (*key, Arc::new(7))).collect());
    for key in &keys {
        cache.insert(key, 7);
    }
    let ours = |_: usize, key: &u64| cache.get(key);
    let apart = |thread: usize, key: &u64| bare[thread].get(key).cloned();
    let subjects = [
        Subject::new("ours, one thread", |_| in_threads(1, &halves, &ours)),
        Subject::new("ours, two threads", |_| in_threads(2, &halves, &ours)),
        Subject::new("a map, one thread", |_| in_threads(1, &halves, &apart)),
        Subject::new("a map each, two threads", |_| in_threads(2, &halves, &apart)),
    ];
    let [one, two, bare_one, bare_two] = interleave(context.rounds(), subjects)?;
    let slower = |two: &Series, one: &Series| two.min() / one.min();
    Ok(vec![Row {
        goal: GOAL,
        case: format!("{LOOKUPS} hits in each of two threads, ms"),
        ours: two.min(),
        reference: format!("one thread alone: {:.2} ms", one.min()),
        peer: format!("two threads that share nothing: {:.2} × one", slower(&bare_two, &bare_one)),
        ratio: slower(&two, &one) / slower(&bare_two, &bare_one),
        bound: Bound::AtMost(1.05),
    }])
}

/// Lookups in as many threads at once; the time of the slowest, as each reads it for itself.
fn in_threads(
    count: usize,
    halves: &[Vec<u64>; 2],
    look: &(dyn Fn(usize, &u64) -> Option<Arc<u64>> + Sync),
) -> Result<Sample> {
    let start = Barrier::new(count);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|thread| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let began = Instant::now();
                    let looked = halves[thread].iter().cycle().take(LOOKUPS);
                    let found = looked.filter_map(|key| black_box(look(thread, key))).count();
                    (began.elapsed(), found as u64)
                })
            })
            .collect();
        let mut sample = Sample::default();
        for thread in threads {
            let (wall, found) = thread.join().map_err(|_| "a thread panicked")?;
            sample.wall = sample.wall.max(wall);
            sample.answer += found;
        }
        Ok(sample)
    })
}

fn lookups<'a, K>(name: &str, order: &'a [K], look: impl Fn(&K) -> Option<Arc<u64>> + 'a) -> Subject<'a> {
    Subject::new(name, move |_| {
        Sample::of(|| {
            let looked = order.iter().cycle().take(LOOKUPS);
            Ok(looked.filter_map(|key| black_box(look(key))).count() as u64)
        })
    })
}

fn ours<K: Key>(name: &str) -> Result<Cache<K, u64>> {
    Ok(Cache::builder(name).capacity(ENTRIES as usize * 2).ttl(TTL).build(&Hub::in_memory())?)
}

/// In an order that no prefetcher knows, the same each time.
fn shuffled<K: Clone>(keys: &[K]) -> Vec<K> {
    let mut numbered: Vec<(u64, K)> = keys
        .iter()
        .enumerate()
        .map(|(n, key)| {
            ((n as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29), key.clone())
        })
        .collect();
    numbered.sort_by_key(|(order, _)| *order);
    numbered.into_iter().map(|(_, key)| key).collect()
}
