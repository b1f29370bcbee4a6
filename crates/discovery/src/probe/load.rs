//! From a module's name to an answer, kept or new.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plugcache_cache::{
    Cache, Clock, Inputs, SystemClock, Timestamp,
    cache::{Answer, Load, LoadError},
    fs::{Directory, c_path},
    key::{Key, KeyBytes},
};

use super::{
    answer::{Network, Outcome, ProbeError, Probed, Quarantine, Retry},
    builder::{Builder, Limits},
    run::{self, Ended},
};

/// Imports modules in child processes, and keeps what it learned.
pub struct Probe {
    pub(super) limits: Limits,
    pub(super) back_off: Duration,
    pub(super) answers: Cache<Wanted, Outcome>,
}

/// A module to be probed, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its dotted name.
    pub module: String,
    /// The file that defines it.
    pub file: PathBuf,
}

/// What an answer is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    target: Target,
    child: Vec<Vec<u8>>,
    limits: (u128, u128, u64, u64, bool),
}

impl Key for Wanted {
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.tuple(8);
        self.target.module.as_str().encode(bytes);
        self.target.file.as_path().encode(bytes);
        self.child.encode(bytes);
        (self.limits.0 as u64).encode(bytes);
        (self.limits.1 as u64).encode(bytes);
        self.limits.2.encode(bytes);
        self.limits.3.encode(bytes);
        self.limits.4.encode(bytes);
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Probe {
    /// Begins to describe a probe that runs this interpreter. Name it by its path: what a name or a version
    /// manager's script leads to may change without any file changing.
    pub fn builder(python: impl Into<PathBuf>) -> Builder {
        Builder::new(python.into())
    }

    /// What a module defines, or why it is left alone. However many ask at the same time, it is imported once.
    pub fn module(&self, target: &Target) -> Result<Arc<Outcome>, LoadError<ProbeError>> {
        let wanted = self.wanted(target);
        let answer = self.answers.get_or_load_with(&wanted, |_, load| self.load(target, load).map(Some))?;
        match answer {
            Answer::Value(outcome) => Ok(outcome),
            Answer::Missing(reason) => Err(LoadError::Missing {
                cache: self.answers.name().to_owned(),
                key: target.module.clone(),
                reason: reason.to_string(),
            }),
        }
    }

    /// Forgets what is known of a module, so that it is tried again. Returns whether anything was known.
    pub fn forget(&self, target: &Target) -> bool {
        self.answers.remove(&self.wanted(target))
    }

    fn wanted(&self, target: &Target) -> Wanted {
        let Limits { python, roots, variables, timeout, processor, memory, output, network } = &self.limits;
        let mut child =
            vec![python.as_os_str().as_encoded_bytes().to_vec(), roots.len().to_le_bytes().to_vec()];
        child.extend(roots.iter().map(|root| root.as_os_str().as_encoded_bytes().to_vec()));
        for (name, value) in variables {
            child.extend([name.as_bytes().to_vec(), value.as_encoded_bytes().to_vec()]);
        }
        let limits = (timeout.as_millis(), processor.as_millis(), *memory, *output as u64, *network);
        Wanted { target: target.clone(), child, limits }
    }

    fn load(&self, target: &Target, load: &Load<'_>) -> Result<Outcome, ProbeError> {
        let began = SystemClock.wall();
        // Before it runs: what is known to matter. An input that cannot be observed keeps the answer from being
        // kept, which is all that there is to do about it.
        let roots = self.limits.roots.iter().fold(Inputs::none(), Inputs::directory);
        _ = load.inputs(&roots.file(&self.limits.python).file(&target.file));
        let run = run::run(&self.limits, &target.module)?;
        let (output, output_was_cut) = (run.output, run.output_was_cut);
        let (failure, is_lasting, looked_in) = match run.ended {
            Ended::Answer { classes, files, executable, looked_in } => {
                let seen = files.iter().chain([&executable]);
                rests_on(load, began, seen);
                // What it did without may appear in one of these.
                _ = load.inputs(&looked_in.iter().fold(Inputs::none(), Inputs::directory));
                let network = run.network.unwrap_or_else(|| Network::Open("it did not say".to_owned()));
                return Ok(Outcome::Probed(Probed { classes, files, network, output, output_was_cut }));
            }
            Ended::Raised { failure, is_lasting, files, looked_in } => {
                rests_on(load, began, files.iter());
                (failure, is_lasting, looked_in)
            }
            Ended::Failed { failure, is_lasting } => (failure, is_lasting, Vec::new()),
        };
        // A module that was missing appears in one of these.
        _ = load.inputs(&looked_in.iter().fold(Inputs::none(), Inputs::directory));
        let retry = if is_lasting {
            Retry::WhenInputsChange
        } else {
            load.ttl(self.back_off);
            Retry::WhenInputsChangeOrAfter(self.back_off)
        };
        Ok(Outcome::Quarantined(Quarantine { failure, retry, output, output_was_cut }))
    }
}

/// Declares what the child said it read. It is observed only now, so a file that changed since the child was
/// started may not be what it read: then the answer is returned and not kept.
fn rests_on<'a>(load: &Load<'_>, began: Timestamp, files: impl Iterator<Item = &'a PathBuf>) {
    let files: Vec<&PathBuf> = files.collect();
    _ = load.inputs(&files.iter().copied().collect());
    if files.iter().any(|file| changed_since(file, began)) {
        load.do_not_keep();
    }
}

fn changed_since(file: &Path, began: Timestamp) -> bool {
    let look = || {
        let name = c_path(file.file_name()?.as_encoded_bytes()).ok()?;
        Directory::open(file.parent()?).ok()?.look(&name).ok()?
    };
    look().is_none_or(|look| look.stamp.youngest() >= began)
}
