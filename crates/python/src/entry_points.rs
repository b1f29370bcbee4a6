//! Entry points of a search path, as plain tuples: the objects are made by the interpreter's own
//! `importlib.metadata`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use plugcache::discovery::{
    entry_points::{EntryPointFinder, EntryPointRef, PythonVersion},
    index::{Session, Snapshot},
    tree::FileId,
};
use plugcache_cache::{Strength, fs};
use pyo3::prelude::*;

use crate::{error::Failure, settings};

/// Entry points of the distributions in some directories, proven whenever they are asked for.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct EntryPointIndex {
    path: Vec<PathBuf>,
    version: PythonVersion,
    /// What was proven last. Taken out while it is looked at, so that nobody waits for it.
    last: Mutex<Option<Last>>,
}

struct Last {
    /// How often the package had been configured anew.
    epoch: u32,
    session: Session,
    strength: Option<String>,
    answer: Py<EntryPointAnswer>,
}

/// All entry points of some directories, as they were when they were proven. Never changes.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct EntryPointAnswer {
    snapshot: Snapshot,
    /// What all points say, in one piece.
    text: String,
    points: Vec<Point>,
    /// Directories of distributions that have entry points: number of the place, and name in it.
    distributions: Vec<(usize, String)>,
    /// Something is not as it should be: Python may have another answer, or none.
    has_problems: bool,
    /// Places that were not there, or are no directories.
    absent: Vec<PathBuf>,
    /// The file that tells of the entry points of each distribution, and their range. Made when it is asked for.
    by_file: OnceLock<ByFile>,
}

/// What is configured, and nothing weaker than full.
const FULL_OR_MORE: &str = "full-or-more";

/// By the path of the directory that it is in: a file, and the range of its points.
type ByFile = HashMap<String, (FileId, usize, usize)>;

/// Where in the text name, value and group of a point end; it begins where the one before it ends.
struct Point {
    start: usize,
    name: usize,
    value: usize,
    group: usize,
    distribution: usize,
    file: FileId,
}

type Row<'a> = (&'a str, &'a str, &'a str, usize);

#[pymethods]
impl EntryPointIndex {
    /// `path`: absolute, in their order.
    #[new]
    fn new(py: Python<'_>, path: Vec<PathBuf>) -> Self {
        let version = py.version_info();
        let version = PythonVersion::of(version.major.into(), version.minor.into());
        Self { path, version, last: Mutex::new(None) }
    }

    /// What is true now: the same object as before if nothing changed. `strength` is as for an index; `None` is what
    /// is configured, `"full-or-more"` that if it is not less than full.
    #[pyo3(signature = (strength=None))]
    fn prove(&self, py: Python<'_>, strength: Option<String>) -> PyResult<Py<EntryPointAnswer>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        let last = last.filter(|last| last.epoch == settings::epoch() && last.strength == strength);
        if let Some(last) = last
            && py.detach(|| last.session.still_holds(&last.answer.get().snapshot))
        {
            let answer = last.answer.clone_ref(py);
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
            return Ok(answer);
        }
        let epoch = settings::epoch();
        let proven = py.detach(|| {
            let session = self.session(strength.as_deref())?;
            let (snapshot, read) = session.ask(read);
            Ok((session, read.into_answer(snapshot)))
        });
        let (session, answer) = proven.map_err(|error: Failure| error.raise(py))?;
        let answer = Py::new(py, answer)?;
        // Making it anew was wanted once, not at each question.
        let session = Session { refresh: false, ..session };
        let last = Last { epoch, session, strength, answer: answer.clone_ref(py) };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok(answer)
    }
}

impl EntryPointIndex {
    fn session(&self, strength: Option<&str>) -> Result<Session, Failure> {
        let chosen = settings::index_settings()?;
        let finder = EntryPointFinder::new(self.version).without_metadata();
        let mut session = Session::new(Arc::new(finder), self.path.clone());
        session.location = chosen.location;
        session.strength = match strength {
            None => chosen.strength,
            Some(FULL_OR_MORE) if chosen.strength == Strength::Hash => Strength::Hash,
            Some(FULL_OR_MORE) => Strength::Full,
            Some(text) => text.parse().map_err(Failure::Config)?,
        };
        session.refresh = chosen.refresh;
        session.lock_timeout = chosen.lock_timeout;
        Ok(session)
    }
}

/// What an index says, in memory of our own: whatever becomes of its file, it can be given out.
#[derive(Default)]
struct Read {
    text: String,
    points: Vec<Point>,
    distributions: Vec<(usize, String)>,
    has_problems: bool,
    absent: Vec<PathBuf>,
}

