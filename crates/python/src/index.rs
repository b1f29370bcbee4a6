//! A plugin index, opened and proven at each question.

use std::{
    path::PathBuf,
    str::FromStr,
    sync::{Arc, OnceLock},
};

use plugcache::{
    Resolver,
    cache::{Digest, Strength},
    discovery::{
        index::{Report, Session},
        plugin::Plugin,
        python::{PackageSpec, PythonFinder},
        value::Value,
    },
    resolver::{self, place},
    watch::{self, Watch},
};
use pyo3::{
    prelude::*,
    types::{PyDict, PyTuple},
};

use crate::{
    convert,
    error::Failure,
    lookup::{Held, Proof},
    settings, signature,
};

/// Plugins below some directories, found without importing them. Each question proves the index first.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct Index {
    resolver: Resolver,
    /// For single plugins.
    one: Resolver,
    /// Vouches for single plugins, if that is wanted: begun by the first question.
    watch: Option<OnceLock<Option<Watch>>>,
}

/// What is known of a plugin that was not imported.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct Record {
    plugin: Plugin,
    shadowed: Vec<String>,
    resolver: Option<Resolver>,
}

/// What an index is asked for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
#[expect(clippy::struct_excessive_bools, reason = "a dictionary of settings, each by its name")]
struct Wanted {
    roots: Vec<PathBuf>,
    packages: Vec<String>,
    recursive: bool,
    rules: Vec<String>,
    key: Option<String>,
    private: bool,
    r#abstract: bool,
    suffix: String,
    case: String,
    duplicates: String,
    strength: Option<String>,
    #[pyo3(default)]
    watch: bool,
}

/// Told with each record, for its version.
const VERSION: &str = "__version__";

impl Wanted {
    fn resolver(&self) -> Result<Resolver, Failure> {
        let state = settings::state()?;
        let package = |name: &String| PackageSpec { name: name.clone(), recursive: self.recursive };
        let finder = PythonFinder {
            packages: self.packages.iter().map(package).collect(),
            rules: self.rules.iter().map(|rule| rule.parse()).collect::<Result<_, _>>()?,
            name: self.key.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
            include_private: self.private,
            include_abstract: self.r#abstract,
            module_literals: vec![VERSION.to_owned()],
            ..PythonFinder::default()
        };
        finder.check()?;
        let mut session = Session::new(Arc::new(finder), self.roots.clone());
        session.location = state.location.clone();
        session.strength = self.strength.as_deref().map_or(Ok(state.strength), parse)?;
        session.refresh = state.refresh;
        session.lock_timeout = state.lock_timeout;
        let resolver = Resolver::new(session).suffix(self.suffix.clone());
        Ok(resolver.case(parse(&self.case)?).duplicates(parse(&self.duplicates)?))
    }
}

fn parse<T: FromStr<Err = String>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(Failure::Config)
}

#[pymethods]
impl Index {
    #[new]
    fn new(py: Python<'_>, wanted: &Bound<'_, PyDict>) -> PyResult<Self> {
        let wanted: Wanted = wanted.extract()?;
        let resolver = py.detach(|| wanted.resolver()).map_err(|error| error.raise(py))?;
        settings::tell_trouble(py)?;
        let mut session = resolver.session().clone();
        if wanted.strength.is_none() && session.strength == Strength::Full {
            session.strength = Strength::Lazy;
        }
        let one = resolver.clone().with_session(session);
        Ok(Self { resolver, one, watch: wanted.watch.then(OnceLock::new) })
    }

    /// Names of all plugins, sorted.
    fn names(&self, py: Python<'_>) -> Vec<String> {
        py.detach(|| {
            let (_, mut names) = self.resolver.session().list(|snapshot| {
                snapshot.all().into_iter().map(|candidate| candidate.record.name).collect::<Vec<_>>()
            });
            names.dedup();
            names
        })
    }

    /// The plugin of a name; `UnknownPluginError` or `AmbiguousPluginError`.
    fn find(&self, py: Python<'_>, name: &str) -> PyResult<Record> {
        let found = py.detach(|| self.one.resolve(name).outcome.map_err(Failure::from));
        let found = found.map_err(|error| error.raise(py))?;
        Ok(self.record(found))
    }

    /// All plugins of a name, in search order; empty if there is none.
    fn find_all(&self, py: Python<'_>, name: &str) -> Vec<Record> {
        let found = py.detach(|| self.one.resolve(name).outcome.ok());
        let Some(found) = found else { return Vec::new() };
        let all = std::iter::once(found.plugin).chain(found.shadowed);
        let one = |plugin| Record::new(plugin, Some(self.resolver.clone()));
        all.map(one).collect()
    }

