//! What a library exposes: the functions that its public modules give a public name.
//!
//! A module is public if no part of its name begins with `_` and it is no test. It exposes what `__all__` lists, or,
//! without that, a package what it binds to public names, and a module the functions that it defines; a package that
//! takes its names from a stub (`lazy_loader.attach_stub`) exposes what the stub imports. A name that may stand for a
//! function, and of which only running can tell, is reported and never guessed.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    hash::Fast,
    modules::{Found, ModuleId},
    names::describe,
    select::Selection,
    world::{Resolution, Target, World},
};
use crate::{
    plugin::Problem,
    python::{
        facts::{Bound, Expr, Structure},
        finder::PackageSpec,
    },
    tree::FileId,
};

/// How far star imports and lists of other modules are followed.
const DEEPEST: u32 = 16;

/// What public modules expose.
#[derive(Default)]
pub(super) struct Public {
    /// For each function its dotted names, grouped by their last part, in each group the shortest first.
    names: HashMap<(ModuleId, u32), Vec<Vec<String>>, Fast>,
    /// Modules that define them.
    modules: HashSet<Rc<str>, Fast>,
    /// For each public module: a dotted name, where it is bound, and why it is not known what it stands for.
    unknown: HashMap<ModuleId, Vec<(String, u32, String)>, Fast>,
    /// Why what a public module has under the name of a function may be something else.
    pub(super) doubts: HashMap<(ModuleId, u32), String, Fast>,
    /// What was found out of files that are on the way to a name.
    overwrites: HashMap<FileId, Option<String>, Fast>,
}

impl Public {
    /// The dotted names of a function, grouped by their last part.
    pub(super) fn names_of(&self, module: ModuleId, function: u32) -> &[Vec<String>] {
        self.names.get(&(module, function)).map_or(&[], Vec::as_slice)
    }

    /// Names that a module exposes and that may be functions, for the report.
    pub(super) fn unknown_of(&self, world: &World<'_, '_>, module: ModuleId) -> Vec<Problem> {
        let rows = self.unknown.get(&module).map_or(&[][..], Vec::as_slice);
        let file = world.file(module).map_or_else(String::new, |file| world.tree.path(file).1.into_owned());
        let problem = |(name, line, reason): &(String, u32, String)| {
            let message = format!("{name}: {reason}");
            Problem { file: file.clone(), line: *line, column: 1, message }
        };
        rows.iter().map(problem).collect()
    }

    /// Whether a module defines a function that is exposed.
    pub(super) fn is_defined_in(&self, module: &str) -> bool {
        self.modules.contains(module)
    }

    /// Why a name may have been overwritten on the way to it.
    fn overwritten(&mut self, world: &World<'_, '_>, found: &Resolution) -> Option<String> {
        let files = world.deps.files(found.deps).iter();
        let mut told = files
            .map(|file| self.overwrites.entry(*file).or_insert_with(|| overwrites(world, *file)).clone());
        told.find_map(|doubt| doubt)
    }

    fn add(&mut self, function: (ModuleId, u32), name: String) {
        let groups = self.names.entry(function).or_default();
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| last(first) == last(&name))) {
            Some(group) => group.push(name),
            None => groups.push(vec![name]),
        }
    }
}