fn read(snapshot: &Snapshot) -> Read {
    let index = snapshot.index();
    let mut read = Read::default();
    let mut last = None;
    // Damage is noticed by who asks: the index is then built anew, and read again.
    let _ = index.for_each(|record| {
        let entry = EntryPointRef::decode(record.name, record.payload)?;
        if last != Some(record.file) {
            last = Some(record.file);
            let (root, path) = index.place(record.file)?;
            let above = path.rsplit_once('/').map_or("", |(above, _)| above);
            read.distributions.push((root, above.to_owned()));
        }
        let start = read.text.len();
        let mut end_of = |text: &str| {
            read.text.push_str(text);
            read.text.len()
        };
        let (name, value, group) = (end_of(entry.name), end_of(entry.value), end_of(entry.group));
        let distribution = read.distributions.len() - 1;
        read.points.push(Point { start, name, value, group, distribution, file: record.file });
        Some(())
    });
    read.absent = index.absent_roots().map(Path::to_owned).collect();
    read.has_problems = !snapshot.full_report().problems.is_empty();
    read
}

impl Read {
    fn into_answer(self, snapshot: Snapshot) -> EntryPointAnswer {
        let Self { text, points, distributions, has_problems, absent } = self;
        let by_file = OnceLock::new();
        EntryPointAnswer { snapshot, text, points, distributions, has_problems, absent, by_file }
    }
}

impl EntryPointAnswer {
    fn row(&self, point: &Point) -> Option<Row<'_>> {
        let part = |start: usize, end: usize| self.text.get(start..end);
        let name = part(point.start, point.name)?;
        Some((name, part(point.name, point.value)?, part(point.value, point.group)?, point.distribution))
    }

    /// Files of entry points.
    fn by_file(&self) -> &ByFile {
        self.by_file.get_or_init(|| {
            let mut ranges: HashMap<u32, (usize, usize)> = HashMap::new();
            for (at, point) in self.points.iter().enumerate() {
                ranges.entry(point.file.0).or_insert((at, at)).1 = at + 1;
            }
            let index = self.snapshot.index();
            let of = |file: FileId| {
                let path = index.absolute(file)?;
                let above = path.strip_suffix("/entry_points.txt")?.to_owned();
                let (start, end) = ranges.get(&file.0).copied().unwrap_or_default();
                Some((above, (file, start, end)))
            };
            index.file_ids().filter_map(of).collect()
        })
    }
}

#[pymethods]
impl EntryPointAnswer {
    /// Name, value, group and number of the distribution of all points, or of those of a group, in their order.
    /// Sorting by group, as Python 3.11 and older do, is left to the caller.
    #[pyo3(signature = (group=None))]
    fn points(&self, group: Option<&str>) -> Vec<Row<'_>> {
        let rows = self.points.iter().filter_map(|point| self.row(point));
        rows.filter(|row| group.is_none_or(|group| group == row.2)).collect()
    }

    /// Where the distributions are, by number: number of the place on the path, and name of the directory in it.
    fn distributions(&self) -> Vec<(usize, &str)> {
        self.distributions.iter().map(|(root, entry)| (*root, entry.as_str())).collect()
    }

    /// The points of the distribution with that directory, if a look at its file now proves that they still are
    /// those; `None` if it does not, or the distribution is not known.
    fn points_at(&self, py: Python<'_>, directory: &str) -> Option<Vec<Row<'_>>> {
        let (start, end) = py.detach(|| {
            let (file, start, end) = self.by_file().get(directory)?;
            self.snapshot.index().is_untouched(*file).then_some((*start, *end))
        })?;
        Some(self.points.get(start..end)?.iter().filter_map(|point| self.row(point)).collect())
    }

    /// Whether something could not be understood: then Python has another answer, or none.
    #[getter]
    fn has_problems(&self) -> bool {
        self.has_problems
    }

    /// Whether a place on the path is no directory but a file now: only Python looks into it.
    fn has_files(&self, py: Python<'_>) -> bool {
        !self.absent.is_empty() && py.detach(|| self.absent.iter().any(|path| is_file(path)))
    }
}

/// Whether a path leads to something that is no directory.
fn is_file(path: &Path) -> bool {
    let path = fs::c_path(path.as_os_str().as_encoded_bytes());
    path.is_ok_and(|path| fs::look_at(&path).is_ok_and(|look| look.is_some()))
}