    /// The plugin of a name, and what the answer rests on.
    fn find_and_hold(slf: &Bound<'_, Self>, name: &str) -> PyResult<(Record, Held)> {
        let (py, this) = (slf.py(), slf.get());
        let (answer, proof) = py.detach(|| {
            if let Some(watch) = this.watch() {
                let (answer, held) = watch.resolve_and_hold(name);
                return (answer, held.map(Proof::Watch));
            }
            let (answer, held) = this.one.resolve_and_hold(name);
            (answer, held.map(|held| Proof::Index(Box::new(held))))
        });
        let found = answer.outcome.map_err(|error| Failure::from(error).raise(py))?;
        Ok((this.record(found), Held::new(slf.clone().unbind(), proof)))
    }

    /// Proves the index as a whole, whatever strength it is asked at.
    fn prove(&self, py: Python<'_>) {
        py.detach(|| Session { strength: Strength::Full, ..self.resolver.session().clone() }.open());
    }

    /// All plugins, by name.
    fn records(&self, py: Python<'_>) -> Vec<Record> {
        let (all, _) = py.detach(|| self.resolver.list());
        all.into_iter().map(|found| self.record(found)).collect()
    }

    /// What stood in the way of finding plugins: file, line, column, message, and whether it is only that running alone
    /// can tell what is there.
    fn problems(&self, py: Python<'_>) -> Vec<(String, u32, u32, String, bool)> {
        py.detach(|| {
            let (snapshot, ()) = self.resolver.session().list(|_| ());
            let Report { problems, dynamic, .. } = snapshot.full_report();
            let mut found: Vec<_> = problems.into_iter().map(|problem| (problem, false)).collect();
            found.extend(dynamic.into_iter().map(|problem| (problem, true)));
            let told = found.into_iter();
            told.map(|(one, is_dynamic)| (one.file, one.line, one.column, one.message, is_dynamic)).collect()
        })
    }

    /// All files that the answers rest on, sorted, each with the digest of its content.
    fn files(&self, py: Python<'_>) -> Vec<(String, String)> {
        py.detach(|| self.all_files().into_iter().map(|(file, digest)| (file, digest.to_string())).collect())
    }

    /// A digest of all of that.
    fn state(&self, py: Python<'_>) -> String {
        py.detach(|| {
            let files = self.all_files();
            let parts = files.iter().flat_map(|(file, digest)| [file.as_bytes(), digest.0.as_slice()]);
            Digest::of_key(parts).to_string()
        })
    }

    /// Why a name is answered as it is, for people.
    fn explain(&self, py: Python<'_>, name: &str) -> String {
        py.detach(|| explain(&self.resolver, name))
    }

    /// Builds the index anew, whatever is kept.
    fn refresh(&self, py: Python<'_>) {
        py.detach(|| Session { refresh: true, ..self.resolver.session().clone() }.open());
    }

    /// Where the index is kept now, if it is.
    fn kept_at(&self) -> Option<PathBuf> {
        self.resolver.session().kept_at()
    }
}

impl Record {
    /// One without the index that told of it knows everything but its file's digest.
    pub(crate) fn new(plugin: Plugin, resolver: Option<Resolver>) -> Self {
        Self { plugin, shadowed: Vec::new(), resolver }
    }
}

impl Index {
    pub(crate) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    fn all_files(&self) -> Vec<(String, Digest)> {
        let (_, mut files) = self.resolver.session().list(|snapshot| snapshot.index().files());
        files.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        files
    }

    /// `None`: it is not wanted, or there can be no thread for it; then questions are proven one by one.
    fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()?.get_or_init(|| Watch::builder(self.one.clone()).start().ok()).as_ref()
    }

    /// Whether an answer would be proven again.
    pub(crate) fn still_holds(&self, held: &resolver::Held) -> bool {
        self.one.still_holds(held)
    }

    /// Whether nothing has happened since an answer.
    pub(crate) fn is_vouched_for(&self, held: &watch::Held) -> bool {
        self.watch().is_some_and(|watch| watch.still_holds(held))
    }

    fn record(&self, found: plugcache::Resolution) -> Record {
        let shadowed = found.shadowed.iter().map(place).collect();
        Record { plugin: found.plugin, shadowed, resolver: Some(self.resolver.clone()) }
    }
}

