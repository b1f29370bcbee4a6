//! Opening an index: hit, patch or build, by one process at a time.

use std::{
    collections::HashSet,
    ffi::CString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plugcache_cache::{
    Clock, Digest, Error, StaleReason, Strength, SystemClock, Timestamp, directory,
    fs::{Directory, c_path, publish},
    lock::{self, Lock},
};

use super::{
    Candidate, Evidence, Index, Report, Stale,
    image::{self, Image},
    open::{Bytes, Key},
    patch::{Patched, patch},
    validate::{self, Findings, Roots},
};
use crate::{
    finder::{Finder, Scope},
    plugin::Plugin,
    tree::{Build, Request, Tree},
};

/// Where an index may be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// Directories in order of preference; the first that can be used is. None: the index stays in memory.
    pub directories: Vec<PathBuf>,
}

/// One set of roots and one finder, ready to be opened any number of times.
#[derive(Clone)]
pub struct Session {
    /// What is looked for.
    pub finder: Arc<dyn Finder>,
    /// Where, in search order. Absolute paths; equal sets in another order are another key.
    pub roots: Vec<PathBuf>,
    /// Where the index is kept. Default: memory only.
    pub location: Location,
    /// How much is checked. Default: full.
    pub strength: Strength,
    /// How long another process's build is waited for. Default: 60 s.
    pub lock_timeout: Duration,
    /// Indexes older than this are built anew. Default: none.
    pub max_age: Option<Duration>,
    /// Build anew whatever is kept. Default: no.
    pub refresh: bool,
    /// Where the time comes from. Default: the machine.
    pub clock: Arc<dyn Clock>,
}

/// An index that has been proven at some strength, and how.
pub struct Snapshot {
    index: Index,
    finder: Arc<dyn Finder>,
    report: Report,
    roots: Roots,
}

