//! Which classes and functions of a file are plugins, and what is kept of them.

use std::collections::{HashMap, HashSet};

use super::{
    abstracts::is_abstract,
    decorators::{decorated, is_called},
    deps::Deps,
    hash::Fast,
    liveness::live_classes,
    modules::{Found, ModuleId},
    payload::Payload,
    positions::{At, visible},
    public::Public,
    world::{ClassKey, Resolution, Target, World, qualname},
};
use crate::{
    finder::{Linked, Links, Record, Scope},
    plugin::Problem,
    python::{
        facts::{Class, Structure},
        finder::PythonFinder,
        naming::NameRule,
        rules::{About, Rule},
    },
    tree::{FileId, Tree},
    value::Value,
};

/// The rules of a finder with their names resolved.
pub(super) struct Selection<'f> {
    pub(super) finder: &'f PythonFinder,
    /// For each rule the classes it names, and which classes derive from them.
    targets: Vec<(Vec<Target>, HashMap<ClassKey, bool, Fast>)>,
    /// For each rule the classes that a module exports.
    exported: Vec<HashSet<ClassKey, Fast>>,
    /// Functions that public modules expose, and names of which it is not known whether they are some.
    pub(super) public: Public,
    /// What the names in the rules rest on: everything depends on it.
    pub(super) deps: Deps,
}

/// Links the files of `scope`.
pub(in crate::python) fn link(finder: &PythonFinder, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
    let mut world = World::new(tree);
    let mut selection = Selection::new(finder, &mut world);
    let all: Vec<FileId>;
    let files = match scope {
        Scope::All => {
            // What the rules rest on was declared meanwhile.
            all = world.tree.files();
            &all
        }
        Scope::Only(files) => files,
    };
    let mut links = Links { files: Vec::new(), all_depend_on: world.deps.files(selection.deps).to_vec() };
    for file in files {
        if let Some(linked) = selection.file(&mut world, *file)
            && linked != Linked::default()
        {
            links.files.push((*file, linked));
        }
    }
    links
}

impl<'f> Selection<'f> {
    fn new(finder: &'f PythonFinder, world: &mut World<'_, '_>) -> Self {
        let mut selection = Self {
            finder,
            targets: Vec::new(),
            exported: Vec::new(),
            public: Public::default(),
            deps: Deps::default(),
        };
        if finder.rules.contains(&Rule::FunctionExported) {
            selection.expose(world);
        }
        for rule in &finder.rules {
            let mut targets = Vec::new();
            let mut exported = HashSet::default();
            match rule {
                Rule::Base(object) | Rule::Metaclass(object) => {
                    targets = selection.named(world, rule, object);
                }
                Rule::Exported(module) => selection.export(world, rule, module, &mut exported),
                _ => {}
            }
            selection.targets.push((targets, HashMap::default()));
            selection.exported.push(exported);
        }
        selection
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.finder.rules
    }

    fn file(&mut self, world: &mut World<'_, '_>, file: FileId) -> Option<Linked> {
        let path = world.tree.path(file).1.into_owned();
        let name = super::module_name(&path)?;
        let is_covered = self.finder.covers(&name);
        if !is_covered && !self.public.is_defined_in(&name) {
            return None;
        }
        let mut linked = Linked::default();
        let module = match world.find_module(&name) {
            Found::Module(module) if world.file(module) == Some(file) => module,
            _ if !is_covered => return None,
            _ => {
                let message = format!("not linked: Python imports another file as {name}");
                linked.problems.push(Problem { file: path, line: 0, column: 0, message });
                return Some(linked);
            }
        };
        let structure = world.structure(module)?;
        let mut deps = Deps::default();
        match Rule::all_about(self.rules()) {
            About::Functions => {
                self.functions(world, (module, file), &structure, &mut linked, &mut deps);
            }
            About::Definitions => {
                self.classes(world, (module, file), &structure, &mut linked, &mut deps);
                self.functions(world, (module, file), &structure, &mut linked, &mut deps);
            }
            About::Modules => self.module(world, (module, file), &mut linked, &mut deps),
            About::Classes => self.classes(world, (module, file), &structure, &mut linked, &mut deps),
        }
        let at = At { module, limit: u32::MAX, class: None };
        let (rows, seen) = self.dynamic(world, at, &structure, &path);
        linked.dynamic.extend(rows);
        deps = world.deps.join(deps, seen);
        linked.depends_on = world.deps.files(deps).iter().copied().filter(|other| *other != file).collect();
        Some(linked)
    }

    fn classes(
        &mut self,
        world: &mut World<'_, '_>,
        (module, file): (ModuleId, FileId),
        structure: &Structure,
        linked: &mut Linked,
        deps: &mut Deps,
    ) {
        let key = |class| ClassKey { module, class };
        let live = live_classes(world, key, structure);
        let mut seen: HashSet<String, Fast> = HashSet::default();
        for (id, class) in structure.classes.iter().enumerate() {
            let key = key(id as u32);
            if !live.get(id).copied().unwrap_or_default() || !self.matches(world, key, class, deps) {
                continue;
            }
            let qualname = qualname(structure, key.class);
            if seen.contains(&qualname) {
                let message =
                    format!("{qualname} is defined again: which one stays is decided while running");
                let file = world.tree.path(file).1.into_owned();
                linked.dynamic.push(Problem { file, line: class.line, column: 1, message });
                continue;
            }
            seen.insert(qualname.clone());
            let name = if Rule::all_about(self.rules()) == About::Definitions {
                format!("{}:{qualname}", world.module_name(module))
            } else if let Some(name) = self.name(world, key, file, class, linked, deps) {
                name
            } else {
                continue;
            };
            let payload = Payload::Class(self.class_payload(world, key, class, deps));
            linked.records.push(Record {
                name,
                file,
                line: class.line,
                payload: postcard::to_allocvec(&payload).unwrap_or_default(),
            });
        }
    }

