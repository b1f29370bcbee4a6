//! P4, entry points: the answer of `importlib.metadata`, without reading every distribution again.

use plugcache_cache::Strength;

use super::Kept;
use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Series, Subject, interleave},
    peers,
    report::Row,
    subject::What,
};

const GOAL: &str = "P4";

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let site = context.site_packages()?;
    let kept = Kept::make(context, "p4", What::EntryPoints, &site)?;
    let all_at = |strength: Strength| {
        let strength = strength.as_str();
        let arguments = [kept.what.word().as_ref(), site.as_ref(), kept.cache.as_ref(), strength.as_ref()];
        Ok::<_, Box<dyn std::error::Error>>(Subject::child(
            format!("all entry points at {strength}"),
            child::command("list", &arguments)?,
        ))
    };
    let cold = Subject::new("all entry points, no index", |_| {
        let cache = context.empty("indexes/p4-cold")?;
        let arguments = [What::EntryPoints.word().as_ref(), site.as_ref(), cache.as_ref(), "full".as_ref()];
        Sample::of_child(&mut child::command("list", &arguments)?)
    });
    let importlib = |python: &std::path::Path, name: String| {
        let mut command = peers::script(context, python, "entry_points.py");
        command.arg(&site);
        Subject::child(name, command)
    };
    let stevedore_cache = context.empty("stevedore")?;
    let stevedore = |cache: &std::path::Path| {
        let mut command = peers::script(context, &context.python, "stevedore_cache.py");
        command.arg(&site).arg(cache);
        command
    };
    let miss = Subject::new("stevedore, cache miss", |_| {
        Sample::of_child(&mut stevedore(&context.empty("stevedore-miss")?))
    });
    let subjects = [
        all_at(Strength::Full)?,
        all_at(Strength::Dirs)?,
        cold,
        importlib(&context.python, "importlib.metadata".to_owned()),
        Subject::child("stevedore, cache hit", stevedore(&stevedore_cache)),
        miss,
    ];
    let [full, dirs, cold, importlib_here, hit, miss] = interleave(context.slow_rounds() * 2, subjects)?;
    let row = |case: &str, ours: &Series, times: f64, peer: &Series| {
        Row::faster(GOAL, &format!("{} distributions: {case}", count(&site)), ours, times, peer)
    };
    let mut rows = vec![
        Row::equal(GOAL, "entry points at full", full.answer, importlib_here.answer, "importlib.metadata"),
        row("all, every file validated", &full, 80.0, &importlib_here),
        row("all, every file validated", &full, 25.0, &hit),
        row("all, at dirs", &dirs, 500.0, &importlib_here),
        row("all, at dirs", &dirs, 150.0, &hit),
        row("all, no index", &cold, 15.0, &importlib_here),
        row("all, no index", &cold, 15.0, &miss),
    ];
    for (version, python) in &context.other_pythons {
        let peer = importlib(python, format!("importlib.metadata of {version}"));
        let [ours, peer] = interleave(context.slow_rounds(), [all_at(Strength::Full)?, peer])?;
        rows.push(row("all, every file validated", &ours, 80.0, &peer));
    }
    Ok(rows)
}

fn count(site: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(site).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "dist-info")).count()
}
