//! What a name stands for at a point of a module, and what a module's attribute is for others.
//!
//! A module's own code sees what was bound before it; others see the module when it is complete. An
//! unconditional binding hides all before it, a conditional one adds a candidate. What cannot be known
//! becomes [`Target::Unknown`] with a reason; it is never guessed.

use std::rc::Rc;

use super::{
    builtins,
    modules::{Found, Kind, ModuleId},
    positions::{At, visible},
    world::{ClassKey, Place, Resolution, Target, World},
};
use crate::python::{
    facts::{Binding, Bound, Expr, ModuleRef, Structure},
    literals::dotted,
};

/// How many steps a name may be away from its object: aliases of imports of attributes ….
const DEEPEST: u32 = 160;

/// How many outcomes may be thrown away because of import cycles before they are kept regardless.
const MOST_CUTS: u32 = 20_000;

/// What star imports may hide.
#[derive(Default)]
struct Stars {
    /// Dotted names of what modules outside the roots would provide.
    external: Vec<String>,
    unknown: Option<Rc<str>>,
}

impl World<'_, '_> {
    /// What an expression stands for. Subscripts of classes are taken for their class: `Base[int]`.
    pub(in crate::python) fn resolve(&mut self, at: At, expr: &Expr) -> Resolution {
        if self.depth > DEEPEST {
            return Resolution::unknown("leads through too many names");
        }
        self.depth += 1;
        let resolution = match expr {
            Expr::Name(name) => self.lookup(at, name),
            Expr::Attribute(object, attribute) => {
                let object = self.resolve(at, object);
                self.attribute(&object, attribute)
            }
            Expr::Subscript(object, _) => {
                let mut resolution = self.resolve(at, object);
                for target in &mut resolution.targets {
                    if matches!(target, Target::Value(_) | Target::Function(..) | Target::Module(_)) {
                        *target = Target::Unknown(describe(expr).into());
                    }
                }
                resolution
            }
            _ => Resolution::unknown(&describe(expr)),
        };
        self.depth -= 1;
        resolution
    }

    /// What a name stands for at a point: in the class's body, then in the module, then built in.
    pub(in crate::python) fn lookup(&mut self, at: At, name: &str) -> Resolution {
        let mut resolution = Resolution::default();
        let Some(structure) = self.structure(at.module) else { return Resolution::of(Target::Missing) };
        if let Some((class, limit)) = at.class
            && let Some(body) = structure.classes.get(class as usize)
        {
            let (found, certain) = visible(&body.members, limit, name);
            for member in found {
                let place = Place { module: at.module, class: Some(class), at: member };
                self.follow(place, &structure, &mut resolution);
            }
            if certain {
                return resolution.settled();
            }
        }
        self.module_scope(at.module, &structure, at.limit, name, &mut resolution, true);
        resolution.settled()
    }

    /// An attribute of what something stands for.
    pub(in crate::python) fn attribute(&mut self, object: &Resolution, name: &str) -> Resolution {
        let mut resolution = Resolution { targets: Vec::new(), deps: object.deps };
        for target in &object.targets {
            let found = match target {
                Target::Module(module) => self.member(*module, name),
                Target::Class(key) => self.class_attribute(*key, name),
                Target::External(module) => {
                    Resolution::of(Target::External(format!("{module}.{name}").into()))
                }
                Target::Value(_) | Target::Function(..) => {
                    Resolution::unknown(&format!("reads the attribute {name} of a value"))
                }
                Target::Missing | Target::Unknown(_) => Resolution::of(target.clone()),
            };
            self.add(&mut resolution, found);
        }
        resolution.settled()
    }

    fn class_attribute(&mut self, key: ClassKey, name: &str) -> Resolution {
        let info = self.info(key);
        let mut resolution = Resolution { targets: Vec::new(), deps: info.deps };
        let (ancestors, complete) = self.ancestors(key);
        for ancestor in ancestors {
            let Some(structure) = self.structure(ancestor.module) else { continue };
            let Some(class) = structure.classes.get(ancestor.class as usize) else { continue };
            let (found, certain) = visible(&class.members, u32::MAX, name);
            for at in found {
                let place = Place { module: ancestor.module, class: Some(ancestor.class), at };
                self.follow(place, &structure, &mut resolution);
            }
            if certain {
                return resolution.settled();
            }
        }
        if resolution.targets.is_empty() && !complete {
            resolution.push(Target::Unknown(format!("{name} may come from a base that is not known").into()));
        }
        resolution.settled()
    }

