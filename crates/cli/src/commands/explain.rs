//! `plugcache explain NAME`: which evidence an answer rests on, or why there is none.

use plugcache::{
    Resolver,
    discovery::index::{Evidence, Report},
    resolver::Answer,
};
use serde_json::json;

use super::Outcome;
use crate::{
    args::Select,
    output::{Failure, Output, STRONG, index_json, summary},
    settings,
};

pub(super) fn run(name: &str, select: &Select, output: &Output) -> Result<Outcome, Failure> {
    let resolver = settings::resolver(select)?;
    let answer = resolver.resolve(name);
    let report = &answer.report;
    let outcome = if answer.outcome.is_ok() { Outcome::Done } else { Outcome::Findings };
    if output.is_json() {
        output.warnings(report);
        let (plugin, error) = match &answer.outcome {
            Ok(found) => (Some(&found.plugin), None),
            Err(error) => (None, Some(error.to_string())),
        };
        output.json(&json!({
            "schema": 1,
            "name": name,
            "tier": if report.parsed == 0 && report.stale.is_empty() { "index" } else { "built" },
            "plugin": plugin,
            "error": error,
            "index_file": resolver.session().kept_at(),
            "evidence": resolver.evidence(name),
            "index": index_json(report),
        }))?;
        return Ok(outcome);
    }
    tell(&resolver, name, &answer, output)?;
    output.warnings(report);
    Ok(outcome)
}

/// The explanation for people.
pub(super) fn tell(resolver: &Resolver, name: &str, answer: &Answer, output: &Output) -> Result<(), Failure> {
    let report = &answer.report;
    let evidence = resolver.evidence(name);
    let kept_at = resolver.session().kept_at();
    match &answer.outcome {
        Ok(found) => output
            .line(format!("{STRONG}{name}{STRONG:#} is {}", plugcache::resolver::place(&found.plugin)))?,
        Err(error) => output.line(format!("{STRONG}{name}{STRONG:#}: {error}"))?,
    }
    let index = kept_at.map_or_else(|| "in memory only".to_owned(), |path| path.display().to_string());
    output.line(format!("  index      {index}"))?;
    output.line(format!("  answered   {}", how(report)))?;
    output.line(format!("  this time  {}", summary(report)))?;
    for stale in &report.stale {
        let what = if stale.file.is_empty() { "the index" } else { &stale.file };
        output.line(format!("  because    {what}: {}", stale.reason))?;
    }
    for file in &evidence {
        output.line(format!("  rests on   {}", describe(file)))?;
    }
    if evidence.is_empty() {
        let roots = resolver.session().roots.iter().map(|root| root.display().to_string());
        let roots: Vec<String> = roots.collect();
        output.line(format!(
            "  looked in  {}: {} files are evidence that it is not there",
            roots.join(", "),
            report.files
        ))?;
    } else {
        output.line("  a hit      as long as these files and all directories keep their stamps, or at least their content")?;
    }
    Ok(())
}

fn how(report: &Report) -> &'static str {
    match (report.parsed, report.stale.is_empty()) {
        (0, true) => "from the index: a hit, no file was read",
        (0, false) => "from the index, after a look at what had a new stamp",
        _ => "after reading what had changed",
    }
}

fn describe(evidence: &Evidence) -> String {
    let stamp = &evidence.stamp;
    let racy =
        if evidence.racy { ", too young to prove anything: read each time until it is quiet" } else { "" };
    format!(
        "{} (inode {}, {} bytes, mtime {} ns, ctime {} ns, content {}{racy})",
        evidence.file, stamp.inode, stamp.size, stamp.modified.0, stamp.changed.0, evidence.digest
    )
}
