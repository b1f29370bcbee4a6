//! `plugcache plugins ls`: every plugin, and whatever stood in the way of finding more.

use plugcache::{
    Resolution,
    discovery::{index::Report, plugin::Plugin},
};
use serde::Serialize;
use serde_json::Value;

use super::{brief, row};
use crate::{
    args::Select,
    commands::Outcome,
    output::{Failure, Output, index_json},
    settings,
};

/// The document of a listing.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    plugins: Vec<&'a Plugin>,
    shadowed: Vec<Value>,
    problems: &'a [plugcache::discovery::plugin::Problem],
    dynamic: &'a [plugcache::discovery::plugin::Problem],
    index: Value,
}

pub(super) fn run(select: &Select, output: &Output) -> Result<Outcome, Failure> {
    let (found, report) = settings::resolver(select)?.list();
    print(&found, &report, output)?;
    Ok(Outcome::Done)
}

pub(super) fn print(found: &[Resolution], report: &Report, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        output.warnings(report);
        return output.json(&Document {
            schema: 1,
            plugins: found.iter().map(|found| &found.plugin).collect(),
            shadowed: found.iter().flat_map(|found| &found.shadowed).map(brief).collect(),
            problems: &report.problems,
            dynamic: &report.dynamic,
            index: index_json(report),
        });
    }
    output.table(found.iter().map(|found| row(&found.plugin)))?;
    for found in found.iter().filter(|found| !found.shadowed.is_empty()) {
        let hidden: Vec<String> = found.shadowed.iter().map(plugcache::resolver::place).collect();
        output.warn(format!("`{}` hides {}", found.plugin.name, hidden.join(", ")));
    }
    for problem in &report.problems {
        output.warn(format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message));
    }
    if !report.dynamic.is_empty() {
        output.warn(format!(
            "{} places can only be known by running the program; --format json names them",
            report.dynamic.len()
        ));
    }
    output.footer(report);
    Ok(())
}