    /// An attribute of a complete module: what it binds, else a submodule.
    pub(in crate::python) fn member(&mut self, module: ModuleId, name: &str) -> Resolution {
        let bound = self.bound(module, name);
        if !bound.is_missing() {
            return Resolution::clone(&bound);
        }
        let Some(known) = self.modules.get(module) else { return Resolution::of(Target::Missing) };
        let (is_package, opaque) = (known.is_package, matches!(known.kind, Kind::Opaque));
        let full = format!("{}.{name}", known.name);
        let found = if is_package { self.find_module(&full) } else { Found::Missing };
        let target = match found {
            Found::Module(submodule) => Target::Module(submodule),
            Found::Elsewhere => Target::External(full.into()),
            _ if opaque => Target::Unknown(format!("{full} is in compiled code").into()),
            Found::Missing | Found::Unknown => match self.openness(module) {
                Some(reason) => Target::Unknown(reason),
                None => Target::Missing,
            },
        };
        Resolution { targets: vec![target], deps: bound.deps }
    }

    /// Why a module may have names that it does not bind visibly.
    fn openness(&mut self, module: ModuleId) -> Option<Rc<str>> {
        let name = self.module_name(module);
        match &self.modules.get(module)?.kind {
            Kind::Source { structure: None, .. } => Some(format!("{name} could not be understood").into()),
            Kind::Source { structure: Some(structure), .. } if structure.has_stub => {
                let read = self.modules.stub(self.tree, module).and_then(|stub| self.structure(stub));
                read.is_none().then(|| format!("{name} takes its names from a stub that is not there").into())
            }
            Kind::Source { structure: Some(structure), .. } => {
                let open = structure.dynamic.iter().find(|dynamic| opens(&dynamic.name));
                open.map(|dynamic| format!("{name} {}", dynamic.reason).into())
            }
            _ => None,
        }
    }

    /// What a complete module binds to a name; worked out once.
    fn bound(&mut self, module: ModuleId, name: &str) -> Rc<Resolution> {
        let key = (module, self.symbol(name));
        if let Some(known) = self.bound.get(&key) {
            return Rc::clone(known);
        }
        let deps = match self.file(module) {
            Some(file) => self.deps.of(file),
            None => super::deps::Deps::default(),
        };
        let mut resolution = Resolution { targets: Vec::new(), deps };
        let Some(structure) = self.structure(module) else { return Rc::new(resolution) };
        if let Some(depth) = self.under_way.get(&key) {
            self.cut_at = self.cut_at.min(*depth);
            return Rc::new(resolution);
        }
        let depth = self.under_way.len() as u32;
        self.under_way.insert(key, depth);
        let outer_cut = std::mem::replace(&mut self.cut_at, u32::MAX);
        self.module_scope(module, &structure, u32::MAX, name, &mut resolution, false);
        if resolution.is_missing()
            && let Some(stub) = self.modules.stub(self.tree, module)
        {
            let found = self.bound(stub, name);
            self.add(&mut resolution, Resolution::clone(&found));
        }
        let resolution = Rc::new(resolution.settled());
        self.under_way.remove(&key);
        let cut = self.cut_at < depth;
        self.cut_at = if cut { outer_cut.min(self.cut_at) } else { outer_cut };
        self.cuts += u32::from(cut);
        if !cut || self.cuts > MOST_CUTS {
            self.bound.insert(key, Rc::clone(&resolution));
        }
        resolution
    }

    fn module_scope(
        &mut self,
        module: ModuleId,
        structure: &Structure,
        limit: u32,
        name: &str,
        resolution: &mut Resolution,
        builtin: bool,
    ) {
        let positions = self.positions(module, structure);
        let mut stars = Stars::default();
        for at in positions.candidates(&structure.bindings, limit, name) {
            let Some(binding) = structure.bindings.get(at as usize) else { continue };
            match &binding.bound {
                Bound::Declared => continue,
                Bound::Deleted if binding.conditional => continue,
                Bound::Deleted => return,
                Bound::Star(reference) => {
                    if !self.star(module, reference, name, resolution, &mut stars) {
                        continue;
                    }
                }
                _ => self.follow(Place { module, class: None, at }, structure, resolution),
            }
            if !binding.conditional {
                return;
            }
        }
        if !resolution.is_missing() {
            return;
        }
        if builtin && builtins::is_builtin(name) {
            return resolution.push(Target::External(format!("builtins.{name}").into()));
        }
        match (stars.unknown, &*stars.external) {
            (None, [external]) => resolution.push(Target::External(external.as_str().into())),
            (Some(reason), _) => resolution.push(Target::Unknown(reason)),
            (None, [_, ..]) => {
                resolution.push(Target::Unknown(format!("{name} may come from several star imports").into()));
            }
            (None, []) if builtin => {
                if let Some(reason) = self.openness(module) {
                    resolution.push(Target::Unknown(reason));
                }
            }
            (None, []) => {}
        }
    }

