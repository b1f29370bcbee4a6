//! The project file: roots and rules written down once.
//!
//! `plugcache.toml`, or `[tool.plugcache]` in `pyproject.toml`; the nearest one from a directory upwards.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::config::{embedding, section};

/// What a project file may say. Paths are relative to the file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Project {
    /// Directories on the search path, trusted.
    pub roots: Vec<PathBuf>,
    /// Directories searched after them.
    pub user_roots: Vec<PathBuf>,
    /// Dotted packages to look into. Default: everything below the roots.
    pub packages: Vec<String>,
    /// Rules that a plugin must meet, all of them.
    pub rules: Vec<String>,
    /// Globs of manifests; instead of rules.
    pub manifests: Vec<String>,
    /// What names a plugin.
    pub key: Option<String>,
    /// JSON Schema for manifests.
    pub schema: Option<PathBuf>,
    /// Suffix of names.
    pub suffix: Option<String>,
    /// Case rule: exact, insensitive, loose.
    pub case: Option<String>,
    /// Policy for duplicates: first, last, error.
    pub duplicates: Option<String>,
    /// How much is checked: full, dirs, lazy, trust, hash.
    pub strength: Option<String>,
    /// Where caches and indexes are kept; `[cache] directory` says the same and comes first.
    pub cache_dir: Option<PathBuf>,
    /// All caches together.
    pub cache: section::All,
    /// What is durable.
    pub data: section::Data,
    /// Texts as vectors.
    pub embedding: embedding::Section,
    /// Settings of single caches, by name.
    pub caches: BTreeMap<String, section::One>,
    /// Module literals to read besides the class: `_CONFIG`, `__version__`.
    pub module_literals: Vec<String>,
    /// Look into subpackages. Default: yes.
    pub recursive: Option<bool>,
    /// Keep names that start with `_`. Default: yes.
    pub private: Option<bool>,
    /// Keep abstract classes. Default: yes.
    pub r#abstract: Option<bool>,
}

/// A project file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// It exists and cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It is not what is expected.
    #[error("{} is not a project file: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        message: String,
    },
}

impl Project {
    /// Reads the nearest project file from `directory` upwards: its path and content.
    pub fn find(directory: &Path) -> Result<Option<(PathBuf, Self)>, ProjectError> {
        for above in directory.ancestors() {
            let own = above.join("plugcache.toml");
            if let Some(text) = read(&own)? {
                return Ok(Some((own.clone(), parse(&own, &text)?.relative_to(above))));
            }
            let shared = above.join("pyproject.toml");
            if let Some(text) = read(&shared)?
                && let Some(project) = parse_shared(&shared, &text)?
            {
                return Ok(Some((shared, project.relative_to(above))));
            }
        }
        Ok(None)
    }

    fn relative_to(mut self, directory: &Path) -> Self {
        let paths = self
            .roots
            .iter_mut()
            .chain(&mut self.user_roots)
            .chain(&mut self.schema)
            .chain(&mut self.cache_dir)
            .chain(&mut self.cache.directory)
            .chain(&mut self.data.directory);
        paths.for_each(|path| *path = directory.join(&*path));
        self.embedding.relative_to(directory);
        self.cache.directory = self.cache.directory.or_else(|| self.cache_dir.clone());
        self
    }
}

#[expect(clippy::disallowed_methods, reason = "a file of the user's own, named by the user, read once")]
pub(crate) fn read(path: &Path) -> Result<Option<String>, ProjectError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(ProjectError::Read { path: path.to_owned(), source }),
    }
}

fn parse(path: &Path, text: &str) -> Result<Project, ProjectError> {
    toml::from_str(text).map_err(|error| failed(path, &error))
}

/// `[tool.plugcache]` of a file that others share; other tables are none of our business.
fn parse_shared(path: &Path, text: &str) -> Result<Option<Project>, ProjectError> {
    #[derive(Deserialize)]
    struct Shared {
        tool: Option<Tool>,
    }
    #[derive(Deserialize)]
    struct Tool {
        plugcache: Option<Project>,
    }
    let shared: Shared = toml::from_str(text).map_err(|error| failed(path, &error))?;
    Ok(shared.tool.and_then(|tool| tool.plugcache))
}

pub(crate) fn failed(path: &Path, error: &toml::de::Error) -> ProjectError {
    ProjectError::Parse { path: path.to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_counts_and_paths_are_relative_to_it() {
        let place = tempfile::tempdir().unwrap();
        let below = place.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(Project::find(&below).unwrap().map(|(path, _)| path.starts_with(place.path())), None);
        fs::write(place.path().join("plugcache.toml"), "roots = [\"src\"]\nrules = [\"any\"]").unwrap();
        let (path, project) = Project::find(&below).unwrap().unwrap();
        assert_eq!(path, place.path().join("plugcache.toml"));
        assert_eq!(project.roots, [place.path().join("src")]);
        fs::write(place.path().join("a/pyproject.toml"), "[tool.plugcache]\nuser-roots = [\"p\"]").unwrap();
        assert_eq!(Project::find(&below).unwrap().unwrap().1.user_roots, [place.path().join("a/p")]);
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("plugcache.toml"), "rotos = []").unwrap();
        let error = Project::find(place.path()).unwrap_err().to_string();
        assert!(error.contains("rotos") && error.contains("plugcache.toml"), "{error}");
    }
}
