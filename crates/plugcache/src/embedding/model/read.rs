//! Reading the files of a model.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use super::ModelError;
use crate::embedding::files::{FetchError, ModelDirectory};

/// A model's directory.
pub(super) struct Files<'a>(pub(super) &'a ModelDirectory);

impl Files<'_> {
    /// A file that has to be there.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, ModelError> {
        let absent = || FetchError::Incomplete { path: self.0.path().join(name) };
        Ok(self.0.read(name)?.ok_or_else(absent)?)
    }

    /// The same, as what it says.
    pub(super) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, ModelError> {
        self.parse(name, &self.read(name)?)
    }

    /// A file that may be absent.
    pub(super) fn read_json_if_there<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ModelError> {
        self.0.read(name)?.map(|bytes| self.parse(name, &bytes)).transpose()
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, ModelError> {
        serde_json::from_slice(bytes).map_err(|error| self.unfit(name, error))
    }

    /// That a file is not what was expected.
    pub(super) fn unfit(&self, name: &str, problem: impl Display) -> ModelError {
        ModelError::Unfit { path: self.0.path().join(name), problem: problem.to_string() }
    }
}
