//! Constants across scopes and files: what an assignment's value is, worked out once each.

use std::rc::Rc;

use super::{
    deps::Deps,
    names::{binding, describe},
    positions::{At, visible},
    world::{ClassKey, Place, Resolution, Target, World},
};
use crate::{
    python::{
        facts::{Bound, Expr},
        literals::{self, Folded, Scope, Unknown},
    },
    value::Value,
};

/// How many assignments a constant may be away from its literal.
const DEEPEST: u32 = 100;

/// The value of an assignment, or why it has none, and what that rests on.
#[derive(Debug)]
pub(in crate::python) struct Known {
    pub(in crate::python) value: Folded,
    pub(in crate::python) deps: Deps,
    /// The expression alone gives the same outcome: no name had a part in it.
    pub(in crate::python) is_plain: bool,
}

impl Known {
    fn new(value: Folded, deps: Deps) -> Self {
        Self { value, deps, is_plain: false }
    }
}

/// The attributes of one class whose values need more than their own expression.
#[derive(Debug, Default)]
pub(in crate::python) struct Deferred {
    /// Position among the members, name, value.
    pub(in crate::python) values: Vec<(u32, String, Rc<Known>)>,
    /// What these rest on, and what others would have rested on.
    pub(in crate::python) deps: Deps,
}

impl World<'_, '_> {
    /// The attributes of a class that describing it could not work out again.
    pub(in crate::python) fn deferred(&mut self, key: ClassKey) -> Rc<Deferred> {
        if let Some(known) = self.deferred.get(&key) {
            return Rc::clone(known);
        }
        let mut deferred = Deferred::default();
        let structure = self.structure(key.module);
        let class = structure.as_ref().and_then(|structure| structure.classes.get(key.class as usize));
        let members = class.map_or(&[][..], |class| &class.members);
        for (at, member) in members.iter().enumerate() {
            let at = at as u32;
            if !matches!(member.bound, Bound::Value(_))
                || !visible(members, u32::MAX, &member.name).0.contains(&at)
            {
                continue;
            }
            let known = self.value_of(Place { module: key.module, class: Some(key.class), at });
            deferred.deps = self.deps.join(deferred.deps, known.deps);
            if !known.is_plain {
                deferred.values.push((at, member.name.clone(), known));
            }
        }
        let deferred = Rc::new(deferred);
        self.deferred.insert(key, Rc::clone(&deferred));
        deferred
    }

    /// The value that a binding gives its name.
    pub(in crate::python) fn value_of(&mut self, place: Place) -> Rc<Known> {
        if let Some(known) = self.values.get(&place) {
            return Rc::clone(known);
        }
        let unknown = |reason| Rc::new(Known::new(Err(Unknown::new(reason)), Deps::default()));
        if self.depth > DEEPEST {
            return unknown("leads through too many names");
        }
        self.values.insert(place, unknown("is defined by itself"));
        self.depth += 1;
        let known = Rc::new(self.work_out(place));
        self.depth -= 1;
        self.values.insert(place, Rc::clone(&known));
        known
    }

    fn work_out(&mut self, place: Place) -> Known {
        let own = self.file(place.module).map(|file| (file, self.deps.of(file)));
        let deps = own.map(|(_, deps)| deps).unwrap_or_default();
        let unknown = |reason: &str| Known::new(Err(Unknown::new(reason)), deps);
        let (Some((file, _)), Some(structure)) = (own, self.structure(place.module)) else {
            return unknown("is in a file without facts");
        };
        let Some(binding) = binding(&structure, place) else { return unknown("is in a damaged file") };
        let at = match place.class {
            None => At { module: place.module, limit: place.at, class: None },
            Some(class) => self.body(ClassKey { module: place.module, class }, place.at),
        };
        match &binding.bound {
            Bound::Literal => {
                let Some(details) = self.details(file) else { return unknown("is in a damaged file") };
                let literals = match place.class {
                    None => Some(&details.literals),
                    Some(class) => details.classes.get(class as usize).map(|class| &class.literals),
                };
                let Some(text) = literals.and_then(|literals| literal(literals, place.at)) else {
                    return unknown("is in a damaged file");
                };
                let mut names = Names::new(self, at, false);
                let value = literals::fold_text(text, binding.line, &mut names);
                let seen = names.deps;
                Known::new(value, self.deps.join(deps, seen))
            }
            Bound::Value(expr) => {
                let known = self.fold(at, expr, matches!(expr, Expr::Call(_)));
                let is_plain = literals::fold(expr, &mut literals::NoNames) == known.value;
                Known { is_plain, deps: self.deps.join(deps, known.deps), ..known }
            }
            Bound::Method | Bound::Function(_) => unknown("is a function"),
            Bound::Class(_) => unknown("is a class"),
            _ => unknown("is imported"),
        }
    }

