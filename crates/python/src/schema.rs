//! Configurations: definitions compiled once, values validated once and copied out. What a class says is collected by
//! `plugcache.Config`.

use std::sync::{Arc, Mutex, PoisonError};

use plugcache::schema::{self, Definition, Merge, Profile, Rules, Schemas, Unknown};
use pyo3::{
    exceptions::PyKeyError,
    prelude::*,
    types::{PyDict, PyList},
};
use serde_json::Value;

use crate::{error::Failure, plain, settings};

/// The host's schemas, and in which epoch they were made.
static SCHEMAS: Mutex<Option<(u32, Schemas)>> = Mutex::new(None);

fn schemas() -> Result<Schemas, Failure> {
    let epoch = settings::epoch();
    let mut place = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = place.as_ref().filter(|(then, _)| *then == epoch) {
        return Ok(known.clone());
    }
    let hub = &settings::state()?.hub;
    let made = Schemas::new(hub).or_else(|_| Schemas::new(&hub.apart()))?;
    *place = Some((epoch, made.clone()));
    Ok(made)
}

/// What a class of configurations was compiled to.
#[pyclass(frozen, module = "plugcache._plugcache")]
pub(crate) struct Schema(Arc<schema::Schema>);

/// A configuration: nobody can change it, and what is taken out of it is a copy.
#[pyclass(frozen, mapping, module = "plugcache._plugcache")]
pub(crate) struct Values(Arc<Value>);

/// Key, value, and what is wrong with it.
type Violation<'py> = (String, Bound<'py, PyAny>, String);

/// What a class says.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Wanted<'py> {
    defaults: Bound<'py, PyAny>,
    rules: Bound<'py, PyAny>,
    json_schema: Option<Bound<'py, PyAny>>,
    merge: String,
    unknown: String,
    profile: String,
}

fn config<T>(result: Result<T, impl std::fmt::Display>) -> Result<T, Failure> {
    result.map_err(|error| Failure::Config(error.to_string()))
}

fn one_of<T: Copy>(what: &str, given: &str, known: [(&str, T); 2]) -> Result<T, Failure> {
    let found = known.iter().find(|(name, _)| *name == given).map(|(_, value)| *value);
    let [(first, _), (second, _)] = known;
    found.ok_or_else(|| Failure::Config(format!("{what} is `{given}`: expected {first} or {second}")))
}

impl Wanted<'_> {
    fn definition(&self, class: &str) -> Result<Definition, Failure> {
        let json = |what: &str, object: &Bound<'_, PyAny>| {
            plain::from_python(object)
                .map_err(|error| Failure::Config(format!("the {what} of {class} are no JSON: {error}")))
        };
        let mut definition = Definition::new(json("defaults", &self.defaults)?)
            .rules(config(Rules::parse(&json("rules", &self.rules)?))?)
            .merge(one_of("merge", &self.merge, [("shallow", Merge::Shallow), ("deep", Merge::Deep)])?)
            .unknown(one_of("unknown", &self.unknown, [("allow", Unknown::Allow), ("deny", Unknown::Deny)])?)
            .profile(one_of(
                "profile",
                &self.profile,
                [("strict", Profile::Strict), ("ratio1", Profile::Ratio1)],
            )?);
        if let Some(document) = &self.json_schema {
            definition = definition.json_schema(json("JSON Schema's members", document)?);
        }
        Ok(definition)
    }
}

#[pymethods]
impl Schema {
    #[new]
    fn new(py: Python<'_>, class_name: &str, definition: &Bound<'_, PyDict>) -> PyResult<Self> {
        let wanted: Wanted<'_> = definition.extract()?;
        let definition = wanted.definition(class_name).map_err(|error| error.raise(py))?;
        let made = py.detach(|| config(schemas()?.compile(class_name, &definition)));
        made.map(Self).map_err(|error| error.raise(py))
    }

    /// The defaults with these overrides, or all that is wrong with them.
    fn configure<'py>(
        &self,
        py: Python<'py>,
        overrides: &Bound<'py, PyAny>,
    ) -> PyResult<(Option<Values>, Vec<Violation<'py>>)> {
        let class = self.0.class();
        let overrides = plain::from_python(overrides)
            .map_err(|error| Failure::Config(format!("the configuration of {class} is no JSON: {error}")))
            .map_err(|error| error.raise(py))?;
        let made = py.detach(|| Ok(schemas()?.configure(&self.0, &overrides)));
        match made.map_err(|error: Failure| error.raise(py))? {
            Ok(values) => Ok((Some(Values(values)), Vec::new())),
            Err(refused) => {
                let told = refused.violations.iter();
                let told =
                    told.map(|one| Ok((one.key.clone(), plain::to_python(py, &one.value)?, one.to_string())));
                Ok((None, told.collect::<PyResult<_>>()?))
            }
        }
    }
}

#[pymethods]
impl Values {
    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let found = key.extract::<&str>().ok().and_then(|key| self.0.get(key));
        match found {
            Some(value) => plain::to_python(py, value),
            None => Err(PyKeyError::new_err(key.clone().unbind())),
        }
    }

    fn __len__(&self) -> usize {
        self.0.as_object().map_or(0, serde_json::Map::len)
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        key.extract::<&str>().is_ok_and(|key| self.0.get(key).is_some())
    }

    /// All keys, sorted.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.0.as_object().into_iter().flatten().map(|(key, _)| key))
    }

    /// All of it, as a fresh dictionary.
    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain::to_python(py, &self.0)
    }
}
