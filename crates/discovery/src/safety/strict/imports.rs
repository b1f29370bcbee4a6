//! Imports, and what is done with the modules that they bring.

use std::collections::BTreeMap;

use ruff_python_ast::{
    Expr, ExprAttribute, Stmt, StmtImport, StmtImportFrom,
    visitor::{Visitor, walk_stmt},
};
use ruff_text_size::Ranged;

use super::{Walk, library, words};
use crate::safety::violation::Rule;

/// Names that stand for modules, and for which.
#[derive(Default)]
pub(super) struct Modules<'a> {
    by_name: BTreeMap<&'a str, Vec<String>>,
    /// All names that imports bind, modules or not.
    imported: Vec<&'a str>,
}

impl<'a> Modules<'a> {
    pub(super) fn collect(&mut self, body: &'a [Stmt]) {
        self.visit_body(body);
    }

    fn add(&mut self, name: &'a str, module: String) {
        self.by_name.entry(name).or_default().push(module);
    }

    /// The modules that a name stands for: several if it is bound in several places.
    pub(super) fn of(&self, name: &str) -> Option<&[String]> {
        self.by_name.get(name).map(Vec::as_slice)
    }

    /// Whether an import binds this name.
    pub(super) fn imports(&self, name: &str) -> bool {
        self.imported.contains(&name)
    }
}

impl<'a> Visitor<'a> for Modules<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let (name, module) = if let Some(name) = &alias.asname {
                        (name.as_str(), alias.name.as_str())
                    } else {
                        let root = alias.name.as_str().split('.').next().unwrap_or_default();
                        (root, root)
                    };
                    self.imported.push(name);
                    self.add(name, module.to_owned());
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.imported.push(name);
                    match &import.module {
                        // A module beside this one.
                        None => self.add(name, format!(".{}", alias.name)),
                        Some(module) if import.level == 0 => {
                            let below = format!("{module}.{}", alias.name);
                            if library::has(&below) {
                                self.add(name, below);
                            }
                        }
                        Some(_) => {}
                    }
                }
            }
            _ => walk_stmt(self, stmt),
        }
    }

    // Expressions hold no imports.
    fn visit_expr(&mut self, _: &'a Expr) {}
}

impl<'a> Walk<'a> {
    pub(super) fn import(&mut self, import: &'a StmtImport) {
        for alias in &import.names {
            let module = alias.name.as_str();
            self.module_is_allowed(alias, module);
            self.not_in_class(alias, module);
            if let Some(name) = &alias.asname {
                self.bind(name, name);
                if self.package_depth > 0 && name.as_str() != module {
                    let why = "modules of a package see each other's modules, which are told by their names; import it without `as`";
                    self.object(name, Rule::ModuleValue, format!("{module} as {name}"), why);
                }
            }
        }
    }

    pub(super) fn import_from(&mut self, import: &'a StmtImportFrom) {
        let module = import.module.as_deref().unwrap_or_default();
        let dots = ".".repeat(import.level as usize);
        if import.level > self.package_depth {
            let why = "what it brings is not judged with this file; judge the package as a whole, or import by an allowed name";
            self.object(import, Rule::RelativeImport, format!("{dots}{module}"), why);
        } else if import.level == 0 {
            self.module_is_allowed(import, module);
        }
        for alias in &import.names {
            let name = alias.name.as_str();
            if let Some(bound) = &alias.asname {
                self.bind(bound, bound);
                if bound.as_str() != name {
                    self.decorator_word(alias, name);
                }
            }
            if name == "*" {
                let why = "which names it brings is not written here; name them";
                self.object(alias, Rule::StarImport, format!("from {dots}{module} import *"), why);
            } else if import.level > 0 {
                self.neighbour(alias, name);
                if module.is_empty() {
                    self.not_in_class(alias, name);
                }
            } else {
                if library::has(&format!("{module}.{name}")) {
                    self.not_in_class(alias, name);
                }
                self.member(alias, module, name);
            }
        }
    }

    /// A module that a class holds is a value.
    fn not_in_class(&mut self, at: &impl Ranged, module: &str) {
        if self.in_class {
            let why =
                "a class that holds a module hands it around as a value; import it outside of the class";
            self.object(at, Rule::ModuleValue, module, why);
        }
    }

    fn module_is_allowed(&mut self, at: &impl Ranged, module: &str) {
        if !library::has(module) && !self.policy.allows_import(module) {
            let why = "it is not on the list of modules that plugins may import; if the host vouches for it, allow it";
            self.object(at, Rule::Import, module, why);
        }
    }

    /// A name out of a module beside this one: judged there, unless it is a module that was imported there.
    fn neighbour(&mut self, at: &impl Ranged, name: &str) {
        if library::has(name) || self.policy.allows_import(name) || words::attribute(name).is_some() {
            let why = "a module is imported by its own name, not out of a neighbour";
            self.object(at, Rule::Member, name, why);
        }
    }

    /// A member of a module by name.
    fn member(&mut self, at: &impl Ranged, module: &str, name: &str) {
        let what = || format!("{module}.{name}");
        if module.starts_with('.') {
            self.neighbour(at, name);
        } else if self.policy.allows_import(module) {
            if name.starts_with('_') && !name.chars().any(|letter| letter.is_ascii_uppercase()) {
                self.object(at, Rule::Member, what(), "it is private to its module");
            } else if let Some(why) = words::attribute(name) {
                self.object(at, Rule::Member, what(), why);
            }
        } else if library::has(module) && !library::has(&what()) && !library::has_member(module, name) {
            let why = "it is not among the members of this module that are known to be harmless";
            self.object(at, Rule::Member, what(), why);
        }
    }

    /// A chain of attributes that begins with a module's name is looked up member by member. `false`: it is no
    /// such chain.
    pub(super) fn chain(&mut self, outermost: &'a ExprAttribute) -> bool {
        let mut attributes = vec![outermost];
        let mut value = &*outermost.value;
        while let Expr::Attribute(attribute) = value {
            attributes.push(attribute);
            value = &attribute.value;
        }
        let Expr::Name(root) = value else { return false };
        if !outermost.ctx.is_load() && self.modules.imports(&root.id) {
            let what = format!("{}.{}", root.id, outermost.attr);
            self.object(
                outermost,
                Rule::Binding,
                what,
                "what is imported belongs to others; do not change it",
            );
        }
        let Some(modules) = self.modules.of(&root.id).map(<[String]>::to_vec) else { return false };
        for first in modules {
            let mut module = first;
            let mut rest = attributes.iter().rev();
            let mut is_member = false;
            for attribute in rest.by_ref() {
                let below = format!("{module}.{}", attribute.attr);
                if library::has(&below) {
                    module = below;
                    continue;
                }
                self.member(*attribute, &module, &attribute.attr);
                is_member = true;
                break;
            }
            if !is_member {
                self.module_value(outermost, &module);
            }
        }
        for attribute in attributes {
            self.attribute(&attribute.attr, &attribute.attr);
        }
        true
    }

    /// A module is used as a value.
    pub(super) fn module_value(&mut self, at: &impl Ranged, module: &str) {
        let why =
            "a module may be used for its members only: as a value it leads to all that it imports itself";
        self.object(at, Rule::ModuleValue, module, why);
    }
}
