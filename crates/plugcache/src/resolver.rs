//! From a name to a plugin: case rules, suffix, trusted roots first, duplicates by policy.

mod choose;

use std::{path::PathBuf, str::FromStr};

use plugcache_cache::Strength;
use plugcache_discovery::{
    index::{Candidate, Evidence, Report, Session, Snapshot},
    plugin::Plugin,
};

use choose::{close_matches, matches_case};

/// When two spellings are the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Case {
    /// Letter by letter. The default.
    #[default]
    Exact,
    /// Upper and lower case are the same.
    Insensitive,
    /// Case, `_` and `-` do not count: `view_scene_01` is `ViewScene01`.
    Loose,
}

/// What to do when several plugins have the wanted name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// The one that comes first in the search order. The default.
    #[default]
    First,
    /// The one that comes last, as with a mapping that is filled in order.
    Last,
    /// None: an error that names them all.
    Error,
}

/// Answers names from a proven index.
#[derive(Clone)]
pub struct Resolver {
    session: Session,
    case: Case,
    suffix: String,
    duplicates: Duplicates,
}

/// A found plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The plugin.
    pub plugin: Plugin,
    /// Others of the same name that it hides, in search order.
    pub shadowed: Vec<Plugin>,
}

/// Why a name gave no plugin.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No plugin has this name.
    #[error("no plugin is named `{name}`{}", did_you_mean(.close))]
    Unknown {
        /// The name asked for.
        name: String,
        /// Names that are nearly it, best first.
        close: Vec<String>,
    },
    /// Several have it, and the policy is to refuse.
    #[error("several plugins are named `{name}`: {}; remove or rename all but one, or choose the policy first or last", places.join(", "))]
    Ambiguous {
        /// The name asked for.
        name: String,
        /// Where they are defined.
        places: Vec<String>,
    },
}

/// What a resolution rests on, to be proven again without being resolved again.
pub struct Held {
    snapshot: Snapshot,
    found: Vec<Candidate>,
}

/// The outcome of one resolution, and how it came about.
#[derive(Debug)]
pub struct Answer {
    /// The plugin, or why there is none.
    pub outcome: Result<Resolution, ResolveError>,
    /// What the answer rests on.
    pub report: Report,
}

impl Resolver {
    /// A resolver over a session; exact names, no suffix, first of duplicates.
    pub fn new(session: Session) -> Self {
        Self { session, case: Case::Exact, suffix: String::new(), duplicates: Duplicates::First }
    }