    /// Whether every rule holds. What the answer rests on is added to `deps`, whichever it is.
    fn matches(&mut self, world: &mut World<'_, '_>, key: ClassKey, class: &Class, deps: &mut Deps) -> bool {
        if !self.accepts_name(&class.name) {
            return false;
        }
        let finder = self.finder;
        for (at, rule) in finder.rules.iter().enumerate() {
            let holds = match rule {
                Rule::Attribute(name) => {
                    let (found, _) = visible(&class.members, u32::MAX, name);
                    !found.is_empty()
                }
                Rule::Decorator(name) => {
                    let head = world.head(key);
                    class.decorators.iter().any(|expr| decorated(world, head, expr, name, deps))
                }
                Rule::Exported(_) => self.exported.get(at).is_some_and(|keys| keys.contains(&key)),
                Rule::Base(_) => {
                    let info = world.info(key);
                    *deps = world.deps.join(*deps, info.deps);
                    self.derives_by(world, key, at)
                }
                Rule::Metaclass(_) => {
                    let info = world.info(key);
                    *deps = world.deps.join(*deps, info.deps);
                    let metaclasses = world.metaclass(key);
                    metaclasses.iter().any(|target| {
                        self.targets.get(at).is_some_and(|(targets, _)| targets.contains(target))
                            || matches!(target, Target::Class(key) if self.metaclass_derives(world, *key, at, deps))
                    })
                }
                Rule::MetaclassNamed(name) => {
                    let info = world.info(key);
                    *deps = world.deps.join(*deps, info.deps);
                    let metaclasses = world.metaclass(key);
                    metaclasses.iter().any(|target| is_called(&world.display(target), name))
                }
                Rule::Any | Rule::Definition | Rule::Suffix(_) | Rule::Prefix(_) => true,
                Rule::Function | Rule::FunctionExported | Rule::FunctionDecorator(_) | Rule::Module => false,
            };
            if !holds {
                return false;
            }
        }
        self.finder.include_abstract || !is_abstract(world, key, deps)
    }

    fn metaclass_derives(
        &mut self,
        world: &mut World<'_, '_>,
        key: ClassKey,
        at: usize,
        deps: &mut Deps,
    ) -> bool {
        let info = world.info(key);
        *deps = world.deps.join(*deps, info.deps);
        self.derives_by(world, key, at)
    }

    fn derives_by(&mut self, world: &mut World<'_, '_>, key: ClassKey, at: usize) -> bool {
        self.targets.get_mut(at).is_some_and(|(targets, memo)| world.derives(key, targets, memo))
    }

    /// Whether a class derives from the base of a rule.
    pub(super) fn derives(&mut self, world: &mut World<'_, '_>, key: ClassKey) -> bool {
        let bases: Vec<usize> = (0..self.finder.rules.len())
            .filter(|at| matches!(self.finder.rules.get(*at), Some(Rule::Base(_))))
            .collect();
        bases.into_iter().any(|at| self.derives_by(world, key, at))
    }

    /// Whether something is the base of a rule itself.
    pub(super) fn is_base(&self, target: &Target) -> bool {
        let is_base = |(rule, (targets, _)): (&Rule, &(Vec<Target>, _))| {
            matches!(rule, Rule::Base(_)) && targets.contains(target)
        };
        self.finder.rules.iter().zip(&self.targets).any(is_base)
    }

    /// Whether the rules that look at names only let one through.
    pub(super) fn accepts_name(&self, name: &str) -> bool {
        (self.finder.include_private || !name.starts_with('_'))
            && self.rules().iter().all(|rule| match rule {
                Rule::Suffix(suffix) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
                Rule::Prefix(prefix) => name.len() > prefix.len() && name.starts_with(prefix.as_str()),
                _ => true,
            })
    }

    pub(super) fn suffix(&self) -> &str {
        let suffix =
            |rule: &'f Rule| if let Rule::Suffix(suffix) = rule { Some(suffix.as_str()) } else { None };
        self.finder.rules.iter().find_map(suffix).unwrap_or("")
    }

    fn name(
        &self,
        world: &mut World<'_, '_>,
        key: ClassKey,
        file: FileId,
        class: &Class,
        linked: &mut Linked,
        deps: &mut Deps,
    ) -> Option<String> {
        let module = world.module_name(key.module);
        if let Some(name) = self.finder.name.of(&class.name, &module, self.suffix(), false) {
            return Some(name);
        }
        let NameRule::Attribute(attribute) = &self.finder.name else { return None };
        let found = world.attribute(&Resolution::of(Target::Class(key)), attribute);
        let known = world.value_of_targets(&found, attribute);
        *deps = world.deps.join(*deps, known.deps);
        let reason = match known.value {
            Ok(Value::Str(name)) => return Some(name),
            Ok(Value::Int(name)) => return Some(name.to_string()),
            Ok(_) => "is neither text nor a number".to_owned(),
            Err(unknown) => unknown.reason,
        };
        let message = format!("{} has no name: its attribute {attribute} {reason}", class.name);
        let file = world.tree.path(file).1.into_owned();
        linked.dynamic.push(Problem { file, line: class.line, column: 1, message });
        None
    }
}
