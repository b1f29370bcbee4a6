//! Texts as tokens, in batches without padding.

use std::ops::Range;

use candle_core::{Device, Tensor};
use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};

use super::{LIMITS, ModelError, PROMPTS, SENTENCE, TOKENIZER, config::Config, read::Files};

/// Makes tokens of texts.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    max_length: usize,
    first_position: usize,
}

/// `sentence_bert_config.json`.
#[derive(Default, Deserialize)]
struct Sentence {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

/// `tokenizer_config.json`; a length that is none is said as a huge number.
#[derive(Deserialize)]
struct Limits {
    model_max_length: Option<serde_json::Number>,
}

/// `config_sentence_transformers.json`.
#[derive(Deserialize)]
struct Prompts {
    default_prompt_name: Option<String>,
}

/// Bytes of a text that are looked at first, for each token that counts.
const BYTES_A_TOKEN: usize = 16;

impl Tokens {
    pub(super) fn read(files: &Files<'_>, config: &Config) -> Result<Self, ModelError> {
        let wrong = |error: tokenizers::Error| files.unfit(TOKENIZER, error);
        let mut tokenizer = Tokenizer::from_bytes(files.read(TOKENIZER)?).map_err(wrong)?;
        let words = tokenizer.get_vocab_size(true);
        if words > config.vocab_size {
            let problem = format!("it knows {words} tokens, but config.json {}", config.vocab_size);
            return Err(files.unfit(TOKENIZER, problem));
        }
        let sentence = files.read_json_if_there::<Sentence>(SENTENCE)?.unwrap_or_default();
        if sentence.do_lower_case {
            return Err(files.unfit(SENTENCE, "texts are made lower-case first, which is not known here"));
        }
        let prompts = files.read_json_if_there::<Prompts>(PROMPTS)?;
        if let Some(name) = prompts.and_then(|prompts| prompts.default_prompt_name) {
            return Err(
                files.unfit(PROMPTS, format!("each text gets the prompt `{name}`, which is not known here"))
            );
        }
        let limit = files.read_json_if_there::<Limits>(LIMITS)?.and_then(|limits| limits.model_max_length);
        let limit = limit.and_then(|limit| limit.as_u64()).map_or(usize::MAX, |limit| limit as usize);
        let max_length = sentence.max_seq_length.unwrap_or(limit).min(config.max_length());
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
    pub(super) fn encode(&self, texts: &[&str]) -> Result<Sequences, ModelError> {
        let mut sequences = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            let ids = self.ids(text)?;
            if ids.is_empty() {
                return Err(ModelError::Compute(format!("it has no tokens: `{text}`")));
            }
            sequences.push(Sequence { place, ids });
        }
        sequences.sort_by_key(|sequence| sequence.ids.len());
        Ok(Sequences { sequences, first_position: self.first_position })
    }

    /// The tokens of a text that count. Of a long one no more is looked at than is needed for them: it is cut between
    /// two words, where no token ends differently.
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let mut bytes = self.max_length.saturating_mul(BYTES_A_TOKEN);
        loop {
            let begin = begin_of(text, bytes);
            let encoding = self.tokenizer.encode_fast(begin, true);
            let encoding = encoding.map_err(|error| ModelError::Compute(error.to_string()))?;
            if begin.len() == text.len() || encoding.len() >= self.max_length {
                return Ok(encoding.get_ids().to_vec());
            }
            bytes = bytes.saturating_mul(4);
        }
    }
}

/// The text up to the first white space after so many bytes.
fn begin_of(text: &str, bytes: usize) -> &str {
    let end = text.as_bytes().iter().skip(bytes).position(u8::is_ascii_whitespace);
    end.and_then(|end| text.get(..bytes + end)).unwrap_or(text)
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
    pub(super) fn ids(&self) -> candle_core::Result<Tensor> {
        let ids: Vec<u32> = self.sequences.iter().flat_map(|sequence| sequence.ids.iter().copied()).collect();
        let count = ids.len();
        Tensor::from_vec(ids, count, &Device::Cpu)
    }

    /// Position of each token in its text, as the model counts them.
    pub(super) fn positions(&self) -> candle_core::Result<Tensor> {
        let first = self.first_position as u32;
        let of_one = |sequence: &Sequence| (0..sequence.ids.len() as u32).map(move |at| first + at);
        let positions: Vec<u32> = self.sequences.iter().flat_map(of_one).collect();
        let count = positions.len();
        Tensor::from_vec(positions, count, &Device::Cpu)
    }

    /// Where the tokens of each text stand among all.
    pub(super) fn rows(&self) -> impl Iterator<Item = Range<usize>> {
        self.sequences.iter().scan(0, |begin, sequence| {
            let rows = *begin..*begin + sequence.ids.len();
            *begin = rows.end;
            Some(rows)
        })
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
    pub(super) fn of(&self, states: &Tensor) -> candle_core::Result<Tensor> {
        let numbers = states.dim(1)?;
        let rows = states.narrow(0, self.tokens.start, self.tokens.len())?;
        rows.reshape((self.texts, self.length, numbers))
    }
}
