//! P4 from Python: the answer as objects of `importlib.metadata`, in a fresh process and when it is asked again; and
//! what that does to the start of programs that ask as they start.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use plugcache_cache::Strength;

use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Series, Subject, interleave},
    peers,
    report::{Bound, Row},
};

const GOAL: &str = "P4";
/// A group that many distributions have something in.
const GROUP: &str = "console_scripts";

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (group, what) in [("", "all"), (GROUP, "one group")] {
        rows.extend(answers(context, group, what)?);
    }
    rows.extend(starts(context)?);
    Ok(rows)
}

/// How fast the answer is there.
fn answers(context: &Context, group: &str, what: &str) -> Result<Vec<Row>> {
    let site = context.site_packages()?;
    let cache = context.empty(&format!("indexes/p4-python-{}", group.len()))?;
    let ask = |who: &str, when: &str, strength: Strength| {
        let mut command = peers::script(context, &context.plugcache_python, "entry_points_python.py");
        command.args([who, when, group]).arg(&site).env("PLUGCACHE_DIR", &cache);
        command.env("PLUGCACHE_STRENGTH", strength.as_str());
        Subject::child(format!("{who}, {when}"), command)
    };
    let stevedore_cache = context.empty("stevedore-python")?;
    let mut hit = peers::script(context, &context.python, "stevedore_cache.py");
    hit.arg(&site).arg(&stevedore_cache);
    let floor = child::command("stat-distributions", &[site.as_ref()])?;
    let (full, dirs) = (Strength::Full, Strength::Dirs);
    let subjects = [
        ask("plugcache", "first", full),
        ask("plugcache", "again", full),
        ask("plugcache", "again", dirs),
        ask("accelerated", "first", full),
        ask("importlib", "first", full),
        ask("importlib", "again", full),
        Subject::child("stevedore, cache hit", hit),
        Subject::child("bare dirfd stat loop", floor),
    ];
    let [first, again, at_dirs, accelerated, importlib_first, importlib_again, hit, floor] =
        interleave(context.slow_rounds() * 2, subjects)?;
    let row = |case: &str, ours: &Series, times: f64, peer: &Series| {
        let mut row = Row::faster(GOAL, &format!("from Python: {what}, {case}"), ours, times, peer);
        row.reference = format!("{}; ", floor.figures());
        row
    };
    Ok(vec![
        row("fresh process", &first, 80.0, &importlib_first),
        row("fresh process", &first, 25.0, &hit),
        row("fresh process, importlib.metadata accelerated", &accelerated, 80.0, &importlib_first),
        row("asked again", &again, 80.0, &importlib_again),
        row("asked again, at dirs", &at_dirs, 500.0, &importlib_again),
    ])
}

/// How long programs take from the start of their process to its end.
fn starts(context: &Context) -> Result<Vec<Row>> {
    let cache = context.empty("indexes/p4-programs")?;
    let mut rows = Vec::new();
    // Asked once for its version, pytest asks for no plugin; asked twice, it tells those that it has.
    let programs: [(&str, &[&str]); 3] =
        [("pytest", &["--version"]), ("pytest", &["--version", "--version"]), ("bandit", &["--version"])];
    // A place where nothing changes: Python looks there first.
    let place = context.empty("start")?;
    let command = |python: &Path, before: &[&str], program: (&str, &[&str])| {
        let mut command = Command::new(python.join("bin/python"));
        command.args(before).args(["-m", program.0]).args(program.1);
        command.env_remove("PYTHONPATH").env_remove("PYTHONDONTWRITEBYTECODE").env("PLUGCACHE_DIR", &cache);
        command.current_dir(&place).stdin(Stdio::null());
        command
    };
    let run = |python: &Path, before: &[&str], program: (&str, &[&str])| {
        let mut command = command(python, before, program);
        Subject::new(before.join(" "), move |_| start(&mut command))
    };
    for program in programs {
        let (plain, ours) = (&context.programs, &context.programs_plugcache);
        let pth = |what: &str| -> Result {
            let mut command = Command::new(ours.join("bin/python"));
            command.args(["-m", "plugcache", "pth", what]).stdout(Stdio::null());
            if command.status()?.success() {
                Ok(())
            } else {
                Err(format!("plugcache pth {what} failed").into())
            }
        };
        let hooked = |round: usize| -> Result<Sample> {
            let mut command = command(ours, &[], program);
            pth("install")?;
            if round == 0 {
                start(&mut command)?;
            }
            let sample = start(&mut command);
            pth("remove")?;
            sample
        };
        let subjects = [
            run(plain, &[], program),
            run(ours, &["-m", "plugcache", "run", "--"], program),
            Subject::new("a .pth file", hooked),
        ];
        let [before, run, pth] = interleave(context.slow_rounds() * 2, subjects)?;
        for (case, after) in [("python -m plugcache run", &run), ("by its .pth file", &pth)] {
            let case = format!("start of {} {}, {case}", program.0, program.1.join(" "));
            let mut row = Row::faster(GOAL, &case, after, 1.0, &before);
            row.peer = format!("without plugcache{}", before.figures());
            row.bound = Bound::AtLeast(1.0);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Starts a program and waits for its end: wall time only, as CPU time of another process is not ours to read.
fn start(command: &mut Command) -> Result<Sample> {
    let sample = Sample::of(|| {
        let status = command.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
        if status.status.success() {
            Ok(0)
        } else {
            Err(format!("{command:?}: {}", String::from_utf8_lossy(&status.stderr)).into())
        }
    })?;
    Ok(Sample { cpu: Duration::ZERO, ..sample })
}
