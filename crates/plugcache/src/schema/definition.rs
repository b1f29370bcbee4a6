//! What a class of plugins says about its configuration.

use plugcache_cache::Digest;
use serde_json::{Value, json};

use super::{Merge, Profile, Rules, Unknown};
use crate::canonical::canonical;

/// What a class of plugins says about its configuration.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Definition {
    pub(super) defaults: Value,
    pub(super) rules: Rules,
    pub(super) json_schema: Option<Value>,
    pub(super) merge: Merge,
    pub(super) unknown: Unknown,
    pub(super) profile: Profile,
}

impl Definition {
    /// Default values, an object.
    pub fn new(defaults: Value) -> Self {
        Self {
            defaults,
            rules: Rules::none(),
            json_schema: None,
            merge: Merge::default(),
            unknown: Unknown::default(),
            profile: Profile::default(),
        }
    }

    /// Rules about single keys. Default: none.
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// A JSON Schema of the whole configuration. What it refers to must be in itself: nothing is ever fetched.
    /// Default: none.
    pub fn json_schema(mut self, schema: Value) -> Self {
        self.json_schema = Some(schema);
        self
    }

    /// How overrides are merged into objects. Default: [`Merge::Shallow`].
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    /// What is done about keys that have no default. Default: [`Unknown::Allow`].
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// What counts as a number of which kind. Default: [`Profile::Strict`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Identity of all of it.
    pub(super) fn digest(&self) -> Digest {
        let options = json!([
            self.json_schema.is_some(),
            self.merge == Merge::Deep,
            self.unknown == Unknown::Deny,
            self.profile == Profile::Ratio1
        ]);
        let schema = self.json_schema.as_ref().unwrap_or(&Value::Null);
        let parts = [&self.defaults, &self.rules.to_json(), schema, &options].map(canonical);
        // In canonical JSON there is no line end but this.
        Digest::of(&parts.join(&b'\n'))
    }
}