impl Session {
    /// A session with every setting at its default.
    pub fn new(finder: Arc<dyn Finder>, roots: Vec<PathBuf>) -> Self {
        Self {
            finder,
            roots,
            location: Location::default(),
            strength: Strength::Full,
            lock_timeout: Duration::from_mins(1),
            max_age: None,
            refresh: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// Opens the index and proves it at the session's strength; refreshes or builds it if it is not true.
    ///
    /// Never fails: what cannot be kept is kept in memory, with a warning in the report.
    pub fn open(&self) -> Snapshot {
        let began = self.clock.monotonic();
        let opened = self.open_at(self.strength);
        self.snapshot(opened, self.strength, began)
    }

    /// Opens the index and asks it something. If that touches a damaged part, the index is built anew and
    /// asked again.
    pub fn ask<T>(&self, question: impl Fn(&Snapshot) -> T) -> (Snapshot, T) {
        self.ask_of(self.open(), question)
    }

    fn ask_of<T>(&self, snapshot: Snapshot, question: impl Fn(&Snapshot) -> T) -> (Snapshot, T) {
        let mut snapshot = snapshot;
        // Handles are for proving only: a snapshot that is kept holds none open.
        snapshot.roots.clear();
        let answer = question(&snapshot);
        if !snapshot.index.is_damaged() {
            return (snapshot, answer);
        }
        let mut rebuilt = Self { refresh: true, ..self.clone() }.open();
        rebuilt.report.stale = vec![whole(StaleReason::Damaged { part: "what was asked for".to_owned() })];
        let answer = question(&rebuilt);
        (rebuilt, answer)
    }

    /// Whether a snapshot of this session is as true now as one that would be opened: a process that asks
    /// again need not open the index again. No if opening would have something to keep or to build.
    pub fn still_holds(&self, snapshot: &Snapshot) -> bool {
        let index = &snapshot.index;
        if self.refresh || self.max_age.is_some() {
            return false;
        }
        let findings = validate::whole(index, &*self.finder, self.strength, &*self.clock);
        !index.is_damaged() && findings.is_ok_and(|found| found.is_true() && !found.is_worth_keeping())
    }

    /// Opens the index and looks up a name. At `lazy`, the files behind the answer are checked too; a
    /// miss at `dirs` or `lazy` is proven at `full`.
    pub fn find<T>(&self, name: &str, describe: impl Fn(&Snapshot, Vec<Candidate>) -> T) -> (Snapshot, T) {
        let question = |snapshot: &Snapshot| describe(snapshot, snapshot.find(name));
        let snapshot = self.open();
        if !matches!(self.strength, Strength::Dirs | Strength::Lazy) {
            return self.ask_of(snapshot, question);
        }
        let found = snapshot.find(name);
        if !found.is_empty() && (self.strength == Strength::Dirs || self.holds(&snapshot, &found)) {
            return self.ask_of(snapshot, question);
        }
        let full = self.at_full();
        self.ask_of(full, question)
    }

    /// Opens the index and asks it about every plugin: `dirs` and `lazy` are raised to `full`, since the
    /// answer speaks of every file.
    pub fn list<T>(&self, question: impl Fn(&Snapshot) -> T) -> (Snapshot, T) {
        let snapshot = match self.strength {
            Strength::Dirs | Strength::Lazy => self.at_full(),
            _ => self.open(),
        };
        self.ask_of(snapshot, question)
    }

    /// Whether a snapshot that this session made would be found as true again now, as far as these candidates rest on
    /// it: the proof of [`find`](Self::find) once more, over what is open already. `false` says no more than that the
    /// question has to be asked anew.
    pub fn still_finds(&self, snapshot: &Snapshot, found: &[Candidate]) -> bool {
        let index = &snapshot.index;
        if found.is_empty() || self.refresh || self.max_age.is_some() || index.is_damaged() {
            return false;
        }
        let Ok(whole) = validate::whole(index, &*self.finder, self.strength, &*self.clock) else {
            return false;
        };
        let behind = |candidate: &Candidate| {
            let files = index.files_behind(candidate.record.file)?;
            validate::files(index, &*self.finder, &files, &whole.roots, &*self.clock)
        };
        // What costs a read each time is asked anew, so that it is kept with a stamp that spares it.
        let is_settled = |findings: &Findings| findings.is_true() && !findings.is_worth_keeping();
        let are_settled = self.strength != Strength::Lazy
            || found.iter().all(|candidate| behind(candidate).is_ok_and(|findings| is_settled(&findings)));
        is_settled(&whole) && are_settled && !index.is_damaged()
    }

    fn at_full(&self) -> Snapshot {
        Self { strength: Strength::Full, ..self.clone() }.open()
    }

    fn holds(&self, snapshot: &Snapshot, found: &[Candidate]) -> bool {
        let Snapshot { index, roots, .. } = snapshot;
        found.iter().all(|candidate| {
            let behind = index.files_behind(candidate.record.file);
            let findings =
                behind.and_then(|files| validate::files(index, &*self.finder, &files, roots, &*self.clock));
            findings.is_ok_and(|findings| findings.is_true())
        })
    }

    /// File name of the index: a digest of all that selects it.
    pub fn file_name(&self) -> String {
        let key = self.key();
        let version = key.version.to_le_bytes();
        let parts: [&[u8]; 3] = [&version, &key.spec.0, &key.place.0];
        format!("{}.plugidx", Digest::of_key(parts))
    }

    /// Where the index is kept now, if it is.
    #[expect(clippy::disallowed_methods, reason = "tells a person where to look; nothing relies on it")]
    pub fn kept_at(&self) -> Option<PathBuf> {
        let name = self.file_name();
        self.location.directories.iter().map(|directory| directory.join(&name)).find(|path| path.exists())
    }

    fn key(&self) -> Key {
        let roots = self.roots.iter().map(|root| root.as_os_str().as_encoded_bytes());
        Key {
            version: self.finder.version(),
            spec: Digest::of_key([self.finder.spec().as_bytes()]),
            place: Digest::of_key(roots),
        }
    }

    fn snapshot(&self, opened: Opened, strength: Strength, began: std::time::Instant) -> Snapshot {
        let Opened { index, findings, stale, parsed, reused, warnings, kept } = opened;
        let mut stale = stale;
        let findings = findings.unwrap_or_default();
        stale.extend(findings.stale);
        let report = Report {
            files: index.file_count(),
            parsed,
            reused: reused.unwrap_or_else(|| index.file_count().saturating_sub(parsed)),
            strength,
            stale,
            warnings,
            kept,
            elapsed: self.clock.monotonic().saturating_duration_since(began),
            ..Report::default()
        };
        Snapshot { index, finder: Arc::clone(&self.finder), report, roots: findings.roots }
    }

    fn open_at(&self, strength: Strength) -> Opened {
        let work = Work { session: self, key: self.key(), name: self.index_name() };
        let mut seen = None;
        if !self.refresh {
            for candidate in &self.location.directories {
                let Ok(Some(directory)) = directory::open_existing(candidate) else { continue };
                match work.load(&directory, strength) {
                    Ok(Some((index, findings))) if findings.is_true() => {
                        return work.hit(&directory, index, findings);
                    }
                    Ok(Some(loaded)) => seen = seen.or(Some(loaded)),
                    Ok(None) | Err(_) => {}
                }
            }
        }
        work.refresh(strength, seen)
    }

    fn index_name(&self) -> CString {
        c_path(self.file_name().as_bytes()).unwrap_or_default()
    }
}

/// What opening came to.
struct Opened {
    index: Index,
    findings: Option<Findings>,
    stale: Vec<Stale>,
    parsed: usize,
    reused: Option<usize>,
    warnings: Vec<String>,
    kept: bool,
}

impl Opened {
    /// What was kept is true.
    fn hit(index: Index, findings: Findings) -> Self {
        Self {
            index,
            findings: Some(findings),
            stale: Vec::new(),
            parsed: 0,
            reused: None,
            warnings: Vec::new(),
            kept: true,
        }
    }
}

/// One opening on its way.
struct Work<'a> {
    session: &'a Session,
    key: Key,
    name: CString,
}

impl Work<'_> {
    /// The kept index and what its validation found; `None` if there is none.
    fn load(
        &self,
        directory: &Directory,
        strength: Strength,
    ) -> Result<Option<(Index, Findings)>, StaleReason> {
        let unreadable = |error: Error| StaleReason::Unreadable { error: error.to_string() };
        let Some(map) = directory.map(&self.name).map_err(unreadable)? else { return Ok(None) };
        let index = Index::open(Bytes::Mapped(map), &self.key, &self.session.roots)?;
        self.check_age(&index)?;
        let findings = validate::whole(&index, &*self.session.finder, strength, &*self.session.clock)?;
        Ok(Some((index, findings)))
    }