impl Selection<'_> {
    /// Works out what the public modules expose.
    pub(super) fn expose(&mut self, world: &mut World<'_, '_>) {
        for file in world.tree.files() {
            let Some(name) = super::module_name(&world.tree.path(file).1) else { continue };
            if !self.finder.covers(&name) || !is_public(self.below(&name)) {
                continue;
            }
            if let Found::Module(module) = world.find_module(&name)
                && world.file(module) == Some(file)
                && let Some(structure) = world.structure(module)
            {
                let own = world.deps.of(file);
                self.deps = world.deps.join(self.deps, own);
                self.expose_module(world, module, &structure);
            }
        }
        for groups in self.public.names.values_mut() {
            for group in groups.iter_mut() {
                group.sort_by_key(|name| (name.matches('.').count(), name.clone()));
                group.dedup();
            }
            groups.sort();
        }
    }

    fn expose_module(&mut self, world: &mut World<'_, '_>, module: ModuleId, structure: &Structure) {
        let full = world.module_name(module);
        let mut listed = Listed::default();
        self.names(world, module, structure, &mut listed, 0);
        if let Some(reason) = listed.open {
            let row = (format!("{full}.*"), 0, reason);
            self.public.unknown.entry(module).or_default().push(row);
        }
        let mut names = listed.names;
        names.sort_unstable();
        names.dedup();
        for name in names {
            if !self.accepts_name(&name) {
                continue;
            }
            let found = world.member(module, &name);
            self.deps = world.deps.join(self.deps, found.deps);
            let bindings = structure.bindings.iter().filter(|binding| binding.name == name);
            let line = bindings.clone().next_back().map_or(0, |binding| binding.line);
            let is_promised = listed.explicit || bindings.clone().next().is_none();
            if !is_promised && bindings.clone().all(|binding| binding.conditional) {
                if found.targets.iter().any(|target| matches!(target, Target::Function(..))) {
                    let row = (format!("{full}.{name}"), line, "is bound under a condition".to_owned());
                    self.public.unknown.entry(module).or_default().push(row);
                }
                continue;
            }
            if let Some(Target::Function(of, function)) = found.single()
                && world.file(*of).is_some()
                && library(&world.module_name(*of)) == library(&full)
            {
                if let Some(doubt) = self.public.overwritten(world, &found) {
                    self.public.doubts.insert((*of, *function), doubt);
                }
                self.public.modules.insert(world.module_name(*of));
                self.public.add((*of, *function), format!("{full}.{name}"));
                continue;
            }
            if let Some(reason) = doubt(world, &found, listed.explicit) {
                let row = (format!("{full}.{name}"), line, reason);
                self.public.unknown.entry(module).or_default().push(row);
            }
        }
    }

    /// The names that a module exposes.
    fn names(
        &mut self,
        world: &mut World<'_, '_>,
        module: ModuleId,
        structure: &Structure,
        listed: &mut Listed,
        depth: u32,
    ) {
        if depth > DEEPEST {
            return;
        }
        if let Some(file) = world.file(module) {
            let file = world.deps.of(file);
            self.deps = world.deps.join(self.deps, file);
        }
        let open = |why: &str| Some(format!("exposes names that {why}"));
        if structure.has_stub && structure.all.is_none() {
            let stub = world.modules.stub(world.tree, module);
            match stub.and_then(|stub| Some((stub, world.structure(stub)?))) {
                Some((stub, structure)) => {
                    if let Some(file) = world.file(stub) {
                        let file = world.deps.of(file);
                        self.deps = world.deps.join(self.deps, file);
                    }
                    let imports =
                        |bound: &Bound| matches!(bound, Bound::From { module, .. } if module.level == 1);
                    let names = structure.bindings.iter().filter(|binding| imports(&binding.bound));
                    listed.names.extend(names.map(|binding| binding.name.clone()));
                }
                None => listed.open = open("are in a stub that is not there"),
            }
            return;
        }
        match &structure.all {
            Some(all) if !all.dynamic => {
                listed.explicit = true;
                listed.names.extend(all.names.iter().cloned());
                for expr in &all.from {
                    let at = super::names::listed_at(module, structure, expr);
                    let found = world.resolve(at, expr);
                    self.deps = world.deps.join(self.deps, found.deps);
                    match found.single() {
                        Some(Target::Module(other)) if let Some(structure) = world.structure(*other) => {
                            self.names(world, *other, &structure, listed, depth + 1);
                        }
                        _ => listed.open = open("another module lists, which is not known"),
                    }
                }
            }
            _ => self.bound_names(world, module, structure, listed, depth),
        }
    }

    /// The public names that a module binds; of a module that is no package only those of its functions.
    fn bound_names(
        &mut self,
        world: &mut World<'_, '_>,
        module: ModuleId,
        structure: &Structure,
        listed: &mut Listed,
        depth: u32,
    ) {
        let all = world.modules.get(module).is_some_and(|module| module.is_package) || depth > 0;
        for binding in &structure.bindings {
            match &binding.bound {
                Bound::Star(reference) if all => {
                    let Some(full) = world.modules.absolute(module, reference) else { continue };
                    let Found::Module(source) = world.find_module(&full) else { continue };
                    let Some(structure) = world.structure(source) else {
                        listed.open = Some(format!("exposes names of {full}, which cannot be looked into"));
                        continue;
                    };
                    // Listed there is not listed here.
                    let mut there = Listed::default();
                    self.names(world, source, &structure, &mut there, depth + 1);
                    listed.names.extend(there.names.into_iter().filter(|name| !name.starts_with('_')));
                    listed.open = listed.open.take().or(there.open);
                }
                Bound::Function(_) => listed.names.push(binding.name.clone()),
                _ if all => listed.names.push(binding.name.clone()),
                _ => {}
            }
        }
        listed.names.retain(|name| !name.is_empty() && !name.starts_with('_'));
    }

    /// A module's name below the package that was named, which users were told to import.
    fn below<'n>(&self, module: &'n str) -> &'n str {
        let inside = |one: &PackageSpec| {
            let rest = module.strip_prefix(&*one.name)?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
        };
        self.finder.packages.iter().filter_map(inside).min_by_key(|rest| rest.len()).unwrap_or(module)
    }

    /// The name below the package that was named.
    pub(super) fn below_package(&self, name: &str) -> String {
        let packages = self.finder.packages.iter();
        let rest = packages
            .filter_map(|one| name.strip_prefix(&*one.name)?.strip_prefix('.'))
            .min_by_key(|rest| rest.len());
        match (&*self.finder.packages, rest) {
            ([_], Some(rest)) => rest.to_owned(),
            _ => name.to_owned(),
        }
    }
}

