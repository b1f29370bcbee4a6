//! What a judge objects to, and where.

use std::fmt;

use ruff_text_size::TextSize;
use serde::{Deserialize, Serialize};

/// Which rule a file breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// It cannot be read, or is no regular file.
    Unreadable,
    /// It is larger than the policy accepts.
    TooLarge,
    /// It cannot be decoded or parsed.
    Unparsable,
    /// It names an encoding that could hide code from whoever reads it.
    Encoding,
    /// It has characters that show it in another order than Python reads it.
    HiddenText,
    /// It nests deeper than the judge follows.
    TooDeep,
    /// It imports what is not allowed.
    Import,
    /// It imports names that it does not name.
    StarImport,
    /// It imports a module beside it that is not judged with it.
    RelativeImport,
    /// It uses a member of a module that is not known to be harmless.
    Member,
    /// It hands a module around as a value, where its members could no longer be followed.
    ModuleValue,
    /// It uses a name that reaches beyond the plugin.
    Name,
    /// It uses an attribute that reaches beyond the plugin.
    Attribute,
    /// It defines or assigns a name that changes what others do.
    Binding,
    /// It reads attributes through a format string, or formats by one that is not written there.
    Format,
    /// It makes classes by other means than a class statement.
    Type,
    /// An annotation in quotes holds code that a host may evaluate.
    Annotation,
    /// A file beside the sources that Python would run, and that no judge of source can read.
    UnjudgedCode,
    /// It is not on the list of digests, and nothing else may load.
    Unlisted,
}

impl Rule {
    /// Its name in reports: `star-import`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too-large",
            Self::Unparsable => "unparsable",
            Self::Encoding => "encoding",
            Self::HiddenText => "hidden-text",
            Self::TooDeep => "too-deep",
            Self::Import => "import",
            Self::StarImport => "star-import",
            Self::RelativeImport => "relative-import",
            Self::Member => "member",
            Self::ModuleValue => "module-value",
            Self::Name => "name",
            Self::Attribute => "attribute",
            Self::Binding => "binding",
            Self::Format => "format",
            Self::Type => "type",
            Self::Annotation => "annotation",
            Self::UnjudgedCode => "unjudged-code",
            Self::Unlisted => "unlisted",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One objection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Violation {
    /// One-based line; 0 for the file as a whole.
    pub line: u32,
    /// One-based column in characters; 0 for the line as a whole.
    pub column: u32,
    /// The rule that is broken.
    pub rule: Rule,
    /// What breaks it, as it is written.
    pub what: String,
    /// Why that is not allowed, and what to do.
    pub why: String,
}

impl Violation {
    /// An objection to a file as a whole.
    pub(super) fn whole(rule: Rule, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { line: 0, column: 0, rule, what: what.into(), why: why.into() }
    }
}

impl fmt::Display for Violation {
    /// As it follows on a path: `:3:8: attribute …`, or `: unreadable …` for a file as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {} `{}`: {}", self.rule, self.what, self.why)
    }
}

/// Objections to a text, with their places.
pub(super) struct Objections<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    found: Vec<Violation>,
}

impl<'a> Objections<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self { text, line_starts: std::iter::once(0).chain(ends).collect(), found: Vec::new() }
    }

    pub(super) fn add(&mut self, at: TextSize, rule: Rule, what: impl Into<String>, why: impl Into<String>) {
        let (line, column) = self.position(at.to_usize());
        self.found.push(Violation { line, column, rule, what: what.into(), why: why.into() });
    }

    fn position(&self, at: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| self.line_starts.get(line)).copied().unwrap_or(0);
        let column = self.text.get(start..at).map_or(0, |before| before.chars().count()) + 1;
        (line as u32, column as u32)
    }

    /// All of them, in the order of the text.
    pub(super) fn into_sorted(mut self) -> Vec<Violation> {
        self.found.sort();
        self.found
    }
}
