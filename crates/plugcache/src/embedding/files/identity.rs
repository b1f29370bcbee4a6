//! Which model it is: a digest of what selects its vectors, wherever the files lie and came from.

use std::fmt::Write as _;

use plugcache_cache::{Digest, Hub, Inputs, hub::Given};

use super::{FetchError, ModelDirectory, Sha256Sum};

impl ModelDirectory {
    /// Digest over names and contents of the files that select what the model gives: configuration, tokenizer,
    /// weights, pooling. Two copies of a model have the same one.
    ///
    /// It is in the manifest of a store's directory, and nothing is read. Of a user's directory all files are read
    /// once; what came out is kept by `hub`, and costs a `stat` per file from then on, in other processes
    /// too if the hub has a directory.
    pub fn identity(&self, hub: &Hub) -> Result<Digest, FetchError> {
        if let Some(manifest) = &self.manifest {
            let sums =
                self.selecting().filter_map(|(name, _)| manifest.held(name).map(|file| (name, file.sha256)));
            return Ok(digest(sums));
        }
        let files: Inputs = self.selecting().map(|(_, path)| path).collect();
        let given = Given::from(files).argument(&self.path.to_string_lossy()[..]).version("1");
        match hub.try_memoize("model-identity", given, || self.compute()) {
            Ok(digest) => Ok(*digest),
            // Those who waited share one error: asking once more gives each his own.
            Err(_) => self.compute(),
        }
    }

    fn compute(&self) -> Result<Digest, FetchError> {
        let mut sums = Vec::new();
        for (name, _) in self.selecting() {
            sums.extend(self.read(name)?.map(|bytes| (name, Sha256Sum::of(&bytes))));
        }
        Ok(digest(sums))
    }
}

fn digest(sums: impl IntoIterator<Item = (&'static str, Sha256Sum)>) -> Digest {
    let mut text = String::new();
    for (name, sum) in sums {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{sum}  {name}");
    }
    Digest::of(text.as_bytes())
}
