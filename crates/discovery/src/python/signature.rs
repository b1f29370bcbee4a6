//! From a function's details to the signature that is shown.

use super::{
    facts::{FunctionDetails, Parameter as Fact},
    literals::{self, NoNames, Scope},
};
use crate::{
    plugin::{Parameter, Signature},
    value::Value,
};

/// The signature of a function, whose `def` stands on `line`. Defaults are folded with the names of `scope`.
pub fn signature(details: &FunctionDetails, is_async: bool, line: u32, scope: &mut dyn Scope) -> Signature {
    let told = |fact| {
        let mut told = parameter(fact, line, scope);
        // A list that has a name may be changed before the function is called, and one that is written out cannot.
        if told.default.as_ref().is_some_and(can_change) {
            told.default = parameter(fact, line, &mut NoNames).default;
        }
        told
    };
    Signature {
        parameters: details.parameters.iter().map(told).collect(),
        returns: details.returns.clone(),
        is_async,
    }
}

fn can_change(value: &Value) -> bool {
    match value {
        Value::List(_) | Value::Dict(_) | Value::Set(_) => true,
        Value::Tuple(all) => all.iter().any(can_change),
        _ => false,
    }
}

/// Decorators that change neither what `inspect.signature` tells of a function nor its docstring.
const HARMLESS: &[&str] = &[
    "abc.abstractmethod",
    "atexit.register",
    "builtins.classmethod",
    "builtins.staticmethod",
    "contextlib.asynccontextmanager",
    "contextlib.contextmanager",
    "functools.cache",
    "functools.lru_cache",
    "functools.singledispatch",
    "typing.final",
    "typing.no_type_check",
    "typing.override",
    "typing_extensions.deprecated",
    "typing_extensions.final",
    "typing_extensions.override",
    "warnings.deprecated",
];

/// Whether a decorator of that dotted name leaves signature and docstring as they are written.
pub fn is_harmless(decorator: &str) -> bool {
    HARMLESS.contains(&decorator)
}

/// A parameter or a field; its default is folded with the names of `scope`. `line` is where it is written.
pub fn parameter(fact: &Fact, line: u32, scope: &mut dyn Scope) -> Parameter {
    Parameter {
        name: fact.name.clone(),
        kind: fact.kind,
        annotation: fact.annotation.clone(),
        has_default: fact.default.is_some(),
        default: fact.default.as_deref().and_then(|text| literals::fold_text(text, line, scope).ok()),
        default_text: fact.default.clone(),
        doc: fact.doc.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::signature;
    use crate::{
        python::{
            extract::{Options, extract},
            facts::ParameterKind::{
                KeywordOnly, PositionalOnly, PositionalOrKeyword, VarKeyword, VarPositional,
            },
            literals::NoNames,
        },
        value::Value,
    };

    #[test]
    fn parameters_keep_kind_annotation_and_default() {
        let source = b"async def f(a, /, b: 'int' = -1, *c, d=(\n'x' 'y'), e=D, **g) -> list[int]: ...\n";
        let options = Options { functions: true, ..Options::default() };
        let (structure, details) = extract(source, &options).expect("reads");
        let found = signature(&details.functions[0], structure.functions[0].is_async, 1, &mut NoNames);
        let kinds: Vec<_> = found.parameters.iter().map(|one| one.kind).collect();
        assert_eq!(
            kinds,
            [PositionalOnly, PositionalOrKeyword, VarPositional, KeywordOnly, KeywordOnly, VarKeyword]
        );
        assert_eq!(found.parameters[1].annotation.as_deref(), Some("'int'"));
        assert_eq!(found.parameters[1].default, Some(Value::Int(-1)));
        assert_eq!(found.parameters[3].default, Some(Value::Str("xy".into())));
        assert_eq!(found.parameters[4].default, None);
        assert_eq!(found.parameters[4].default_text.as_deref(), Some("D"));
        assert!(found.parameters[4].has_default && found.is_async);
        assert_eq!(found.returns.as_deref(), Some("list[int]"));
    }
}
