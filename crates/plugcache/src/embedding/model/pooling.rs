//! From the vectors of a text's tokens to the text's.

use serde::Deserialize;
use serde_json::{Map, Value};

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

#[derive(Deserialize)]
struct File {
    /// `pooling_mode_…`, and things that select nothing.
    #[serde(flatten)]
    all: Map<String, Value>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

impl Pooling {
    /// As the files beside the weights say; the mean, brought to length 1, where they say nothing.
    pub(super) fn read(files: &Files<'_>) -> Result<Self, ModelError> {
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

    /// The vector of a text, of those of its tokens, one after another. Sums are of doubles: their order does not matter.
    pub(super) fn pool(self, tokens: &[f32], dimension: usize) -> Vec<f32> {
        let mut sums = vec![0.0_f64; dimension];
        let counted = match self.kind {
            Kind::Mean => tokens,
            Kind::First => &tokens[..dimension.min(tokens.len())],
        };
        for token in counted.chunks_exact(dimension.max(1)) {
            sums.iter_mut().zip(token).for_each(|(sum, number)| *sum += f64::from(*number));
        }
        #[expect(clippy::cast_precision_loss, reason = "a text has some hundred tokens")]
        let count = (counted.len() / dimension.max(1)) as f64;
        let by = if self.is_normalised {
            // A vector of zeros has no direction and stays what it is.
            sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt().max(1e-12)
        } else {
            count
        };
        sums.iter().map(|sum| (sum / by) as f32).collect()
    }
}

impl File {
    /// Exactly one way has to be on, and one that is known.
    fn kind(&self) -> Result<Kind, String> {
        let modes = self.all.iter().filter(|(name, value)| name.starts_with("pooling_mode") && is_on(value));
        let modes: Vec<&str> = modes.map(|(name, value)| value.as_str().unwrap_or(name)).collect();
        match modes[..] {
            ["pooling_mode_mean_tokens" | "mean"] => Ok(Kind::Mean),
            ["pooling_mode_cls_token" | "cls"] => Ok(Kind::First),
            _ => Err(format!(
                "expected pooling by either the mean of the tokens or the first one, found {}",
                if modes.is_empty() { "none".to_owned() } else { modes.join(", ") }
            )),
        }
    }
}

fn is_on(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// What a model is made of, in its order: an encoder, pooling, and perhaps normalisation.
fn normalises(modules: &[Module]) -> Result<bool, String> {
    let elsewhere = |module: &&Module| last_word(&module.kind) == "Pooling" && module.path != "1_Pooling";
    if let Some(elsewhere) = modules.iter().find(elsewhere) {
        return Err(format!("expected pooling to be described in 1_Pooling, not in `{}`", elsewhere.path));
    }
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
