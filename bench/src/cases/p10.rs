//! P10, growth: from ten plugins to a million, opening and one lookup grow like a logarithm at most.

use plugcache_cache::Strength;

use super::Kept;
use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Series, interleave},
    report::{Bound, Row},
    subject::What,
    trees,
};

const GOAL: &str = "P10";
/// Bytes on disk that a plugin may cost beside the text of its facts.
const BYTES: f64 = 300.0;

struct Step {
    plugins: usize,
    found: Series,
    /// Bytes on the heap that opening holds.
    heap: u64,
    /// Bytes of the index.
    size: u64,
}

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let sizes: &[usize] =
        if context.quick { &[10, 100, 1_000, 10_000] } else { &[10, 100, 1_000, 10_000, 100_000, 1_000_000] };
    let steps = sizes.iter().map(|plugins| step(context, *plugins)).collect::<Result<Vec<_>>>()?;
    let [first, .., last] = &steps[..] else { return Err("no sizes".into()) };
    let mut rows = Vec::new();
    for step in &steps[1..] {
        let mut row = Row::at_most(
            GOAL,
            &format!("{} plugins: open, find one", step.plugins),
            &step.found,
            logarithm(step.plugins) / logarithm(first.plugins),
            &first.found,
        );
        row.reference = format!("{} plugins: {}", first.plugins, row.reference);
        rows.push(row);
    }
    rows.push(Row {
        goal: GOAL,
        case: format!("{} plugins: size of the index, MB", last.plugins),
        ours: as_number(last.size) / 1e6,
        reference: format!("bytes a plugin beside its text of {} bytes", trees::FACTS_TEXT),
        peer: String::new(),
        ratio: as_number(last.size) / as_number(last.plugins as u64) - as_number(trees::FACTS_TEXT as u64),
        bound: Bound::AtMost(BYTES),
    });
    let grown = last.heap.saturating_sub(first.heap);
    let case = format!("{} plugins: bytes on the heap more than for {}", last.plugins, first.plugins);
    rows.push(Row::equal(GOAL, &case, grown, 0, "until used"));
    Ok(rows)
}

fn step(context: &Context, plugins: usize) -> Result<Step> {
    let root = trees::tall(&context.work, plugins)?;
    let kept = Kept::make(context, &format!("p10-{plugins:07}"), What::Generated, &root)?;
    // Paths are equally long for every size, because the heap is counted to the byte.
    // Nothing is validated here: that grows with the number of files, which P1 is about.
    let name = format!("P{:07}", plugins / 2);
    let [found] = interleave(context.rounds(), [kept.find(Strength::Trust, &name)?])?;
    let arguments = [kept.what.word().as_ref(), kept.root.as_ref(), kept.cache.as_ref()];
    let heap = Sample::of_child(&mut child::command("heap", &arguments)?)?.answer;
    Ok(Step { plugins, found, heap, size: std::fs::metadata(&kept.file)?.len() })
}

fn logarithm(plugins: usize) -> f64 {
    as_number(plugins as u64).log10()
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts here are far below 2^52")]
fn as_number(count: u64) -> f64 {
    count as f64
}
