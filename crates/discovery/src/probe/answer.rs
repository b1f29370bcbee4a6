//! What a probe answers.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// What is known of a module after it was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was imported.
    Probed(Probed),
    /// It could not be, and is left alone for the time being.
    Quarantined(Quarantine),
}

/// What an imported module holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// The classes that it defines, in the order of its namespace.
    pub classes: Vec<Class>,
    /// The files that were imported for it, its own included: what the answer rests on.
    pub files: Vec<PathBuf>,
    /// Whether the child could reach the network.
    pub network: Network,
    /// What it printed, up to the limit.
    pub output: String,
    /// Whether it printed more than that.
    pub output_was_cut: bool,
}

/// A class as it was at the end of the import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// What it is called in the module.
    pub name: String,
    /// The module that it says it was made in.
    pub module: String,
    /// Its qualified name.
    pub qualname: String,
    /// All classes above it as `module:qualname`, in the order in which attributes are looked up.
    pub bases: Vec<String>,
    /// Its own docstring.
    pub doc: Option<String>,
    /// Attributes that are plain constants, inherited ones included. Others are left out.
    pub attributes: BTreeMap<String, serde_json::Value>,
}

impl Class {
    /// Whether a class, as `module:qualname`, is above it: what the rule `base=…` asks.
    pub fn is_below(&self, base: &str) -> bool {
        self.bases.iter().any(|one| one == base)
    }
}

/// Whether the child could reach the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// It could not.
    Cut,
    /// It could, for this reason.
    Open(String),
}

/// A module that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// What happened.
    pub failure: Failure,
    /// When it is tried again.
    pub retry: Retry,
    /// What it printed, up to the limit.
    pub output: String,
    /// Whether it printed more than that.
    pub output_was_cut: bool,
}

/// What happened to a module that could not be probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Failure {
    /// It raised.
    Raised {
        /// Name of the exception's class.
        kind: String,
        /// What the exception says.
        message: String,
    },
    /// It took longer than it may.
    TimedOut(Duration),
    /// It used more processor time than it may.
    ProcessorTime(Duration),
    /// It asked for more memory than it may have, in bytes.
    Memory(u64),
    /// It ended the process, with this code.
    Exited(i32),
    /// It died of this signal.
    Crashed(i32),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised { kind, message } => write!(f, "it raised {kind}: {message}"),
            Self::TimedOut(limit) => write!(f, "it took longer than {limit:?} to import"),
            Self::ProcessorTime(limit) => write!(f, "it used more than {limit:?} of processor time"),
            Self::Memory(limit) => write!(f, "it asked for more than {limit} bytes of memory"),
            Self::Exited(code) => write!(f, "it ended the process with code {code}"),
            Self::Crashed(signal) => write!(f, "it died of signal {signal}"),
        }
    }
}

/// When a module is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// When its file, the interpreter or a place where it looks for modules changes.
    WhenInputsChange,
    /// The same, and in any case after this time.
    WhenInputsChangeOrAfter(Duration),
}

/// Why a module could not even be tried. Never kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The interpreter could not be started, or not listened to.
    #[error("cannot probe {module} with {}: {source}: name a Python 3 interpreter by its path", python.display())]
    Start {
        /// The module.
        module: String,
        /// The interpreter.
        python: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else ended the child: that says nothing of the module.
    #[error("the process that probed {module} was killed from outside by signal {signal}; ask again")]
    Killed {
        /// The module.
        module: String,
        /// The signal.
        signal: i32,
    },
    /// The child ended without having begun.
    #[error("{} ended before it imported {module}: {message}: name a Python 3.9 or newer that runs on its own", python.display())]
    NoAnswer {
        /// The module.
        module: String,
        /// The interpreter.
        python: PathBuf,
        /// The end of what it wrote.
        message: String,
    },
}
