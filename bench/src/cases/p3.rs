//! P3, cold beats warm: reading everything for the first time is faster than Python's import of what it
//! compiled before.

use std::collections::BTreeSet;

use plugcache_cache::Strength;

use crate::{
    Result, child,
    context::Context,
    measure::{Sample, Subject, interleave},
    peers,
    report::Row,
    subject::{self, What},
};

const GOAL: &str = "P3";

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let root = context.corpora.join("yt_dlp");
    let compiled = peers::compiled_copy(context, "yt_dlp")?;
    let import = |name: &str, from: &std::path::Path| {
        let mut command = peers::script(context, &context.python, "import_extractors.py");
        command.arg(from);
        Subject::child(name, command)
    };
    let cold = |what: What, name: &'static str| {
        let root = root.clone();
        Subject::new(format!("build of {name}"), move |_| {
            let cache = context.empty("indexes/p3")?;
            let arguments = [what.word().as_ref(), root.as_ref(), cache.as_ref()];
            Sample::of_child(&mut child::command("open", &arguments)?)
        })
    };
    let subjects = [
        cold(What::Extractors, "subclasses"),
        cold(What::Registered, "registered"),
        import("import of all extractors, byte code warm", &compiled),
        import("import of all extractors, no byte code", &root),
    ];
    let [subclasses, registered, warm, none] = interleave(context.slow_rounds(), subjects)?;
    let mut rows = Vec::new();
    for (case, ours) in [
        ("yt-dlp: find 2,048 subclasses, no index", &subclasses),
        ("yt-dlp: find 1,754 registered, no index", &registered),
    ] {
        rows.push(Row::faster(GOAL, case, ours, 5.0, &warm));
        rows.push(Row::faster(GOAL, case, ours, 25.0, &none));
    }
    rows.push(exact(context, What::Extractors, "ytdlp_all_infoextractor_subclasses.json", "classes", 1)?);
    rows.push(exact(context, What::Registered, "ytdlp_ie_classes.json", "extractors", 0)?);
    Ok(rows)
}

/// How many names of a truth list are found, and nothing else with them.
fn exact(context: &Context, what: What, list: &str, rows: &str, column: usize) -> Result<Row> {
    let list: serde_json::Value = serde_json::from_slice(&std::fs::read(context.truth.join(list))?)?;
    let names = list[rows].as_array().into_iter().flatten();
    let truth: Vec<String> = names.filter_map(|row| Some(row.get(column)?.as_str()?.to_owned())).collect();
    let session = subject::session(
        what,
        &context.corpora.join("yt_dlp"),
        &context.empty("indexes/p3")?,
        Strength::Full,
    )?;
    let (_, found) = session
        .list(|snapshot| snapshot.all().into_iter().map(|found| found.record.name).collect::<Vec<_>>());
    let sets: [BTreeSet<&String>; 2] = [truth.iter().collect(), found.iter().collect()];
    let common = sets[0].intersection(&sets[1]).count();
    // A name that is found and does not exist counts against us like one that is missed.
    let wrong = sets[1].len() - common;
    let case = format!("yt-dlp: {} exactly, {wrong} wrong", what.word());
    Ok(Row::equal(GOAL, &case, (common + wrong) as u64, sets[0].len() as u64, "distinct names that run"))
}
