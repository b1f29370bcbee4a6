//! The finder of manifests.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    Format, Limits, ManifestError, PatternError, SchemaError, glob::Pattern, read::parse, schema::Schema,
};
use crate::{
    finder::{Extracted, Facts, Finder, Linked, Links, Record, Scope},
    plugin::{Plugin, Problem},
    tree::Tree,
    value::Value,
};

/// Which manifests, and what to make of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Globs relative to the roots, such as `components/*/manifest.json`; `**` is any number of
    /// directories.
    pub patterns: Vec<String>,
    /// Where the name stands: `domain`, `plugin.name`, or a JSON pointer, `/plugin/name`. A dotted path
    /// goes by members only; a pointer by positions in lists as well. Default: `name`.
    pub key: Option<String>,
    /// A JSON Schema that each document must satisfy.
    pub schema: Option<serde_json::Value>,
    /// How much is read. Default: see [`Limits`].
    pub limits: Limits,
}

/// Why the options cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// See [`PatternError`].
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// See [`SchemaError`].
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// Finds plugins by their manifests.
#[derive(Debug, Clone)]
pub struct ManifestFinder {
    options: Options,
    key: String,
    path: Vec<String>,
    patterns: Vec<Pattern>,
    schema: Option<Schema>,
}

/// What linking needs of a document.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    name: &'a str,
}

impl ManifestFinder {
    /// Compiles patterns and schema.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let patterns =
            options.patterns.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<_, _>>()?;
        let schema = options.schema.as_ref().map(Schema::compile).transpose()?;
        let key = options.key.clone().unwrap_or_else(|| "name".to_owned());
        let path = match key.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => key.split('.').map(str::to_owned).collect(),
        };
        Ok(Self { options, key, path, patterns, schema })
    }

    fn read(&self, path: &Path, bytes: &[u8]) -> Result<(String, Value), ManifestError> {
        let document = parse(bytes, Format::of(path), self.options.limits)?;
        if !matches!(document, Value::Dict(_)) {
            return Err(ManifestError::NotAnObject);
        }
        if let Some(schema) = &self.schema {
            schema.check(&document)?;
        }
        let missing = || ManifestError::MissingName { path: self.key.clone() };
        let name =
            self.path.iter().try_fold(&document, |value, part| member(value, part)).ok_or_else(missing)?;
        match name {
            Value::Str(name) if !name.is_empty() => Ok((name.clone(), document)),
            _ => Err(ManifestError::NameNotText { path: self.key.clone() }),
        }
    }
}

fn member<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Dict(members) => members
            .iter()
            .find(|(key, _)| matches!(key, Value::Str(key) if key == part))
            .map(|(_, value)| value),
        Value::List(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

impl Finder for ManifestFinder {
    fn version(&self) -> u32 {
        1
    }

    fn spec(&self) -> String {
        let Limits { bytes, depth, values } = self.options.limits;
        let schema = self.schema.as_ref().map_or("none", Schema::text);
        format!(
            "manifests {:?}, key {:?}, limits {bytes} {depth} {values}, schema {schema}",
            self.options.patterns, self.key
        )
    }

    fn is_relevant(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.concerns(name))
    }

    fn walk(&self, tree: &mut Tree<'_>) {
        let roots: Vec<_> = tree.roots().into_iter().map(|(root, _)| root).collect();
        for root in roots {
            let mut found = Vec::new();
            for pattern in &self.patterns {
                pattern.expand(tree, root, &mut found);
            }
            for path in found {
                tree.declare(root, &path);
            }
        }
    }

    fn extract(&self, path: &Path, bytes: &[u8]) -> Extracted {
        let encoded = self.read(path, bytes).map(|(name, document)| {
            let head = postcard::to_allocvec(&Head { name: &name });
            (head.unwrap_or_default(), postcard::to_allocvec(&document).unwrap_or_default())
        });
        match encoded {
            Ok((structure, details)) => Extracted { structure, details, problem: None },
            Err(error) => {
                let ((line, column), message) = (error.position(), error.to_string());
                let problem = Problem { file: path.display().to_string(), line, column, message };
                Extracted { problem: Some(problem), ..Extracted::default() }
            }
        }
    }

    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
        let files = match scope {
            Scope::All => tree.files(),
            Scope::Only(files) => files.to_vec(),
        };
        let mut links = Links::default();
        for file in files {
            let head = tree.structure(file).and_then(|facts| postcard::from_bytes::<Head<'_>>(facts).ok());
            let Some(Head { name }) = head else { continue };
            let record = Record { name: name.to_owned(), file, line: 0, payload: Vec::new() };
            links.files.push((file, Linked { records: vec![record], ..Linked::default() }));
        }
        links
    }

    fn describe(&self, facts: &dyn Facts, record: &Record) -> Plugin {
        let file = facts.path(record.file).map(|(root, path)| root.join(path).display().to_string());
        let document = facts.details(record.file).and_then(|details| postcard::from_bytes(details).ok());
        let Some(Value::Dict(members)) = document else {
            return Plugin {
                name: record.name.clone(),
                kind: "manifest",
                file: file.unwrap_or_default(),
                ..Plugin::default()
            };
        };
        let doc = members.iter().find_map(|(key, value)| match (key, value) {
            (Value::Str(key), Value::Str(text)) if key == "description" => Some(text.clone()),
            _ => None,
        });
        let attributes = members.into_iter().map(|(key, value)| (text_of(key), value)).collect();
        Plugin {
            name: record.name.clone(),
            kind: "manifest",
            file: file.unwrap_or_default(),
            doc,
            attributes,
            ..Plugin::default()
        }
    }
}

/// YAML has keys that are not text.
fn text_of(key: Value) -> String {
    match key {
        Value::Str(text) | Value::BigInt(text) => text,
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => format!("{other:?}"),
    }
}
