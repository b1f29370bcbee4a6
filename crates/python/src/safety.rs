//! Sources judged before they run. What the judge goes by is for Python to say; scans are kept in the hub's cache
//! `safety`, by the digests of source and rules.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use plugcache::discovery::safety::{self, Policy, Profile, Reason};
use pyo3::{prelude::*, types::PyDict};

use crate::{error::Failure, settings};

/// Judges sources by one policy.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct Judge {
    policy: Policy,
}

/// What may be set.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Wanted {
    /// `strict` or `ratio1`.
    profile: String,
    allowed_imports: Vec<String>,
    denied_names: Vec<String>,
    denied_attributes: Vec<String>,
    allowed_digests: Vec<String>,
    only_listed: bool,
}

/// One that has the hub's cache, and the configuration that it is of: all others share its scans.
static FIRST: Mutex<Option<(u32, safety::Judge)>> = Mutex::new(None);

/// Line, column, rule, what, why.
type Objection = (u32, u32, &'static str, String, String);

#[pymethods]
impl Judge {
    #[new]
    fn new(py: Python<'_>, wanted: &Bound<'_, PyDict>) -> PyResult<Self> {
        let wanted: Wanted = wanted.extract()?;
        let policy = wanted.policy().map_err(|error| error.raise(py))?;
        Ok(Self { policy })
    }

    /// Judges bytes, which came from `path`: whether they may be loaded, why, all that was found, and the digest that
    /// would allow them.
    #[expect(clippy::needless_pass_by_value, reason = "as Python hands it over")]
    fn source(
        &self,
        py: Python<'_>,
        path: PathBuf,
        source: Vec<u8>,
    ) -> PyResult<(bool, &'static str, Vec<Objection>, Option<String>)> {
        let judged = py.detach(|| Ok(judge(self.policy.clone())?.source(&path, source)));
        let judged = judged.map_err(|error: Failure| error.raise(py))?;
        let objections = judged.verdict.violations.into_iter();
        let objections = objections.map(|one| (one.line, one.column, one.rule.name(), one.what, one.why));
        let digest = judged.digest.map(|digest| digest.to_string());
        Ok((judged.verdict.allowed, reason(judged.verdict.reason), objections.collect(), digest))
    }
}

impl Wanted {
    fn policy(self) -> Result<Policy, Failure> {
        let profile = match self.profile.as_str() {
            "strict" => Profile::Strict,
            "ratio1" => Profile::Ratio1,
            other => {
                return Err(Failure::Config(format!(
                    "unknown safety profile {other:?}: expected \"strict\" or \"ratio1\""
                )));
            }
        };
        let digests = self.allowed_digests.iter().map(|text| text.parse());
        let allowed_digests: BTreeSet<_> = digests
            .collect::<Result<_, safety::DigestError>>()
            .map_err(|error| Failure::Config(error.to_string()))?;
        Ok(Policy {
            profile,
            allowed_imports: self.allowed_imports,
            denied_names: self.denied_names,
            denied_attributes: self.denied_attributes,
            allowed_digests,
            only_listed: self.only_listed,
            ..Policy::default()
        })
    }
}

fn judge(policy: Policy) -> Result<safety::Judge, Failure> {
    let epoch = settings::epoch();
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, judge)) = &*first
        && *of == epoch
    {
        return Ok(judge.with_policy(policy));
    }
    let state = settings::state()?;
    let made = safety::Judge::new(Policy::default(), &state.hub)
        .or_else(|_| safety::Judge::new(Policy::default(), &state.hub.apart()))?;
    let judge = made.with_policy(policy);
    *first = Some((epoch, made));
    Ok(judge)
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::TrustedRoot => "trusted-root",
        Reason::ListedDigest => "listed-digest",
        Reason::NotListed => "not-listed",
        Reason::NothingFound => "nothing-found",
        _ => "violations",
    }
}
