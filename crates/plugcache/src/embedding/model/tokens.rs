//! Texts as tokens, in batches without padding.

use std::ops::Range;

use candle_core::{Device, Result, Tensor};
use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};

use super::{LENGTH, ModelError, TOKENIZER, config::Config, read::Files};

/// Makes tokens of texts.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    max_length: usize,
    first_position: usize,
}

#[derive(Deserialize)]
struct Length {
    max_seq_length: Option<usize>,
}

impl Tokens {
    pub(super) fn read(files: &Files<'_>, config: &Config) -> std::result::Result<Self, ModelError> {
        let wrong = |error: tokenizers::Error| files.unfit(TOKENIZER, error);
        let mut tokenizer = Tokenizer::from_bytes(files.read(TOKENIZER)?).map_err(wrong)?;
        let words = tokenizer.get_vocab_size(true);
        if words > config.vocab_size {
            let problem = format!("it knows {words} tokens, but config.json {}", config.vocab_size);
            return Err(files.unfit(TOKENIZER, problem));
        }
        let said = files.read_json_if_there::<Length>(LENGTH)?.and_then(|file| file.max_seq_length);
        let own = tokenizer.get_truncation().map(|truncation| truncation.max_length);
        let max_length = said.or(own).unwrap_or(usize::MAX).min(config.max_length());
        let special = tokenizer.get_post_processor().map_or(0, |post| {
            use tokenizers::PostProcessor;
            post.added_tokens(false)
        });
        if max_length <= special {
            let problem = format!("a text of {max_length} tokens has no room beside {special} special ones");
            return Err(files.unfit(TOKENIZER, problem));
        }
        let truncation = TruncationParams { max_length, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(wrong)?;
        tokenizer.with_padding(None);
        Ok(Self { tokenizer, max_length, first_position: config.first_position() })
    }

    pub(super) fn max_length(&self) -> usize {
        self.max_length
    }

    /// The tokens of each text, the shortest texts first.
    pub(super) fn encode(&self, texts: &[&str]) -> std::result::Result<Sequences, ModelError> {
        let mut sequences = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            let encoding = self.tokenizer.encode_fast(*text, true);
            let encoding = encoding.map_err(|error| ModelError::Compute(error.to_string()))?;
            if encoding.is_empty() {
                return Err(ModelError::Compute(format!("text {place} has no tokens: `{text}`")));
            }
            sequences.push(Sequence { place, ids: encoding.get_ids().to_vec() });
        }
        sequences.sort_by_key(|sequence| sequence.ids.len());
        Ok(Sequences { sequences, first_position: self.first_position })
    }
}

/// Tokens of one text.
#[derive(Clone)]
struct Sequence {
    /// Which text it was in the request.
    place: usize,
    ids: Vec<u32>,
}

/// Tokens of some texts, the shortest first.
pub(super) struct Sequences {
    sequences: Vec<Sequence>,
    first_position: usize,
}

impl Sequences {
    /// In parts of at most `tokens` tokens, or of one text.
    pub(super) fn batches(self, tokens: usize) -> impl Iterator<Item = Self> {
        let first_position = self.first_position;
        let mut rest = self.sequences.into_iter().peekable();
        std::iter::from_fn(move || {
            let mut sequences = vec![rest.next()?];
            let mut room = tokens.saturating_sub(sequences[0].ids.len());
            while let Some(next) = rest.next_if(|next| next.ids.len() <= room) {
                room -= next.ids.len();
                sequences.push(next);
            }
            Some(Self { sequences, first_position })
        })
    }

    /// Which texts of the request these are.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.sequences.iter().map(|sequence| sequence.place)
    }

    /// All tokens, one text after another.
    pub(super) fn ids(&self) -> Result<Tensor> {
        let ids: Vec<u32> = self.sequences.iter().flat_map(|sequence| sequence.ids.iter().copied()).collect();
        let count = ids.len();
        Tensor::from_vec(ids, count, &Device::Cpu)
    }

    /// Position of each token in its text, as the model counts them.
    pub(super) fn positions(&self) -> Result<Tensor> {
        let first = self.first_position as u32;
        let of_one = |sequence: &Sequence| (0..sequence.ids.len() as u32).map(move |at| first + at);
        let positions: Vec<u32> = self.sequences.iter().flat_map(of_one).collect();
        let count = positions.len();
        Tensor::from_vec(positions, count, &Device::Cpu)
    }

    /// Texts of the same length: where their tokens stand among all.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group> {
        let mut start = 0;
        self.sequences.chunk_by(|a, b| a.ids.len() == b.ids.len()).map(move |alike| {
            let length = alike.first().map_or(0, |sequence| sequence.ids.len());
            let group = Group { tokens: start..start + length * alike.len(), texts: alike.len(), length };
            start = group.tokens.end;
            group
        })
    }
}

/// Texts of the same length.
pub(super) struct Group {
    tokens: Range<usize>,
    pub(super) texts: usize,
    /// Tokens of each.
    pub(super) length: usize,
}

impl Group {
    /// `[all tokens, numbers]` → `[texts, tokens, numbers]` of these.
    pub(super) fn of(&self, states: &Tensor) -> Result<Tensor> {
        let numbers = states.dim(1)?;
        let rows = states.narrow(0, self.tokens.start, self.tokens.len())?;
        rows.reshape((self.texts, self.length, numbers))
    }
}
