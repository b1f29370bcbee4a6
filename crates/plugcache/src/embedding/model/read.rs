//! Reading the files of a model.

use std::{io, path::Path};

use plugcache_cache::{
    Error,
    fs::{Directory, c_path},
};
use serde::de::DeserializeOwned;

use super::ModelError;

/// More than any encoder for sentences has.
const LARGEST: u64 = 8 << 30;

/// A model's directory.
pub(super) struct Files(Directory);

impl Files {
    pub(super) fn open(directory: &Path) -> Result<Self, ModelError> {
        Directory::open(directory).map(Self).map_err(ModelError::Io)
    }

    /// A file that has to be there.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, ModelError> {
        let read = || Ok(self.0.read(&c_path(name.as_bytes())?, LARGEST)?.bytes);
        read().map_err(ModelError::Io)
    }

    /// The same, as what it says.
    pub(super) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, ModelError> {
        serde_json::from_slice(&self.read(name)?).map_err(|error| self.unfit(name, error))
    }

    /// A file that may be absent.
    pub(super) fn read_json_if_there<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ModelError> {
        match self.read_json(name) {
            Err(ModelError::Io(Error::Io { source, .. })) if is_absent(&source) => Ok(None),
            other => other.map(Some),
        }
    }

    /// That a file is not what was expected.
    pub(super) fn unfit(&self, name: &str, problem: impl std::fmt::Display) -> ModelError {
        ModelError::Unfit { path: self.0.path().join(name), problem: problem.to_string() }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
