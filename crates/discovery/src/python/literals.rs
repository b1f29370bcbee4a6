//! Folding: the value of a constant expression, exactly as Python would compute it, or why not.
//!
//! Nothing is guessed. Where Python's result depends on anything that is not known here (another file's
//! names, a hash seed, a Unicode table's version), or where it would raise, the answer is [`Unknown`]. Names
//! are looked up through a [`Scope`], which the linker provides.
//!
//! Values that facts keep as text are parsed here on access, see [`fold_text`] and [`parse_literal`].

mod call;
mod format;
mod key;
mod number;
mod operator;
mod percent;
mod read;
mod repr;
mod subscript;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub(super) use self::read::has_surrogate;
pub use self::read::{fold_text, parse_expression, parse_literal};
use super::facts::{Expr, FormatPart};
use crate::value::Value;

/// How large a computed value may get, in bytes of text and elements of containers. A literal that is
/// written out may be as long as its file.
const MAX_SIZE: usize = 1 << 20;

/// How deeply expressions may nest: no real constant comes near.
const MAX_DEPTH: u32 = 200;

/// Why an expression has no value that could be known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Unknown {
    /// For a person: `names BASE`, `calls make()`.
    pub reason: String,
}

impl Unknown {
    /// With a reason for a person.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The outcome of folding.
pub type Folded = Result<Value, Unknown>;

/// Where names get their values from.
pub trait Scope {
    /// The value of a name.
    ///
    /// # Errors
    /// Why it has none that could be known.
    fn name(&mut self, name: &str) -> Folded;

    /// The value of `object.attribute`, where `object` is an expression that was not folded.
    ///
    /// # Errors
    /// Why it has none that could be known.
    fn attribute(&mut self, object: &Expr, attribute: &str) -> Folded;

    /// Whether a call of this dotted name with constant arguments is kept as [`Value::Call`].
    /// Default: `re.compile` only.
    fn keeps_call(&mut self, function: &str) -> bool {
        function == "re.compile"
    }
}

/// A scope that knows no name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoNames;

impl Scope for NoNames {
    fn name(&mut self, name: &str) -> Folded {
        Err(Unknown::new(format!("names {name}")))
    }

    fn attribute(&mut self, object: &Expr, attribute: &str) -> Folded {
        Err(Unknown::new(match dotted(object) {
            Some(object) => format!("names {object}.{attribute}"),
            None => format!("reads the attribute {attribute}"),
        }))
    }
}

/// Folds an expression.
///
/// # Errors
/// Why its value cannot be known.
pub fn fold(expr: &Expr, scope: &mut dyn Scope) -> Folded {
    Folder { scope, depth: 0 }.fold(expr)
}

/// `a.b.c`, if the expression is a dotted name.
pub fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name) => Some(name.clone()),
        Expr::Attribute(object, attribute) => {
            let mut name = dotted(object)?;
            name.push('.');
            name.push_str(attribute);
            Some(name)
        }
        _ => None,
    }
}

struct Folder<'a> {
    scope: &'a mut dyn Scope,
    depth: u32,
}