    /// Adds what a star import binds to a name; whether it certainly does.
    fn star(
        &mut self,
        module: ModuleId,
        reference: &ModuleRef,
        name: &str,
        resolution: &mut Resolution,
        stars: &mut Stars,
    ) -> bool {
        let Some(full) = self.modules.absolute(module, reference) else { return false };
        let source = match self.find_module(&full) {
            Found::Module(source) => source,
            Found::Elsewhere => {
                stars.external.push(format!("{full}.{name}"));
                return false;
            }
            Found::Missing => return false,
            Found::Unknown => {
                stars.unknown = Some(format!("{name} may come from {full}").into());
                return false;
            }
        };
        let Some(structure) = self.structure(source) else {
            if let Some(file) = self.file(source) {
                let file = self.deps.of(file);
                resolution.deps = self.deps.join(resolution.deps, file);
            }
            stars.unknown = Some(format!("{name} may come from {full}").into());
            return false;
        };
        if let Some(file) = self.file(source) {
            let file = self.deps.of(file);
            resolution.deps = self.deps.join(resolution.deps, file);
        }
        let listed = self.is_listed(source, &structure, name, 0, resolution);
        let open_all = self.is_open(source, &structure, 0);
        if !listed && (!open_all || name.starts_with('_')) {
            return false;
        }
        let found =
            if listed { self.member(source, name) } else { Resolution::clone(&self.bound(source, name)) };
        if found.is_missing() {
            resolution.deps = self.deps.join(resolution.deps, found.deps);
            if let Some(reason) = self.openness(source).filter(|_| opens_stars(&structure)) {
                stars.unknown = Some(reason);
            }
            return false;
        }
        self.add(resolution, found);
        true
    }

    /// Whether a star import of a module may take any public name: part of `__all__` is computed, or there is none.
    fn is_open(&mut self, module: ModuleId, structure: &Structure, depth: u32) -> bool {
        let Some(all) = &structure.all else { return true };
        if all.dynamic || depth > 16 {
            return all.dynamic;
        }
        all.from.iter().any(|expr| {
            let found = self.resolve(listed_at(module, structure, expr), expr);
            found.targets.iter().any(|target| {
                let Target::Module(other) = target else { return false };
                let other = *other;
                self.structure(other).is_some_and(|structure| self.is_open(other, &structure, depth + 1))
            })
        })
    }

    /// Whether `__all__` of a module has a name.
    fn is_listed(
        &mut self,
        module: ModuleId,
        structure: &Structure,
        name: &str,
        depth: u32,
        resolution: &mut Resolution,
    ) -> bool {
        let Some(all) = &structure.all else { return false };
        if all.names.iter().any(|listed| listed == name) {
            return true;
        }
        if depth > 16 {
            return false;
        }
        for expr in &all.from {
            let found = self.resolve(listed_at(module, structure, expr), expr);
            resolution.deps = self.deps.join(resolution.deps, found.deps);
            for target in &found.targets {
                let Target::Module(other) = target else { continue };
                if let Some(file) = self.file(*other) {
                    let file = self.deps.of(file);
                    resolution.deps = self.deps.join(resolution.deps, file);
                }
                let Some(structure) = self.structure(*other) else { continue };
                if self.is_listed(*other, &structure, name, depth + 1, resolution) {
                    return true;
                }
            }
        }
        false
    }