    /// Whether the kept index is the one that was validated before the lock was taken: its findings then
    /// need not be made again.
    fn is_still(&self, directory: &Directory, index: &Index) -> bool {
        let map = directory.map(&self.name).ok().flatten();
        map.is_some_and(|map| index.is_same_file(&map))
    }

    fn check_age(&self, index: &Index) -> Result<(), StaleReason> {
        let Some(max_age) = self.session.max_age else { return Ok(()) };
        let (made, now) = (index.made(), self.session.clock.wall());
        let age = now.since(made);
        let too_old = age > i64::try_from(max_age.as_nanos()).unwrap_or(i64::MAX);
        if age < 0 || too_old { Err(StaleReason::Age { made, now }) } else { Ok(()) }
    }

    /// The index is true. If it cost reads that need not be repeated, keep the new stamps, unless another
    /// process is at it.
    fn hit(&self, directory: &Directory, index: Index, findings: Findings) -> Opened {
        if findings.is_worth_keeping()
            && let Ok(_lock) = self.lock(directory, Duration::ZERO)
            && let Ok(Patched::Image(image, _)) = patch(&index, &*self.session.finder, &findings)
        {
            // Failing to keep them costs the next opening the same reads and nothing else.
            let _ = self.publish(directory, *image);
        }
        Opened::hit(index, findings)
    }

