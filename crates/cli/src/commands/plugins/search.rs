//! `plugcache plugins search WORD …`: plugins that speak of something.

use plugcache::discovery::plugin::Plugin;

use super::ls;
use crate::{
    args::Select,
    commands::Outcome,
    output::{Failure, Output},
    settings,
};

pub(super) fn run(words: &[String], select: &Select, output: &Output) -> Result<Outcome, Failure> {
    let (mut found, report) = settings::resolver(select)?.list();
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    found.retain(|found| {
        let text = text_of(&found.plugin);
        words.iter().all(|word| text.contains(word.as_str()))
    });
    ls::print(&found, &report, output)?;
    Ok(if found.is_empty() { Outcome::Findings } else { Outcome::Done })
}

/// Name, module, description and the text among the constants, in lower case.
fn text_of(plugin: &Plugin) -> String {
    let mut text = plugin.name.clone();
    for part in [&plugin.module, &plugin.qualname, &plugin.doc].into_iter().flatten() {
        text.push('\n');
        text.push_str(part);
    }
    for (name, value) in &plugin.attributes {
        text.push('\n');
        text.push_str(name);
        if let plugcache::discovery::value::Value::Str(value) = value {
            text.push(' ');
            text.push_str(value);
        }
    }
    text.to_lowercase()
}
