//! What a scope binds, as it is collected.

use super::super::facts::{Binding, Bound, ClassId, Expr, Method, Parameter};

/// The names that a module or a class body binds.
pub(super) struct Names {
    pub(super) bindings: Vec<Binding>,
    pub(super) literals: Vec<(u32, String)>,
    pub(super) fields: Vec<Parameter>,
    pub(super) methods: Vec<Method>,
    pub(super) abstract_methods: Vec<String>,
}

/// Where a statement stands.
#[derive(Clone, Copy)]
pub(super) struct Where {
    /// The innermost class around it; none at module level.
    pub(super) class: Option<ClassId>,
    /// It may not be executed.
    pub(super) conditional: bool,
}

impl Where {
    pub(super) fn maybe(self) -> Self {
        Self { conditional: true, ..self }
    }
}

/// A value that is assigned.
#[derive(Clone)]
pub(super) enum Assigned<'a> {
    /// Kept as its source.
    Text(&'a str),
    /// Anything else.
    Value(Expr),
}

impl Names {
    /// With room for what a class of a plugin usually binds.
    pub(super) fn new() -> Self {
        Self {
            bindings: Vec::with_capacity(16),
            literals: Vec::with_capacity(8),
            fields: Vec::new(),
            methods: Vec::new(),
            abstract_methods: Vec::new(),
        }
    }

    pub(super) fn bind(&mut self, name: &str, bound: Bound, place: Where, line: u32) {
        self.bindings.push(Binding { name: name.to_owned(), bound, conditional: place.conditional, line });
    }

    pub(super) fn assign(&mut self, name: &str, value: Assigned<'_>, place: Where, line: u32) {
        let bound = match value {
            Assigned::Text(text) => {
                self.literals.push((self.bindings.len() as u32, text.to_owned()));
                Bound::Literal
            }
            Assigned::Value(value) => Bound::Value(value),
        };
        self.bind(name, bound, place, line);
    }

    /// Binds a name to something that only running can tell.
    pub(super) fn unknown(&mut self, name: &str, reason: &str, place: Where, line: u32) {
        let value = Expr::Dynamic { reason: reason.to_owned(), line };
        self.bind(name, Bound::Value(value), place, line);
    }
}
