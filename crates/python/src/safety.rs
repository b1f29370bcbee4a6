//! Sources judged before any of their code runs.
//!
//! What decides is in the library. A [`Judged`] holds the bytes that were looked at: who loads a plugin compiles
//! these, and not the file, which may be another one by then.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use plugcache::discovery::safety::{self, DigestError, Policy, Profile, SourceDigest};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};

use crate::{
    error::{Class, Failure, raise},
    settings,
};

/// Judges sources by a policy. Made by `plugcache.SafetyPolicy.judge`.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct Judge {
    policy: Policy,
}

/// The one whose scans all others share, and the configuration that it was made under.
static FIRST: Mutex<Option<(u32, safety::Judge)>> = Mutex::new(None);

/// A source, and what was decided about it.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct Judged(safety::Judged);

/// `plugcache.SafetyPolicy`, as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Wanted {
    profile: String,
    allowed_imports: Vec<String>,
    denied_names: Vec<String>,
    denied_attributes: Vec<String>,
    allowed_digests: Vec<String>,
    only_listed: bool,
    trusted_roots: Vec<PathBuf>,
    max_bytes: u64,
}

impl Wanted {
    fn policy(self) -> Result<Policy, Failure> {
        let profile = match self.profile.as_str() {
            "strict" => Profile::Strict,
            "ratio1" => Profile::Ratio1,
            other => {
                return Err(Failure::Config(format!("unknown profile `{other}`: expected strict or ratio1")));
            }
        };
        let digests: Result<BTreeSet<SourceDigest>, DigestError> =
            self.allowed_digests.iter().map(|digest| digest.parse()).collect();
        Ok(Policy {
            profile,
            allowed_imports: self.allowed_imports,
            denied_names: self.denied_names,
            denied_attributes: self.denied_attributes,
            allowed_digests: digests.map_err(|error| Failure::Config(error.to_string()))?,
            only_listed: self.only_listed,
            trusted_roots: self.trusted_roots,
            max_bytes: self.max_bytes,
        })
    }
}

#[pymethods]
impl Judge {
    #[new]
    fn new(py: Python<'_>, policy: &Bound<'_, PyDict>) -> PyResult<Self> {
        let wanted: Wanted = policy.extract()?;
        let policy = wanted.policy().map_err(|error| error.raise(py))?;
        Ok(Self { policy })
    }

    /// Reads a file and judges it. `depth`: how many packages it lies in that are judged with it, so that it may
    /// import relatively in them.
    #[pyo3(signature = (path, depth=0))]
    fn file(&self, py: Python<'_>, path: PathBuf, depth: u32) -> PyResult<Judged> {
        let judged = py.detach(move || Ok(self.judge()?.file_in(&path, depth)));
        judged.map(Judged).map_err(|error: Failure| error.raise(py))
    }

    /// Judges bytes. `path` says where they came from, and is not looked at.
    #[pyo3(signature = (path, source, depth=0))]
    fn source(&self, py: Python<'_>, path: PathBuf, source: Vec<u8>, depth: u32) -> PyResult<Judged> {
        let judged = py.detach(move || Ok(self.judge()?.source_in(&path, source, depth)));
        judged.map(Judged).map_err(|error: Failure| error.raise(py))
    }

    /// Judges every source below a directory, and what lies beside them.
    fn package(&self, py: Python<'_>, directory: PathBuf) -> PyResult<Vec<Judged>> {
        let package = py.detach(move || Ok(self.judge()?.package(&directory)));
        let package = package.map_err(|error: Failure| error.raise(py))?;
        Ok(package.files.into_iter().map(Judged).collect())
    }
}

impl Judge {
    fn judge(&self) -> Result<safety::Judge, Failure> {
        let epoch = settings::epoch();
        let first = || FIRST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, judge)) = &*first()
            && *then == epoch
        {
            return Ok(judge.with_policy(self.policy.clone()));
        }
        let hub = settings::state()?.hub.clone();
        let made = safety::Judge::new(Policy::default(), &hub)
            .or_else(|_| safety::Judge::new(Policy::default(), &hub.apart()))?;
        let judge = made.with_policy(self.policy.clone());
        *first() = Some((epoch, made));
        Ok(judge)
    }
}

#[pymethods]
impl Judged {
    /// The file.
    #[getter]
    fn path(&self) -> &Path {
        &self.0.path
    }

    /// BLAKE3 digest of its bytes, as `b3sum` prints it; `None` if it could not be read.
    #[getter]
    fn digest(&self) -> Option<String> {
        self.0.digest.map(|digest| digest.to_string())
    }

    /// Whether it may be loaded.
    #[getter]
    fn allowed(&self) -> bool {
        self.0.is_allowed()
    }

    /// Why: `trusted-root`, `listed-digest`, `not-listed`, `nothing-found` or `violations`.
    #[getter]
    fn reason(&self) -> String {
        let told = serde_json::to_value(self.0.verdict.reason).ok();
        told.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    }

    /// What speaks against it, in the order of the source: line and column from 1 (0: the whole), rule, what, why.
    #[getter]
    fn violations(&self) -> Vec<(u32, u32, &'static str, String, String)> {
        let found = self.0.verdict.violations.iter();
        found.map(|one| (one.line, one.column, one.rule.name(), one.what.clone(), one.why.clone())).collect()
    }

    /// The bytes that were judged: compile these. Raises `RejectedPluginError` if they may not be loaded.
    fn source<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let source = self.0.clone().allowed_source();
        let source = source.map_err(|rejected| raise(py, Class::Rejected, rejected))?;
        Ok(PyBytes::new(py, &source))
    }

    fn __repr__(&self) -> String {
        let word = if self.0.is_allowed() { "allowed" } else { "rejected" };
        format!("<Judged {}: {word}, {}>", self.0.path.display(), self.reason())
    }
}
