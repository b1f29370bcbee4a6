//! What the names in rules stand for.

use std::collections::HashSet;

use super::{
    deps::Deps,
    hash::Fast,
    modules::{Found, ModuleId},
    select::Selection,
    world::{ClassKey, Resolution, Target, World},
};
use crate::{
    plugin::Problem,
    python::{
        facts::Bound,
        rules::{ObjectRef, Rule},
    },
};

impl Selection<'_> {
    /// The class that a rule names, canonical: where it is defined, not where it is re-exported.
    pub(super) fn named(
        &mut self,
        world: &mut World<'_, '_>,
        rule: &Rule,
        object: &ObjectRef,
    ) -> Vec<Target> {
        let module = match world.find_module(&object.module) {
            Found::Module(module) => module,
            Found::Elsewhere => {
                return vec![Target::External(format!("{}.{}", object.module, object.qualname).into())];
            }
            Found::Missing | Found::Unknown => {
                report(world, rule, &format!("there is no module {} below the roots", object.module));
                return Vec::new();
            }
        };
        let mut found = Resolution::of(Target::Module(module));
        for part in object.qualname.split('.') {
            found = world.attribute(&found, part);
        }
        self.deps = world.deps.join(self.deps, found.deps);
        found.targets.retain(|target| matches!(target, Target::Class(_) | Target::External(_)));
        if found.targets.is_empty() {
            let message = format!("{} binds no class {}", object.module, object.qualname);
            report(world, rule, &message);
        }
        found.targets
    }

    /// The classes in a module's namespace.
    pub(super) fn export(
        &mut self,
        world: &mut World<'_, '_>,
        rule: &Rule,
        name: &str,
        exported: &mut HashSet<ClassKey, Fast>,
    ) {
        let Found::Module(module) = world.find_module(name) else {
            return report(world, rule, &format!("there is no module {name} below the roots"));
        };
        let mut names = HashSet::default();
        exported_names(world, module, &mut names, 0, &mut self.deps);
        for name in names {
            let found = world.member(module, &name);
            self.deps = world.deps.join(self.deps, found.deps);
            let classes = found.targets.iter().filter_map(|target| match target {
                Target::Class(key) => Some(*key),
                _ => None,
            });
            exported.extend(classes);
        }
    }
}

fn exported_names(
    world: &mut World<'_, '_>,
    module: ModuleId,
    names: &mut HashSet<String, Fast>,
    depth: u32,
    deps: &mut Deps,
) {
    if let Some(file) = world.file(module) {
        let file = world.deps.of(file);
        *deps = world.deps.join(*deps, file);
    }
    let Some(structure) = world.structure(module) else { return };
    for binding in &structure.bindings {
        let Bound::Star(reference) = &binding.bound else {
            names.insert(binding.name.clone());
            continue;
        };
        let Some(full) = world.modules.absolute(module, reference) else { continue };
        if let Found::Module(source) = world.find_module(&full)
            && depth < 32
        {
            // Which of them the star takes is decided when each is looked up.
            exported_names(world, source, names, depth + 1, deps);
        }
    }
}

fn report(world: &mut World<'_, '_>, rule: &Rule, message: &str) {
    let message = format!("rule `{rule}`: {message}");
    world.tree.problem(Problem { file: String::new(), line: 0, column: 0, message });
}
