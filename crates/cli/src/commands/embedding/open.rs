//! From settings to a model's files and its vectors.

use std::{env, path::PathBuf};

use plugcache::{
    Config, Hub,
    embedding::{
        Choice, Embedder, Level,
        files::{ModelDirectory, ModelStore, Options, Progress, Source},
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
    let choice = choice(model.model.as_deref(), config)?;
    let directory = directory(&choice, config, output)?;
    let normalizer = match &model.normalize {
        Some(text) => text.parse().map_err(|problem| format!("--normalize: {problem}"))?,
        None => config.embedding.normalizer.value.clone(),
    };
    if !normalizer.is_none() {
        output
            .talk(format!("texts are normalised by `{normalizer}`: those that differ in it share a vector"));
    }
    let hub = settings::hub(config);
    let mut builder =
        Embedder::builder(directory).normalizer(normalizer).precision(config.embedding.precision.value);
    if let Some(threads) = model.threads {
        builder = builder.threads(threads);
    }
    Ok(Open { embedder: builder.build(&hub)?, choice, _hub: hub })
}

/// The flag, or else what is set, or else the usual.
pub(super) fn choice(flag: Option<&str>, config: &Config) -> Result<Choice, Failure> {
    let flag: Option<Choice> = flag.filter(|text| !text.is_empty()).map(str::parse).transpose()?;
    let choice = flag.or_else(|| config.embedding.model.value.clone()).unwrap_or(USUAL);
    if choice.is_none() {
        return Err(
            "embeddings are switched off: the model is set to `none`; see `plugcache config show`, or \
                    say --model medium"
                .into(),
        );
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
        Choice::Directory(path) => return Ok(ModelDirectory::local(path)?),
        Choice::Level(level) => Source::of_level(*level)?.ok_or("the level `none` has no model")?,
        Choice::Repository { name, revision } => Source::sentence_model(name)?.revision(revision)?,
    };
    let store = ModelStore::open(models_directory(config)?, options(config))?;
    if let Some(found) = store.find(&source)? {
        return Ok(found);
    }
    let mut bar = Bar::of_bytes(output);
    let mut told = String::new();
    let mut progress = |progress: Progress<'_>| match progress {
        Progress::Waiting { holder } => {
            output.talk(format!("waiting for {holder}, which fetches this model"))
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
    Ok(store.fetch(&source, &mut progress)?)
}

/// Where fetched models are kept.
fn models_directory(config: &Config) -> Result<PathBuf, Failure> {
    if let Some(set) = &config.embedding.models_directory.value {
        return Ok(std::path::absolute(set)?);
    }
    let beside = settings::location(config).directories.into_iter().next();
    Ok(beside.ok_or("there is no place for a model: say --cache-dir DIR")?.join("models-v1"))
}

fn options(config: &Config) -> Options {
    let mut options = Options { offline: config.offline.value, ..Options::default() };
    if let Some(endpoint) = &config.embedding.endpoint.value {
        options.endpoint.clone_from(endpoint);
    }
    // A secret: not among the settings that are shown.
    options.token = variable(&["HF_TOKEN"]);
    options.proxy = variable(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
        .filter(|_| options.endpoint.starts_with("https://") && !is_exempt(&options.endpoint));
    options
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Whether `NO_PROXY` names the host, or a domain that it is in.
fn is_exempt(endpoint: &str) -> bool {
    let host = endpoint.split("://").nth(1).unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    let exempt = variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    exempt
        .split(',')
        .map(|name| name.trim().trim_start_matches('.'))
        .any(|name| name == "*" || name == host || (!name.is_empty() && host.ends_with(&format!(".{name}"))))
}
