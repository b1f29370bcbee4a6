//! From a path or bytes to a verdict.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use plugcache_cache::{
    Cache, Error, Hub,
    fs::{Directory, c_path},
};
use serde::Serialize;

use super::{
    policy::{Policy, Profile, ScanKey, SourceDigest},
    ratio1, strict,
    violation::{Rule, Violation},
};
use crate::python::source;

/// Judges sources by a policy. What a scan found is kept by the digests of source and policy, never by path.
pub struct Judge {
    policy: Policy,
    scan_digest: SourceDigest,
    roots: Vec<PathBuf>,
    scans: Cache<ScanKey, Vec<Violation>>,
}

/// Why a source is allowed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// It lies below a trusted root, so it was not looked at.
    TrustedRoot,
    /// Its digest is on the list.
    ListedDigest,
    /// It is not on the list, and nothing else may load.
    NotListed,
    /// The scan found nothing.
    NothingFound,
    /// The scan found something, or it could not be looked at.
    Violations,
}

/// What was decided about a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it may be loaded.
    pub allowed: bool,
    /// Why.
    pub reason: Reason,
    /// All that was found, in the order of the source. A listed source keeps them: they say what was vouched for.
    pub violations: Vec<Violation>,
}

/// A source, and what was decided about it. Load [`source`](Self::allowed_source), not the file: it may have
/// changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The file.
    pub path: PathBuf,
    /// Its digest; `None` if it could not be read.
    pub digest: Option<SourceDigest>,
    /// The verdict.
    pub verdict: Verdict,
    source: Vec<u8>,
}

/// A source that may not be loaded.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.text())]
pub struct Rejected {
    /// The file.
    pub path: PathBuf,
    /// Its digest; `None` if it could not be read.
    pub digest: Option<SourceDigest>,
    /// What speaks against it.
    pub violations: Vec<Violation>,
}

impl Rejected {
    fn text(&self) -> String {
        let path = self.path.display();
        let found: Vec<String> = self.violations.iter().map(|one| format!("\n  {path}{one}")).collect();
        let remedy = self.digest.map_or_else(String::new, |digest| {
            format!("\nIf you have read it and vouch for it, allow its digest {digest}")
        });
        format!("{path} may not be loaded:{}{remedy}", found.concat())
    }
}

impl Judged {
    /// Whether it may be loaded.
    pub fn is_allowed(&self) -> bool {
        self.verdict.allowed
    }

    /// The bytes that were judged, if they may be loaded: compile these.
    pub fn allowed_source(self) -> Result<Vec<u8>, Rejected> {
        if self.verdict.allowed {
            return Ok(self.source);
        }
        Err(Rejected { path: self.path, digest: self.digest, violations: self.verdict.violations })
    }

