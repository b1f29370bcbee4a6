//! Whether a class or function can still be reached by its name once its module is complete.

use super::{
    positions::{At, visible},
    world::{ClassKey, Target, World},
};
use crate::python::facts::{Binding, Bound, Expr, Structure};

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
    for (at, binding) in structure.bindings.iter().enumerate() {
        if let Bound::Class(id) = binding.bound {
            let reached =
                stays(&structure.bindings, at) || has_alias(world, key(id), structure, at, &binding.name);
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

/// Whether nothing later certainly takes the name of the binding at `at`.
pub(super) fn stays(bindings: &[Binding], at: usize) -> bool {
    let Some((binding, later)) = bindings.get(at..).and_then(<[Binding]>::split_first) else { return false };
    !later.iter().any(|other| {
        !other.conditional
            && other.name == binding.name
            && !matches!(other.bound, Bound::Declared | Bound::Star(_))
    })
}

fn has_alias(world: &mut World<'_, '_>, key: ClassKey, structure: &Structure, at: usize, name: &str) -> bool {
    let later = structure.bindings.iter().enumerate().skip(at + 1);
    for (position, binding) in later {
        let Bound::Value(Expr::Name(aliased)) = &binding.bound else { continue };
        if aliased != name || !stays(&structure.bindings, position) {
            continue;
        }
        let point = At { module: key.module, limit: position as u32, class: None };
        if world.lookup(point, aliased).targets.contains(&Target::Class(key)) {
            return true;
        }
    }
    false
}
