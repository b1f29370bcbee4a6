//! Which model: a repository of a hub, a revision of it, and the files that are wanted.

use plugcache_cache::Digest;

use super::{FetchError, Sha256Sum};
use crate::embedding::Level;

/// Files without which there is no model.
pub(super) const NEEDED: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// Files that say how a sentence model makes one vector of many; a model may do without them.
const OPTIONAL: [&str; 5] = [
    "1_Pooling/config.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "config_sentence_transformers.json",
];

/// SHA-256 of the files of all-MiniLM-L6-v2 that do not change.
const MEDIUM: [(&str, &str); 2] = [
    ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
];

/// Files whose content selects what comes out.
pub(super) fn selecting() -> impl Iterator<Item = &'static str> {
    NEEDED.into_iter().chain(OPTIONAL)
}

/// A model of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    repository: String,
    revision: String,
    files: Vec<Wanted>,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path in the repository: `1_Pooling/config.json`.
    pub name: String,
    /// Whether the model does without it.
    pub is_optional: bool,
    /// What it must be. `None`: what the hub says.
    pub sha256: Option<Sha256Sum>,
}

impl Source {
    /// A repository (`owner/name`), of which nothing is wanted yet. The revision is `main`.
    pub fn new(repository: &str) -> Result<Self, FetchError> {
        const RULE: &str = "it is `owner/name` of letters, digits, `.`, `_` and `-`";
        if repository.split('/').count() > 2 || !is_path(repository) {
            return Err(FetchError::Name { name: repository.to_owned(), what: "a repository", rule: RULE });
        }
        Ok(Self { repository: repository.to_owned(), revision: "main".to_owned(), files: Vec::new() })
    }

    /// A repository with the files of a sentence model: `config.json`, `tokenizer.json`, `model.safetensors`,
    /// and, if it has them, `1_Pooling/config.json`, `modules.json`, `sentence_bert_config.json`.
    pub fn sentence_model(repository: &str) -> Result<Self, FetchError> {
        let mut source = Self::new(repository)?;
        for name in NEEDED {
            source = source.file(name)?;
        }
        for name in OPTIONAL {
            source = source.optional(name)?;
        }
        Ok(source)
    }

    /// The model of a level; `None`: it has none. What is known of the files is pinned, so that a hub cannot give others.
    pub fn of_level(level: Level) -> Result<Option<Self>, FetchError> {
        let Some(repository) = level.repository() else { return Ok(None) };
        let mut source = Self::sentence_model(repository)?;
        if level == Level::Medium {
            for (name, sha256) in MEDIUM {
                source = source.pinned(name, sha256)?;
            }
        }
        Ok(Some(source))
    }

    /// A commit, branch or tag. All files are of the commit that it names when the first one is fetched.
    /// Default: `main`.
    pub fn revision(mut self, revision: &str) -> Result<Self, FetchError> {
        const RULE: &str = "it is a commit, branch or tag of letters, digits, `.`, `_`, `-` and `/`";
        if !is_path(revision) {
            return Err(FetchError::Name { name: revision.to_owned(), what: "a revision", rule: RULE });
        }
        revision.clone_into(&mut self.revision);
        Ok(self)
    }

    /// A file that the model needs.
    pub fn file(mut self, name: &str) -> Result<Self, FetchError> {
        self.want(name)?.is_optional = false;
        Ok(self)
    }

    /// A file that the model may lack.
    pub fn optional(mut self, name: &str) -> Result<Self, FetchError> {
        self.want(name)?.is_optional = true;
        Ok(self)
    }

    /// Pins a file: whatever a hub says, this is its SHA-256, in 64 hexadecimal digits. It is wanted then.
    pub fn pinned(mut self, name: &str, sha256: &str) -> Result<Self, FetchError> {
        const RULE: &str = "it has 64 hexadecimal digits";
        let sum = Sha256Sum::parse(sha256).ok_or_else(|| FetchError::Name {
            name: sha256.to_owned(),
            what: "a SHA-256",
            rule: RULE,
        })?;
        self.want(name)?.sha256 = Some(sum);
        Ok(self)
    }

    fn want(&mut self, name: &str) -> Result<&mut Wanted, FetchError> {
        const RULE: &str = "it is a relative path of letters, digits, `.`, `_` and `-`, no part of which begins \
                            with a point";
        if !is_path(name) {
            return Err(FetchError::Name { name: name.to_owned(), what: "a file of a model", rule: RULE });
        }
        let position = self.files.iter().position(|file| file.name == name);
        let position = position.unwrap_or_else(|| {
            self.files.push(Wanted { name: name.to_owned(), is_optional: false, sha256: None });
            self.files.len() - 1
        });
        Ok(&mut self.files[position])
    }

    /// The repository: `owner/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The revision that was asked for.
    pub fn asked_revision(&self) -> &str {
        &self.revision
    }

    /// The files that are wanted.
    pub fn files(&self) -> &[Wanted] {
        &self.files
    }

    /// Name of its directory: of the repository and the revision asked for, not of the endpoint.
    pub(super) fn digest(&self) -> Digest {
        Digest::of_key([b"model".as_slice(), self.repository.as_bytes(), self.revision.as_bytes()])
    }
}

/// A relative path that is safe as such below any directory, and in a URL as it is.
pub(super) fn is_path(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= 1024
        && text.split('/').all(|part| {
            !part.is_empty() && part.len() <= 200 && !part.starts_with('.') && part.bytes().all(is_safe)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let source = Source::sentence_model("sentence-transformers/all-MiniLM-L6-v2").unwrap();
        let bad = [
            "",
            "/",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            ".",
            "a/.",
            ".git",
            "a\\b",
            "a\nb",
            "a\0b",
            "a b",
            "a?b",
            "a#b",
            "a%2e",
            "é",
            "x\u{202e}",
        ];
        for name in bad {
            assert!(source.clone().file(name).is_err(), "{name:?}");
            assert!(source.clone().revision(name).is_err(), "{name:?}");
            assert!(Source::new(name).is_err(), "{name:?}");
        }
        assert!(Source::new("a/b/c").is_err());
        assert!(source.clone().revision("refs/pr/1").is_ok());
        assert!(source.clone().file("1_Pooling/config.json").is_ok());
        assert!(source.clone().pinned("a", "12").is_err());
        let shown = source.file("../x").unwrap_err().to_string();
        assert!(shown.contains("`../x`") && shown.contains("relative path"), "{shown}");
    }

    #[test]
    fn the_directory_is_of_repository_and_revision() {
        let of = |repository: &str, revision: &str| {
            Source::new(repository).unwrap().revision(revision).unwrap().digest()
        };
        assert_eq!(of("a/b", "main"), Source::sentence_model("a/b").unwrap().digest());
        assert_ne!(of("a/b", "main"), of("a/b", "next"));
        assert_ne!(of("a/b", "main"), of("a/bmain", "x"));
    }
}
