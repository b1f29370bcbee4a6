//! Where in its module each class statement stands, and a way to find a name among many bindings.

use std::{collections::HashMap, rc::Rc};

use super::{
    hash::Fast,
    modules::ModuleId,
    world::{ClassKey, World},
};
use crate::python::facts::{Binding, Bound, ClassId, Structure};

/// From this many bindings on a map is worth making.
const MANY: usize = 48;

/// A point in a module's or a class's body: only what is bound before it counts.
#[derive(Debug, Clone, Copy)]
pub(in crate::python) struct At {
    pub(in crate::python) module: ModuleId,
    /// Number of module-level bindings that count.
    pub(in crate::python) limit: u32,
    /// The class whose body it is, and how many of its members count.
    pub(in crate::python) class: Option<(ClassId, u32)>,
}

/// Derived from a structure, once a link.
pub(super) struct Positions {
    /// For each class the module-level binding around it, and the member of its parent that it is.
    classes: Vec<(u32, u32)>,
    /// Positions of each name, in order; empty for small modules.
    names: HashMap<Box<str>, Vec<u32>, Fast>,
    stars: Vec<u32>,
}

impl Positions {
    fn new(structure: &Structure) -> Self {
        let end = structure.bindings.len() as u32;
        let mut classes = vec![(end, 0); structure.classes.len()];
        let mut stars = Vec::new();
        let mut names: HashMap<Box<str>, Vec<u32>, Fast> = HashMap::default();
        let many = structure.bindings.len() >= MANY;
        for (at, binding) in structure.bindings.iter().enumerate() {
            match binding.bound {
                Bound::Class(id) => set(&mut classes, id, (at as u32, 0)),
                Bound::Star(_) => stars.push(at as u32),
                _ => {}
            }
            if many {
                match names.get_mut(binding.name.as_str()) {
                    Some(positions) => positions.push(at as u32),
                    None => drop(names.insert(binding.name.as_str().into(), vec![at as u32])),
                }
            }
        }
        for (id, class) in structure.classes.iter().enumerate() {
            let outer = classes.get(id).map_or(end, |(outer, _)| *outer);
            for (at, member) in class.members.iter().enumerate() {
                if let Bound::Class(inner) = member.bound {
                    set(&mut classes, inner, (outer, at as u32));
                }
            }
        }
        Self { classes, names, stars }
    }

    /// Positions below `limit`, last first, of a name's bindings and of star imports.
    pub(super) fn candidates(&self, bindings: &[Binding], limit: u32, name: &str) -> Vec<u32> {
        let below = |at: &u32| *at < limit;
        if bindings.len() < MANY {
            let matches = |(_, binding): &(usize, &Binding)| {
                binding.name == name || matches!(binding.bound, Bound::Star(_))
            };
            let bindings = bindings.get(..limit as usize).unwrap_or(bindings);
            return bindings.iter().enumerate().rev().filter(matches).map(|(at, _)| at as u32).collect();
        }
        let named = self.names.get(name).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<u32> = named.iter().chain(&self.stars).copied().filter(below).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        found
    }
}

fn set(classes: &mut [(u32, u32)], id: ClassId, position: (u32, u32)) {
    if let Some(class) = classes.get_mut(id as usize) {
        *class = position;
    }
}

/// Positions of the bindings of a class's body that may be what `name` is at the point `limit`, last
/// first, and whether one of them is certain.
pub(in crate::python) fn visible(members: &[Binding], limit: u32, name: &str) -> (Vec<u32>, bool) {
    let members = members.get(..limit as usize).unwrap_or(members);
    let mut found = Vec::new();
    for (at, binding) in members.iter().enumerate().rev().filter(|(_, binding)| binding.name == name) {
        match binding.bound {
            Bound::Declared => continue,
            Bound::Deleted if binding.conditional => continue,
            Bound::Deleted => return (found, false),
            _ => found.push(at as u32),
        }
        if !binding.conditional {
            return (found, true);
        }
    }
    (found, false)
}

impl World<'_, '_> {
    pub(super) fn positions(&mut self, module: ModuleId, structure: &Structure) -> Rc<Positions> {
        let make = || Rc::new(Positions::new(structure));
        Rc::clone(self.positions.entry(module).or_insert_with(make))
    }

    /// The point at which the head of a class is evaluated.
    pub(in crate::python) fn head(&mut self, key: ClassKey) -> At {
        let Some(structure) = self.structure(key.module) else {
            return At { module: key.module, limit: 0, class: None };
        };
        let positions = self.positions(key.module, &structure);
        let (limit, member) = positions.classes.get(key.class as usize).copied().unwrap_or_default();
        let parent = structure.classes.get(key.class as usize).and_then(|class| class.parent);
        At { module: key.module, limit, class: parent.map(|parent| (parent, member)) }
    }

    /// The point in a class's body just before its member `at`.
    pub(in crate::python) fn body(&mut self, key: ClassKey, at: u32) -> At {
        At { class: Some((key.class, at)), ..self.head(key) }
    }
}
