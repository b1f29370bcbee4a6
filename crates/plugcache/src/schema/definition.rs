//! What a class of plugins says about its configuration.

use std::sync::OnceLock;

use plugcache_cache::Digest;
use serde_json::{Value, json};

use super::{Merge, Profile, Rules, Unknown};
use crate::canonical::canonical;

/// What a class of plugins says about its configuration.
///
/// A host keeps it rather than making it anew: its digest, by which its schema is found again, is then
/// computed once.
#[derive(Debug, Clone)]
#[must_use]
pub struct Definition {
    pub(super) defaults: Value,
    pub(super) rules: Rules,
    pub(super) json_schema: Option<Value>,
    pub(super) merge: Merge,
    pub(super) unknown: Unknown,
    pub(super) profile: Profile,
    /// Of all the others, once somebody has asked.
    digest: OnceLock<Digest>,
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
            digest: OnceLock::new(),
        }
    }

    /// Rules about single keys. Default: none.
    pub fn rules(self, rules: Rules) -> Self {
        Self { rules, digest: OnceLock::new(), ..self }
    }

    /// A JSON Schema of the whole configuration. What it refers to must be in itself: nothing is ever fetched.
    /// Default: none.
    pub fn json_schema(self, schema: Value) -> Self {
        Self { json_schema: Some(schema), digest: OnceLock::new(), ..self }
    }

    /// How overrides are merged into objects. Default: [`Merge::Shallow`].
    pub fn merge(self, merge: Merge) -> Self {
        Self { merge, digest: OnceLock::new(), ..self }
    }

    /// What is done about keys that have no default. Default: [`Unknown::Allow`].
    pub fn unknown(self, unknown: Unknown) -> Self {
        Self { unknown, digest: OnceLock::new(), ..self }
    }

    /// What counts as a number of which kind. Default: [`Profile::Strict`].
    pub fn profile(self, profile: Profile) -> Self {
        Self { profile, digest: OnceLock::new(), ..self }
    }

    /// Identity of all of it.
    pub(super) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| self.compute_digest())
    }

    fn compute_digest(&self) -> Digest {
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
