//! From a function's details to the signature that is shown.

use super::{
    facts::{Function, FunctionDetails, Parameter as Fact},
    literals::{self, NoNames, Scope},
};
use crate::plugin::{Parameter, Signature};

/// The signature of a function. Defaults that are closed literals are folded.
pub fn signature(function: &Function, details: &FunctionDetails) -> Signature {
    Signature {
        parameters: details
            .parameters
            .iter()
            .map(|fact| parameter(fact, function.line, &mut NoNames))
            .collect(),
        returns: details.returns.clone(),
        is_async: function.is_async,
    }
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
        },
        value::Value,
    };

    #[test]
    fn parameters_keep_kind_annotation_and_default() {
        let source = b"async def f(a, /, b: 'int' = -1, *c, d=(\n'x' 'y'), e=D, **g) -> list[int]: ...\n";
        let options = Options { functions: true, ..Options::default() };
        let (structure, details) = extract(source, &options).expect("reads");
        let found = signature(&structure.functions[0], &details.functions[0]);
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