    /// A file that could not be looked at.
    pub(super) fn unreadable(path: &Path, violation: Violation) -> Self {
        let verdict = Verdict { allowed: false, reason: Reason::Violations, violations: vec![violation] };
        Self { path: path.to_owned(), digest: None, verdict, source: Vec::new() }
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Judge {
    /// A judge whose scans are kept in this hub, as the cache `safety`.
    ///
    /// # Errors
    /// The hub has a cache of that name already: one judge serves a host, and others have hubs of their own.
    pub fn new(policy: Policy, hub: &Hub) -> Result<Self, Error> {
        let scans = Cache::builder("safety").version(env!("CARGO_PKG_VERSION")).disk().build(hub)?;
        let roots = policy.trusted_roots.iter().filter_map(|root| resolved(root)).collect();
        Ok(Self { scan_digest: policy.scan_digest(), roots, policy, scans })
    }

    /// A judge by another policy that keeps its scans in the same cache, for hosts that allow one kind of plugin more
    /// than another.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        let roots = policy.trusted_roots.iter().filter_map(|root| resolved(root)).collect();
        Self { scan_digest: policy.scan_digest(), roots, policy, scans: self.scans.clone() }
    }

    /// What it goes by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Reads a file and judges it. One that cannot be read, is no regular file, or is too large is rejected,
    /// never passed.
    pub fn file(&self, path: &Path) -> Judged {
        self.file_in(path, 0)
    }

    /// The same for a module that lies in `depth` packages that are judged with it, in which it may import
    /// relatively.
    pub fn file_in(&self, path: &Path, depth: u32) -> Judged {
        // Whoever may replace what is below a trusted root is trusted; a link from there to elsewhere is not.
        let real = resolved(path);
        match read(real.as_deref().unwrap_or(path), self.policy.max_bytes) {
            Ok(source) => {
                let trusted = real.is_some_and(|real| self.roots.iter().any(|root| real.starts_with(root)));
                self.judge(path, source, trusted, depth)
            }
            Err(error) => {
                let too_large = matches!(error, Error::TooLarge { .. });
                let rule = if too_large { Rule::TooLarge } else { Rule::Unreadable };
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                Judged::unreadable(path, Violation::whole(rule, name, error.to_string()))
            }
        }
    }

    /// Judges bytes. `path` says where they came from and is not looked at.
    pub fn source(&self, path: &Path, source: Vec<u8>) -> Judged {
        self.source_in(path, source, 0)
    }

    /// The same for a module that lies in `depth` packages that are judged with it.
    pub fn source_in(&self, path: &Path, source: Vec<u8>, depth: u32) -> Judged {
        self.judge(path, source, false, depth)
    }

    fn judge(&self, path: &Path, source: Vec<u8>, trusted: bool, depth: u32) -> Judged {
        let digest = SourceDigest::of(&source);
        let verdict = if trusted {
            Verdict { allowed: true, reason: Reason::TrustedRoot, violations: Vec::new() }
        } else {
            self.decide(&source, digest, depth)
        };
        Judged { path: path.to_owned(), digest: Some(digest), verdict, source }
    }

    fn decide(&self, source: &[u8], digest: SourceDigest, depth: u32) -> Verdict {
        let mut violations = self.scanned(source, digest, depth).as_ref().clone();
        if self.policy.allowed_digests.contains(&digest) {
            return Verdict { allowed: true, reason: Reason::ListedDigest, violations };
        }
        if self.policy.only_listed {
            let why = "only sources whose digest is on the list may load; read it, then allow its digest";
            violations.insert(0, Violation::whole(Rule::Unlisted, digest.to_string(), why));
            return Verdict { allowed: false, reason: Reason::NotListed, violations };
        }
        let allowed = violations.is_empty();
        let reason = if allowed { Reason::NothingFound } else { Reason::Violations };
        Verdict { allowed, reason, violations }
    }

    fn scanned(&self, source: &[u8], digest: SourceDigest, depth: u32) -> Arc<Vec<Violation>> {
        let key = ScanKey { source: digest, policy: self.scan_digest, depth };
        let scan = || self.scan(source, depth);
        // A scan cannot fail; waiting for another thread's can take too long, and then it is done here.
        self.scans.get_or_load(&key, |_| Ok::<_, Infallible>(scan())).unwrap_or_else(|_| Arc::new(scan()))
    }

    fn scan(&self, bytes: &[u8], depth: u32) -> Vec<Violation> {
        if bytes.len() as u64 > self.policy.max_bytes {
            let why = format!("it has {} bytes, the policy accepts {}", bytes.len(), self.policy.max_bytes);
            return vec![Violation::whole(Rule::TooLarge, "source", why)];
        }
        let text = match source::decode(bytes) {
            Ok(text) => text,
            Err(problem) => {
                let (rule, what) = (Rule::Unparsable, "source".to_owned());
                let (line, column, why) = (problem.line, problem.column, problem.message);
                return vec![Violation { line, column, rule, what, why }];
            }
        };
        match self.policy.profile {
            Profile::Strict => strict::scan(&text, bytes, &self.policy, depth),
            Profile::Ratio1 => ratio1::scan(&text, &self.policy),
        }
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Directory::open(parent)?.read(&c_path(name.as_encoded_bytes())?, limit)?.bytes)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a path without links is what roots are compared with; the file is then read by that path"
)]
pub(super) fn resolved(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}
