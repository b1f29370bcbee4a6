//! Whether a class or function can still be reached by its name once its module is complete.

use std::collections::HashMap;

use super::{
    hash::Fast,
    positions::{At, visible},
    world::{ClassKey, Target, World},
};
use crate::python::facts::{Binding, Bound, Expr, Structure};

/// From this many bindings on a map is worth making.
const MANY: usize = 48;

/// For each class of a module, whether its name (or an alias) leads to it in the end.
pub(super) fn live_classes(
    world: &mut World<'_, '_>,
    key: impl Fn(u32) -> ClassKey,
    structure: &Structure,
) -> Vec<bool> {
    let mut live = vec![false; structure.classes.len()];
    let mut set = |id: u32, value: bool| {
        if let Some(slot) = live.get_mut(id as usize) {
            *slot = value;
        }
    };
    let names = Later::new(&structure.bindings);
    for (at, binding) in structure.bindings.iter().enumerate() {
        if let Bound::Class(id) = binding.bound {
            let reached = names.stays(at) || has_alias(world, key(id), &names, at, &binding.name);
            set(id, reached);
        }
    }
    for (id, class) in structure.classes.iter().enumerate() {
        if !live.get(id).copied().unwrap_or_default() {
            continue;
        }
        for (at, member) in class.members.iter().enumerate() {
            // A class follows the class around it, so that one pass is enough.
            if let Bound::Class(inner) = member.bound
                && let Some(slot) = live.get_mut(inner as usize)
            {
                let (found, _) = visible(&class.members, u32::MAX, &member.name);
                *slot = found.contains(&(at as u32));
            }
        }
    }
    live
}

/// Which names are certainly bound anew after a binding.
pub(super) struct Later<'s> {
    bindings: &'s [Binding],
    /// The last position at which each name is certainly bound or deleted; empty for small modules.
    last: HashMap<&'s str, usize, Fast>,
}

impl<'s> Later<'s> {
    pub(super) fn new(bindings: &'s [Binding]) -> Self {
        let mut last = HashMap::default();
        if bindings.len() >= MANY {
            let certain = bindings.iter().enumerate().filter(|(_, binding)| takes(binding));
            last.extend(certain.map(|(at, binding)| (binding.name.as_str(), at)));
        }
        Self { bindings, last }
    }

    /// Whether nothing later certainly takes the name of the binding at `at`.
    pub(super) fn stays(&self, at: usize) -> bool {
        let Some((binding, later)) = self.bindings.get(at..).and_then(<[Binding]>::split_first) else {
            return false;
        };
        if self.bindings.len() >= MANY {
            return self.last.get(binding.name.as_str()).is_none_or(|last| *last <= at);
        }
        !later.iter().any(|other| other.name == binding.name && takes(other))
    }
}

fn takes(binding: &Binding) -> bool {
    !binding.conditional && !matches!(binding.bound, Bound::Declared | Bound::Star(_))
}

fn has_alias(world: &mut World<'_, '_>, key: ClassKey, names: &Later<'_>, at: usize, name: &str) -> bool {
    let later = names.bindings.iter().enumerate().skip(at + 1);
    for (position, binding) in later {
        let Bound::Value(Expr::Name(aliased)) = &binding.bound else { continue };
        if aliased != name || !names.stays(position) {
            continue;
        }
        let point = At { module: key.module, limit: position as u32, class: None };
        if world.lookup(point, aliased).targets.contains(&Target::Class(key)) {
            return true;
        }
    }
    false
}
