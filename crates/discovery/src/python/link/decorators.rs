//! Decorators: whether one is meant by a rule, and what the names in its arguments are worth.

use super::{
    deps::Deps,
    positions::At,
    world::{Target, World},
};
use crate::{
    python::{
        facts::{Expr, FormatPart},
        literals::dotted,
    },
    value::Value,
};

/// Values of the names in the arguments of decorators.
pub(super) fn decorator_symbols(
    world: &mut World<'_, '_>,
    at: At,
    decorators: &[Expr],
    deps: &mut Deps,
) -> Vec<(String, Value)> {
    let mut names: Vec<&Expr> = Vec::new();
    for decorator in decorators {
        if let Expr::Call(call) = decorator {
            call.arguments.iter().for_each(|argument| names_in(argument, &mut names, 0));
            call.keywords.iter().for_each(|(_, argument)| names_in(argument, &mut names, 0));
        }
    }
    let mut symbols: Vec<(String, Value)> = Vec::new();
    for expr in names {
        let Some(name) = dotted(expr) else { continue };
        if symbols.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let known = world.fold(at, expr, true);
        *deps = world.deps.join(*deps, known.deps);
        if let Ok(value) = known.value {
            symbols.push((name, value));
        }
    }
    symbols
}

/// For each decorator the dotted name of what it stands for; none where that is not known.
pub(super) fn decorator_names(
    world: &mut World<'_, '_>,
    at: At,
    decorators: &[Expr],
    deps: &mut Deps,
) -> Vec<Option<String>> {
    let mut names = Vec::with_capacity(decorators.len());
    for decorator in decorators {
        let callee = if let Expr::Call(call) = decorator { &call.function } else { decorator };
        let found = world.resolve(at, callee);
        *deps = world.deps.join(*deps, found.deps);
        names.push(match found.single() {
            Some(target @ (Target::Class(_) | Target::Function(..) | Target::External(_))) => {
                Some(world.display(target).replace(':', "."))
            }
            _ => None,
        });
    }
    names
}

/// The dotted names in an expression; what a call calls is none of them.
fn names_in<'e>(expr: &'e Expr, names: &mut Vec<&'e Expr>, depth: u32) {
    if depth > 100 {
        return;
    }
    let mut each = |inner: &'e Expr| names_in(inner, names, depth + 1);
    match expr {
        Expr::Name(_) | Expr::Attribute(..) => names.push(expr),
        Expr::Subscript(a, b) | Expr::Binary(_, a, b) => {
            each(a);
            each(b);
        }
        Expr::Unary(_, inner) | Expr::Starred(inner) => each(inner),
        Expr::Tuple(all) | Expr::List(all) | Expr::Set(all) => all.iter().for_each(each),
        Expr::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
            key.iter().for_each(&mut each);
            each(value);
        }),
        Expr::Call(call) => {
            if let Expr::Attribute(object, _) = &call.function
                && !matches!(&**object, Expr::Name(module) if module == "re")
            {
                each(object);
            }
            call.arguments.iter().for_each(&mut each);
            call.keywords.iter().for_each(|(_, value)| each(value));
        }
        Expr::Format(parts) => parts.iter().for_each(|part| {
            if let FormatPart::Field { value, .. } = part {
                each(value);
            }
        }),
        Expr::Literal(_) | Expr::Str(_) | Expr::Dynamic { .. } => {}
    }
}

/// Whether a decorator is `name`: as written, by its last part, or by what it stands for.
pub(super) fn decorated(world: &mut World<'_, '_>, at: At, expr: &Expr, name: &str, deps: &mut Deps) -> bool {
    let callee = if let Expr::Call(call) = expr { &call.function } else { expr };
    let Some(written) = dotted(callee) else { return false };
    if is_called(&written, name) {
        return true;
    }
    if !name.contains(['.', ':']) {
        return false;
    }
    let found = world.resolve(at, callee);
    *deps = world.deps.join(*deps, found.deps);
    let wanted = name.replace(':', ".");
    found.targets.iter().any(|target| world.display(target).replace(':', ".") == wanted)
}

pub(super) fn is_called(dotted: &str, name: &str) -> bool {
    dotted == name || dotted.replace(':', ".") == name || dotted.rsplit(['.', ':']).next() == Some(name)
}
