//! Transformer encoders of the families BERT and `MPNet`.
//!
//! Devlin and others, *BERT: Pre-training of Deep Bidirectional Transformers* (2019); Song and others, *`MPNet`: Masked
//! and Permuted Pre-training* (2020).

use candle_core::{Result, Tensor};
use candle_nn::{Embedding, LayerNorm, Module, VarBuilder, embedding, layer_norm, ops};

use super::{
    bias::Bias,
    config::{Activation, Config, Family},
    dense::Dense,
    numbers,
    tokens::Sequences,
};

/// An encoder with its weights.
pub(super) struct Encoder {
    words: Embedding,
    positions: Embedding,
    /// What each token has from being of the first sentence: a text has only one.
    sentence: Option<Tensor>,
    norm: LayerNorm,
    bias: Option<Bias>,
    layers: Vec<Layer>,
    dimension: usize,
}

impl Encoder {
    pub(super) fn load(config: &Config, weights: &VarBuilder) -> Result<Self> {
        let weights = root(config, weights);
        let size = config.hidden_size;
        let first = weights.pp("embeddings");
        let sentence = match config.family {
            Family::Bert => {
                let all = first.get((config.type_vocab_size, size), "token_type_embeddings.weight")?;
                Some(all.narrow(0, 0, 1)?.contiguous()?)
            }
            Family::Mpnet => None,
        };
        let body = weights.pp("encoder");
        let bias = match config.family {
            Family::Bert => None,
            Family::Mpnet => Some(Bias::load(config, &body)?),
        };
        let layer = |number| Layer::load(config, &body.pp("layer").pp(number));
        Ok(Self {
            words: embedding(config.vocab_size, size, first.pp("word_embeddings"))?,
            positions: embedding(config.max_position_embeddings, size, first.pp("position_embeddings"))?,
            sentence,
            norm: norm(config, &first.pp("LayerNorm"))?,
            bias,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_>>()?,
            dimension: size,
        })
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// `[all tokens, numbers]`.
    pub(super) fn forward(&self, batch: &Sequences) -> Result<Tensor> {
        let positions = self.positions.forward(&batch.positions()?)?;
        let mut states = numbers::add(&self.words.forward(&batch.ids()?)?, &positions)?;
        if let Some(sentence) = &self.sentence {
            states = numbers::add(&states, sentence)?;
        }
        states = self.norm.forward(&states)?;
        let of_length = |length| self.bias.as_ref().map(|bias| bias.of(length)).transpose();
        let biases: Vec<_> = batch.groups().map(|group| of_length(group.length)).collect::<Result<_>>()?;
        for layer in &self.layers {
            states = layer.forward(&states, batch, &biases)?;
        }
        Ok(states)
    }
}

/// Some publishers keep the encoder's weights below its family's name.
fn root<'a>(config: &Config, weights: &VarBuilder<'a>) -> VarBuilder<'a> {
    let family = match config.family {
        Family::Bert => "bert",
        Family::Mpnet => "mpnet",
    };
    let below = weights.pp(family);
    if below.contains_tensor("embeddings.word_embeddings.weight") { below } else { weights.clone() }
}

struct Layer {
    /// Queries, keys and values of all heads, side by side.
    attention: Dense,
    heads: usize,
    output: Dense,
    norm: LayerNorm,
    inner: Dense,
    activation: Activation,
    outer: Dense,
    last_norm: LayerNorm,
}

impl Layer {
    fn load(config: &Config, weights: &VarBuilder) -> Result<Self> {
        let size = config.hidden_size;
        let attention = weights.pp("attention");
        let (own, names, output, after) = match config.family {
            Family::Bert => {
                let output = attention.pp("output");
                (attention.pp("self"), ["query", "key", "value"], output.pp("dense"), output.pp("LayerNorm"))
            }
            Family::Mpnet => {
                let own = attention.pp("attn");
                (own.clone(), ["q", "k", "v"], own.pp("o"), attention.pp("LayerNorm"))
            }
        };
        let [queries, keys, values] = names.map(|name| Dense::load(size, size, &own.pp(name)));
        // Scores are divided by the root of a head's numbers: their queries are so from the beginning.
        #[expect(clippy::cast_precision_loss, reason = "a head has some tens of numbers")]
        let root = ((size / config.num_attention_heads) as f32).sqrt();
        let wide = config.intermediate_size;
        Ok(Self {
            attention: Dense::side_by_side(&[queries?.scaled(root.recip())?, keys?, values?])?,
            heads: config.num_attention_heads,
            output: Dense::load(size, size, &output)?,
            norm: norm(config, &after)?,
            inner: Dense::load(size, wide, &weights.pp("intermediate").pp("dense"))?,
            activation: config.hidden_act,
            outer: Dense::load(wide, size, &weights.pp("output").pp("dense"))?,
            last_norm: norm(config, &weights.pp("output").pp("LayerNorm"))?,
        })
    }

    fn forward(&self, states: &Tensor, batch: &Sequences, biases: &[Option<Tensor>]) -> Result<Tensor> {
        let seen = self.output.forward(&self.attend(states, batch, biases)?)?;
        let states = self.norm.forward(&numbers::add(&seen, states)?)?;
        let inner = self.inner.forward(&states)?;
        let inner = match self.activation {
            Activation::Gelu => numbers::gelu(&inner)?,
            Activation::GeluPytorchTanh => numbers::gelu_by_tanh(&inner)?,
            Activation::Relu => numbers::relu(&inner)?,
        };
        self.last_norm.forward(&numbers::add(&self.outer.forward(&inner)?, &states)?)
    }

    /// Each token looks at all tokens of its own text.
    fn attend(&self, states: &Tensor, batch: &Sequences, biases: &[Option<Tensor>]) -> Result<Tensor> {
        let all = self.attention.forward(states)?;
        let mut seen = Vec::new();
        for (group, bias) in batch.groups().zip(biases) {
            let parts = group.of(&all)?.reshape((group.texts, group.length, 3, self.heads, ()))?;
            // [texts, heads, tokens, numbers of a head]
            let part = |which| parts.narrow(2, which, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
            let (queries, keys, values): (Tensor, Tensor, Tensor) = (part(0)?, part(1)?, part(2)?);
            let mut scores = queries.matmul(&keys.t()?)?;
            if let Some(bias) = bias {
                scores = numbers::add(&scores, bias)?;
            }
            let mixed = ops::softmax_last_dim(&scores)?.matmul(&values)?;
            seen.push(mixed.transpose(1, 2)?.reshape((group.texts * group.length, ()))?);
        }
        Tensor::cat(&seen, 0)
    }
}

fn norm(config: &Config, weights: &VarBuilder) -> Result<LayerNorm> {
    layer_norm(config.hidden_size, config.layer_norm_eps, weights.clone())
}
