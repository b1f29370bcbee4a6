//! From the vectors of a text's tokens to the text's.

use candle_core::{Result, Tensor};
use serde::Deserialize;

use super::{MODULES, ModelError, POOLING, read::Files};

/// How the vectors of tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pooling {
    kind: Kind,
    /// Whether the result is brought to length 1.
    is_normalised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mean,
    First,
}

#[expect(clippy::struct_excessive_bools, reason = "the file's shape")]
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

impl Pooling {
    /// As the files beside the weights say; the mean, brought to length 1, where they say nothing.
    pub(super) fn read(files: &Files<'_>) -> std::result::Result<Self, ModelError> {
        let kind = match files.read_json_if_there::<File>(POOLING)? {
            None => Kind::Mean,
            Some(file) => file.kind().map_err(|problem| files.unfit(POOLING, problem))?,
        };
        let is_normalised = match files.read_json_if_there::<Vec<Module>>(MODULES)? {
            None => true,
            Some(modules) => normalises(&modules).map_err(|problem| files.unfit(MODULES, problem))?,
        };
        Ok(Self { kind, is_normalised })
    }

    /// `[texts, tokens, numbers]` → `[texts, numbers]`.
    pub(super) fn pool(self, states: &Tensor) -> Result<Tensor> {
        let pooled = match self.kind {
            Kind::Mean => states.mean(1)?,
            Kind::First => states.narrow(1, 0, 1)?.squeeze(1)?,
        };
        if !self.is_normalised {
            return Ok(pooled);
        }
        // A vector of zeros has no direction and stays what it is.
        let length = pooled.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(1e-12)?;
        pooled.broadcast_div(&length)
    }
}

impl File {
    fn kind(&self) -> std::result::Result<Kind, &'static str> {
        let others = self.pooling_mode_max_tokens || self.pooling_mode_mean_sqrt_len_tokens;
        match (self.pooling_mode_mean_tokens, self.pooling_mode_cls_token, others) {
            (true, false, false) => Ok(Kind::Mean),
            (false, true, false) => Ok(Kind::First),
            _ => Err("expected pooling by either the mean of the tokens or the first one"),
        }
    }
}

/// What a model is made of, in its order: an encoder, pooling, and perhaps normalisation.
fn normalises(modules: &[Module]) -> std::result::Result<bool, String> {
    let kinds: Vec<&str> = modules.iter().map(|module| last_word(&module.kind)).collect();
    match kinds[..] {
        ["Transformer", "Pooling", "Normalize"] => Ok(true),
        ["Transformer", "Pooling"] => Ok(false),
        _ => Err(format!(
            "expected the modules Transformer, Pooling and perhaps Normalize, found {}",
            kinds.join(", ")
        )),
    }
}

fn last_word(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
