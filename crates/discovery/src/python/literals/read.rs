//! From the source text of a value to the value.

use ruff_python_ast::{Expr as Ast, ExprStringLiteral, Number, PythonVersion, UnaryOp};
use ruff_python_parser::{Mode, ParseOptions};
use ruff_text_size::Ranged;

use super::{
    super::{convert, depth, facts::Expr},
    Folded, Scope, Unknown, fold, key, number, operator, unknown,
};
use crate::{python::facts::UnaryOperator, value::Value};

/// The value of a literal that names nothing, from its source.
///
/// # Errors
/// If the text is not such a literal, or Python would refuse it (`{[]: 1}`).
pub fn parse_literal(text: &str) -> Folded {
    if let Some(value) = simple(text) {
        return Ok(value);
    }
    with_tree(text, |tree| value(tree, text))?
}

/// The value of an expression, from its source, with the names of `scope`. `line` is the line on which the
/// text starts.
///
/// # Errors
/// Why its value cannot be known.
pub fn fold_text(text: &str, line: u32, scope: &mut dyn Scope) -> Folded {
    if let Some(value) = simple(text) {
        return Ok(value);
    }
    with_tree(text, |tree| {
        if convert::is_closed(tree) {
            value(tree, text)
        } else {
            fold(&convert::expression(tree, text, line), scope)
        }
    })?
}

/// The expression that a text writes. `line` is the line on which the text starts.
///
/// # Errors
/// If it is not one expression.
pub fn parse_expression(text: &str, line: u32) -> Result<Expr, Unknown> {
    with_tree(text, |tree| convert::expression(tree, text, line))
}

/// The most common literals without the parser: plain strings, small integers, the constants.
fn simple(text: &str) -> Option<Value> {
    match text {
        "None" => return Some(Value::None),
        "True" => return Some(Value::Bool(true)),
        "False" => return Some(Value::Bool(false)),
        _ => {}
    }
    let first = text.chars().next()?;
    if matches!(first, '\'' | '"') {
        let inner = text.strip_prefix(first)?.strip_suffix(first)?;
        let plain = !inner.contains([first, '\\', '\n']);
        return plain.then(|| Value::Str(inner.to_owned()));
    }
    let digits = text.len() < 18 && matches!(first, '1'..='9') && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok().map(Value::Int) } else { None }
}

/// Parses inside imagined parentheses, so that a text may hold line ends.
fn with_tree<T>(text: &str, use_tree: impl FnOnce(&Ast) -> T) -> Result<T, Unknown> {
    if depth::exceeded(text.as_bytes()).is_some() {
        return unknown("nested too deeply");
    }
    let options =
        ParseOptions::from(Mode::ParenthesizedExpression).with_target_version(PythonVersion::latest());
    let parsed = ruff_python_parser::parse_unchecked(text, options);
    match parsed.syntax() {
        ruff_python_ast::Mod::Expression(tree) if parsed.errors().is_empty() => Ok(use_tree(&tree.body)),
        _ => unknown("is not an expression"),
    }
}

/// The value of a closed literal. `text` is what the tree was parsed from.
fn value(tree: &Ast, text: &str) -> Folded {
    let several = |list: &[Ast]| list.iter().map(|tree| value(tree, text)).collect::<Result<Vec<_>, _>>();
    match tree {
        Ast::NoneLiteral(_) => Ok(Value::None),
        Ast::EllipsisLiteral(_) => Ok(Value::Ellipsis),
        Ast::BooleanLiteral(literal) => Ok(Value::Bool(literal.value)),
        Ast::NumberLiteral(literal) => match &literal.value {
            Number::Int(int) => match int.as_i64() {
                Some(int) => Ok(Value::Int(int)),
                None => number::big(&int.to_string()),
            },
            Number::Float(float) => Ok(Value::Float(*float)),
            Number::Complex { real, imag } => Ok(Value::Complex(*real, *imag)),
        },
        Ast::StringLiteral(string) => string_value(string, text),
        Ast::BytesLiteral(bytes) => Ok(Value::Bytes(bytes.value.bytes().collect())),
        Ast::List(list) => Ok(Value::List(several(&list.elts)?)),
        Ast::Tuple(tuple) => Ok(Value::Tuple(several(&tuple.elts)?)),
        Ast::Set(set) => key::set(several(&set.elts)?),
        Ast::Dict(dict) => {
            let mut pairs = Vec::with_capacity(dict.items.len());
            for item in &dict.items {
                let Some(name) = &item.key else { return unknown("unpacks a name") };
                pairs.push((value(name, text)?, value(&item.value, text)?));
            }
            key::dict(pairs)
        }
        Ast::UnaryOp(operation) if operation.op == UnaryOp::USub => {
            operator::unary(UnaryOperator::Minus, value(&operation.operand, text)?)
        }
        _ => unknown("is not a literal"),
    }
}

/// Half a surrogate pair is a character in Python and none here: the parser puts the replacement
/// character in its place.
fn string_value(string: &ExprStringLiteral, text: &str) -> Folded {
    let value = string.value.to_str();
    if value.contains(char::REPLACEMENT_CHARACTER)
        && text.get(string.start().to_usize()..string.end().to_usize()).is_none_or(has_surrogate)
    {
        return unknown("holds half a surrogate pair");
    }
    Ok(Value::Str(value.to_owned()))
}

/// Whether a string's source may escape a surrogate: `\ud800`, `\U0000dfff`.
pub(in crate::python) fn has_surrogate(source: &str) -> bool {
    source.match_indices('\\').any(|(at, _)| {
        let code = source.get(at + 1..).unwrap_or_default();
        let digits = code.strip_prefix('u').or_else(|| code.strip_prefix("U0000")).unwrap_or_default();
        matches!(digits.as_bytes(), [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..])
    })
}
