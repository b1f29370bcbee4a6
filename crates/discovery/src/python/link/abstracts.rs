//! Whether a class is only there to be derived from.

use super::{
    decorators::is_called,
    deps::Deps,
    positions::visible,
    world::{ClassKey, Target, World},
};
use crate::python::facts::Class;

/// Whether a class cannot be instantiated: it is a protocol, or abstract methods are left.
pub(super) fn is_abstract(world: &mut World<'_, '_>, key: ClassKey, deps: &mut Deps) -> bool {
    let info = world.info(key);
    *deps = world.deps.join(*deps, info.deps);
    let heads = world.heads(key);
    let is_protocol = |target: &Target| matches!(target, Target::External(name) if matches!(&**name, "typing.Protocol" | "typing_extensions.Protocol"));
    if heads.primary().any(is_protocol) {
        return true;
    }
    let (order, _) = world.ancestors(key);
    let mut decided: Vec<String> = Vec::new();
    let mut left = false;
    let structures: Vec<_> = order.iter().map(|key| (world.structure(key.module), key.class)).collect();
    let classes: Vec<&Class> = structures
        .iter()
        .filter_map(|(structure, class)| structure.as_ref()?.classes.get(*class as usize))
        .collect();
    for name in classes.iter().flat_map(|class| &class.abstract_methods) {
        if decided.contains(name) {
            continue;
        }
        decided.push(name.clone());
        let first = classes.iter().find(|class| !visible(&class.members, u32::MAX, name).0.is_empty());
        left |= first.is_some_and(|class| class.abstract_methods.contains(name));
    }
    // Without the metaclass the decorator means nothing.
    left && world.metaclass(key).iter().any(|target| {
        let name = world.display(target);
        is_called(&name, "ABCMeta") || is_called(&name, "EnumMeta") || matches!(target, Target::Class(_))
    })
}
