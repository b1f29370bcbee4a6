//! Statements: what they import, define and assign.

use ruff_python_ast::{Decorator, Expr, Stmt, StmtClassDef};
use ruff_text_size::Ranged;

use super::{Walk, words};
use crate::safety::violation::Rule;

impl<'a> Walk<'a> {
    /// Judges a statement by itself; what is below it is walked after.
    pub(super) fn statement(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::FunctionDef(function) => {
                self.bind(&function.name, &function.name);
                self.innermost(function.decorator_list.last(), "wraps");
            }
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Global(global) => global.names.iter().for_each(|name| self.bind(name, name)),
            Stmt::Nonlocal(nonlocal) => nonlocal.names.iter().for_each(|name| self.bind(name, name)),
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.match_args(target, Some(&assign.value));
                }
            }
            Stmt::AnnAssign(assign) => self.match_args(&assign.target, assign.value.as_deref()),
            _ => {}
        }
    }

    /// Notes where one of these two decorates what is written below it. Above another decorator it would be given
    /// whatever that one makes.
    fn innermost(&mut self, decorator: Option<&'a Decorator>, name: &str) {
        let Some(decorator) = decorator else { return };
        let word = match &decorator.expression {
            Expr::Call(call) => {
                let arguments = &call.arguments;
                // `wraps(function)` takes the names of what it copies from further ones.
                let is_plain = match name {
                    "wraps" => {
                        arguments.keywords.is_empty()
                            && matches!(&*arguments.args, [only] if !only.is_starred_expr())
                    }
                    _ => arguments.args.is_empty(),
                };
                if !is_plain {
                    return;
                }
                &*call.func
            }
            word if name == "dataclass" => word,
            _ => return,
        };
        let is_word = match word {
            Expr::Name(found) => found.id == name,
            Expr::Attribute(found) => found.attr.as_str() == name && found.value.is_name_expr(),
            _ => false,
        };
        if is_word {
            self.decorators.push(word.range());
        }
    }

    fn class(&mut self, class: &'a StmtClassDef) {
        self.bind(&class.name, &class.name);
        self.innermost(class.decorator_list.last(), "dataclass");
        let keywords = class.arguments.iter().flat_map(|arguments| &arguments.keywords);
        for keyword in
            keywords.filter(|keyword| keyword.arg.as_deref().is_none_or(|name| name == "metaclass"))
        {
            let why = "a metaclass makes a class out of what is not written in it; use abc.ABC, __init_subclass__ or a decorator";
            self.object(keyword, Rule::Type, "metaclass", why);
        }
    }

    /// `__match_args__` names the attributes that a pattern reads.
    fn match_args(&mut self, target: &'a Expr, value: Option<&'a Expr>) {
        let Expr::Name(name) = target else { return };
        if name.id != "__match_args__" {
            return;
        }
        let parts = match value {
            Some(Expr::Tuple(tuple)) => &tuple.elts[..],
            _ => &[],
        };
        let is_harmless = |part: &Expr| {
            part.as_string_literal_expr().is_some_and(|text| words::attribute(text.value.to_str()).is_none())
        };
        if parts.is_empty() || !parts.iter().all(is_harmless) {
            let why = "patterns read the attributes that it names; write harmless ones as a tuple of strings";
            self.object(target, Rule::Binding, "__match_args__", why);
        }
    }
}
