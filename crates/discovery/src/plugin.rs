//! What is told of a plugin, and of what stood in the way of finding one.

use serde::Serialize;

use crate::value::Value;

/// Everything known of one plugin, without having run it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plugin {
    /// What it is looked up by.
    pub name: String,
    /// `python-class`, `python-function`, `python-module`, `manifest` or `entry-point`.
    pub kind: &'static str,
    /// Dotted module that defines it, for Python.
    pub module: Option<String>,
    /// `Outer.Inner`, for Python.
    pub qualname: Option<String>,
    /// Path of the defining file.
    pub file: String,
    /// One-based line of the definition; 0 where lines mean nothing.
    pub line: u32,
    /// Docstring, or a manifest's description.
    pub doc: Option<String>,
    /// Bases as written, resolved to `module:qualname` where they could be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<String>,
    /// Decorators, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decorators: Vec<Decorator>,
    /// Constant attributes, own and inherited, by name, in definition order (own first); for a
    /// manifest the document's top-level members.
    #[serde(serialize_with = "crate::value::as_map")]
    pub attributes: Vec<(String, Value)>,
    /// Module literals that were asked for by name.
    #[serde(serialize_with = "crate::value::as_map", skip_serializing_if = "Vec::is_empty")]
    pub module_attributes: Vec<(String, Value)>,
    /// A function's signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Dotted names under which public modules expose a function, where that was asked for; the shortest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
    /// Methods of a class, own and inherited, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// Why the signature that is told may not be that of the running program, or why none could be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature_doubts: Vec<String>,
    /// Fields of a dataclass, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Parameter>,
    /// What of it cannot be known without running it.
    pub dynamic: Vec<Dynamic>,
}

/// A decorator and its constant arguments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decorator {
    /// Dotted name as written.
    pub name: String,
    /// Whether it is called.
    pub called: bool,
    /// Positional arguments; an argument that is not constant is null here and listed as dynamic.
    pub arguments: Vec<Option<Value>>,
    /// Keyword arguments.
    #[serde(serialize_with = "crate::value::as_optional_map")]
    pub keywords: Vec<(String, Option<Value>)>,
}

/// A function in the body of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Parameters as written, the first one (`self`) included.
    pub signature: Signature,
    /// Docstring.
    pub doc: Option<String>,
    /// Path of the defining file.
    pub file: String,
    /// One-based line of the definition.
    pub line: u32,
    /// Source text of its decorators, outermost first.
    pub decorators: Vec<String>,
    /// See [`Plugin::signature_doubts`].
    pub doubts: Vec<String>,
}

/// How a function is called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signature {
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// Source text of the return annotation.
    pub returns: Option<String>,
    /// `async def`.
    pub is_async: bool,
}

/// A parameter, or a field of a dataclass.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `positional_only`, `positional_or_keyword`, `var_positional`, `keyword_only`, `var_keyword`, `field`.
    pub kind: crate::python::facts::ParameterKind,
    /// Source text of the annotation.
    pub annotation: Option<String>,
    /// Whether there is a default.
    pub has_default: bool,
    /// The default, if it is a constant.
    pub default: Option<Value>,
    /// Source text of the default.
    pub default_text: Option<String>,
    /// What is said of a field where it stands: the string behind it, or a comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
}

/// Something that cannot be known without running the plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Dynamic {
    /// Name of the attribute, base, decorator or construct.
    pub name: String,
    /// Path of the file.
    pub file: String,
    /// One-based line.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// Something that stood in the way of finding plugins, or a place that only running can tell. Never fatal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Problem {
    /// Path of the file, relative to its root until it is shown.
    pub file: String,
    /// One-based line; 0 for the file as a whole.
    pub line: u32,
    /// One-based column in characters; 0 for the line as a whole.
    pub column: u32,
    /// What, and what to do.
    pub message: String,
}
