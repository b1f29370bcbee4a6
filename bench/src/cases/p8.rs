//! P8, from Python: a memoised call that is answered from memory, with a lifetime and figures, beside what Python
//! programs use today; and a plugin by name beside a dictionary.
//!
//! All subjects take turns in one process, since it is nanoseconds that are compared. What is judged is a loop of calls
//! as a program would have it. The loop and the interpreter's part of a call are the same for all, so each ratio is shown
//! with the empty loop taken off as well.

use std::collections::BTreeMap;

use crate::{
    Result,
    context::Context,
    measure::Series,
    peers,
    report::{Bound, Row},
};

const GOAL: &str = "P8";
const CALLS: usize = 20_000;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let place = context.empty("memo")?;
    let mut command = peers::script(context, &context.plugcache_python, "memo.py");
    command.arg(place).arg(context.corpora.join("yt_dlp"));
    command.args([context.slow_rounds() * 3, CALLS].map(|number| number.to_string()));
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let problem = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{}", output.status, problem.trim_end()).into());
    }
    let told: BTreeMap<String, Vec<(u64, u64)>> = serde_json::from_slice(&output.stdout)?;
    let series = |name: &str| {
        let samples = told.get(name).ok_or_else(|| format!("memo.py told nothing of {name}"))?;
        Ok::<_, Box<dyn std::error::Error>>(Series::of_nanoseconds(name, samples))
    };
    let mut rows = Vec::new();
    for kind in ["number", "text", "one text"] {
        let named = |what: &str| series(&format!("{kind}: {what}"));
        let ours = named("plugcache.cached(ttl=300)")?;
        let in_memory = named("plugcache.cached(ttl=300, disk=False)")?;
        let empty = named("an empty loop")?;
        let lru = named("functools.lru_cache")?;
        let case = format!("{CALLS} hits of a memoised call, by {}", described(kind));
        rows.push(Row::at_most(GOAL, &case, &ours, 1.2, &lru));
        rows.push(Row::at_most(GOAL, &format!("{case}, in memory only"), &in_memory, 1.2, &lru));
        rows.push(without(&empty, Row::at_most(GOAL, &case, &ours, 1.2, &lru), &ours, &lru));
        rows.push(Row::at_most(GOAL, &case, &ours, 1.2, &named("functools.lru_cache(typed=True)")?));
        for (peer, times) in [
            ("cachetools.cached(LRUCache)", 3.0),
            ("cachetools.LRUCache, its [key] alone", 3.0),
            ("cachetools.cached(TTLCache)", 10.0),
            ("dogpile get_or_create", 50.0),
        ] {
            let peer = named(peer)?;
            let row = || Row::faster(GOAL, &case, &ours, times, &peer);
            rows.push(row());
            rows.push(without(&empty, row(), &ours, &peer));
        }
    }
    let dict = series("a dict")?;
    for (how, registry) in [
        ("proven each time", "Registry"),
        ("the system tells of changes", "Registry, watch=True"),
        ("trusted", "Registry, strength=\"trust\""),
    ] {
        let case = format!("{CALLS} × registry[name], {how}");
        rows.push(Row::at_most(GOAL, &case, &series(registry)?, 2.0, &dict));
    }
    Ok(rows)
}

fn described(kind: &str) -> &str {
    match kind {
        "number" => "256 numbers",
        "text" => "256 texts",
        one => one,
    }
}

/// The same row, with the loop that all calls were in taken off both sides.
fn without(empty: &Series, row: Row, ours: &Series, other: &Series) -> Row {
    let [ours, other] = [ours, other].map(|series| series.median() - empty.median());
    let ratio = match row.bound {
        Bound::AtMost(_) => ours / other,
        Bound::AtLeast(_) => other / ours,
    };
    let case = row.case.replace(", ms", "; the loop taken off, ms");
    Row { case, ours, ratio, ..row }
}
