//! Settings of embeddings: `[embedding]`, `PLUGCACHE_EMBEDDING_…`, and what hubs' own tools are set with.

use std::{path::PathBuf, str::FromStr};

use serde::Deserialize;

use super::{ConfigError, Files, Setting, optional, variables::Variables};
use crate::embedding::{Choice, Normalizer, Precision};

/// `[embedding]`, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// `none`, `low`, `medium`, `high`; `owner/name[@revision]`; or a directory, relative to the file.
    pub model: Option<String>,
    /// Where fetched models are kept. A relative path is relative to the file.
    #[serde(alias = "models-directory")]
    pub models_directory: Option<PathBuf>,
    /// `none` or `digits`.
    pub normalize: Option<String>,
    /// `f32`, `f16` or `i8`.
    pub precision: Option<String>,
    /// Address of the hub.
    pub endpoint: Option<String>,
}

/// What is set about embeddings.
#[derive(Debug)]
pub struct Embedding {
    /// Which model makes the vectors. Default: `None`, as the program says.
    pub model: Setting<Option<Choice>>,
    /// Where fetched models are kept. Default: `None`, `models-v1` beside the caches.
    pub models_directory: Setting<Option<PathBuf>>,
    /// Which texts share a vector. Default: none do.
    pub normalizer: Setting<Normalizer>,
    /// How exactly vectors are kept. Default: exactly.
    pub precision: Setting<Precision>,
    /// The hub that models are fetched from; `HF_ENDPOINT`. Default: `None`, Hugging Face.
    pub endpoint: Setting<Option<String>>,
}

impl Section {
    /// Makes paths of a file's paths.
    pub(crate) fn relative_to(&mut self, below: &std::path::Path) {
        if let Some(path) = &mut self.models_directory {
            *path = below.join(&*path);
        }
        if let Some(text) = &mut self.model
            && let Ok(Choice::Directory(path)) = text.parse()
        {
            // Without the `.` of `./models`.
            let path: PathBuf = below.join(path).components().collect();
            *text = path.to_string_lossy().into_owned();
        }
    }
}

impl Embedding {
    pub(super) fn read(variables: &Variables, files: &Files) -> Result<Self, ConfigError> {
        let text = |text: &str| Ok(text.to_owned());
        let model = variables.read("EMBEDDING_MODEL", |text| Ok(choice(text)))?;
        let endpoint = variables.read_foreign("HF_ENDPOINT", text)?;
        let section = |take: fn(&Section) -> &Option<String>| {
            files.either(|project| take(&project.embedding).clone(), |user| take(&user.embedding).clone())
        };
        Ok(Self {
            model: optional(match model {
                Some(model) => Some(model),
                None => parsed(section(|embedding| &embedding.model), |text| Ok(choice(text)))?,
            }),
            models_directory: optional(variables.path("EMBEDDING_MODELS_DIRECTORY").or_else(|| {
                files.either(
                    |project| project.embedding.models_directory.clone(),
                    |user| user.embedding.models_directory.clone(),
                )
            })),
            normalizer: or_parsed(
                variables.read("EMBEDDING_NORMALIZE", str::parse)?,
                section(|embedding| &embedding.normalize),
            )?,
            precision: or_parsed(
                variables.read("EMBEDDING_PRECISION", str::parse)?,
                section(|embedding| &embedding.precision),
            )?,
            endpoint: optional(endpoint.or_else(|| section(|embedding| &embedding.endpoint))),
        })
    }
}

fn choice(text: &str) -> Choice {
    let Ok(choice) = text.parse();
    choice
}

/// What a variable says, or else the text of a file, or else the default.
fn or_parsed<T: FromStr<Err = String> + Default>(
    variable: Option<Setting<T>>,
    file: Option<Setting<String>>,
) -> Result<Setting<T>, ConfigError> {
    let set = match variable {
        Some(set) => Some(set),
        None => parsed(file, str::parse)?,
    };
    Ok(Setting::or_default(set, T::default()))
}

fn parsed<T>(
    file: Option<Setting<String>>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Setting<T>>, ConfigError> {
    let Some(Setting { value, origin }) = file else { return Ok(None) };
    match parse(&value) {
        Ok(value) => Ok(Some(Setting { value, origin })),
        Err(problem) => Err(ConfigError::Value { origin, problem }),
    }
}
