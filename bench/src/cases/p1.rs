//! P1, free validation: proving an index true costs what a `stat` of its files costs.

use plugcache_cache::Strength;

use super::{EXTRACTOR, Kept, stat_floor};
use crate::{
    Result,
    context::Context,
    measure::{Series, Subject, interleave},
    peers,
    report::Row,
    subject::What,
};

const GOAL: &str = "P1";
const CASE: &str = "yt-dlp: open, validate every file, find one";

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let kept = Kept::make(context, "p1", What::Extractors, &context.corpora.join("yt_dlp"))?;
    let find = || kept.find(Strength::Full, EXTRACTOR);
    let [ours, floor] = interleave(context.rounds(), [find()?, stat_floor(&context.extractors(), ".py")?])?;

    let compiled = peers::compiled_copy(context, "yt_dlp")?;
    let peer = |name: &str, script: &str| {
        let mut command = peers::script(context, &context.python, script);
        command.arg(&compiled);
        Subject::child(name, command)
    };
    let importing = peer("import of all extractors, byte code warm", "import_extractors.py");
    let listed = peer("import of lazy_extractors, byte code warm", "lazy_extractors.py");
    // Once more beside the peers: after a Python process the machine's caches hold other things.
    let subjects = [find()?, stat_floor(&context.extractors(), ".py")?, importing, listed];
    let [beside, floor_beside, importing, listed] = interleave(context.slow_rounds() * 2, subjects)?;
    let against = |times: f64, peer: &Series| {
        let mut row = Row::faster(GOAL, CASE, &beside, times, peer);
        row.reference = format!("{}; ", floor_beside.figures());
        row
    };
    Ok(vec![
        Row::at_most(GOAL, CASE, &ours, 1.10, &floor),
        against(200.0, &importing),
        against(25.0, &listed),
    ])
}