    fn refresh(&self, strength: Strength, seen: Option<(Index, Findings)>) -> Opened {
        let mut warnings = Vec::new();
        let (directory, errors) = directory::first_usable(&self.session.location.directories);
        if let (Some(error), chosen) = (errors.first(), &directory) {
            let instead = chosen.as_ref().map_or("in memory only".to_owned(), |directory| {
                format!("in {}", directory.path().display())
            });
            warnings.push(format!("the index is kept {instead}: {error}"));
        }
        let Some(directory) = directory else {
            let mut opened = self.build(None, vec![], None);
            opened.warnings.extend(warnings);
            return opened;
        };
        let lock = self.lock(&directory, self.session.lock_timeout);
        if let Err(error) = &lock {
            warnings.push(format!("building without waiting any longer: {error}"));
        }
        let mut opened = self.refresh_locked(&directory, strength, seen);
        drop(lock);
        opened.warnings.extend(warnings);
        opened
    }

    fn refresh_locked(
        &self,
        directory: &Directory,
        strength: Strength,
        seen: Option<(Index, Findings)>,
    ) -> Opened {
        if self.session.refresh {
            return self.build(Some(directory), vec![whole(StaleReason::Asked)], None);
        }
        // Whoever held the lock may have done the work.
        let loaded = match seen {
            Some((index, findings)) if self.is_still(directory, &index) => Ok(Some((index, findings))),
            _ => self.load(directory, strength),
        };
        let (index, findings) = match loaded {
            Ok(Some((index, findings))) if findings.is_true() => {
                return Opened::hit(index, findings);
            }
            Ok(Some(loaded)) => loaded,
            Ok(None) => return self.build(Some(directory), vec![whole(StaleReason::Missing)], None),
            Err(reason) => return self.build(Some(directory), vec![whole(reason)], None),
        };
        match patch(&index, &*self.session.finder, &findings) {
            Ok(Patched::Image(image, parsed)) => {
                let stale = findings.stale;
                self.keep(Some(directory), *image, Opening { stale, parsed, reused: None })
            }
            Ok(Patched::Build) => self.build(Some(directory), findings.stale, Some(&index)),
            Err(reason) => self.build(Some(directory), vec![whole(reason)], None),
        }
    }

    /// Walks, reads, links; reuses what `old` proves.
    fn build(&self, directory: Option<&Directory>, stale: Vec<Stale>, old: Option<&Index>) -> Opened {
        let session = self.session;
        let began: Timestamp = session.clock.wall();
        let request = Request {
            finder: &*session.finder,
            roots: &session.roots,
            began,
            old,
            distrust_stamps: session.strength == Strength::Hash,
        };
        let mut tree = Tree::build(Build::new(request));
        session.finder.walk(&mut tree);
        if let Some(build) = tree.as_build() {
            build.read_declared();
        }
        let links = session.finder.link(&mut tree, Scope::All);
        let Some(mut build) = tree.into_build() else { unreachable!("a built tree stays one") };
        let header = image::header(&self.key, began, self.random_id());
        let mut stale = stale;
        stale.extend(
            build
                .stale
                .drain(..)
                .filter(|found| !matches!(found.reason, StaleReason::Added) || old.is_some()),
        );
        // A validation and the build after it see the same changes.
        let mut told = HashSet::new();
        stale.retain(|found: &Stale| told.insert(found.file.clone()));
        let opening = Opening { stale, parsed: build.parsed, reused: Some(build.reused) };
        let transient = build.transient;
        let image = image::of_build(build, &links, header, session.finder.spec());
        if transient {
            let mut opened = self.keep(None, image, opening);
            opened.warnings.push("not kept: part of the tree could not be read this time".to_owned());
            return opened;
        }
        self.keep(directory, image, opening)
    }