impl Folder<'_> {
    fn fold(&mut self, expr: &Expr) -> Folded {
        if self.depth >= MAX_DEPTH {
            return unknown("nested too deeply");
        }
        self.depth += 1;
        let value = self.fold_here(expr);
        self.depth -= 1;
        value
    }

    fn fold_here(&mut self, expr: &Expr) -> Folded {
        match expr {
            Expr::Literal(text) => parse_literal(text),
            Expr::Str(text) => Ok(Value::Str(text.clone())),
            Expr::Name(name) => self.scope.name(name),
            Expr::Attribute(object, attribute) => self.scope.attribute(object, attribute),
            Expr::Subscript(object, index) => {
                let object = self.fold(object)?;
                subscript::item(&object, &self.fold(index)?)
            }
            Expr::Binary(..) => self.binary(expr),
            Expr::Unary(operation, operand) => operator::unary(*operation, self.fold(operand)?),
            Expr::Format(parts) => Ok(Value::Str(self.format_parts(parts)?)),
            Expr::Tuple(elements) => Ok(Value::Tuple(self.elements(elements)?)),
            Expr::List(elements) => Ok(Value::List(self.elements(elements)?)),
            Expr::Set(elements) => key::set(self.elements(elements)?),
            Expr::Dict(items) => self.dict(items),
            Expr::Starred(_) => unknown("unpacks outside of a container"),
            Expr::Call(call) => self.call(call),
            Expr::Dynamic { reason, .. } => unknown(format!("is {reason}")),
        }
    }

    /// Chains such as `a + b + c + …` lean to the left: they are walked, not recursed into.
    fn binary(&mut self, expr: &Expr) -> Folded {
        let mut first = expr;
        let mut rest = Vec::new();
        while let Expr::Binary(operation, left, right) = first {
            rest.push((*operation, right));
            first = left;
        }
        let mut value = self.fold(first)?;
        for (operation, right) in rest.into_iter().rev() {
            value = operator::binary(operation, value, self.fold(right)?)?;
            bounded(&value)?;
        }
        Ok(value)
    }

    /// The elements of a display or of a call, with `*` unpacked.
    fn elements(&mut self, elements: &[Expr]) -> Result<Vec<Value>, Unknown> {
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            match element {
                Expr::Starred(inner) => match self.fold(inner)? {
                    Value::List(inner) | Value::Tuple(inner) => values.extend(inner),
                    Value::Dict(items) => values.extend(items.into_iter().map(|(key, _)| key)),
                    Value::Str(text) => values.extend(text.chars().map(|c| Value::Str(c.into()))),
                    Value::Set(inner) if inner.len() < 2 => values.extend(inner),
                    Value::Set(_) => return unknown("depends on the order of a set"),
                    _ => return unknown("unpacks what cannot be unpacked"),
                },
                _ => values.push(self.fold(element)?),
            }
            if values.len() > MAX_SIZE {
                return unknown("too large");
            }
        }
        Ok(values)
    }

    fn dict(&mut self, items: &[(Option<Expr>, Expr)]) -> Folded {
        let mut pairs = Vec::with_capacity(items.len());
        for (name, value) in items {
            match name {
                Some(name) => {
                    let name = self.fold(name)?;
                    pairs.push((name, self.fold(value)?));
                }
                None => match self.fold(value)? {
                    Value::Dict(inner) => pairs.extend(inner),
                    _ => return unknown("unpacks what is not a dictionary"),
                },
            }
            if pairs.len() > MAX_SIZE {
                return unknown("too large");
            }
        }
        key::dict(pairs)
    }

    fn format_parts(&mut self, parts: &[FormatPart]) -> Result<String, Unknown> {
        let mut result = String::new();
        for part in parts {
            match part {
                FormatPart::Text(text) => result.push_str(text),
                FormatPart::Field { value, conversion, spec } => {
                    let value = self.fold(value)?;
                    let spec = self.format_parts(spec)?;
                    result.push_str(&format::field(&value, *conversion, &spec)?);
                }
            }
            if result.len() > MAX_SIZE {
                return unknown("too large");
            }
        }
        Ok(result)
    }
}

fn unknown<T>(reason: impl Into<String>) -> Result<T, Unknown> {
    Err(Unknown::new(reason))
}

/// Refuses a computed value that is too large at its top level. Nothing grows faster than by one level at a
/// time, so this bounds the whole.
fn bounded(value: &Value) -> Result<(), Unknown> {
    let size = match value {
        Value::Str(text) | Value::BigInt(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(elements) | Value::Tuple(elements) | Value::Set(elements) => elements.len(),
        Value::Dict(pairs) => pairs.len(),
        _ => 0,
    };
    if size > MAX_SIZE { unknown("too large") } else { Ok(()) }
}
