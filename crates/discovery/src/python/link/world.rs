//! What is known while linking: modules, names, classes and constants, each worked out once.

use std::{collections::HashMap, rc::Rc};

use super::{
    classes::{Heads, Info},
    deps::{DepSets, Deps},
    hash::Fast,
    modules::{Found, Kind, ModuleId, Modules},
    positions::Positions,
    values::{Deferred, Known},
};
use crate::{
    python::facts::{ClassId, Details, Structure},
    tree::{FileId, Tree},
};

/// A class statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::python) struct ClassKey {
    pub(in crate::python) module: ModuleId,
    pub(in crate::python) class: ClassId,
}

/// A binding in a module's or a class's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::python) struct Place {
    pub(in crate::python) module: ModuleId,
    pub(in crate::python) class: Option<ClassId>,
    pub(in crate::python) at: u32,
}

/// What a name may stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::python) enum Target {
    Module(ModuleId),
    Class(ClassKey),
    Function(ModuleId, u32),
    /// Something that is not below the roots, by its dotted name.
    External(Rc<str>),
    /// The value of an assignment, or a method.
    Value(Place),
    /// Certainly nothing.
    Missing,
    /// Only running the program can tell; why.
    Unknown(Rc<str>),
}

/// What a name stands for: one target, or several where branches decide.
#[derive(Debug, Clone, Default)]
pub(in crate::python) struct Resolution {
    pub(in crate::python) targets: Vec<Target>,
    pub(in crate::python) deps: Deps,
}

impl Resolution {
    pub(in crate::python) fn of(target: Target) -> Self {
        Self { targets: vec![target], deps: Deps::default() }
    }

    pub(in crate::python) fn unknown(reason: &str) -> Self {
        Self::of(Target::Unknown(reason.into()))
    }

    /// The target, if there is no other.
    pub(in crate::python) fn single(&self) -> Option<&Target> {
        match &*self.targets {
            [target] => Some(target),
            _ => None,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        self.targets.iter().all(|target| *target == Target::Missing)
    }

    pub(super) fn push(&mut self, target: Target) {
        if !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }

    /// Drops what is certainly nothing if there is something.
    pub(super) fn settled(mut self) -> Self {
        if self.targets.is_empty() {
            self.targets.push(Target::Missing);
        } else if !self.is_missing() {
            self.targets.retain(|target| *target != Target::Missing);
        }
        self
    }
}

/// The state of one link.
pub(in crate::python) struct World<'t, 'a> {
    pub(in crate::python) tree: &'t mut Tree<'a>,
    pub(in crate::python) modules: Modules,
    pub(in crate::python) deps: DepSets,
    symbols: HashMap<Rc<str>, u32, Fast>,
    pub(super) bound: HashMap<(ModuleId, u32), Rc<Resolution>, Fast>,
    /// Names being worked out, with their depth: to end cycles.
    pub(super) under_way: HashMap<(ModuleId, u32), u32, Fast>,
    /// The outermost name under way that an outcome was cut short by; such outcomes are not kept.
    pub(super) cut_at: u32,
    /// Outcomes that were not kept. Bounds the work that cycles can make.
    pub(super) cuts: u32,
    pub(super) depth: u32,
    pub(super) positions: HashMap<ModuleId, Rc<Positions>, Fast>,
    pub(super) heads: HashMap<ClassKey, Rc<Heads>, Fast>,
    pub(super) infos: HashMap<ClassKey, Rc<Info>, Fast>,
    pub(super) values: HashMap<Place, Rc<Known>, Fast>,
    pub(super) deferred: HashMap<ClassKey, Rc<Deferred>, Fast>,
    details: HashMap<FileId, Option<Rc<Details>>, Fast>,
}

impl<'t, 'a> World<'t, 'a> {
    pub(in crate::python) fn new(tree: &'t mut Tree<'a>) -> Self {
        Self {
            tree,
            modules: Modules::default(),
            deps: DepSets::default(),
            symbols: HashMap::default(),
            bound: HashMap::default(),
            under_way: HashMap::default(),
            cut_at: u32::MAX,
            cuts: 0,
            depth: 0,
            positions: HashMap::default(),
            heads: HashMap::default(),
            infos: HashMap::default(),
            values: HashMap::default(),
            deferred: HashMap::default(),
            details: HashMap::default(),
        }
    }

    pub(in crate::python) fn find_module(&mut self, name: &str) -> Found {
        self.modules.find(self.tree, name)
    }

    pub(in crate::python) fn module_name(&self, module: ModuleId) -> Rc<str> {
        self.modules.get(module).map_or_else(|| "".into(), |module| Rc::clone(&module.name))
    }

    pub(in crate::python) fn file(&self, module: ModuleId) -> Option<FileId> {
        match self.modules.get(module)?.kind {
            Kind::Source { file, .. } => Some(file),
            _ => None,
        }
    }

    pub(in crate::python) fn structure(&self, module: ModuleId) -> Option<Rc<Structure>> {
        match &self.modules.get(module)?.kind {
            Kind::Source { structure, .. } => structure.clone(),
            _ => None,
        }
    }

    pub(in crate::python) fn details(&mut self, file: FileId) -> Option<Rc<Details>> {
        if let Some(known) = self.details.get(&file) {
            return known.clone();
        }
        let details = self.tree.details(file).and_then(|bytes| postcard::from_bytes(bytes).ok()).map(Rc::new);
        self.details.insert(file, details.clone());
        details
    }

    pub(super) fn symbol(&mut self, name: &str) -> u32 {
        if let Some(known) = self.symbols.get(name) {
            return *known;
        }
        let id = self.symbols.len() as u32;
        self.symbols.insert(name.into(), id);
        id
    }

    /// `Outer.Inner`.
    pub(in crate::python) fn qualname(&self, key: ClassKey) -> String {
        self.structure(key.module).map_or_else(String::new, |structure| qualname(&structure, key.class))
    }

    /// What a person calls a target.
    pub(in crate::python) fn display(&self, target: &Target) -> String {
        match target {
            Target::Module(module) => self.module_name(*module).to_string(),
            Target::Class(key) => format!("{}:{}", self.module_name(key.module), self.qualname(*key)),
            Target::Function(module, function) => {
                let structure = self.structure(*module);
                let function = structure.as_ref().and_then(|known| known.functions.get(*function as usize));
                format!("{}:{}", self.module_name(*module), function.map_or("", |function| &function.name))
            }
            Target::External(name) => name.to_string(),
            Target::Value(place) => format!("a value of {}", self.module_name(place.module)),
            Target::Missing => "nothing".to_owned(),
            Target::Unknown(reason) => reason.to_string(),
        }
    }
}

/// `Outer.Inner`.
pub(in crate::python) fn qualname(structure: &Structure, class: ClassId) -> String {
    let mut parts = Vec::new();
    let mut next = Some(class);
    while let Some(class) = next.and_then(|id| structure.classes.get(id as usize)) {
        parts.push(class.name.as_str());
        next = class.parent;
        if parts.len() > 200 {
            break;
        }
    }
    parts.reverse();
    parts.join(".")
}
