//! What a host's records say, as texts that a model can read.

use plugcache_discovery::{plugin::Plugin, value::Value as Literal};
use serde_json::Value;

use crate::ledger::Block;

/// Characters of a description that count: a model cuts longer texts off anyway.
const LONGEST: usize = 2_000;

/// What a block of the log tells: `containers create name web-1 image nginx`.
pub fn of_block(block: &Block) -> String {
    let mut words = vec![block.plugin.clone(), block.operation.clone()];
    for (name, value) in block.metadata.iter().filter(|(_, value)| **value != Value::Null) {
        words.push(name.clone());
        words.push(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    cut(words.join(" "))
}

/// What is known of a plugin: its name, and its description, if it has one.
pub fn of_plugin(plugin: &Plugin) -> String {
    let mut text = plugin.name.clone();
    let described = plugin.attributes.iter().filter(|(name, _)| describes(name));
    let constants = described.filter_map(|(_, value)| match value {
        Literal::Str(text) => Some(text.as_str()),
        _ => None,
    });
    for part in constants.chain(plugin.doc.as_deref()) {
        text.push_str(". ");
        text.push_str(part.trim());
    }
    cut(text)
}

/// Whether a constant of this name is meant to be read by people.
fn describes(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["desc", "title", "summary", "label"].iter().any(|word| name.contains(word))
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Ledger, Operation};

    #[test]
    fn a_block_is_told_in_words() {
        let place = tempfile::tempdir().unwrap();
        let log = Ledger::open(place.path()).unwrap();
        let operation = Operation::new("containers", "create").meta("name", "web-1").meta("ports", vec![80]);
        let block = log.append(operation).unwrap();
        assert_eq!(of_block(&block), "containers create name web-1 ports [80]");
        let wordy = log.append(Operation::new("a", "b").meta("text", "é".repeat(9_000))).unwrap();
        assert_eq!(of_block(&wordy).chars().count(), LONGEST);
    }
}
