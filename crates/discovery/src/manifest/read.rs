//! Bytes into a document: limits first, then the parser of the format, then its errors made ours.

use std::path::Path;

use serde::de::DeserializeSeed;

use super::{
    ManifestError,
    document::{Reading, Refusal},
    numbers,
};
use crate::value::Value;

/// What a manifest is written in, told by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `.json`, and whatever has no other extension of these.
    Json,
    /// `.toml`.
    Toml,
    /// `.yaml`, `.yml`.
    Yaml,
}

impl Format {
    /// By extension, upper or lower case.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase) {
            Some(extension) if extension == "toml" => Self::Toml,
            Some(extension) if extension == "yaml" || extension == "yml" => Self::Yaml,
            _ => Self::Json,
        }
    }
}

/// How much of a manifest is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file. Default: 1 MiB.
    pub bytes: usize,
    /// Arrays and objects inside one another. Default: 64; more than 100 are not read in any case.
    pub depth: usize,
    /// Values of a document, after aliases are unfolded. Default: 200,000.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 64, values: 200_000 }
    }
}

/// The parsers recurse, and refuse on their own not far above.
const DEEPEST: usize = 100;

/// Reads a document of any shape.
pub fn parse(bytes: &[u8], format: Format, limits: Limits) -> Result<Value, ManifestError> {
    if bytes.len() > limits.bytes {
        return Err(ManifestError::TooLarge { limit: limits.bytes, actual: bytes.len() });
    }
    let limits = Limits { depth: limits.depth.min(DEEPEST), ..limits };
    let text = decode(bytes)?;
    match format {
        Format::Json => json(text, limits),
        Format::Toml => toml(text, limits),
        Format::Yaml => yaml(text, limits),
    }
}

fn decode(bytes: &[u8]) -> Result<&str, ManifestError> {
    let wrong = |at: usize, message| {
        let before = String::from_utf8_lossy(bytes.get(..at).unwrap_or(bytes));
        let (line, column) = end_of(&before);
        Err(ManifestError::Encoding { line, column, message })
    };
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return wrong(0, "UTF-16");
    }
    if let Some(at) = memchr::memchr(0, bytes) {
        return wrong(at, "a NUL");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => wrong(error.valid_up_to(), "not UTF-8"),
    }
}

/// Line and column, one-based, of what follows `text`.
fn end_of(text: &str) -> (u32, u32) {
    let last = text.rsplit('\n').next().unwrap_or(text);
    (memchr::memchr_iter(b'\n', text.as_bytes()).count() as u32 + 1, last.chars().count() as u32 + 1)
}

fn refused(refusal: Refusal, limits: Limits, (line, column): (u32, u32)) -> ManifestError {
    match refusal {
        Refusal::TooDeep => ManifestError::TooDeep { limit: limits.depth, line, column },
        Refusal::TooMany => ManifestError::TooMany { limit: limits.values },
        Refusal::DuplicateKey(key) => ManifestError::DuplicateKey { key, line, column },
    }
}

fn json(text: &str, limits: Limits) -> Result<Value, ManifestError> {
    let reading = Reading::new(limits, Some(text));
    let tamed = numbers::tame(text);
    let mut deserializer = serde_json::Deserializer::from_str(&tamed);
    let read = reading.document().deserialize(&mut deserializer);
    read.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        // Its column counts bytes.
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        let column = line.char_indices().take_while(|(at, _)| *at < error.column()).count() as u32;
        let place = (error.line() as u32, column.max(1));
        match reading.refusal() {
            Some(refusal) => refused(refusal, limits, place),
            None => syntax(place, strip_position(&error.to_string())),
        }
    })
}

fn strip_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

fn syntax((line, column): (u32, u32), message: String) -> ManifestError {
    ManifestError::Syntax { line, column, message }
}

fn toml(text: &str, limits: Limits) -> Result<Value, ManifestError> {
    let reading = Reading::new(limits, None);
    let fail = |error: ::toml::de::Error| {
        let span = error.span().unwrap_or_default();
        let place = end_of(text.get(..span.start).unwrap_or_default());
        if let Some(refusal) = reading.refusal() {
            return refused(refusal, limits, place);
        }
        let message = error.message().trim_end();
        if message.contains("recursion") {
            return refused(Refusal::TooDeep, limits, place);
        }
        if message.contains("duplicate key") {
            let key = text.get(span).unwrap_or_default().trim().to_owned();
            return refused(Refusal::DuplicateKey(key), limits, place);
        }
        syntax(place, message.replace('\n', "; "))
    };
    let deserializer = ::toml::Deserializer::parse(text).map_err(fail)?;
    reading.document().deserialize(deserializer).map_err(fail)
}

fn yaml(text: &str, limits: Limits) -> Result<Value, ManifestError> {
    use serde_saphyr::{DuplicateKeyPolicy, options};
    let reading = Reading::new(limits, None);
    let options = options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        with_snippet: false,
    };
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        reading.document().deserialize(deserializer)
    });
    read.map_err(|error| {
        let place = error.location().map_or((0, 0), |at| (at.line() as u32, at.column() as u32));
        if let Some(refusal) = reading.refusal() {
            return refused(refusal, limits, place);
        }
        if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error.without_snippet() {
            return refused(Refusal::DuplicateKey(key.clone().unwrap_or_default()), limits, place);
        }
        let message = error.without_snippet().to_string();
        let lower = message.to_lowercase();
        if lower.contains("depth") || lower.contains("recursion") || lower.contains("nesting") {
            return refused(Refusal::TooDeep, limits, place);
        }
        syntax(place, message.lines().next().unwrap_or_default().to_owned())
    })
}
