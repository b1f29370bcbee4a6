//! `plugcache plugins safety PATH…`: sources judged before they run.

use std::path::Path;

use plugcache::{
    Hub,
    discovery::safety::{Judge, Judged, Policy, Profile, Reason},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    args::Safety,
    commands::Outcome,
    output::{DIM, ERROR, Failure, Output, STRONG},
};

#[derive(Serialize)]
struct Document {
    schema: u32,
    profile: Profile,
    allowed: usize,
    rejected: usize,
    files: Vec<Value>,
}

pub(super) fn run(args: &Safety, output: &Output) -> Result<Outcome, Failure> {
    let policy = Policy {
        profile: args.profile.into(),
        allowed_imports: args.allow_imports.clone(),
        allowed_digests: args.allow_digests.iter().copied().collect(),
        only_listed: args.only_listed,
        ..Policy::default()
    };
    // A scan takes less time than opening a cache would; a host that starts often keeps them.
    let judge = Judge::new(policy, &Hub::in_memory())?;
    let files: Vec<Judged> = args.paths.iter().flat_map(|path| judged(&judge, path)).collect();
    let rejected = files.iter().filter(|file| !file.is_allowed()).count();
    let allowed = files.len() - rejected;
    if output.is_json() {
        let profile = judge.policy().profile;
        let files = files.iter().map(entry).collect();
        output.json(&Document { schema: 1, profile, allowed, rejected, files })?;
    } else {
        for file in &files {
            print(file, output)?;
        }
        output.line(format!("{allowed} allowed, {rejected} rejected"))?;
        if allowed > 0 && !args.only_listed {
            output.warn("a scan is a hint and no sandbox; only a list of digests (--only-listed) decides");
        }
    }
    Ok(if rejected == 0 && !files.is_empty() { Outcome::Done } else { Outcome::Findings })
}

/// A directory is judged as a package. One that holds no source is told as what cannot be judged.
fn judged(judge: &Judge, path: &Path) -> Vec<Judged> {
    if path.is_dir() { judge.package(path).files } else { vec![judge.file(path)] }
}

fn entry(file: &Judged) -> Value {
    json!({
        "path": file.path.display().to_string(),
        "digest": file.digest.map(|digest| digest.to_string()),
        "allowed": file.verdict.allowed,
        "reason": file.verdict.reason,
        "violations": file.verdict.violations,
    })
}

fn print(file: &Judged, output: &Output) -> Result<(), Failure> {
    let digest = file.digest.map_or_else(|| "no digest".to_owned(), |digest| digest.to_string());
    let path = file.path.display();
    let verdict = if file.is_allowed() {
        format!("{STRONG}allowed{STRONG:#}")
    } else {
        format!("{ERROR}rejected{ERROR:#}")
    };
    let reason = match file.verdict.reason {
        Reason::ListedDigest => ", its digest is on the list",
        Reason::NotListed => ", its digest is not on the list",
        _ => "",
    };
    output.line(format!("{verdict}  {path}{reason}\n  {DIM}{digest}{DIM:#}"))?;
    for violation in &file.verdict.violations {
        output.line(format!("  {path}{violation}"))?;
    }
    Ok(())
}
