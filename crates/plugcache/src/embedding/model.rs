//! A sentence-embedding model on the CPU: texts in, vectors out.
//!
//! What is read is what the model's publishers keep beside its weights: `config.json`, `tokenizer.json`,
//! `model.safetensors`, and, where they are there, `1_Pooling/config.json`, `modules.json`,
//! `sentence_bert_config.json`, `tokenizer_config.json` and `config_sentence_transformers.json`. They say how a text is cut
//! off, how its tokens' vectors become one, and whether that is brought to length 1, so nothing of it is guessed here; what
//! they say that is not known is an error. Encoders of the families BERT and `MPNet` are known: all
//! of the models that [`Level`](super::Level) chooses.
//!
//! Tokens of all texts of a batch stand one after another in one matrix, and only attention looks at them text by text.
//! So there is no padding, nothing is computed for it, and a text's vector does not depend on how long its
//! neighbours are (but for the last bits: sums are added up in another order).

mod bias;
mod config;
mod dense;
mod encoder;
mod error;
mod numbers;
mod pooling;
mod read;
mod threads;
mod tokens;

use std::ops::Range;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;

pub use error::ModelError;

use super::files::ModelDirectory;
use config::Config;
use encoder::Encoder;
use pooling::Pooling;
use read::Files;
use threads::Threads;
use tokens::{Sequences, Tokens};

/// The files that make a model, as its publishers name them.
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";
const POOLING: &str = "1_Pooling/config.json";
const MODULES: &str = "modules.json";
const SENTENCE: &str = "sentence_bert_config.json";
const LIMITS: &str = "tokenizer_config.json";
const PROMPTS: &str = "config_sentence_transformers.json";

/// Most tokens that are computed with at once: more take more memory and are no faster.
const TOKENS_AT_ONCE: usize = 4096;

/// A model in memory, with the threads that it computes on. They end when the last handle is dropped; a process that
/// was forked off meanwhile gets its own.
pub struct Model {
    tokens: Tokens,
    encoder: Encoder,
    pooling: Pooling,
    threads: Threads,
}

impl Model {
    /// Loads a model. `threads`: how many it computes on; `None`: one for each core.
    pub fn load(directory: &ModelDirectory, threads: Option<usize>) -> Result<Self, ModelError> {
        let files = Files(directory);
        let config = Config::read(&files)?;
        let tokens = Tokens::read(&files, &config)?;
        let pooling = Pooling::read(&files)?;
        let threads = Threads::new(threads);
        let bytes = files.read(WEIGHTS)?;
        let wrong = |error: candle_core::Error| files.unfit(WEIGHTS, error);
        let weights =
            VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu).map_err(wrong)?;
        let encoder = threads.run(|| Encoder::load(&config, &weights))?.map_err(wrong)?;
        Ok(Self { tokens, encoder, pooling, threads })
    }

    /// How many numbers a vector has.
    pub fn dimension(&self) -> usize {
        self.encoder.dimension()
    }

    /// Most tokens of a text that count; what comes after is cut off, as the model's publishers have it.
    pub fn max_tokens(&self) -> usize {
        self.tokens.max_length()
    }

    /// The vector of a text.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>, ModelError> {
        let mut vectors = self.embed_many(&[text])?;
        vectors.pop().ok_or_else(|| ModelError::Compute("there is no vector for the text".to_owned()))
    }

    /// The vectors of these texts, in their order. Texts are computed together as far as that pays.
    pub fn embed_many(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.threads.run(|| {
            let sequences = self.tokens.encode(texts)?;
            let mut vectors = vec![Vec::new(); texts.len()];
            for batch in sequences.batches(TOKENS_AT_ONCE) {
                let made = self.compute(&batch).map_err(|error| ModelError::Compute(error.to_string()))?;
                for (place, vector) in batch.places().zip(made) {
                    if let Some(slot) = vectors.get_mut(place) {
                        *slot = vector;
                    }
                }
            }
            Ok(vectors)
        })?
    }

    fn compute(&self, batch: &Sequences) -> candle_core::Result<Vec<Vec<f32>>> {
        let states = self.encoder.forward(batch)?.flatten_all()?.to_vec1::<f32>()?;
        let dimension = self.dimension();
        let pool = |tokens: Range<usize>| {
            self.pooling.pool(&states[tokens.start * dimension..tokens.end * dimension], dimension)
        };
        Ok(batch.rows().map(pool).collect())
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("dimension", &self.dimension()).finish_non_exhaustive()
    }
}
