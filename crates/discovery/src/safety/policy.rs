//! What a judge goes by.

use std::{collections::BTreeSet, fmt, path::PathBuf, str::FromStr};

use plugcache_cache::key::{Key, KeyBytes};
use serde::{Deserialize, Serialize};

/// Version of the judge: verdicts of another one are not used. Changes with every rule.
const JUDGE: u32 = 2;

/// The BLAKE3 digest of a source file's bytes, as `b3sum` prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceDigest([u8; 32]);

impl SourceDigest {
    /// The digest of these bytes.
    pub fn of(source: &[u8]) -> Self {
        Self(*blake3::hash(source).as_bytes())
    }
}

impl fmt::Display for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was given is no digest.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{given}` is no BLAKE3 digest: 64 hexadecimal digits are expected, as `b3sum` prints them")]
pub struct DigestError {
    given: String,
}

impl FromStr for SourceDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| DigestError { given: text.to_owned() })?;
        Ok(Self(*hash.as_bytes()))
    }
}

/// Which rules a source is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Imports and members from lists of what is allowed; special attributes and names from lists of what
    /// is harmless.
    #[default]
    Strict,
    /// The verdicts of ratio1's own checker, with all that it misses.
    Ratio1,
}

impl Profile {
    /// Its name: `strict`, `ratio1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Ratio1 => "ratio1",
        }
    }
}

/// What is allowed. `Policy::default()` is strict and allows no packages but harmless ones of the standard
/// library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Default: [`Profile::Strict`].
    pub profile: Profile,
    /// Packages that may be imported, with all that is below them. Default: none; `strict` adds harmless
    /// modules of the standard library, member by member.
    pub allowed_imports: Vec<String>,
    /// Names that may not be used, besides those of the profile. Default: none.
    pub denied_names: Vec<String>,
    /// Attributes that may not be used, besides those of the profile. Default: none.
    pub denied_attributes: Vec<String>,
    /// Sources that are allowed whatever the scan says: the gate. Default: none.
    pub allowed_digests: BTreeSet<SourceDigest>,
    /// Nothing may load but what is on the list of digests or below a trusted root. Default: false.
    pub only_listed: bool,
    /// Directories whose files are not judged. Links are resolved first. Default: none.
    pub trusted_roots: Vec<PathBuf>,
    /// Largest source, in bytes. Default: 4 MiB.
    pub max_bytes: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            allowed_imports: Vec::new(),
            denied_names: Vec::new(),
            denied_attributes: Vec::new(),
            allowed_digests: BTreeSet::new(),
            only_listed: false,
            trusted_roots: Vec::new(),
            max_bytes: 4 << 20,
        }
    }
}

impl Policy {
    /// Whether a module is an allowed package or below one.
    pub(super) fn allows_import(&self, module: &str) -> bool {
        self.allowed_imports.iter().any(|allowed| {
            module.strip_prefix(allowed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// Identity of all that a scan's outcome depends on. The list of digests and the trusted roots are looked
    /// at anew each time, so they are not in it.
    pub(super) fn scan_digest(&self) -> SourceDigest {
        let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
        let lists = [&self.allowed_imports, &self.denied_names, &self.denied_attributes];
        let lists = lists.map(|list| sorted(list));
        let text = (JUDGE, env!("CARGO_PKG_VERSION"), self.profile.name(), self.max_bytes, lists);
        SourceDigest::of(format!("{text:?}").as_bytes())
    }
}

/// What a scan's outcome is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ScanKey {
    pub(super) source: SourceDigest,
    pub(super) policy: SourceDigest,
    /// How many packages the module is in that are judged with it.
    pub(super) depth: u32,
}

impl Key for ScanKey {
    fn encode(&self, bytes: &mut KeyBytes) {
        bytes.tuple(3);
        self.source.0.as_slice().encode(bytes);
        self.policy.0.as_slice().encode(bytes);
        self.depth.encode(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_package_is_allowed_and_what_merely_begins_like_it_is_not() {
        let policy = Policy { allowed_imports: vec!["fiz".into()], ..Policy::default() };
        assert!(policy.allows_import("fiz") && policy.allows_import("fiz.a.b"));
        assert!(!policy.allows_import("fizzy") && !policy.allows_import("a.fiz"));
    }

    #[test]
    fn a_digest_reads_back_and_what_is_none_is_told() {
        let digest = SourceDigest::of(b"x = 1\n");
        assert_eq!(digest.to_string().parse::<SourceDigest>().unwrap(), digest);
        assert!("abc".parse::<SourceDigest>().unwrap_err().to_string().contains("64 hexadecimal"));
    }

    #[test]
    fn the_scan_depends_on_the_rules_and_not_on_the_list() {
        let strict = Policy::default();
        let listed = Policy { allowed_digests: [SourceDigest::of(b"")].into(), ..Policy::default() };
        let other = Policy { profile: Profile::Ratio1, ..Policy::default() };
        let denied = Policy { denied_names: vec!["x".into()], ..Policy::default() };
        assert_eq!(strict.scan_digest(), listed.scan_digest());
        assert_ne!(strict.scan_digest(), other.scan_digest());
        assert_ne!(strict.scan_digest(), denied.scan_digest());
        let small = Policy { max_bytes: 10, ..Policy::default() };
        assert_ne!(strict.scan_digest(), small.scan_digest());
    }
}
