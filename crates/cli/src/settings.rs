//! Flags, then environment, then project file, then user file, then default: one place decides.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use etcetera::{BaseStrategy, base_strategy::Xdg};
use plugcache::{
    Config, Hub, Resolver,
    cache::{SystemClock, hub::Refresh},
    config::{self, Files, Flags},
    discovery::{
        entry_points::{
            interpreter::{Interpreter, Query, VARIABLES},
            kept,
        },
        finder::Finder,
        index::{Location, Session},
    },
    opdbus,
    project::Project,
};
use tempfile::TempDir;

use crate::{
    args::{Proof, Select},
    output::Failure,
};

mod finder;

/// The resolver that the flags and the project file describe.
pub(crate) fn resolver(select: &Select) -> Result<Resolver, Failure> {
    let files = files()?;
    let (project_path, project) =
        files.project.map_or((None, Project::default()), |(path, project)| (Some(path), project));
    let roots = roots(select, &project).map_err(|error| match &project_path {
        Some(path) => format!("{error} (project file: {})", path.display()),
        None => error,
    })?;
    let finder = finder::from(select, &project)?;
    let session = session(finder, roots, &select.proof)?;
    let parse = |text: &Option<String>| text.clone();
    let mut resolver = Resolver::new(session);
    if let Some(suffix) = select.suffix.clone().or_else(|| parse(&project.suffix)) {
        resolver = resolver.suffix(suffix);
    }
    if let Some(case) = or_parse(select.case, project.case.as_deref())? {
        resolver = resolver.case(case);
    }
    if let Some(duplicates) = or_parse(select.duplicates, project.duplicates.as_deref())? {
        resolver = resolver.duplicates(duplicates);
    }
    Ok(resolver)
}

/// A session over `roots` with what the flags, the environment and the project file say of proof.
pub(crate) fn session(
    finder: Arc<dyn Finder>,
    roots: Vec<PathBuf>,
    proof: &Proof,
) -> Result<Session, Failure> {
    let mut session = Session::new(finder, roots);
    let config = proof.config()?;
    session.location = location(&config);
    session.strength = config.strength.value;
    session.refresh = wants_new_index(&config);
    session.max_age = proof.max_age;
    session.lock_timeout = config.lock_timeout.value;
    Ok(session)
}

/// The flag, or else the text of the project file.
fn or_parse<T: std::str::FromStr<Err = String>>(
    flag: Option<T>,
    text: Option<&str>,
) -> Result<Option<T>, Failure> {
    Ok(match flag {
        Some(value) => Some(value),
        None => text.map(str::parse).transpose()?,
    })
}

/// Whether somebody has said where plugins are.
#[cfg(feature = "embedding")]
pub(crate) fn has_roots(select: &Select) -> Result<bool, Failure> {
    let project = files()?.project.map(|(_, project)| project).unwrap_or_default();
    let all = [&select.roots, &select.user_roots, &project.roots, &project.user_roots];
    Ok(all.into_iter().any(|roots| !roots.is_empty()))
}

fn roots(select: &Select, project: &Project) -> Result<Vec<PathBuf>, String> {
    let given =
        |flags: &[PathBuf], file: &[PathBuf]| if flags.is_empty() { file.to_vec() } else { flags.to_vec() };
    let mut roots = given(&select.roots, &project.roots);
    roots.extend(given(&select.user_roots, &project.user_roots));
    if roots.is_empty() {
        return Err("no root is given: say --root DIR, or write roots = [\"…\"] in plugcache.toml".to_owned());
    }
    for root in &mut roots {
        *root = std::path::absolute(&*root).map_err(|error| format!("{}: {error}", root.display()))?;
        if !root.is_dir() {
            return Err(format!("{} is not a directory: --root expects one", root.display()));
        }
    }
    Ok(roots)
}

/// The files that settings may stand in.
fn files() -> Result<Files, Failure> {
    let user = Xdg::new().ok().map(|strategy| config::user_file(&strategy.config_dir()));
    Ok(Files::find(&env::current_dir()?, user.as_deref())?)
}

/// What is set, with these flags; by variables of op-dbus and `OpenHCS` too.
pub(crate) fn config(flags: Flags) -> Result<Config, Failure> {
    let mut config = Config::read_with(flags, env::vars_os(), &files()?)?;
    opdbus::Settings::from_variables(env::vars_os())?.put_into(&mut config);
    Ok(config)
}

