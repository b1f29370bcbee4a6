//! The strict profile: what is not known to be harmless is not allowed.
//!
//! - Imports come from a list, member by member for the standard library, and modules may be used for
//!   nothing but their members: a module that became a value would lead to all that it imports itself.
//! - Special names and attributes (`__x__`) are denied but for a few harmless ones, wherever they are read,
//!   assigned, defined, matched, or written into a format string.
//! - The builtins that run text as code or reach attributes by name are denied; `getattr` with a name that is
//!   written there counts as the attribute.
//!
//! It follows no values: what a name stands for is not known but for imports. See `docs/safety.md` for what it
//! misses.

mod expressions;
mod imports;
mod library;
mod statements;
mod template;
mod words;

use ruff_python_ast::{
    Decorator, Expr, Parameter, Parameters, Pattern, PatternKeyword, Stmt, StmtFunctionDef, TypeParam,
    visitor::{
        Visitor, walk_body, walk_expr, walk_parameter, walk_pattern, walk_pattern_keyword, walk_stmt,
        walk_type_param,
    },
};
use ruff_text_size::{Ranged, TextRange};

use self::imports::Modules;
use super::{
    policy::Policy,
    violation::{Objections, Rule, Violation},
};
use crate::python::{parse, source};

/// How deeply statements and expressions may nest. No plugin comes near it, and the walk stays within a
/// thread's stack.
const DEEPEST: u32 = 200;

/// Judges a text. `depth`: how many packages the module is in that are judged with it.
pub(super) fn scan(text: &str, bytes: &[u8], policy: &Policy, depth: u32) -> Vec<Violation> {
    let tree = match parse::module(text) {
        Ok(tree) => tree,
        Err(problem) => {
            let (rule, what) = (Rule::Unparsable, "source".to_owned());
            return vec![Violation {
                line: problem.line,
                column: problem.column,
                rule,
                what,
                why: problem.message,
            }];
        }
    };
    let mut walk = Walk {
        objections: Objections::new(text),
        policy,
        package_depth: depth,
        modules: Modules::default(),
        depth: 0,
        in_annotation: false,
        in_class: false,
        parameters: Vec::new(),
        decorators: Vec::new(),
    };
    walk.encoding(bytes);
    walk.hidden_text(text);
    walk.modules.collect(&tree.syntax().body);
    walk.visit_body(&tree.syntax().body);
    walk.objections.into_sorted()
}

struct Walk<'a> {
    objections: Objections<'a>,
    policy: &'a Policy,
    package_depth: u32,
    /// What names stand for modules, anywhere in the file.
    modules: Modules<'a>,
    depth: u32,
    in_annotation: bool,
    /// What is bound here becomes an attribute of a class.
    in_class: bool,
    /// Parameters of the function whose body this is: here these names are never the builtins.
    parameters: Vec<&'a str>,
    /// Where `dataclass` and `wraps` stand as decorators of what is written below them.
    decorators: Vec<TextRange>,
}

impl<'a> Walk<'a> {
    /// Walks what has names of its own. Functions inside of functions see only theirs, which is stricter than Python.
    fn scope(&mut self, in_class: bool, parameters: Vec<&'a str>, walk: impl FnOnce(&mut Self)) {
        let outer_class = std::mem::replace(&mut self.in_class, in_class);
        let outer_parameters = std::mem::replace(&mut self.parameters, parameters);
        walk(self);
        (self.in_class, self.parameters) = (outer_class, outer_parameters);
    }

    /// Defaults, annotations and decorators are evaluated outside of the function.
    fn function(&mut self, function: &'a StmtFunctionDef) {
        function.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
        function.type_params.iter().for_each(|parameters| self.visit_type_params(parameters));
        self.visit_parameters(&function.parameters);
        function.returns.iter().for_each(|returned| self.visit_annotation(returned));
        let names = names_of(&function.parameters);
        self.scope(false, names, |walk| walk.visit_body(&function.body));
    }

    fn object(&mut self, at: &impl Ranged, rule: Rule, what: impl Into<String>, why: impl Into<String>) {
        self.objections.add(at.range().start(), rule, what, why);
    }

