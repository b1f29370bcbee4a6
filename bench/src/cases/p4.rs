//! P4, entry points: the answer of `importlib.metadata`, without reading every distribution again.

use std::{collections::BTreeSet, path::Path};

use plugcache_cache::Strength;
use plugcache_discovery::entry_points::{self, EntryPointRef, PythonVersion};

use super::Kept;
use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Series, Subject, interleave},
    peers,
    report::Row,
    subject::{self, What},
};

const GOAL: &str = "P4";
/// An entry point that the environment has. Python's library has no shorter way to one than to all.
const SCRIPT: &str = "jupyter";

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
    let importlib = |python: &Path, name: String| {
        let mut command = peers::script(context, python, "entry_points.py");
        command.arg(&site);
        Subject::child(name, command)
    };
    let stevedore_cache = context.empty("stevedore")?;
    let stevedore = |cache: &Path| {
        let mut command = peers::script(context, &context.python, "stevedore_cache.py");
        command.arg(&site).arg(cache);
        command
    };
    let miss = Subject::new("stevedore, cache miss", |_| {
        Sample::of_child(&mut stevedore(&context.empty("stevedore-miss")?))
    });
    let floor = Subject::child(
        "bare dirfd stat loop over what the answer rests on",
        child::command("stat-distributions", &[site.as_ref()])?,
    );
    let subjects = [
        all_at(Strength::Full)?,
        all_at(Strength::Dirs)?,
        kept.find(Strength::Full, SCRIPT)?,
        kept.find(Strength::Dirs, SCRIPT)?,
        cold,
        floor,
        importlib(&context.python, "importlib.metadata".to_owned()),
        Subject::child("stevedore, cache hit", stevedore(&stevedore_cache)),
        miss,
    ];
    let [full, dirs, one_full, one_dirs, cold, floor, importlib_here, hit, miss] =
        interleave(context.slow_rounds() * 2, subjects)?;
    let distributions = count(&site);
    let row = |case: &str, ours: &Series, times: f64, peer: &Series| {
        let mut row = Row::faster(GOAL, &format!("{distributions} distributions: {case}"), ours, times, peer);
        row.reference = format!("{}; ", floor.figures());
        row
    };
    let mut rows = vec![equal(context, &site, &kept)?];
    for (case, full, dirs) in [("all", &full, &dirs), ("one by name", &one_full, &one_dirs)] {
        let (validated, at_dirs) = (format!("{case}, every file validated"), format!("{case}, at dirs"));
        rows.push(row(&validated, full, 80.0, &importlib_here));
        rows.push(row(&validated, full, 25.0, &hit));
        rows.push(row(&at_dirs, dirs, 500.0, &importlib_here));
        rows.push(row(&at_dirs, dirs, 150.0, &hit));
    }
    rows.push(row("all, no index", &cold, 15.0, &importlib_here));
    rows.push(row("all, no index", &cold, 15.0, &miss));
    for (version, python) in &context.other_pythons {
        let peer = importlib(python, format!("importlib.metadata of {version}"));
        let [ours, peer] = interleave(context.slow_rounds(), [all_at(Strength::Full)?, peer])?;
        rows.push(row("all, every file validated", &ours, 80.0, &peer));
    }
    Ok(rows)
}

/// How many entry points are exactly those of the standard library, and no others.
fn equal(context: &Context, site: &Path, kept: &Kept) -> Result<Row> {
    let mut command = peers::script(context, &context.python, "entry_points_all.py");
    let output = command.arg(site).output()?;
    let theirs: Vec<[Option<String>; 5]> = serde_json::from_slice(&output.stdout)?;
    let session = subject::session(What::EntryPoints, site, &kept.cache, Strength::Full)?;
    let (_, ours) = session.ask(|snapshot| {
        let listed = entry_points::list(snapshot.index(), PythonVersion::default()).unwrap_or_default();
        let owned = |entry: &EntryPointRef<'_>| {
            [Some(entry.group), Some(entry.name), Some(entry.value), entry.distribution, entry.version]
                .map(|text| text.map(str::to_owned))
        };
        listed.iter().map(owned).collect::<Vec<_>>()
    });
    let sets: [BTreeSet<_>; 2] = [ours.into_iter().collect(), theirs.into_iter().collect()];
    let common = sets[0].intersection(&sets[1]).count();
    let wrong = sets[0].len() - common;
    let case = format!("entry points exactly, {wrong} wrong");
    Ok(Row::equal(GOAL, &case, (common + wrong) as u64, sets[1].len() as u64, "importlib.metadata"))
}

fn count(site: &Path) -> usize {
    let entries = std::fs::read_dir(site).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "dist-info")).count()
}