/// Why something that is no function for certain may be one; `None` if it is none.
fn doubt(world: &World<'_, '_>, found: &Resolution, explicit: bool) -> Option<String> {
    if found.targets.len() > 1 && found.targets.iter().any(|target| matches!(target, Target::Function(..))) {
        return Some("which of several definitions it is, is decided while running".to_owned());
    }
    found.targets.iter().find_map(|target| match target {
        Target::Unknown(reason) => Some(reason.to_string()),
        Target::Function(..) | Target::External(_) if explicit => {
            Some(format!("comes from elsewhere: {}", world.display(target)))
        }
        Target::Missing if explicit => Some("is listed, and bound by no statement".to_owned()),
        Target::Value(place) => {
            let structure = world.structure(place.module)?;
            match &super::names::binding(&structure, *place)?.bound {
                Bound::Value(expr @ (Expr::Call(_) | Expr::Dynamic { .. } | Expr::Subscript(..))) => {
                    Some(describe(expr))
                }
                _ => None,
            }
        }
        _ => None,
    })
}

/// Names that a module exposes.
#[derive(Default)]
struct Listed {
    names: Vec<String>,
    /// They stand in `__all__`.
    explicit: bool,
    /// Why there may be more.
    open: Option<String>,
}

/// The topmost package.
fn library(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}

/// What a file assigns by computation, which may be any name of its module.
fn overwrites(world: &World<'_, '_>, file: FileId) -> Option<String> {
    let writes =
        |name: &str| matches!(name, "vars()" | "globals()" | "locals()" | "__dict__" | "setattr" | "exec");
    let structure: Structure = postcard::from_bytes(world.tree.structure(file)?).ok()?;
    let written = structure.dynamic.iter().find(|one| writes(&one.name))?;
    let path = world.tree.path(file).1;
    Some(format!("{path}:{} {}, which may be this one", written.line, written.reason))
}

/// Whether users are meant to import a module of that name.
fn is_public(module: &str) -> bool {
    let is_private = |part: &str| part.starts_with('_') || matches!(part, "tests" | "test" | "conftest");
    !module.split('.').any(is_private)
        && !module.rsplit('.').next().is_some_and(|last| last.starts_with("test_"))
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn private_modules_and_tests_are_not_public() {
        assert!(is_public("skimage") && is_public("skimage.filters.rank") && is_public("a.testing"));
        assert!(!is_public("a._b.c") && !is_public("a.tests.x") && !is_public("a.test_x"));
    }
}
