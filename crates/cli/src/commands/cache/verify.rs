//! `plugcache cache verify [--repair]`: every entry of every cache, every index, every model.

use plugcache::{
    cache::{
        admin::{Caches, Structure, Verified},
        fs::c_path,
    },
    discovery::index::maintenance::{self, Checked},
};
use serde_json::{Value, json};

use super::{CheckedModel, Desk, Outcome};
use crate::{
    args::Place,
    commands::embedding,
    output::{Failure, Output},
    units::{count, entries, size},
};

/// What was found in one cache.
struct Finding {
    name: String,
    structure: Structure,
    verified: Verified,
}

impl Finding {
    fn is_damaged(&self) -> bool {
        matches!(self.structure, Structure::Damaged { .. }) || self.verified.damaged > 0
    }
}

pub(super) fn run(place: &Place, repair: bool, output: &Output) -> Result<Outcome, Failure> {
    let desk = Desk::open(place)?;
    let mut findings = Vec::new();
    if let Some(caches) = &desk.caches {
        for name in caches.names()? {
            findings.push(check(caches, name, repair)?);
        }
    }
    let (checked, removed) = check_indexes(&desk, repair)?;
    let damaged = checked.iter().filter(|file| file.damage.is_some()).count();
    let models = match &desk.models {
        Some(models) => embedding::verify(models, repair)?,
        None => Vec::new(),
    };
    let wrong: usize = models.iter().map(|model| model.problems.len()).sum();
    let is_damaged = damaged + wrong > 0 || findings.iter().any(Finding::is_damaged);
    if output.is_json() {
        let caches = findings.iter().map(|Finding { name, structure, verified }| {
            json!({ "name": name, "structure": structure, "entries": verified.entries,
                "damaged": verified.damaged, "repaired": verified.repaired })
        });
        output.json(&json!({
            "schema": 1,
            "files": checked,
            "damaged": damaged,
            "removed": removed,
            "caches": caches.collect::<Vec<_>>(),
            "models": models.iter().map(of_model).collect::<Vec<_>>(),
        }))?;
    } else {
        tell(&findings, &checked, output)?;
        tell_models(&models, output)?;
        let files = checked.len() + models.iter().map(|model| model.files).sum::<usize>();
        output.line(format!("{files} files, {} damaged", damaged + wrong))?;
        if is_damaged {
            output.warn(if repair {
                "what was damaged is removed; its next use makes or fetches it anew"
            } else {
                "nothing damaged is ever served; `plugcache cache verify --repair` removes it"
            });
        }
    }
    Ok(if is_damaged { Outcome::Findings } else { Outcome::Done })
}

fn of_model(model: &CheckedModel) -> Value {
    let CheckedModel { name, directory, files, bytes, problems } = model;
    json!({ "name": name, "directory": directory, "files": files, "bytes": bytes, "problems": problems })
}

fn tell_models(models: &[CheckedModel], output: &Output) -> Result<(), Failure> {
    output.table(models.iter().map(|model| {
        let state = match model.problems.len() {
            0 => "whole".to_owned(),
            damaged => format!("{damaged} damaged"),
        };
        vec![format!("model {}", model.name), format!("{} files", model.files), size(model.bytes), state]
    }))?;
    models.iter().flat_map(|model| &model.problems).try_for_each(|problem| output.line(problem))
}

fn check(caches: &Caches, name: String, repair: bool) -> Result<Finding, Failure> {
    let structure = caches.structure(&name)?;
    // Opening a damaged database makes it an empty one.
    let may_open = repair || !matches!(structure, Structure::Damaged { .. });
    let cache = if may_open { caches.cache(&name)? } else { None };
    let verified = cache.map(|cache| cache.verify(repair)).transpose()?.unwrap_or_default();
    Ok(Finding { name, structure, verified })
}

/// Checks the indexes; removes the damaged ones if that is wanted. Returns how many went.
fn check_indexes(desk: &Desk, repair: bool) -> Result<(Vec<Checked>, usize), Failure> {
    let (mut all, mut removed) = (Vec::new(), 0);
    for directory in desk.index_directories()? {
        let checked = maintenance::verify(&directory)?;
        for file in checked.iter().filter(|file| repair && file.damage.is_some()) {
            let name = std::path::Path::new(&file.path).file_name().unwrap_or_default();
            removed += usize::from(directory.remove(&c_path(name.as_encoded_bytes())?)?);
        }
        all.extend(checked);
    }
    Ok((all, removed))
}

fn tell(findings: &[Finding], checked: &[Checked], output: &Output) -> Result<(), Failure> {
    let rows = findings.iter().map(|finding| {
        let Finding { name, structure, verified } = finding;
        let state = match structure {
            Structure::Damaged { part } => format!("damaged: {part}"),
            _ if verified.damaged == 0 => "whole".to_owned(),
            _ if verified.repaired > 0 => format!("{} damaged, removed", count(verified.repaired)),
            _ => format!("{} damaged", count(verified.damaged)),
        };
        let used = if *structure == Structure::InUse { "in use" } else { "" };
        vec![format!("cache {name}"), entries(verified.entries), used.to_owned(), state]
    });
    output.table(rows)?;
    let rows = checked.iter().map(|file| {
        let state = file.damage.as_ref().map_or_else(|| "whole".to_owned(), ToString::to_string);
        vec![
            file.path.clone(),
            format!("{} plugins", file.plugins),
            size(file.size),
            state,
            file.spec.clone(),
        ]
    });
    output.table(rows)
}