    /// Sets the case rule. Default: exact.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.case = case;
        self
    }

    /// Names are looked for with this suffix first: with `IE`, `Youtube` finds `YoutubeIE`. Default: none.
    #[must_use]
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }

    /// Sets the policy for duplicates. Default: first.
    #[must_use]
    pub fn duplicates(mut self, duplicates: Duplicates) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// The same rules over another session: one of another strength, say.
    #[must_use]
    pub fn with_session(mut self, session: Session) -> Self {
        self.session = session;
        self
    }

    /// The session that proves the index.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The plugin of that name. A failed lookup is remembered by nothing but the proven index: it
    /// succeeds as soon as a file makes it true.
    pub fn resolve(&self, name: &str) -> Answer {
        let suffixed = format!("{name}{}", self.suffix);
        let (snapshot, outcome) =
            self.session.find(&suffixed, |snapshot, found| self.judge(snapshot, name, &suffixed, found));
        Answer { outcome, report: snapshot.report().clone() }
    }

    /// Like [`resolve`](Self::resolve), with what it takes to ask [`still_holds`](Self::still_holds) later; `None` if
    /// the answer rests on every file.
    pub fn resolve_and_hold(&self, name: &str) -> (Answer, Option<Held>) {
        let suffixed = format!("{name}{}", self.suffix);
        let (snapshot, (outcome, found)) = self
            .session
            .find(&suffixed, |snapshot, found| (self.judge(snapshot, name, &suffixed, found.clone()), found));
        let report = snapshot.report().clone();
        let held = (outcome.is_ok() && !found.is_empty()).then_some(Held { snapshot, found });
        (Answer { outcome, report }, held)
    }

    /// Whether a name that was resolved would be resolved to the same again, by the same proof as then, at the session's
    /// strength. `false` says no more than that it has to be resolved anew.
    pub fn still_holds(&self, held: &Held) -> bool {
        self.session.still_finds(&held.snapshot, &held.found)
    }

    /// What a snapshot that is known to be true answers to a name.
    pub(crate) fn resolve_in(&self, snapshot: &Snapshot, name: &str) -> Result<Resolution, ResolveError> {
        let suffixed = format!("{name}{}", self.suffix);
        self.judge(snapshot, name, &suffixed, snapshot.find(&suffixed))
    }

    /// What such a snapshot lists.
    pub(crate) fn list_in(&self, snapshot: &Snapshot) -> Vec<Resolution> {
        self.group(snapshot)
    }

    fn judge(
        &self,
        snapshot: &Snapshot,
        name: &str,
        suffixed: &str,
        found: Vec<Candidate>,
    ) -> Result<Resolution, ResolveError> {
        self.choose(snapshot, suffixed, found).unwrap_or_else(|| {
            let bare =
                if self.suffix.is_empty() { None } else { self.choose(snapshot, name, snapshot.find(name)) };
            bare.unwrap_or_else(|| Err(self.unknown(snapshot, name)))
        })
    }

    /// The files that the answer to a name rests on; none for an unknown name. Trusts the index as it is:
    /// for use after [`resolve`](Self::resolve).
    pub fn evidence(&self, name: &str) -> Vec<Evidence> {
        let session = Session { strength: Strength::Trust, refresh: false, ..self.session.clone() };
        let suffixed = format!("{name}{}", self.suffix);
        let (_, evidence) = session.find(&suffixed, |snapshot, found| {
            let found = if found.is_empty() { snapshot.find(name) } else { found };
            let fits = |candidate: &&Candidate| {
                [&suffixed[..], name].iter().any(|name| matches_case(self.case, &candidate.record.name, name))
            };
            found.iter().find(fits).map(|candidate| snapshot.evidence(candidate)).unwrap_or_default()
        });
        evidence
    }

    /// Every plugin that answers to its name, by name, each with those it hides; duplicates are reported
    /// and never silently dropped.
    pub fn list(&self) -> (Vec<Resolution>, Report) {
        let (snapshot, all) = self.session.list(|snapshot| self.group(snapshot));
        (all, snapshot.full_report())
    }

    fn group(&self, snapshot: &Snapshot) -> Vec<Resolution> {
        let mut groups: Vec<Vec<Candidate>> = Vec::new();
        for candidate in snapshot.all() {
            match groups.last_mut() {
                Some(group) if group.last().is_some_and(|last| last.record.name == candidate.record.name) => {
                    group.push(candidate);
                }
                _ => groups.push(vec![candidate]),
            }
        }
        let mut describe = snapshot.describer();
        groups.into_iter().filter_map(|group| self.pick(&mut describe, group)).collect()
    }

    /// `None` if nothing has the name.
    fn choose(
        &self,
        snapshot: &Snapshot,
        name: &str,
        found: Vec<Candidate>,
    ) -> Option<Result<Resolution, ResolveError>> {
        let mut found = found;
        found.retain(|candidate| matches_case(self.case, &candidate.record.name, name));
        // With a loose rule, the very spelling goes before others.
        if found.iter().any(|candidate| candidate.record.name == name) {
            found.retain(|candidate| candidate.record.name == name);
        }
        if found.len() > 1 && self.duplicates == Duplicates::Error {
            let places =
                found.iter().map(|candidate| snapshot.describe(candidate)).map(|plugin| place(&plugin));
            return Some(Err(ResolveError::Ambiguous { name: name.to_owned(), places: places.collect() }));
        }
        self.pick(&mut snapshot.describer(), found).map(Ok)
    }

    fn pick(
        &self,
        describe: &mut impl FnMut(&Candidate) -> Plugin,
        mut group: Vec<Candidate>,
    ) -> Option<Resolution> {
        if self.duplicates == Duplicates::Last {
            group.reverse();
        }
        let mut plugins = group.iter().map(describe);
        let plugin = plugins.next()?;
        Some(Resolution { plugin, shadowed: plugins.collect() })
    }

    fn unknown(&self, snapshot: &Snapshot, name: &str) -> ResolveError {
        let all = snapshot.all();
        let names = all.iter().map(|candidate| candidate.record.name.as_str());
        ResolveError::Unknown { name: name.to_owned(), close: close_matches(name, &self.suffix, names) }
    }
}

/// `module:qualname (file:line)`.
pub fn place(plugin: &Plugin) -> String {
    let file = PathBuf::from(&plugin.file);
    let line = if plugin.line == 0 { String::new() } else { format!(":{}", plugin.line) };
    match (&plugin.module, &plugin.qualname) {
        (Some(module), Some(qualname)) => format!("{module}:{qualname} ({}{line})", file.display()),
        _ => format!("{}{line}", file.display()),
    }
}

fn did_you_mean(close: &[String]) -> String {
    match close {
        [] => String::new(),
        close => format!("; did you mean {}?", close.join(", ")),
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "exact" => Ok(Self::Exact),
            "insensitive" => Ok(Self::Insensitive),
            "loose" => Ok(Self::Loose),
            _ => Err(format!("unknown case rule `{text}`: expected exact, insensitive or loose")),
        }
    }
}

impl FromStr for Duplicates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            "error" => Ok(Self::Error),
            _ => Err(format!("unknown policy `{text}`: expected first, last or error")),
        }
    }
}