    /// Adds what a binding stands for.
    fn follow(&mut self, place: Place, structure: &Structure, resolution: &mut Resolution) {
        let module = place.module;
        let Some(binding) = binding(structure, place) else { return };
        let found = match &binding.bound {
            Bound::Class(class) => Resolution::of(Target::Class(ClassKey { module, class: *class })),
            Bound::Function(function) => Resolution::of(Target::Function(module, *function)),
            Bound::Module { module: name, loads } => self.imported(name, loads),
            Bound::From { module: from, name } => self.imported_from(module, from, name),
            Bound::Value(expr @ (Expr::Name(_) | Expr::Attribute(..) | Expr::Subscript(..))) => {
                let at = match place.class {
                    None => At { module, limit: place.at, class: None },
                    Some(class) => self.body(ClassKey { module, class }, place.at),
                };
                let mut alias = self.resolve(at, expr);
                let fails = |target: &Target| matches!(target, Target::Unknown(_));
                if matches!(expr, Expr::Subscript(..)) && alias.targets.iter().any(fails) {
                    alias.targets = vec![Target::Value(place)];
                }
                alias
            }
            Bound::Method | Bound::Literal | Bound::Value(_) => Resolution::of(Target::Value(place)),
            Bound::Star(_) | Bound::Declared | Bound::Deleted => return,
        };
        self.add(resolution, found);
    }

    fn imported(&mut self, name: &str, loads: &str) -> Resolution {
        match self.find_module(name) {
            Found::Module(module) => Resolution::of(Target::Module(module)),
            Found::Elsewhere => Resolution::of(Target::External(name.into())),
            Found::Missing => Resolution::of(Target::Missing),
            Found::Unknown => Resolution::unknown(&format!("imports {loads}, which cannot be looked into")),
        }
    }

    fn imported_from(&mut self, module: ModuleId, from: &ModuleRef, name: &str) -> Resolution {
        let Some(full) = self.modules.absolute(module, from) else {
            return Resolution::unknown(
                "a relative import leads above the root: give the directory above it as root",
            );
        };
        match self.find_module(&full) {
            Found::Module(source) => {
                if self.depth > DEEPEST {
                    return Resolution::unknown("leads through too many names");
                }
                self.depth += 1;
                let found = self.member(source, name);
                self.depth -= 1;
                found
            }
            Found::Elsewhere => Resolution::of(Target::External(format!("{full}.{name}").into())),
            Found::Missing => Resolution::of(Target::Missing),
            Found::Unknown => {
                Resolution::unknown(&format!("imports from {full}, which cannot be looked into"))
            }
        }
    }

    pub(super) fn add(&mut self, resolution: &mut Resolution, found: Resolution) {
        resolution.deps = self.deps.join(resolution.deps, found.deps);
        for target in found.targets {
            resolution.push(target);
        }
    }
}

/// The point at which `expr.__all__` was added to a module's own: its end, or where the name is deleted that the
/// expression begins with.
pub(in crate::python) fn listed_at(module: ModuleId, structure: &Structure, expr: &Expr) -> At {
    let name = dotted(expr).unwrap_or_default();
    let first = name.split('.').next().unwrap_or_default();
    let last = structure.bindings.iter().enumerate().rev().find(|(_, binding)| binding.name == first);
    let limit = match last {
        Some((at, binding)) if matches!(binding.bound, Bound::Deleted) => at as u32,
        _ => u32::MAX,
    };
    At { module, limit, class: None }
}

/// The binding at a place.
pub(in crate::python) fn binding(structure: &Structure, place: Place) -> Option<&Binding> {
    let scope = match place.class {
        None => &structure.bindings,
        Some(class) => &structure.classes.get(class as usize)?.members,
    };
    scope.get(place.at as usize)
}

/// Whether a dynamic place of that name can bind names of its module.
fn opens(dynamic: &str) -> bool {
    !matches!(dynamic, "__path__" | "__all__")
}

/// Whether names that a star import takes may be bound by computation: `__getattr__` is not asked by one.
fn opens_stars(structure: &Structure) -> bool {
    structure.dynamic.iter().any(|dynamic| opens(&dynamic.name) && dynamic.name != "__getattr__")
}

/// What an expression does, for a person.
pub(in crate::python) fn describe(expr: &Expr) -> String {
    match expr {
        Expr::Call(call) => match dotted(&call.function) {
            Some(name) => format!("calls {name}()"),
            None => "calls a computed function".to_owned(),
        },
        Expr::Starred(_) => "unpacks a sequence".to_owned(),
        Expr::Subscript(object, _) => match dotted(object) {
            Some(name) => format!("looks up an element of {name}"),
            None => "looks up an element".to_owned(),
        },
        Expr::Dynamic { reason, .. } => format!("is {reason}"),
        _ => match dotted(expr) {
            Some(name) => format!("names {name}"),
            None => "is computed".to_owned(),
        },
    }
}
