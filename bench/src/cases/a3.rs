//! Manifests: beside what Home Assistant does at each start. No goal has a bound for it, so the bound is
//! what anyone would expect: not to be slower. Measured where the large corpus is (`cargo xtask corpora
//! --large`).

use plugcache_cache::Strength;

use super::Kept;
use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Subject, interleave},
    peers,
    report::Row,
    subject::What,
};

const GOAL: &str = "A3";

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let root = context.corpora.join("homeassistant/homeassistant/components");
    if !root.is_dir() {
        eprintln!("  left out: `cargo xtask corpora --large` fetches what it reads");
        return Ok(Vec::new());
    }
    let kept = Kept::make(context, "a3", What::Manifests, &root)?;
    let arguments = [What::Manifests.word().as_ref(), root.as_ref(), kept.cache.as_ref(), "full".as_ref()];
    let warm = Subject::child("all at full", child::command("list", &arguments)?);
    let cold = Subject::new("no index", |_| {
        let cache = context.empty("indexes/a3-cold")?;
        let arguments = [
            What::Manifests.word().as_ref(),
            root.as_ref(),
            cache.as_ref(),
            Strength::Full.as_str().as_ref(),
        ];
        Sample::of_child(&mut child::command("list", &arguments)?)
    });
    let mut json = peers::script(context, &context.python, "manifests.py");
    json.arg(&root);
    let json = Subject::child("a loop of json.loads", json);
    let [warm, cold, json] = interleave(context.slow_rounds() * 2, [warm, cold, json])?;
    Ok(vec![
        Row::equal(GOAL, "manifests", warm.answer, json.answer, "json"),
        Row::faster(GOAL, "manifests: all, every file validated", &warm, 1.0, &json),
        Row::faster(GOAL, "manifests: all, no index", &cold, 1.0, &json),
    ])
}
