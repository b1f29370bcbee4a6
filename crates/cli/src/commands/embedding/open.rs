//! From settings to a model's files and its vectors.

use std::{env, path::Path};

use plugcache::{
    Config, Hub,
    config::Origin,
    embedding::{
        Choice, Embedder, Level,
        files::{FetchError, ModelDirectory, ModelStore, Options, Progress, Source},
    },
};

use super::bar::Bar;
use crate::{
    args::Model,
    output::{Failure, Output},
    settings,
    units::time,
};

/// The level of who asks for vectors and says no more.
const USUAL: Choice = Choice::Level(Level::Medium);

/// A hub, and the vectors of the chosen model in it.
pub(super) struct Open {
    pub(super) embedder: Embedder,
    pub(super) choice: Choice,
    /// Caches live as long as their hub is wanted.
    _hub: Hub,
}

pub(super) fn open(model: &Model, config: &Config, output: &Output) -> Result<Open, Failure> {
    let choice = choice(model.which.as_deref(), config)?;
    let normalizer = match &model.normalize {
        Some(text) => text.parse().map_err(|problem| format!("--normalize: {problem}"))?,
        None => config.embedding.normalizer.value.clone(),
    };
    let directory = directory(&choice, config, output)?;
    if !normalizer.is_none() {
        output.talk(format!(
            "texts are normalised by `{normalizer}`: those that differ only in {normalizer} share a vector"
        ));
    }
    let hub = settings::hub(config);
    let mut builder =
        Embedder::builder(directory).normalizer(normalizer).precision(config.embedding.precision.value);
    if let Some(threads) = model.threads {
        builder = builder.threads(threads.into());
    }
    Ok(Open { embedder: builder.build(&hub)?, choice, _hub: hub })
}

/// The flag, or else what is set, or else the usual.
pub(super) fn choice(flag: Option<&str>, config: &Config) -> Result<Choice, Failure> {
    let flag: Option<Choice> = flag.filter(|text| !text.is_empty()).map(str::parse).transpose()?;
    let set = &config.embedding.model;
    let origin = if flag.is_some() { "flag --model".to_owned() } else { set.origin.to_string() };
    let choice = flag.or_else(|| set.value.clone()).unwrap_or(USUAL);
    if choice.is_none() {
        return Err(format!(
            "embeddings are switched off: the model is `none` ({origin}); say --model medium to use one all the same"
        )
        .into());
    }
    Ok(choice)
}

/// The files of a model: those that are here, or those of the hub.
pub(super) fn directory(
    choice: &Choice,
    config: &Config,
    output: &Output,
) -> Result<ModelDirectory, Failure> {
    let source = match choice {
        Choice::Directory(path) if !path.is_dir() => return Err(unknown(path)),
        Choice::Directory(path) => return Ok(ModelDirectory::local(path)?),
        Choice::Level(level) => Source::of_level(*level)?.ok_or("the level `none` has no model")?,
        Choice::Repository { name, revision } => Source::sentence_model(name)?.revision(revision)?,
    };
    let mut store = store(config)?;
    if let Some(found) = store.find(&source).map_err(|error| with_remedy(error, config))? {
        return Ok(found);
    }
    if keeps_nothing(config) {
        let place = settings::temporary().ok_or("there is no temporary directory for a model")?;
        store = ModelStore::open(place.join("models-v1"), options(config))?;
    }
    if let Choice::Repository { name, .. } = choice
        && Path::new(name).is_dir()
    {
        output.warn(format!("{name} is taken as a model of the hub; write ./{name} for the directory here"));
    }
    let mut bar = Bar::of_bytes(output);
    let mut told = String::new();
    let mut progress = |progress: Progress<'_>| match progress {
        Progress::Waiting { holder } => {
            output.talk(format!("waiting for {holder}, which fetches this model"));
        }
        Progress::Received { file, bytes, of } => {
            if told != file {
                file.clone_into(&mut told);
                output.talk(format!("fetching {file} of {choice}"));
            }
            bar.show(file, bytes, of.unwrap_or(bytes));
        }
        Progress::Retrying { file, why, after } => {
            output.talk(format!("{file}: {why}; trying again in {}", time(after)));
        }
        _ => {}
    };
    store.fetch(&source, &mut progress).map_err(|error| with_remedy(error, config))
}

/// What can be done about it here.
fn with_remedy(error: FetchError, config: &Config) -> Failure {
    match error {
        FetchError::Offline { .. } => format!("{error}; offline is set by {}", config.offline.origin).into(),
        FetchError::File(_) => {
            format!("{error}; PLUGCACHE_EMBEDDING_MODELS_DIRECTORY names another place for models").into()
        }
        other => other.into(),
    }
}

/// Whether a model that is fetched now is gone when this program ends.
pub(super) fn keeps_nothing(config: &Config) -> bool {
    config.no_cache.value && config.embedding.models_directory.value.is_none()
}

/// What is neither a level nor a repository was meant as one, or as a directory.
fn unknown(path: &Path) -> Failure {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!(
        "`{}` is no model: expected low, medium or high; OWNER/NAME or OWNER/NAME@REVISION at the hub; or a directory \
         with a model's files, and {} is none",
        path.display(),
        absolute.display()
    )
    .into()
}

/// The fetched models of all programs that share the place.
pub(in crate::commands) fn store(config: &Config) -> Result<ModelStore, Failure> {
    let directory = settings::models_directory(config);
    let directory = directory.ok_or("there is no place for a model: say --cache-dir DIR")?;
    Ok(ModelStore::open(directory, options(config))?)
}

fn options(config: &Config) -> Options {
    let mut options = Options { offline: config.offline.value, ..Options::default() };
    if let Some(endpoint) = &config.embedding.endpoint.value {
        options.endpoint.clone_from(endpoint);
    }
    // A secret: not among the settings that are shown.
    options.token = variable(&["HF_TOKEN"]).filter(|_| may_have_token(config, &options.endpoint));
    options.proxy = variable(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
    let exempt = variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    options.no_proxy = exempt.split([',', ' ']).map(str::to_owned).collect();
    // A hub without TLS is one within the network, or of this machine.
    options.no_proxy.push("http://*".to_owned());
    options
}

/// Whether a hub may be told who asks: one that this user has chosen, and on a connection that nobody reads. A project
/// may come from anybody.
fn may_have_token(config: &Config, endpoint: &str) -> bool {
    let is_own = !matches!(config.embedding.endpoint.origin, Origin::Project(_));
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_local = local.iter().any(|local| {
        endpoint.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    is_own && (endpoint.starts_with("https://") || is_local)
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}
