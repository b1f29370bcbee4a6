//! What `config.json` says of an encoder.

use serde::Deserialize;

use super::{CONFIG, ModelError, read::Files};

/// Shape of an encoder.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(rename = "model_type")]
    pub(super) family: Family,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) vocab_size: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) hidden_act: Activation,
    pub(super) layer_norm_eps: f64,
    /// Families other than BERT have none.
    #[serde(default)]
    pub(super) type_vocab_size: usize,
    pad_token_id: Option<usize>,
    /// Of `MPNet`: kinds of distance between two tokens.
    #[serde(default = "usual_buckets")]
    pub(super) relative_attention_num_buckets: usize,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

/// How a family of encoders differs from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Family {
    /// Positions and sentences are embedded.
    Bert,
    /// Positions are embedded, and distances weigh in attention.
    Mpnet,
}

/// What stands between the two layers of a feed-forward block.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Activation {
    Gelu,
    #[serde(alias = "gelu_new")]
    GeluPytorchTanh,
    Relu,
}

fn usual_buckets() -> usize {
    32
}

impl Config {
    pub(super) fn read(files: &Files<'_>) -> Result<Self, ModelError> {
        let config: Self = files.read_json(CONFIG)?;
        let heads = config.num_attention_heads;
        if heads == 0 || !config.hidden_size.is_multiple_of(heads) {
            let sizes = format!("{heads} attention heads do not share {} numbers", config.hidden_size);
            return Err(files.unfit(CONFIG, sizes));
        }
        if let Some(other) = config.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return Err(
                files.unfit(CONFIG, format!("positions are embedded as `{other}`, not as `absolute`"))
            );
        }
        if config.max_length() == 0 {
            return Err(files.unfit(CONFIG, "there is no position for a token"));
        }
        Ok(config)
    }

    /// Number of the first token's position: those before it stand for padding.
    pub(super) fn first_position(&self) -> usize {
        match self.family {
            Family::Bert => 0,
            // Without a word, the token of padding is the second one.
            Family::Mpnet => self.pad_token_id.unwrap_or(1) + 1,
        }
    }

    /// Most tokens that there are positions for.
    pub(super) fn max_length(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.first_position())
    }
}
