//! P2, lazy proof: directories and the files behind the answer, nothing else.

use plugcache_cache::Strength;

use super::{EXTRACTOR, Kept, stat_floor};
use crate::{
    Result, child,
    context::Context,
    measure::{Subject, interleave},
    report::Row,
    subject::What,
};

const GOAL: &str = "P2";
const CASE: &str = "yt-dlp: open at lazy, find one";

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let kept = Kept::make(context, "p2", What::Extractors, &context.corpora.join("yt_dlp"))?;
    let map =
        Subject::child("open, mmap, munmap of the index", child::command("map", &[kept.file.as_ref()])?);
    let subjects = [kept.find(Strength::Lazy, EXTRACTOR)?, stat_floor(&context.extractors(), ".py")?, map];
    let [ours, floor, map] = interleave(context.rounds(), subjects)?;
    Ok(vec![Row::at_most(GOAL, CASE, &ours, 1.0 / 20.0, &floor), Row::at_most(GOAL, CASE, &ours, 4.0, &map)])
}
