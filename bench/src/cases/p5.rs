//! P5, a change costs one file: of 20,000 files one changed; it is found, read, and a new index published.

use super::{Kept, QUIET, stat_floor};
use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Subject, interleave},
    report::{Bound, Row},
    subject::What,
    trees,
};

const GOAL: &str = "P5";
/// What parsing and publishing may cost, in milliseconds.
const ALLOWANCE: f64 = 2.0;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let root = trees::wide(&context.work, context.quick)?;
    let kept = Kept::make(context, "p5", What::Generated, &root)?;
    let changed = Subject::new("one file changed", |round| {
        // Another file each time, far from the last one.
        let number = (round + 1) * 1_237;
        std::fs::write(trees::wide_file(&root, context.quick, number), trees::one_plugin(number, round + 1))?;
        std::thread::sleep(QUIET);
        let arguments = [kept.what.word().as_ref(), root.as_ref(), kept.cache.as_ref()];
        Sample::of_child(&mut child::command("open", &arguments)?)
    });
    let [ours, floor] = interleave(context.rounds(), [changed, stat_floor(&root, ".py")?])?;
    // Left as it was generated, for the next run.
    for round in 0..=context.rounds() {
        let number = (round + 1) * 1_237;
        std::fs::write(trees::wide_file(&root, context.quick, number), trees::one_plugin(number, 0))?;
    }
    let files = if context.quick { trees::WIDE.0 / 10 } else { trees::WIDE.0 };
    let case = format!("1 of {files} files changed: validate, parse, publish");
    let mut row = Row::at_most(GOAL, &case, &ours, 1.15, &floor);
    row.reference.push_str(" + 2 ms");
    row.ratio = (ours.median() - ALLOWANCE) / floor.median();
    row.bound = Bound::AtMost(1.15);
    Ok(vec![row, Row::equal(GOAL, "files parsed after one changed", ours.answer, 1, "changed")])
}
