//! A walk through a host's layers, one scene each. The example prints it, and so does `plugcache demo`.

mod host;
mod process;

use std::{fs, path::Path, time::Duration};

use plugcache::{instances::Outcome, watch::Change};
use serde_json::json;

pub(crate) use host::{Failure, Host, Places};

/// Where lines go: a heading or a line below one.
pub(crate) type Say<'a> = dyn FnMut(Line) -> Result<(), Failure> + 'a;

/// What is printed.
pub(crate) enum Line {
    /// Begins a scene.
    Heading(&'static str),
    /// What happened.
    Text(String),
}

/// Plays all scenes over a tree with Python's package `encodings`, which is changed. Where there is none, see
/// [`copy_codecs`].
pub(crate) fn play(places: &Places, say: &mut Say<'_>) -> Result<(), Failure> {
    let host = Host::open(places)?;
    found(&host, say)?;
    judged(&host, places, say)?;
    running(&host, say)?;
    replaced(&host, places, say)?;
    state(&host, places, say)?;
    kept(&host, say)?;
    host.codecs.shutdown();
    Ok(())
}

fn found(host: &Host, say: &mut Say<'_>) -> Result<(), Failure> {
    say(Line::Heading("Found, and watched"))?;
    let (plugins, _) = host.watch.list();
    text(say, format!("{} plugins", plugins.len()))?;
    for _ in 0..2 {
        let report = host.watch.resolve("ascii").report;
        let took = report.elapsed.as_secs_f64() * 1e6;
        text(say, format!("one by its name: strength {}, {took:.0} µs", report.strength))?;
    }
    for name in ["ascii", "ascii", "hex_codec"] {
        host.manifest(name)?;
    }
    let manifests = host.manifests.cache().stats();
    text(
        say,
        format!(
            "manifests: {} made, {} served again",
            host.manifests.stats().total_entries,
            manifests.metrics().hits
        ),
    )
}

fn judged(host: &Host, places: &Places, say: &mut Say<'_>) -> Result<(), Failure> {
    say(Line::Heading("Judged from source, before anything runs"))?;
    let package = host.judge.package(&places.root.join("encodings"));
    let refused: Vec<_> = package.files.iter().filter(|source| !source.is_allowed()).collect();
    text(say, format!("{} files, {} refused by the strict profile", package.files.len(), refused.len()))?;
    for source in refused.iter().take(2) {
        let name = source.path.file_name().unwrap_or_default().display();
        if let Some(violation) = source.verdict.violations.first() {
            text(say, format!("{name}{violation}"))?;
        }
    }
    Ok(())
}

fn running(host: &Host, say: &mut Say<'_>) -> Result<(), Failure> {
    say(Line::Heading("Running: one process a stream and plugin"))?;
    for (overrides, what) in [
        (json!({}), "started"),
        (json!({}), "the same again"),
        (json!({ "ERRORS": "xmlcharrefreplace" }), "other configuration"),
        (json!({ "ERRORS": "shout" }), "one that the plugin refuses"),
        (json!({ "ERRORS": 7, "LONGEST": 0 }), "one that breaks the rules"),
    ] {
        match host.encode("street", "ascii", &overrides, "Grüße") {
            Ok((encoded, codec)) => {
                let outcome = match codec.outcome {
                    Outcome::Started => "started",
                    Outcome::Unchanged => "unchanged",
                    Outcome::Applied => "reconfigured",
                    _ => "busy",
                };
                let process = codec.handle.process();
                text(say, format!("{what}: {encoded}, {outcome}, process {process}"))?;
            }
            Err(error) => text(say, format!("{what}: {error}"))?,
        }
    }
    Ok(())
}

fn replaced(host: &Host, places: &Places, say: &mut Say<'_>) -> Result<(), Failure> {
    say(Line::Heading("A plugin's file changes while it runs"))?;
    let (_, old) = host.encode("street", "ascii", &json!({}), "Grüße")?;
    let file = places.root.join("encodings/ascii.py");
    let source = fs::read_to_string(&file)?;
    fs::write(&file, source.replace("codecs.ascii_encode", "codecs.latin_1_encode"))?;
    let (new, after) = host.encode("street", "ascii", &json!({}), "Grüße")?;
    text(say, format!("the new one says {new}; the old one, still in use, {}", old.handle.encode("Grüße")?))?;
    let process = old.handle.process();
    drop(old);
    let stats = host.codecs.stats();
    text(
        say,
        format!("let go: process {process} is stopped, {} runs as {}", stats.live, after.handle.process()),
    )?;
    if let Ok(Change::Changed { old, .. }) = host.changes.recv_timeout(Duration::from_secs(5)) {
        text(say, format!("subscribers are told: {} has changed", old.name))?;
    }
    Ok(())
}

fn state(host: &Host, places: &Places, say: &mut Say<'_>) -> Result<(), Failure> {
    say(Line::Heading("State: compared, applied, verified, taken back"))?;
    let wanted = json!({ "files": { "codecs.conf": { "content": "errors = strict\n" } } });
    for what in ["first", "again"] {
        let report = host.state.apply(&wanted)?;
        let outcomes: Vec<_> = report.plugins.iter().map(|one| format!("{:?}", one.outcome)).collect();
        text(say, format!("{what}: {}", outcomes.join(", ")))?;
    }
    let checkpoint = host.state.checkpoint("files")?;
    fs::write(places.managed.join("codecs.conf"), "overwritten by hand\n")?;
    host.state.rollback(&checkpoint)?;
    let content = fs::read_to_string(places.managed.join("codecs.conf"))?;
    text(say, format!("after somebody wrote over it and a rollback: {}", content.trim_end()))
}

fn kept(host: &Host, say: &mut Say<'_>) -> Result<(), Failure> {
    say(Line::Heading("Kept for the next run"))?;
    let report = host.log.verify(..)?;
    text(say, format!("{} blocks in the log, chained and whole: {}", host.log.len()?, report.is_whole()))?;
    for block in host.log.tail(2)? {
        text(
            say,
            format!(
                "  block {}: {} {}, after {:.12}…",
                block.number,
                block.plugin,
                block.operation,
                block.previous.to_string()
            ),
        )?;
    }
    host.accesses.flush()?;
    text(say, format!("to be warmed up at the next start: {}", host.accesses.warm_list(3)?.join(", ")))?;
    for (name, stats) in host.hub.stats() {
        let metrics = stats.metrics();
        if metrics.hits + metrics.misses > 0 {
            text(say, format!("cache {name}: {} hits, {} misses", metrics.hits, metrics.misses))?;
        }
    }
    Ok(())
}

fn text(say: &mut Say<'_>, line: String) -> Result<(), Failure> {
    say(Line::Text(line))
}

/// Copies Python's codecs from a directory of its search path into a tree that may be changed.
pub(crate) fn copy_codecs(library: &Path, root: &Path) -> std::io::Result<()> {
    fs::create_dir_all(root.join("encodings"))?;
    fs::copy(library.join("codecs.py"), root.join("codecs.py"))?;
    for entry in fs::read_dir(library.join("encodings"))? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "py") {
            fs::copy(entry.path(), root.join("encodings").join(entry.file_name()))?;
        }
    }
    Ok(())
}
