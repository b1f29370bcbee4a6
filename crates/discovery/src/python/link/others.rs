//! Plugins that are no classes: modules as a whole, and functions.

use std::collections::HashSet;

use super::{
    decorators::{decorated, decorator_names, decorator_symbols},
    deps::Deps,
    liveness::Later,
    modules::ModuleId,
    payload::{FunctionPayload, Payload},
    positions::At,
    select::Selection,
    world::World,
};
use crate::{
    finder::{Linked, Record},
    plugin::Problem,
    python::{
        facts::{Bound, Structure},
        naming::NameRule,
        rules::{About, Rule},
    },
    tree::FileId,
    value::Value,
};

impl Selection<'_> {
    /// The module itself, unless it is one of the packages that were named.
    pub(super) fn module(
        &self,
        world: &mut World<'_, '_>,
        (module, file): (ModuleId, FileId),
        linked: &mut Linked,
        deps: &mut Deps,
    ) {
        let full = world.module_name(module);
        let last = full.rsplit('.').next().unwrap_or(&full);
        let is_package = world.modules.get(module).is_some_and(|module| module.is_package);
        let is_named = self.finder.packages.iter().any(|package| *package.name == *full);
        if is_package && is_named || !self.accepts_name(last) {
            return;
        }
        let name = match &self.finder.name {
            NameRule::Module => Some(full.to_string()),
            NameRule::Attribute(attribute) => {
                let found = world.member(module, attribute);
                let known = world.value_of_targets(&found, attribute);
                *deps = world.deps.join(*deps, known.deps);
                match known.value {
                    Ok(Value::Str(name)) => Some(name),
                    _ => None,
                }
            }
            rule => rule.of(last, &full, self.suffix(), false),
        };
        let Some(name) = name else {
            let message =
                format!("{full} has no name: it binds no constant text to what the name is taken from");
            let file = world.tree.path(file).1.into_owned();
            return linked.dynamic.push(Problem { file, line: 0, column: 0, message });
        };
        let payload = Payload::Module { values: self.module_values(world, module, deps) };
        let payload = postcard::to_allocvec(&payload).unwrap_or_default();
        linked.records.push(Record { name, file, line: 1, payload });
    }

    pub(super) fn functions(
        &mut self,
        world: &mut World<'_, '_>,
        (module, file): (ModuleId, FileId),
        structure: &Structure,
        linked: &mut Linked,
        deps: &mut Deps,
    ) {
        let module_name = world.module_name(module);
        let names = Later::new(&structure.bindings);
        let mut seen: HashSet<&str> = HashSet::new();
        for (position, binding) in structure.bindings.iter().enumerate() {
            let Bound::Function(id) = binding.bound else { continue };
            let Some(function) = structure.functions.get(id as usize) else { continue };
            let exposes = self.finder.rules.contains(&Rule::FunctionExported);
            if exposes {
                // Its own name does not matter, nor whether it stays.
                if self.public.names_of(module, id).is_empty() {
                    continue;
                }
            } else if !self.accepts_name(&function.name) || !names.stays(position) {
                continue;
            }
            let at = At { module, limit: position as u32, class: None };
            let finder = self.finder;
            let holds = finder.rules.iter().all(|rule| match rule {
                Rule::FunctionDecorator(name) => {
                    function.decorators.iter().any(|expr| decorated(world, at, expr, name, deps))
                }
                _ => true,
            });
            // One of two functions in branches is enough: the first.
            if !holds || !exposes && !seen.insert(&function.name) {
                continue;
            }
            let mut payload = FunctionPayload {
                function: id,
                symbols: decorator_symbols(world, at, &function.decorators, deps),
                module_values: self.module_values(world, module, deps),
                exports: Vec::new(),
                doubt: self.public.doubts.get(&(module, id)).cloned(),
                decorators: decorator_names(world, at, &function.decorators, deps),
            };
            let mut record = |name: String, payload: FunctionPayload| {
                let payload = postcard::to_allocvec(&Payload::Function(payload)).unwrap_or_default();
                linked.records.push(Record { name, file, line: function.line, payload });
            };
            if Rule::all_about(&finder.rules) == About::Definitions {
                record(format!("{module_name}:{}", function.name), payload);
            } else if !exposes {
                let Some(name) = finder.name.of(&function.name, &module_name, "", true) else { continue };
                record(name, payload);
            } else {
                for exports in self.public.names_of(module, id) {
                    let Some(first) = exports.first() else { continue };
                    payload.exports.clone_from(exports);
                    record(self.below_package(first), payload.clone());
                }
            }
        }
        linked.dynamic.extend(self.public.unknown_of(world, module));
    }
}
