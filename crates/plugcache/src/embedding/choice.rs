//! Which model makes the vectors.

use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

/// How much is spent on vectors, in op-dbus's words. Each level has a model of its own, and none ever stands in for
/// another: vectors of different models cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// No vectors. The default.
    #[default]
    None,
    /// Three layers, 384 numbers: the fastest.
    Low,
    /// Six layers, 384 numbers.
    Medium,
    /// Twelve wider layers, 768 numbers: the slowest.
    High,
}

impl Level {
    /// The model's name at its hub; `None`: no model.
    pub fn repository(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Low => Some("sentence-transformers/paraphrase-MiniLM-L3-v2"),
            Self::Medium => Some("sentence-transformers/all-MiniLM-L6-v2"),
            Self::High => Some("sentence-transformers/all-mpnet-base-v2"),
        }
    }

    /// How many numbers a vector has. 0: there is none.
    pub fn dimension(self) -> usize {
        match self {
            Self::None => 0,
            Self::Low | Self::Medium => 384,
            Self::High => 768,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

impl FromStr for Level {
    type Err = String;

    /// In any case.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "low" => Ok(Self::Low),
            "medium" => Ok(Self::Medium),
            "high" => Ok(Self::High),
            _ => Err(format!("`{text}` is no level: expected none, low, medium or high")),
        }
    }
}

/// A model, as it is written in settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// `low`: what the level says.
    Level(Level),
    /// `owner/name` or `owner/name@revision`: a model of a hub.
    Repository {
        /// Owner and name.
        name: String,
        /// Branch, tag or commit. Default: `main`.
        revision: String,
    },
    /// `./directory`, `/directory`: files that are here.
    Directory(PathBuf),
}

impl Choice {
    /// The revision of a repository that names none.
    pub const REVISION: &'static str = "main";

    /// Whether no vectors are wanted.
    pub fn is_none(&self) -> bool {
        *self == Self::Level(Level::None)
    }
}

impl FromStr for Choice {
    type Err = Infallible;

    /// A level's name; else `owner/name`; else a directory.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Ok(level) = text.parse() {
            return Ok(Self::Level(level));
        }
        let (name, revision) = text.split_once('@').unwrap_or((text, Self::REVISION));
        Ok(match name.split_once('/') {
            Some((owner, own)) if is_word(owner) && is_word(own) && !revision.is_empty() => {
                Self::Repository { name: name.to_owned(), revision: revision.to_owned() }
            }
            _ => Self::Directory(text.into()),
        })
    }
}

/// A part of a repository's name: never `.` or `..`.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.starts_with('.') && !text.is_empty() && text.bytes().all(is_plain)
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => level.fmt(f),
            Self::Repository { name, revision } if revision == Self::REVISION => f.write_str(name),
            Self::Repository { name, revision } => write!(f, "{name}@{revision}"),
            Self::Directory(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_a_level_a_repository_or_a_directory() {
        let Ok(choice) = "Medium".parse::<Choice>();
        assert_eq!(choice, Choice::Level(Level::Medium));
        for (text, name, revision) in [("owner/name", "owner/name", "main"), ("o/n@v1.0", "o/n", "v1.0")] {
            let Ok(choice) = text.parse::<Choice>();
            assert_eq!(choice, Choice::Repository { name: name.into(), revision: revision.into() });
            assert_eq!(choice.to_string(), text);
        }
        for path in ["/models/mine", "./mine", "../mine", "mine", "a/b/c", "o/n@", "./a/b", "o/", "o/ n"] {
            let Ok(choice) = path.parse::<Choice>();
            assert_eq!(choice, Choice::Directory(path.into()), "{path}");
        }
    }

    #[test]
    fn a_level_is_written_as_op_dbus_writes_it() {
        for level in [Level::None, Level::Low, Level::Medium, Level::High] {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(level.repository().is_none(), level.dimension() == 0);
        }
        assert!("top".parse::<Level>().unwrap_err().contains("none, low, medium or high"));
    }
}
