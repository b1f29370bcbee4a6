//! Module-level assignments that may make a plugin while the program runs.
//!
//! Nearly every module calls something; reported is only what could hide a plugin under the rules: a call
//! of `type` with three arguments, calls that are given a class that matches or whose target's name does,
//! and calls of the program's own functions whose result is named like a class.

use super::{
    names::describe,
    positions::At,
    select::Selection,
    world::{Target, World},
};
use crate::{
    plugin::Problem,
    python::{
        facts::{Bound, Call, Expr, Structure},
        rules::{About, Rule},
    },
};

impl Selection<'_> {
    /// The rows for one module.
    pub(super) fn dynamic(
        &mut self,
        world: &mut World<'_, '_>,
        at: At,
        structure: &Structure,
        path: &str,
    ) -> (Vec<Problem>, super::deps::Deps) {
        let mut rows: Vec<Problem> = structure
            .dynamic
            .iter()
            .map(|dynamic| Problem {
                file: path.to_owned(),
                line: dynamic.line,
                column: dynamic.column,
                message: format!("{} {}", dynamic.name, dynamic.reason),
            })
            .collect();
        let mut deps = super::deps::Deps::default();
        for (position, binding) in structure.bindings.iter().enumerate() {
            let Bound::Value(Expr::Call(call)) = &binding.bound else { continue };
            let point = At { limit: position as u32, ..at };
            if self.may_make_a_plugin(world, point, &binding.name, call, &mut deps) {
                let called = describe(&Expr::Call(call.clone()));
                rows.push(Problem {
                    file: path.to_owned(),
                    line: binding.line,
                    column: 1,
                    message: format!(
                        "{} {called}: whether that makes a plugin is known only by running it",
                        binding.name
                    ),
                });
            }
        }
        rows.sort_by_key(|row| (row.line, row.column));
        (rows, deps)
    }

    fn may_make_a_plugin(
        &mut self,
        world: &mut World<'_, '_>,
        at: At,
        name: &str,
        call: &Call,
        deps: &mut super::deps::Deps,
    ) -> bool {
        if Rule::all_about(self.rules()) != About::Classes || !self.accepts_name(name) {
            return false;
        }
        let makes_type =
            matches!(&call.function, Expr::Name(function) if function == "type") && call.arguments.len() == 3;
        let named = self.rules().iter().any(|rule| matches!(rule, Rule::Suffix(_) | Rule::Prefix(_)));
        let by_base = self.rules().iter().any(|rule| matches!(rule, Rule::Base(_)));
        if !by_base {
            return makes_type || named;
        }
        let mut given: Vec<&Expr> = Vec::new();
        for argument in call.arguments.iter().chain(call.keywords.iter().map(|(_, value)| value)) {
            match argument {
                Expr::Tuple(elements) | Expr::List(elements) => given.extend(elements),
                other => given.push(other),
            }
        }
        let mut matches = false;
        for expr in given {
            if !matches!(expr, Expr::Name(_) | Expr::Attribute(..)) {
                // A base that is computed may be anything.
                matches |= makes_type && matches!(expr, Expr::Call(_) | Expr::Starred(_));
                continue;
            }
            let found = world.resolve(at, expr);
            *deps = world.deps.join(*deps, found.deps);
            for target in &found.targets {
                matches |= self.is_base(target);
                if let Target::Class(key) = target {
                    let info = world.info(*key);
                    *deps = world.deps.join(*deps, info.deps);
                    matches |= self.derives(world, *key);
                }
            }
        }
        matches
            || (named && !makes_type)
            || (looks_like_a_class(name) && calls_own_function(world, at, call, deps))
    }
}

/// `CamelCase`: what a factory's product is called when it is a class.
fn looks_like_a_class(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
}

/// Whether a function below the roots is called, and not a library's `namedtuple` or `TypeVar`: it may make
/// a class of any kind.
fn calls_own_function(world: &mut World<'_, '_>, at: At, call: &Call, deps: &mut super::deps::Deps) -> bool {
    if !matches!(call.function, Expr::Name(_) | Expr::Attribute(..)) {
        return false;
    }
    let found = world.resolve(at, &call.function);
    *deps = world.deps.join(*deps, found.deps);
    found.targets.iter().any(|target| matches!(target, Target::Function(..)))
}
