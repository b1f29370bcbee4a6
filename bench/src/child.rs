//! One subject in a process of its own: `child NAME ARGUMENTS…`. Prints wall time, CPU time, answer.

use std::{ffi::OsStr, path::Path, process::Command};

use plugcache_cache::Strength;

use crate::{
    Result,
    floors::{self, Layout},
    heap,
    measure::Sample,
    rows,
    subject::{self, What},
};

/// A command that starts this program as a child.
pub(crate) fn command(name: &str, arguments: &[&OsStr]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["child", name]).args(arguments);
    Ok(command)
}

/// Runs as a child.
pub(crate) fn run(arguments: &[String]) -> Result {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sample = match arguments[..] {
        ["stat", root, suffix] => {
            let layout = Layout::of(Path::new(root), suffix)?;
            Sample::of(|| layout.stat())?
        }
        ["stat-distributions", site] => {
            let layout = Layout::of_distributions(Path::new(site))?;
            Sample::of(|| layout.stat())?
        }
        ["read", root, suffix] => {
            let layout = Layout::of(Path::new(root), suffix)?;
            Sample::of(|| layout.read())?
        }
        ["rows", store, place] => rows::read(store.parse()?, Path::new(place))?,
        #[cfg(feature = "embedding")]
        ["embed", what, model] => crate::cases::b8::work(what, Path::new(model))?,
        ["map", file] => Sample::of(|| floors::map(Path::new(file)))?,
        ["find", what, root, cache, strength, name] => {
            let (what, strength) = (what.parse::<What>()?, strength.parse::<Strength>()?);
            Sample::of(|| find(what, Path::new(root), Path::new(cache), strength, name))?
        }
        ["open", what, root, cache] => {
            let what = what.parse::<What>()?;
            Sample::of(|| {
                let session = subject::session(what, Path::new(root), Path::new(cache), Strength::Full)?;
                Ok(session.open().report().parsed as u64)
            })?
        }
        ["list", what, root, cache, strength] => {
            let (what, strength) = (what.parse::<What>()?, strength.parse::<Strength>()?);
            Sample::of(|| {
                let session = subject::session(what, Path::new(root), Path::new(cache), strength)?;
                Ok(session.ask(|snapshot| subject::walk_through(what, snapshot)).1)
            })?
        }
        ["heap", what, root, cache] => {
            let session =
                subject::session(what.parse::<What>()?, Path::new(root), Path::new(cache), Strength::Trust)?;
            let before = heap::live();
            let snapshot = session.open();
            let held = heap::live().saturating_sub(before) as u64;
            drop(snapshot);
            Sample { answer: held, ..Sample::default() }
        }
        _ => return Err(format!("no such child: {arguments:?}").into()),
    };
    println!("{}", sample.line());
    Ok(())
}

/// Opens, proves and looks up one name. Anything but an answer from the kept index is an error: it would
/// measure something else.
fn find(what: What, root: &Path, cache: &Path, strength: Strength, name: &str) -> Result<u64> {
    let session = subject::session(what, root, cache, strength)?;
    let (snapshot, found) = session.find(name, |_, candidates| candidates.len());
    let report = snapshot.report();
    if found == 0 || report.parsed > 0 || report.strength != strength {
        return Err(format!("{found} of {name}, {} parsed, at {}", report.parsed, report.strength).into());
    }
    Ok(found as u64)
}