    /// Encodings that are not ASCII where ASCII is expected let a source read otherwise than it looks.
    fn encoding(&mut self, bytes: &[u8]) {
        let Some(name) = source::named_encoding(bytes) else { return };
        let plain = name.to_ascii_lowercase().replace('_', "-");
        if !["utf-8", "utf8", "ascii", "us-ascii", "latin-1", "latin1", "iso-8859-1"]
            .contains(&plain.as_str())
        {
            let why = "only UTF-8, Latin-1 and ASCII are judged; save the file as UTF-8";
            self.objections.add(0.into(), Rule::Encoding, name, why);
        }
    }

    /// Marks that turn the direction of text show it in another order than it runs.
    fn hidden_text(&mut self, text: &str) {
        let is_mark = |sign: char| matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if let Some((at, sign)) = text.char_indices().find(|(_, sign)| is_mark(*sign)) {
            let why =
                "a mark that turns the direction of text shows it in another order than it runs; remove it";
            let at = u32::try_from(at).unwrap_or(0).into();
            self.objections.add(at, Rule::HiddenText, format!("U+{:04X}", u32::from(sign)), why);
        }
    }

    fn below(&mut self, at: &impl Ranged, walk: impl FnOnce(&mut Self)) {
        self.depth += 1;
        if self.depth <= DEEPEST {
            walk(self);
        } else if self.depth == DEEPEST + 1 {
            self.object(at, Rule::TooDeep, "source", "it nests deeper than 200 levels");
        }
        self.depth -= 1;
    }

    /// Something gets a name.
    fn bind(&mut self, at: &impl Ranged, name: &str) {
        if let Some(why) = words::binding(name) {
            self.object(at, Rule::Binding, name, why);
        }
    }

    /// An attribute is read, by whatever means.
    fn attribute(&mut self, at: &impl Ranged, name: &str) {
        let own = self.policy.denied_attributes.iter().any(|denied| denied == name);
        let own = own.then_some("the host does not allow it");
        if let Some(why) = words::attribute(name).or(own) {
            self.object(at, Rule::Attribute, name, why);
        }
    }
}

fn names_of(parameters: &Parameters) -> Vec<&str> {
    parameters.iter().map(|parameter| parameter.name().as_str()).collect()
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.below(stmt, |walk| {
            walk.statement(stmt);
            match stmt {
                Stmt::FunctionDef(function) => walk.function(function),
                Stmt::ClassDef(_) => walk.scope(true, Vec::new(), |walk| walk_stmt(walk, stmt)),
                _ => walk_stmt(walk, stmt),
            }
        });
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.below(expr, |walk| {
            if let Expr::Lambda(lambda) = expr {
                lambda.parameters.iter().for_each(|parameters| walk.visit_parameters(parameters));
                let names = lambda.parameters.as_deref().map(names_of).unwrap_or_default();
                let in_class = walk.in_class;
                walk.scope(in_class, names, |walk| walk.visit_expr(&lambda.body));
            } else if !walk.expression(expr) {
                walk_expr(walk, expr);
            }
        });
    }

    fn visit_annotation(&mut self, expr: &'a Expr) {
        let outer = std::mem::replace(&mut self.in_annotation, true);
        self.visit_expr(expr);
        self.in_annotation = outer;
    }

    fn visit_decorator(&mut self, decorator: &'a Decorator) {
        self.visit_expr(&decorator.expression);
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.bind(parameter, &parameter.name);
        walk_parameter(self, parameter);
    }

    fn visit_type_param(&mut self, type_param: &'a TypeParam) {
        self.bind(type_param, type_param.name());
        walk_type_param(self, type_param);
    }

    fn visit_except_handler(&mut self, handler: &'a ruff_python_ast::ExceptHandler) {
        let ruff_python_ast::ExceptHandler::ExceptHandler(except) = handler;
        if let Some(name) = &except.name {
            self.bind(name, name);
        }
        if let Some(kind) = &except.type_ {
            self.visit_expr(kind);
        }
        walk_body(self, &except.body);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(capture) => capture.name.as_ref(),
            Pattern::MatchStar(star) => star.name.as_ref(),
            Pattern::MatchMapping(mapping) => mapping.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name, name);
        }
        self.below(pattern, |walk| walk_pattern(walk, pattern));
    }

    fn visit_pattern_keyword(&mut self, keyword: &'a PatternKeyword) {
        // `case A(name=x)` reads the attribute `name`.
        self.attribute(keyword, &keyword.attr);
        walk_pattern_keyword(self, keyword);
    }
}
