//! The verdicts of ratio1's own checker, for hosts that must not decide otherwise than it does.
//!
//! It walks the tree and objects to imports from outside of a list, to some names and to some attributes.
//! It looks at no string, no name that an import or a parameter binds, and at relative imports as if they
//! were absolute: what it misses is in `docs/safety.md`. A type comment where Python's grammar has no place
//! for one is a syntax error to it, because it asks Python to read them.

mod type_comments;

use ruff_python_ast::{
    Expr, Stmt,
    visitor::{Visitor, walk_expr, walk_stmt},
};
use ruff_text_size::Ranged;

use super::{
    policy::Policy,
    violation::{Objections, Rule, Violation},
};
use crate::python::parse;

const NAMES: [(&str, &str); 10] = [
    ("globals", "access to global variables"),
    ("__builtins__", "access to the builtins"),
    ("locals", "access to the dictionary of local variables"),
    ("memoryview", "handling of pointers"),
    ("vars", "the use of `vars(obj)`"),
    ("dir", "the use of `dir(obj)`"),
    ("exec", "the use of `exec()`"),
    ("eval", "the use of `eval()`"),
    ("getattr", "the use of `getattr()`"),
    ("open", "the use of `open()`"),
];

const ATTRIBUTES: [&str; 7] = [
    "log",
    "global_shmem",
    "plugins_shmem",
    "config_data",
    "_default_config",
    "__traceback__",
    "_upstream_config",
];

/// Frames that the original needs at most before Python stops its recursion: a tree that is deeper counts as
/// one that cannot be parsed.
const MOST_FRAMES: u32 = 990;

/// Judges a text.
pub(super) fn scan(text: &str, policy: &Policy) -> Vec<Violation> {
    let tree = match parse::module(text) {
        Ok(tree) => tree,
        Err(problem) => return vec![unparsable(problem.line, problem.column, problem.message)],
    };
    let mut objections = Objections::new(text);
    if let Some(at) = type_comments::misplaced(text, &tree) {
        objections.add(at, Rule::Unparsable, "# type:", "a type comment has no place here");
        return objections.into_sorted();
    }
    let mut walk = Walk { text, objections, policy, frames: 3 };
    walk.visit_body(&tree.syntax().body);
    walk.objections.into_sorted()
}

fn unparsable(line: u32, column: u32, message: String) -> Violation {
    Violation { line, column, rule: Rule::Unparsable, what: "source".to_owned(), why: message }
}

fn denied(own: &[String], what: &str) -> bool {
    own.iter().any(|denied| denied == what)
}

struct Walk<'a> {
    text: &'a str,
    objections: Objections<'a>,
    policy: &'a Policy,
    frames: u32,
}

impl Walk<'_> {
    /// Goes down, unless the original could not.
    fn below(&mut self, at: &impl Ranged, frames: u32, walk: impl FnOnce(&mut Self)) {
        self.frames += frames;
        if self.frames <= MOST_FRAMES {
            walk(self);
        } else {
            let why = "it nests deeper than the original can follow";
            self.objections.add(at.range().start(), Rule::Unparsable, "source", why);
        }
        self.frames -= frames;
    }

    fn import(&mut self, at: &impl Ranged, module: Option<&str>) {
        if !module.is_some_and(|module| self.policy.allows_import(module)) {
            let what = module.unwrap_or("None");
            let why = "imports are limited to allowed packages; allow it, or do without";
            self.objections.add(at.range().start(), Rule::Import, what, why);
        }
    }

    /// Python does not read decimal numbers of more than 4,300 digits.
    fn number(&mut self, number: &impl Ranged) {
        let text = self.text.get(number.range().to_std_range()).unwrap_or_default();
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if digits > 4_300 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
            let why = "Python reads no decimal number of more than 4300 digits";
            self.objections.add(number.range().start(), Rule::Unparsable, "source", why);
        }
    }
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                import.names.iter().for_each(|alias| self.import(import, Some(alias.name.as_str())));
            }
            // The level is not looked at: `from .numpy import x` counts as `from numpy import x`.
            Stmt::ImportFrom(import) => self.import(import, import.module.as_deref()),
            _ => {}
        }
        self.below(stmt, 2, |walk| match stmt {
            // To Python each `elif` is an `if` within the one before it.
            Stmt::If(branches) => {
                walk.visit_expr(&branches.test);
                walk.visit_body(&branches.body);
                let outer = walk.frames;
                for clause in &branches.elif_else_clauses {
                    walk.frames += 2;
                    walk.below(clause, 0, |walk| walk.visit_elif_else_clause(clause));
                }
                walk.frames = outer;
            }
            _ => walk_stmt(walk, stmt),
        });
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        let mut frames = 2;
        match expr {
            Expr::Name(name) => {
                let id = name.id.as_str();
                let usual = NAMES.iter().find(|(denied, _)| *denied == id).map(|(_, what)| *what);
                let own = || denied(&self.policy.denied_names, id).then_some("this name");
                if let Some(what) = usual.or_else(own) {
                    let why = format!("{what} is not allowed in plugins");
                    self.objections.add(name.range().start(), Rule::Name, id, why);
                }
            }
            Expr::Attribute(attribute) => {
                frames = 3;
                let attr = attribute.attr.as_str();
                if ATTRIBUTES.contains(&attr) || denied(&self.policy.denied_attributes, attr) {
                    let why = "belongs to the host and is not allowed in plugins";
                    self.objections.add(attribute.range().start(), Rule::Attribute, attr, why);
                }
            }
            Expr::NumberLiteral(number) => self.number(number),
            _ => {}
        }
        self.below(expr, frames, |walk| walk_expr(walk, expr));
    }
}
