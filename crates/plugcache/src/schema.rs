//! Configuration of plugins: defaults, overrides and rules, compiled once.
//!
//! A class of plugins is configured by a [`Definition`]: its default values, rules about single keys
//! ([`Rules`]) and, if it likes, a JSON Schema about the whole. [`Schemas`] compiles a definition once and
//! validates the defaults with a host's overrides once. Both are views over a [`Cache`]:
//!
//! * a compiled [`Schema`] goes by the class's qualified name *and* the digest of all that it was compiled
//!   from. A subclass never gets its base's, however its validators were found and whichever came first: to
//!   inherit is explicit, with [`Rules::extend`];
//! * a validated configuration goes by the digest of its schema and that of the overrides in their
//!   [canonical](crate::canonical) form, in which the order of keys does not matter. It is shared and cannot
//!   be changed. One that is refused is not kept: an operator mends it and does not ask again, and what it
//!   costs is a validation of some microseconds.
//!
//! # How defaults and overrides are merged
//!
//! Key by key, and the override wins, whatever it is: `null` too, which does not remove the key. With
//! [`Merge::Shallow`], which is the default, an object replaces an object. With [`Merge::Deep`], an object in
//! the overrides is merged in the same way into an object in the defaults; everything else, lists too,
//! replaces. Keys that the defaults do not have are taken over, or refused with [`Unknown::Deny`]. Keys are
//! compared exactly.
//!
//! ```
//! use plugcache::{Hub, schema::{Definition, Rules, Schemas}};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let schemas = Schemas::new(&Hub::in_memory())?;
//! let rules = Rules::parse(&json!({"RATE": {"TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 60}}))?;
//! let definition = Definition::new(json!({"RATE": 10, "NAME": "camera"})).rules(rules);
//! let schema = schemas.compile("plugins.camera.Camera", &definition)?;
//! let config = schemas.configure(&schema, &json!({"RATE": 25}))?;
//! assert_eq!(*config, json!({"RATE": 25, "NAME": "camera"}));
//! assert!(schemas.configure(&schema, &json!({"RATE": 61})).is_err());
//! # Ok(())
//! # }
//! ```

mod check;
mod definition;
mod document;
mod error;
mod kind;
mod merge;
mod number;
mod rules;
mod violation;

use std::sync::Arc;

use plugcache_cache::{Cache, Digest, Error, Hub, Stats, cache::LoadError};
use serde_json::Value;

pub use definition::Definition;
pub use error::SchemaError;
pub use kind::{Kind, Profile};
pub use merge::{Merge, Unknown};
pub use rules::Rules;
pub use violation::{Requirement, Violation, Violations};

use document::Document;

/// What a definition was compiled to.
#[derive(Debug)]
pub struct Schema {
    class: String,
    digest: Digest,
    definition: Definition,
    document: Option<Document>,
}

impl Schema {
    /// Compiles a definition for a class, which messages name.
    pub fn compile(class: &str, definition: &Definition) -> Result<Self, SchemaError> {
        Self::with_digest(class, definition, definition.digest())
    }

    fn with_digest(class: &str, definition: &Definition, digest: Digest) -> Result<Self, SchemaError> {
        if !definition.defaults.is_object() {
            return Err(SchemaError::Defaults { class: class.to_owned() });
        }
        let document = definition.json_schema.as_ref().map(|schema| Document::compile(class, schema));
        let (class, definition) = (class.to_owned(), definition.clone());
        Ok(Self { class, digest, definition, document: document.transpose()? })
    }

    /// The class that it is for.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Identity of what it was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The defaults with these overrides, an object, if they satisfy everything; all violations if not. Not
    /// kept: [`Schemas::configure`] is.
    pub fn validate(&self, overrides: &Value) -> Result<Value, Violations> {
        let Definition { defaults, rules, merge, unknown, profile, .. } = &self.definition;
        let mut found = Vec::new();
        let merged = match merge::merged(defaults, overrides, *merge, *unknown, &mut found) {
            Some(merged) => {
                rules.check(&merged, *profile, &mut found);
                if let Some(document) = &self.document {
                    document.check(&merged, &mut found);
                }
                merged
            }
            None => Value::Null,
        };
        if found.is_empty() {
            return Ok(merged);
        }
        Err(Violations { class: self.class.clone(), violations: found })
    }
}

/// The schemas and configurations of a host. Clones are handles to the same ones.
#[derive(Debug, Clone)]
pub struct Schemas {
    compiled: Cache<(String, Digest), Schema>,
    configured: Cache<(Digest, Digest), Value>,
}

impl Schemas {
    /// Those of a hub, whose caches `schemas` and `configs` they are kept in.
    pub fn new(hub: &Hub) -> Result<Self, Error> {
        let compiled = Cache::builder("schemas").build(hub)?;
        let configured = Cache::builder("configs").build(hub)?;
        Ok(Self { compiled, configured })
    }

    /// The schema of a class, by its qualified name and all that it is defined by.
    pub fn compile(&self, class: &str, definition: &Definition) -> Result<Arc<Schema>, SchemaError> {
        let digest = definition.digest();
        let compile = || Schema::with_digest(class, definition, digest);
        match self.compiled.get_or_load(&(class.to_owned(), digest), |_| compile()) {
            Ok(schema) => Ok(schema),
            Err(LoadError::Loader(error)) => Err(SchemaError::clone(&error)),
            // Another thread does not get done with it: a cache never keeps anybody from an answer.
            Err(_) => compile().map(Arc::new),
        }
    }

    /// The schema's defaults with these overrides, an object. The overrides stay as they are, and the result
    /// is shared: nobody can change it.
    pub fn configure(&self, schema: &Schema, overrides: &Value) -> Result<Arc<Value>, Violations> {
        let overriding = Digest::of(&crate::canonical::canonical(overrides));
        let key = (schema.digest, overriding);
        match self.configured.get_or_load(&key, |_| schema.validate(overrides)) {
            Ok(config) => Ok(config),
            // Whose validation that was may be of another class with an equal definition.
            Err(LoadError::Loader(violations)) => {
                Err(Violations { class: schema.class.clone(), ..Violations::clone(&violations) })
            }
            Err(_) => schema.validate(overrides).map(Arc::new),
        }
    }

    /// What the caches of schemas and of configurations have done.
    pub fn stats(&self) -> (Stats, Stats) {
        (self.compiled.stats(), self.configured.stats())
    }
}
