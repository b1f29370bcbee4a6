//! Signatures that were read from source, as the objects of `plugcache._signature`.

use plugcache::discovery::{
    plugin::{Method, Parameter, Plugin, Signature},
    python::{docstring::Docstring, facts::ParameterKind},
    value::Value,
};
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyTuple},
};

use crate::convert;

const MODULE: &str = "plugcache._signature";

/// How a plugin is called: a function, or the class of which it makes an instance. `None` if that was not asked for.
pub(crate) fn of_plugin<'py>(py: Python<'py>, plugin: &Plugin) -> PyResult<Option<Bound<'py, PyAny>>> {
    if plugin.signature.is_none() && plugin.signature_doubts.is_empty() {
        return Ok(None);
    }
    let is_class = plugin.kind == "python-class";
    let mut said = plugin.doc.as_deref().map(Docstring::parse).unwrap_or_default();
    if is_class && let Some(constructor) = plugin.methods.iter().find(|method| method.name == "__init__") {
        let more = constructor.doc.as_deref().map(Docstring::parse).unwrap_or_default();
        said.parameters.splice(0..0, more.parameters);
    }
    let about = About {
        kind: if is_class { "class" } else { "function" },
        qualname: plugin.qualname.clone().unwrap_or_default(),
        doc: plugin.doc.as_deref(),
        file: &plugin.file,
        line: plugin.line,
        doubts: &plugin.signature_doubts,
    };
    make(py, plugin, plugin.signature.as_ref(), &said, about).map(Some)
}

/// How a method of a plugin is called, its first parameter included.
pub(crate) fn of_method<'py>(
    py: Python<'py>,
    plugin: &Plugin,
    method: &Method,
) -> PyResult<Bound<'py, PyAny>> {
    let said = method.doc.as_deref().map(Docstring::parse).unwrap_or_default();
    let about = About {
        kind: "method",
        qualname: format!("{}.{}", plugin.qualname.as_deref().unwrap_or_default(), method.name),
        doc: method.doc.as_deref(),
        file: &method.file,
        line: method.line,
        doubts: &method.doubts,
    };
    make(py, plugin, Some(&method.signature), &said, about)
}

struct About<'a> {
    kind: &'static str,
    qualname: String,
    doc: Option<&'a str>,
    file: &'a str,
    line: u32,
    doubts: &'a [String],
}

fn make<'py>(
    py: Python<'py>,
    plugin: &Plugin,
    signature: Option<&Signature>,
    said: &Docstring,
    about: About<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    static SIGNATURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let parameters = PyDict::new(py);
    for one in signature.iter().flat_map(|signature| &signature.parameters) {
        parameters.set_item(&one.name, parameter(py, one, said)?)?;
    }
    let doubts = PyTuple::new(py, about.doubts)?;
    let summary = (!said.summary.is_empty()).then_some(said.summary.as_str());
    let whose = (about.kind, plugin.module.as_deref().unwrap_or_default(), about.qualname);
    let how = (
        parameters,
        signature.and_then(|signature| signature.returns.as_deref()),
        signature.is_some_and(|signature| signature.is_async),
        signature.is_some(),
        doubts,
    );
    let text = (summary, about.doc, said.returns.as_deref(), about.file, about.line);
    SIGNATURE.import(py, MODULE, "_made")?.call1((whose, how, text))
}

fn parameter<'py>(py: Python<'py>, one: &Parameter, said: &Docstring) -> PyResult<Bound<'py, PyAny>> {
    static PARAMETER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let is_known = one.default.as_ref().is_some_and(is_constant);
    let default =
        one.default.as_ref().filter(|_| is_known).map(|value| convert::value(py, value)).transpose()?;
    let is_rest = matches!(one.kind, ParameterKind::VarPositional | ParameterKind::VarKeyword);
    let description = one.doc.as_deref().or_else(|| said.parameter(&one.name));
    PARAMETER.import(py, MODULE, "Parameter")?.call1((
        &one.name,
        kind(one.kind),
        one.annotation.as_deref(),
        !one.has_default && !is_rest,
        default,
        one.default_text.as_deref(),
        one.has_default && !is_known,
        description,
    ))
}

fn kind(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::PositionalOnly => "positional_only",
        ParameterKind::PositionalOrKeyword => "positional_or_keyword",
        ParameterKind::VarPositional => "var_positional",
        ParameterKind::KeywordOnly => "keyword_only",
        ParameterKind::VarKeyword => "var_keyword",
        ParameterKind::Field => "field",
    }
}

/// Whether a value can be made without running anything.
fn is_constant(value: &Value) -> bool {
    match value {
        Value::Call { .. } | Value::Name(_) => false,
        Value::List(all) | Value::Tuple(all) | Value::Set(all) => all.iter().all(is_constant),
        Value::Dict(pairs) => pairs.iter().all(|(key, value)| is_constant(key) && is_constant(value)),
        _ => true,
    }
}