    /// Folds an expression at a point. With `symbols`, names of things outside the roots are kept as names.
    pub(in crate::python) fn fold(&mut self, at: At, expr: &Expr, symbols: bool) -> Known {
        let mut names = Names::new(self, at, symbols);
        let value = literals::fold(expr, &mut names);
        let deps = names.deps;
        Known::new(value, deps)
    }

    /// The value of what a name stands for.
    pub(in crate::python) fn value_of_targets(&mut self, found: &Resolution, name: &str) -> Known {
        let mut deps = found.deps;
        let mut value: Option<Value> = None;
        for target in &found.targets {
            let next = match target {
                Target::Value(place) => {
                    let known = self.value_of(*place);
                    deps = self.deps.join(deps, known.deps);
                    known.value.clone()
                }
                Target::Unknown(reason) => Err(Unknown::new(&**reason)),
                Target::Missing => Err(Unknown::new(format!("names {name}, which is not bound"))),
                other => Err(Unknown::new(format!("names {}", self.display(other)))),
            };
            match (next, &value) {
                (Ok(next), None) => value = Some(next),
                (Ok(next), Some(known)) if next == *known => {}
                (Ok(_), Some(_)) => {
                    let reason = format!("names {name}, which is decided while running");
                    return Known::new(Err(Unknown::new(reason)), deps);
                }
                (Err(reason), _) => return Known::new(Err(reason), deps),
            }
        }
        let value = value.ok_or_else(|| Unknown::new(format!("names {name}, which is not bound")));
        Known::new(value, deps)
    }

    /// What the value of a binding does, for a person.
    pub(super) fn value_does(&self, place: Place) -> String {
        let structure = self.structure(place.module);
        match structure.as_ref().and_then(|structure| binding(structure, place)).map(|known| &known.bound) {
            Some(Bound::Value(expr)) => describe(expr),
            Some(Bound::Literal) => "is a constant".to_owned(),
            _ => "is no class".to_owned(),
        }
    }
}

/// The text of the literal at a position of a scope.
pub(in crate::python) fn literal(literals: &[(u32, String)], at: u32) -> Option<&str> {
    let found = literals.binary_search_by_key(&at, |(at, _)| *at).ok()?;
    literals.get(found).map(|(_, text)| text.as_str())
}

/// Names at a point, for folding.
struct Names<'w, 't, 'a> {
    world: &'w mut World<'t, 'a>,
    at: At,
    symbols: bool,
    deps: Deps,
}

impl<'w, 't, 'a> Names<'w, 't, 'a> {
    fn new(world: &'w mut World<'t, 'a>, at: At, symbols: bool) -> Self {
        Self { world, at, symbols, deps: Deps::default() }
    }

    fn value(&mut self, found: &Resolution, name: &str) -> Folded {
        if self.symbols
            && let Some(Target::External(symbol)) = found.single()
        {
            let symbol = symbol.strip_prefix("builtins.").unwrap_or(symbol);
            return Ok(Value::Name(symbol.to_owned()));
        }
        let known = self.world.value_of_targets(found, name);
        self.deps = self.world.deps.join(self.deps, known.deps);
        known.value
    }
}

impl Scope for Names<'_, '_, '_> {
    fn name(&mut self, name: &str) -> Folded {
        if name == "__name__" && self.at.class.is_none() {
            return Ok(Value::Str(self.world.module_name(self.at.module).to_string()));
        }
        let found = self.world.lookup(self.at, name);
        self.value(&found, name)
    }

    fn attribute(&mut self, object: &Expr, attribute: &str) -> Folded {
        let found = self.world.resolve(self.at, object);
        let found = self.world.attribute(&found, attribute);
        let name = literals::dotted(object)
            .map_or_else(|| attribute.to_owned(), |object| format!("{object}.{attribute}"));
        self.value(&found, &name)
    }

    fn keeps_call(&mut self, function: &str) -> bool {
        function == "re.compile"
    }
}