/// The caches of this program itself: where it is set, in a temporary directory if nothing is to be kept.
pub(crate) fn hub(config: &Config) -> Hub {
    let hub = Hub::builder().settings(config.settings());
    match location(config).directories.into_iter().next() {
        Some(directory) => hub.directory(directory).build_anyway(),
        None => hub.build_anyway(),
    }
}

impl Proof {
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            directory: self.cache_dir.clone(),
            no_cache: self.no_cache,
            refresh: self.refresh,
            strength: self.strength,
            lock_timeout: self.lock_timeout,
            ..Flags::default()
        }
    }

    fn config(&self) -> Result<Config, Failure> {
        config(self.flags())
    }
}

/// Whether the index is among what is to be made anew. It goes by this name where names are given.
fn wants_new_index(config: &Config) -> bool {
    match &config.refresh.value {
        Refresh::None => false,
        Refresh::All => true,
        Refresh::Named(names) => names.contains("index"),
    }
}

/// Where indexes may be kept: the chosen directory, then the user's cache directory.
pub(crate) fn location(config: &Config) -> Location {
    if config.no_cache.value {
        return Location { directories: temporary().into_iter().collect() };
    }
    let chosen = config.directory.value.clone();
    let mut directories: Vec<PathBuf> =
        chosen.into_iter().filter_map(|path| std::path::absolute(path).ok()).collect();
    if let Some(own) = user_cache_directory()
        && !directories.contains(&own)
    {
        directories.push(own);
    }
    Location { directories }
}

/// Where a program keeps what it is not to keep: the same way as always, and gone when it ends.
static TEMPORARY: Mutex<Option<TempDir>> = Mutex::new(None);

/// `None`: there is not even a temporary directory, so everything stays in memory.
pub(crate) fn temporary() -> Option<PathBuf> {
    let mut kept = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_none() {
        *kept = tempfile::Builder::new().prefix("plugcache-").tempdir().ok();
    }
    kept.as_ref().map(|place| place.path().to_owned())
}

/// Removes the temporary directory, if there is one.
pub(crate) fn remove_temporary() {
    drop(TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// `$XDG_CACHE_HOME/plugcache`, or the platform's default for it.
pub(crate) fn user_cache_directory() -> Option<PathBuf> {
    Xdg::new().ok().map(|strategy| strategy.cache_dir().join("plugcache"))
}

/// Where durable data is: as set, else `$XDG_DATA_HOME/plugcache` or the platform's default for it.
pub(crate) fn data_directory(config: &Config) -> Option<PathBuf> {
    let own = || Xdg::new().ok().map(|strategy| strategy.data_dir().join("plugcache"));
    config.data_directory.value.clone().or_else(own)
}

/// Where fetched models are: as set, else beside the caches, even if nothing more is to be kept there. `None`: there
/// is no place for caches either.
pub(crate) fn models_directory(config: &Config) -> Option<PathBuf> {
    let beside = || Some(config.directory.value.clone().or_else(user_cache_directory)?.join("models-v1"));
    let directory = config.embedding.models_directory.value.clone().or_else(beside)?;
    std::path::absolute(directory).ok()
}

/// What an interpreter says of itself, with this process's environment; from what was kept if it holds.
pub(crate) fn interpreter(executable: &Path, proof: &Proof) -> Result<Interpreter, Failure> {
    let mut query = Query::new(on_path(executable)?);
    let set = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), env::var_os(name)?)));
    query.environment = set.collect();
    let config = proof.config()?;
    if wants_new_index(&config) {
        return Ok(Interpreter::ask(&query)?);
    }
    let directories = location(&config).directories;
    Ok(kept::ask(&query, &directories, &SystemClock)?.0)
}

/// Where a program is that is named as in a shell. An answer can only be kept for a known file.
fn on_path(program: &Path) -> Result<PathBuf, Failure> {
    if program.components().count() > 1 {
        return Ok(std::path::absolute(program)?);
    }
    let places = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&places).map(|place| place.join(program)).find(|path| path.is_file());
    Ok(found.unwrap_or_else(|| program.to_owned()))
}
