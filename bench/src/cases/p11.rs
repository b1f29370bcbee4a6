//! P11, hit ratio: how much of recorded accesses is found, beside the optimum and the peers.
//!
//! No time is measured: every replay but moka's, which tidies up by the clock, comes out the same each time.

use crate::replay::{self, PEERS};
use crate::{
    Result,
    context::Context,
    measure::figure,
    report::{Bound, Row},
    traces,
};

const GOAL: &str = "P11";
/// Fewest entries: a cache of ten says more about its rounding than about its policy.
const FEWEST: usize = 100;
/// Parts of the distinct keys that fit, as divisors.
const PARTS: [usize; 2] = [100, 10];
/// The mean of our hits by the optimum's has to be at least this.
const MEAN: f64 = 0.80;
/// Points that we may find less than the best peer.
const POINTS: f64 = 2.0;
/// In so many of the cases.
const CASES: f64 = 0.9;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let mut cases = Vec::new();
    for trace in traces::all(&context.traces)? {
        let distinct = trace.distinct();
        let mut sizes = PARTS.map(|part| (distinct / part).max(FEWEST)).to_vec();
        // A small trace has the fewest entries as both of its sizes, or nearly so.
        sizes.dedup_by(|large, small| *large < *small * 2);
        cases.extend(sizes.into_iter().map(|entries| Case::replay(trace.name, &trace.keys, entries)));
    }
    let mut rows: Vec<Row> = cases.iter().map(Case::row).collect();
    let mean = |of: &dyn Fn(&Case) -> f64| cases.iter().map(of).sum::<f64>() / number(cases.len());
    let ours = mean(&|case| case.ours / case.optimum);
    let peers = PEERS
        .iter()
        .enumerate()
        .map(|(n, (name, _))| format!("{name} {}", figure(mean(&|case| case.peers[n] / case.optimum))));
    rows.push(Row {
        goal: GOAL,
        case: "mean of hits by the optimum's".to_owned(),
        ours,
        reference: "the optimum: 1".to_owned(),
        peer: peers.collect::<Vec<_>>().join(", "),
        ratio: ours,
        bound: Bound::AtLeast(MEAN),
    });
    let near = cases.iter().filter(|case| case.behind() <= POINTS).count();
    rows.push(Row {
        goal: GOAL,
        case: format!("cases within {POINTS} points of the best peer"),
        ours: number(near),
        reference: format!("all cases: {}", cases.len()),
        peer: String::new(),
        ratio: number(near) / number(cases.len()),
        bound: Bound::AtLeast(CASES),
    });
    Ok(rows)
}

/// A trace at a size: hits in percent.
struct Case {
    name: String,
    ours: f64,
    optimum: f64,
    peers: [f64; PEERS.len()],
}

impl Case {
    fn replay(trace: &str, keys: &[u64], entries: usize) -> Self {
        let percent = |hits| number(hits) * 100.0 / number(keys.len());
        Self {
            name: format!("{trace}, {entries} entries: hits in %, points ahead"),
            ours: percent(replay::ours(keys, entries)),
            optimum: percent(replay::optimum(keys, entries)),
            peers: PEERS.map(|(_, peer)| percent(peer(keys, entries))),
        }
    }

    /// Points that we are behind the best peer; negative if ahead.
    fn behind(&self) -> f64 {
        self.peers.iter().copied().fold(0.0, f64::max) - self.ours
    }

    /// Judged by the points between us and the best peer, so that a case that falls short shows.
    fn row(&self) -> Row {
        let peers = PEERS.iter().zip(self.peers).map(|((name, _), hits)| format!("{name} {}", figure(hits)));
        Row {
            goal: GOAL,
            case: self.name.clone(),
            ours: self.ours,
            reference: format!("the optimum: {}", figure(self.optimum)),
            peer: peers.collect::<Vec<_>>().join(", "),
            ratio: -self.behind(),
            bound: Bound::AtLeast(-POINTS),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "requests and cases here are far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}