fn explain(resolver: &Resolver, name: &str) -> String {
    let answer = resolver.resolve(name);
    let report = &answer.report;
    let mut lines = vec![match &answer.outcome {
        Ok(found) => format!("{name} is {}", place(&found.plugin)),
        Err(error) => format!("{name}: {error}"),
    }];
    if let Ok(found) = &answer.outcome {
        lines.extend(found.shadowed.iter().map(|hidden| format!("  hides      {}", place(hidden))));
    }
    let index = resolver.session().kept_at();
    let index = index.map_or_else(|| "in memory only".to_owned(), |path| path.display().to_string());
    lines.push(format!("  index      {index}"));
    let how = match (report.parsed, report.stale.is_empty()) {
        (0, true) => "from the index: a hit, no file was understood anew".to_owned(),
        (0, false) => "from the index, after a look at what had a new stamp".to_owned(),
        (parsed, _) => format!("after reading {parsed} files that had changed"),
    };
    lines.push(format!("  answered   {how} (strength {})", report.strength.as_str()));
    for stale in &report.stale {
        let what = if stale.file.is_empty() { "the index" } else { &stale.file };
        lines.push(format!("  because    {what}: {}", stale.reason));
    }
    for file in resolver.evidence(name) {
        let racy =
            if file.racy { ", too young to prove anything: read each time until it is quiet" } else { "" };
        lines.push(format!("  rests on   {} (content {}{racy})", file.file, file.digest));
    }
    lines.extend(report.warnings.iter().map(|warning| format!("  warning    {warning}")));
    lines.join("\n")
}

#[pymethods]
impl Record {
    /// What it is looked up by.
    #[getter]
    fn name(&self) -> &str {
        &self.plugin.name
    }

    /// `python-class`, `python-function` or `python-module`.
    #[getter]
    fn kind(&self) -> &str {
        self.plugin.kind
    }

    /// Dotted module that defines it.
    #[getter]
    pub(crate) fn module(&self) -> &str {
        self.plugin.module.as_deref().unwrap_or_default()
    }

    /// `Outer.Inner`; empty for a module.
    #[getter]
    pub(crate) fn qualname(&self) -> &str {
        self.plugin.qualname.as_deref().unwrap_or_default()
    }

    /// Its docstring.
    #[getter]
    fn doc(&self) -> Option<&str> {
        self.plugin.doc.as_deref()
    }

    /// Path of the defining file.
    #[getter]
    fn file(&self) -> &str {
        &self.plugin.file
    }

    /// One-based line of the definition.
    #[getter]
    fn line(&self) -> u32 {
        self.plugin.line
    }

    /// Bases, as `module:qualname` where they could be resolved, else as written.
    #[getter]
    fn bases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.plugin.bases)
    }

    /// Constant attributes, own and inherited: a fresh dictionary at each call.
    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        convert::dictionary(py, &self.plugin.attributes)
    }

    /// Its `__version__` or `version`, or its module's `__version__`, if that is constant text.
    #[getter]
    fn version(&self) -> Option<&str> {
        let own = [VERSION, "version"].into_iter().map(|name| (&self.plugin.attributes, name));
        let mut all = own.chain([(&self.plugin.module_attributes, VERSION)]);
        all.find_map(|(pairs, name)| {
            pairs.iter().find_map(|(known, value)| match value {
                Value::Str(text) if known == name => Some(text.as_str()),
                _ => None,
            })
        })
    }

    /// Digest of the defining file's content, as the index has it; `None` if the plugin is gone since.
    #[getter]
    fn digest(&self, py: Python<'_>) -> Option<String> {
        let resolver = self.resolver.as_ref()?;
        let evidence = py.detach(|| resolver.evidence(&self.plugin.name));
        evidence.into_iter().find(|one| one.file == self.plugin.file).map(|one| one.digest.to_string())
    }

    /// Where others of the same name are that this one hides.
    #[getter]
    fn shadowed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shadowed)
    }

    /// How it is called: a function, or a class of an index that is about definitions. `None` for others.
    #[getter]
    fn signature<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        signature::of_plugin(py, &self.plugin)
    }

    /// How a method of it is called, its first parameter included; `None` if there is none of that name, or methods
    /// were not asked for.
    fn method<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.plugin.methods.iter().find(|method| method.name == name);
        found.map(|method| signature::of_method(py, &self.plugin, method)).transpose()
    }

    /// Dotted names under which public modules expose a function, where that was asked for; the shortest first.
    #[getter]
    fn exports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.plugin.exports)
    }

    /// The subpackages that expose it, outermost first: `("filters", "rank")` for `skimage.filters.rank.mean`.
    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut tags: Vec<&str> = Vec::new();
        for name in &self.plugin.exports {
            let parts: Vec<&str> = name.split('.').collect();
            for part in parts.get(1..parts.len().saturating_sub(1)).unwrap_or_default() {
                if !tags.contains(part) {
                    tags.push(part);
                }
            }
        }
        PyTuple::new(py, tags)
    }

    /// What of it cannot be known without running it: name, file, line, reason.
    #[getter]
    fn dynamic(&self) -> Vec<(String, String, u32, String)> {
        let told = self.plugin.dynamic.iter();
        told.map(|one| (one.name.clone(), one.file.clone(), one.line, one.reason.clone())).collect()
    }

    fn __repr__(&self) -> String {
        format!("<Record {} of {}>", self.plugin.name, place(&self.plugin))
    }
}
