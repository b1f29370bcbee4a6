//! Defaults and overrides in one.

use serde_json::{Map, Value};

use super::violation::{Requirement, Violation};

/// How an object in the overrides meets an object in the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Merge {
    /// It replaces it.
    #[default]
    Shallow,
    /// It is merged into it, at any depth.
    Deep,
}

/// What is done about overrides of keys that have no default. With [`Merge::Deep`] that goes for the keys of
/// nested objects, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unknown {
    /// They are taken over.
    #[default]
    Allow,
    /// They are violations.
    Deny,
}

/// The overrides over the defaults; `None` if one of them is not an object.
pub(super) fn merged(
    defaults: &Value,
    overrides: &Value,
    merge: Merge,
    unknown: Unknown,
    found: &mut Vec<Violation>,
) -> Option<Value> {
    let (Value::Object(defaults), Value::Object(overrides)) = (defaults, overrides) else {
        let rule = Requirement::Object;
        found.push(Violation { key: String::new(), value: overrides.clone(), rule });
        return None;
    };
    let mut merging = Merging { merge, unknown, found };
    Some(Value::Object(merging.merge("", defaults, overrides)))
}

struct Merging<'a> {
    merge: Merge,
    unknown: Unknown,
    found: &'a mut Vec<Violation>,
}

impl Merging<'_> {
    fn merge(
        &mut self,
        above: &str,
        defaults: &Map<String, Value>,
        overrides: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut merged = defaults.clone();
        for (key, value) in overrides {
            let path = || if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            let new = match (defaults.get(key), value) {
                (Some(Value::Object(default)), Value::Object(value)) if self.merge == Merge::Deep => {
                    Value::Object(self.merge(&path(), default, value))
                }
                (None, value) if self.unknown == Unknown::Deny => {
                    let rule = Requirement::Known { close: close_to(key, defaults) };
                    self.found.push(Violation { key: path(), value: value.clone(), rule });
                    continue;
                }
                (_, value) => value.clone(),
            };
            merged.insert(key.clone(), new);
        }
        merged
    }
}

/// The key that was probably meant.
fn close_to(key: &str, known: &Map<String, Value>) -> Option<String> {
    const CLOSE: f64 = 0.85;
    let likeness = |known: &str| strsim::jaro_winkler(&key.to_lowercase(), &known.to_lowercase());
    let candidates = known.keys().map(|known| (likeness(known), known));
    let best = candidates.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(likeness, _)| *likeness >= CLOSE).map(|(_, known)| known.clone())
}