    /// Publishes an image and opens it from there; what cannot be published is served from memory.
    fn keep(&self, directory: Option<&Directory>, image: Image<'_>, opening: Opening) -> Opened {
        let Opening { stale, parsed, reused } = opening;
        let pieces = image.into_pieces();
        let slices: Vec<&[u8]> = pieces.iter().map(AsRef::as_ref).collect();
        let mut warnings = Vec::new();
        let published = directory.map(|directory| {
            publish(directory, &self.name, &slices).and_then(|()| directory.map(&self.name))
        });
        let mapped = match published {
            Some(Ok(Some(map))) => Index::open(Bytes::Mapped(map), &self.key, &self.session.roots).ok(),
            Some(Err(error)) => {
                warnings.push(format!("the index is kept in memory only: {error}"));
                None
            }
            Some(Ok(None)) | None => None,
        };
        let kept = mapped.is_some();
        let index = mapped.unwrap_or_else(|| {
            let opened = Index::open(Bytes::Owned(slices.concat()), &self.key, &self.session.roots);
            opened.unwrap_or_else(|reason| unreachable!("an index just written opens: {reason}"))
        });
        Opened { index, findings: None, stale, parsed, reused, warnings, kept }
    }

    fn publish(&self, directory: &Directory, image: Image<'_>) -> Result<(), Error> {
        let pieces = image.into_pieces();
        let slices: Vec<&[u8]> = pieces.iter().map(AsRef::as_ref).collect();
        publish(directory, &self.name, &slices)
    }

    fn lock(&self, directory: &Directory, timeout: Duration) -> Result<Lock, Error> {
        let name = [self.name.to_bytes(), b".lock"].concat();
        lock::acquire(directory, &c_path(&name)?, timeout, &*self.session.clock)
    }

    /// Differs between any two indexes of one key.
    fn random_id(&self) -> u64 {
        let address = std::ptr::from_ref(self) as u64;
        let time = self.session.clock.wall().0.cast_unsigned();
        let parts = [time.to_le_bytes(), address.to_le_bytes(), u64::from(std::process::id()).to_le_bytes()];
        xxhash_rust::xxh3::xxh3_64(&parts.concat())
    }
}

/// What is reported of an index that was just made.
struct Opening {
    stale: Vec<Stale>,
    parsed: usize,
    reused: Option<usize>,
}

fn whole(reason: StaleReason) -> Stale {
    Stale { file: String::new(), reason }
}

impl Snapshot {
    /// How this answer came about, problems and dynamic places not filled in: see [`Self::full_report`].
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The report with every file's problems and dynamic places.
    pub fn full_report(&self) -> Report {
        let (problems, dynamic) = self.index.notes().unwrap_or_default();
        Report { problems, dynamic, ..self.report.clone() }
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Every plugin, by name, then precedence. To be asked for within [`Session::list`], which notices
    /// damage.
    pub fn all(&self) -> Vec<Candidate> {
        self.index.all().unwrap_or_default()
    }

    /// The candidates for a name, in order of precedence. To be asked for within [`Session::find`], which
    /// notices damage.
    pub fn find(&self, name: &str) -> Vec<Candidate> {
        self.index.candidates(name).unwrap_or_default()
    }

    /// Everything known of a candidate.
    pub fn describe(&self, candidate: &Candidate) -> Plugin {
        self.finder.describe(&self.index, &candidate.record)
    }

    /// For describing many candidates: what they share is decoded once.
    pub fn describer(&self) -> impl FnMut(&Candidate) -> Plugin + '_ {
        let mut describe = self.finder.describer(&self.index);
        move |candidate| describe(&candidate.record)
    }

    /// The files that a candidate rests on, itself first.
    pub fn evidence(&self, candidate: &Candidate) -> Vec<Evidence> {
        self.index.evidence(candidate.record.file)
    }

    /// Directory of a root.
    pub fn root(&self, candidate: &Candidate) -> Option<&Path> {
        self.index.roots().get(usize::from(candidate.root.0)).map(PathBuf::as_path)
    }
}
