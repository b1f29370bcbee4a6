//! What is kept of a class that is a plugin, beside what its file says.

use super::{
    decorators::decorator_symbols,
    deps::Deps,
    modules::ModuleId,
    payload::{BaseName, ClassPayload, Stored},
    positions::visible,
    select::Selection,
    values::Known,
    world::{ClassKey, Place, Target, World},
};
use crate::python::facts::{Bound, Class};

impl Selection<'_> {
    pub(super) fn class_payload(
        &self,
        world: &mut World<'_, '_>,
        key: ClassKey,
        class: &Class,
        deps: &mut Deps,
    ) -> ClassPayload {
        let info = world.info(key);
        *deps = world.deps.join(*deps, info.deps);
        let (order, _) = world.ancestors(key);
        let heads = world.heads(key);
        let ancestors: Vec<ClassKey> = order.get(1..).unwrap_or_default().to_vec();
        let bases = heads.primary().map(|target| {
            let position = ancestors.iter().position(|ancestor| *target == Target::Class(*ancestor));
            position
                .map_or_else(|| BaseName::Named(world.display(target)), |at| BaseName::Ancestor(at as u32))
        });
        let mut payload = ClassPayload {
            class: key.class,
            bases: bases.collect(),
            notes: heads.notes.clone(),
            module_values: self.module_values(world, key.module, deps),
            ..ClassPayload::default()
        };
        payload.ancestors = ancestors
            .iter()
            .filter_map(|ancestor| Some((world.file(ancestor.module)?.0, ancestor.class)))
            .collect();
        payload.values = attribute_values(world, &order, deps);
        let head = world.head(key);
        payload.symbols = decorator_symbols(world, head, &class.decorators, deps);
        payload
    }

    pub(super) fn module_values(
        &self,
        world: &mut World<'_, '_>,
        module: ModuleId,
        deps: &mut Deps,
    ) -> Vec<(String, Stored)> {
        let mut values = Vec::new();
        for name in &self.finder.module_literals {
            let found = world.member(module, name);
            let own_literal = matches!(found.single(), Some(Target::Value(place))
                if place.module == module && is_literal(world, *place));
            if own_literal || found.is_missing() {
                continue;
            }
            let known = world.value_of_targets(&found, name);
            *deps = world.deps.join(*deps, known.deps);
            values.push((name.clone(), stored(&known)));
        }
        values
    }
}

/// Values of the attributes that are no literals, own and inherited, as far as no nearer class binds the
/// name.
fn attribute_values(
    world: &mut World<'_, '_>,
    order: &[ClassKey],
    deps: &mut Deps,
) -> Vec<(u32, u32, Stored)> {
    let mut values = Vec::new();
    for (at, key) in order.iter().enumerate() {
        let deferred = world.deferred(*key);
        *deps = world.deps.join(*deps, deferred.deps);
        for (position, name, known) in &deferred.values {
            let nearer = |key: &ClassKey| {
                let structure = world.structure(key.module);
                let class = structure.as_ref().and_then(|known| known.classes.get(key.class as usize));
                class.is_some_and(|class| visible(&class.members, u32::MAX, name).1)
            };
            if !order.iter().take(at).any(nearer) {
                values.push((at as u32, *position, stored(known)));
            }
        }
    }
    values
}

fn stored(known: &Known) -> Stored {
    match &known.value {
        Ok(value) => Stored::Known(value.clone()),
        Err(unknown) => Stored::Dynamic(unknown.reason.clone()),
    }
}

fn is_literal(world: &World<'_, '_>, place: Place) -> bool {
    let structure = world.structure(place.module);
    let binding = structure.as_ref().and_then(|structure| super::names::binding(structure, place));
    binding.is_some_and(|binding| matches!(binding.bound, Bound::Literal))
}
