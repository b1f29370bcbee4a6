//! The two files that settings may stand in.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use plugcache_cache::Strength;

use super::{
    ConfigError, Origin, Setting,
    section::{All, One, User},
};
use crate::project::{self, Project, ProjectError};

/// The files that were found, with where.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The project's.
    pub project: Option<(PathBuf, Project)>,
    /// The user's own.
    pub user: Option<(PathBuf, User)>,
}

impl Files {
    /// Reads the nearest project file from `directory` upwards, and the user's file if there is one at
    /// `user`.
    pub fn find(directory: &Path, user: Option<&Path>) -> Result<Self, ConfigError> {
        let files = user.map(Self::of_user).transpose()?.unwrap_or_default();
        Ok(Self { project: Project::find(directory)?, ..files })
    }

    /// Reads the user's file alone, if there is one at `path`: for a library that does not obey the directory
    /// that its program happens to be started in.
    pub fn of_user(path: &Path) -> Result<Self, ConfigError> {
        let text = project::read(path)?;
        let user = text.map(|text| Ok::<_, ConfigError>((path.to_owned(), Self::parse_user(path, &text)?)));
        Ok(Self { project: None, user: user.transpose()? })
    }

    /// Reads the text of a user's file.
    pub fn parse_user(path: &Path, text: &str) -> Result<User, ConfigError> {
        let mut user: User = toml::from_str(text).map_err(|error| project::failed(path, &error))?;
        let below = path.parent().unwrap_or(Path::new(""));
        let paths = user.cache.directory.iter_mut().chain(&mut user.data.directory);
        paths.for_each(|directory| *directory = below.join(&*directory));
        user.embedding.relative_to(below);
        Ok(user)
    }

    pub(super) fn strength(&self) -> Result<Option<Setting<Strength>>, ConfigError> {
        let Some((path, project)) = &self.project else { return Ok(None) };
        let Some(text) = &project.strength else { return Ok(None) };
        let wrong = |message| ProjectError::Parse { path: path.clone(), message };
        let value = text.parse().map_err(wrong)?;
        Ok(Some(Setting { value, origin: Origin::Project(path.clone()) }))
    }

    pub(super) fn data_directory(&self) -> Option<Setting<PathBuf>> {
        self.either(|project| project.data.directory.clone(), |user| user.data.directory.clone())
    }

    pub(super) fn all<T>(&self, take: impl Fn(&All) -> Option<T>) -> Option<Setting<T>> {
        self.either(|project| take(&project.cache), |user| take(&user.cache))
    }

    pub(super) fn one<T>(&self, name: &str, take: impl Fn(&One) -> Option<T>) -> Option<Setting<T>> {
        self.either(|project| take(project.caches.get(name)?), |user| take(user.caches.get(name)?))
    }

    /// What the project's file says, or else the user's.
    pub(super) fn either<T>(
        &self,
        of_project: impl Fn(&Project) -> Option<T>,
        of_user: impl Fn(&User) -> Option<T>,
    ) -> Option<Setting<T>> {
        let project = self.project.as_ref().and_then(|(path, project)| {
            Some(Setting { value: of_project(project)?, origin: Origin::Project(path.clone()) })
        });
        project.or_else(|| {
            let (path, user) = self.user.as_ref()?;
            Some(Setting { value: of_user(user)?, origin: Origin::User(path.clone()) })
        })
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        let project = self.project.iter().flat_map(|(_, project)| project.caches.keys());
        let user = self.user.iter().flat_map(|(_, user)| user.caches.keys());
        project.chain(user).cloned().collect()
    }
}
