//! Statements: what they bind, and under which condition.

use ruff_python_ast::{
    ExceptHandler, Expr as Ast, Pattern, Stmt, StmtClassDef, StmtFunctionDef, StmtIf, StmtImport,
    StmtImportFrom, StmtMatch, StmtTry, StmtWith,
    visitor::{self, Visitor},
};
use ruff_text_size::{Ranged, TextSize};

use super::{
    super::{
        doc,
        facts::{
            Bound, Class, ClassDetails, Function, FunctionDetails, Method, ModuleRef, Parameter,
            ParameterKind,
        },
    },
    Converter,
    expression::truth,
    scope::{Assigned, Names, Where},
};

impl Converter<'_> {
    pub(super) fn body(&mut self, body: &[Stmt], names: &mut Names, place: Where) {
        for statement in body {
            self.statement(statement, names, place);
        }
    }

    /// The body of a module or of the class whose name stands at `class`, together with the statements that
    /// were left out of it.
    pub(super) fn scope(
        &mut self,
        body: &[Stmt],
        class: Option<u32>,
        end: TextSize,
        names: &mut Names,
        place: Where,
    ) {
        let mut before: Option<&Stmt> = None;
        for statement in body {
            let passed = self.passed;
            self.passed_until(statement.start(), class, names, place);
            if class.is_some() && self.options.methods {
                describe_field(before.filter(|_| passed == self.passed), statement, names);
                before = Some(statement);
            }
            self.statement(statement, names, place);
        }
        self.passed_until(end, class, names, place);
        // What stood at the very end of the body.
        while self.text.passed.get(self.passed).is_some_and(|next| next.class == class) {
            self.bind_passed(names, place);
        }
    }

    /// Binds what was left out before `end`, a place in the parsed text. What is of other classes than this
    /// one is of such as never are bound.
    fn passed_until(&mut self, end: TextSize, class: Option<u32>, names: &mut Names, place: Where) {
        while let Some(next) = self.text.passed.get(self.passed).filter(|next| next.parsed <= end.to_u32()) {
            if next.class == class {
                self.bind_passed(names, place);
            } else {
                self.passed += 1;
            }
        }
    }

    fn bind_passed(&mut self, names: &mut Names, place: Where) {
        if let Some(next) = self.text.passed.get(self.passed) {
            let name = self.text.of_original(next.name);
            match next.value {
                None => names.bind(name, Bound::Method, place, next.line),
                Some(value) => {
                    names.assign(name, Assigned::Text(self.text.of_original(value)), place, next.line);
                }
            }
            self.passed += 1;
        }
    }

    fn statement(&mut self, statement: &Stmt, names: &mut Names, place: Where) {
        if self.walrus {
            self.bind_named(statement, names, place);
        }
        match statement {
            Stmt::FunctionDef(function) => self.function(function, names, place),
            Stmt::ClassDef(class) => self.class(class, names, place),
            Stmt::Assign(assign) => self.assign(assign, names, place),
            Stmt::AnnAssign(assign) => self.annotated(assign, names, place),
            Stmt::AugAssign(assign) => self.augmented(assign, names, place),
            Stmt::Import(import) => self.import(import, names, place),
            Stmt::ImportFrom(import) => self.import_from(import, names, place),
            Stmt::If(statement) => self.branches(statement, names, place),
            Stmt::Try(statement) => self.attempt(statement, names, place),
            Stmt::With(statement) => self.with(statement, names, place),
            Stmt::Match(statement) => self.cases(statement, names, place),
            Stmt::For(statement) => {
                self.bind_unknown(&statement.target, "bound by a loop", names, place);
                self.body(&statement.body, names, place.maybe());
                self.body(&statement.orelse, names, place.maybe());
            }
            Stmt::While(statement) => {
                if truth(&statement.test) != Some(false) {
                    self.body(&statement.body, names, place.maybe());
                }
                self.body(&statement.orelse, names, place.maybe());
            }
            Stmt::Delete(statement) => {
                statement.targets.iter().for_each(|target| self.delete(target, names, place));
            }
            Stmt::TypeAlias(alias) => {
                if let Ast::Name(name) = &*alias.name {
                    names.unknown(name.id.as_str(), "a type alias", place, self.text.line(name.start()));
                }
            }
            Stmt::Expr(statement) => self.statement_call(statement, place),
            Stmt::Return(_)
            | Stmt::Raise(_)
            | Stmt::Assert(_)
            | Stmt::Global(_)
            | Stmt::Nonlocal(_)
            | Stmt::Pass(_)
            | Stmt::Break(_)
            | Stmt::Continue(_)
            | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn class(&mut self, class: &StmtClassDef, names: &mut Names, place: Where) {
        let line = self.text.line(class.name.start());
        let id = self.structure.classes.len() as u32;
        self.structure.classes.push(Class {
            name: class.name.as_str().to_owned(),
            parent: place.class,
            line,
            bases: self.expressions(class.bases()),
            metaclass: class
                .keywords()
                .iter()
                .find(|keyword| keyword.arg.as_ref().is_some_and(|name| name.as_str() == "metaclass"))
                .map(|keyword| self.expression(&keyword.value)),
            decorators: class.decorator_list.iter().map(|one| self.expression(&one.expression)).collect(),
            members: Vec::new(),
            abstract_methods: Vec::new(),
            assigned: Vec::new(),
        });
        self.details
            .classes
            .push(ClassDetails { doc: Self::docstring(&class.body), ..ClassDetails::default() });
        let mut members = Names::new();
        let place = Where { class: Some(id), conditional: false };
        self.scope(&class.body, Some(class.name.start().to_u32()), class.end(), &mut members, place);
        if let Some(class) = self.structure.classes.get_mut(id as usize) {
            class.members = members.bindings;
            class.abstract_methods = members.abstract_methods;
        }
        if let Some(details) = self.details.classes.get_mut(id as usize) {
            details.literals = members.literals;
            details.fields = members.fields;
            details.methods = members.methods;
        }
        names.bind(class.name.as_str(), Bound::Class(id), place, line);
    }

    fn function(&mut self, function: &StmtFunctionDef, names: &mut Names, place: Where) {
        let name = function.name.as_str();
        let line = self.text.line(function.name.start());
        if place.class.is_some() {
            if function.decorator_list.iter().any(|decorator| is_abstract(&decorator.expression)) {
                names.abstract_methods.push(name.to_owned());
            }
            names.bind(name, Bound::Method, place, line);
            if self.options.methods {
                names.methods.push(self.method(function, line));
            }
            return;
        }
        if name == "__getattr__" {
            let (line, column) = self.text.lines.position(function.name.start());
            let reason = "answers for names that the module does not bind".to_owned();
            self.structure.dynamic.push(super::super::facts::Dynamic {
                name: name.to_owned(),
                line,
                column,
                reason,
            });
        }
        let id = self.structure.functions.len() as u32;
        self.structure.functions.push(Function {
            name: name.to_owned(),
            line,
            decorators: function.decorator_list.iter().map(|one| self.expression(&one.expression)).collect(),
            is_async: function.is_async,
            assigned: Vec::new(),
        });
        self.details.functions.push(if self.options.functions {
            self.function_details(function)
        } else {
            FunctionDetails::default()
        });
        names.bind(name, Bound::Function(id), place, line);
    }

    fn function_details(&self, function: &StmtFunctionDef) -> FunctionDetails {
        FunctionDetails {
            doc: Self::docstring(&function.body),
            parameters: self.parameters(function),
            returns: function.returns.as_ref().map(|returns| self.text.of(returns.range()).to_owned()),
        }
    }

    fn method(&self, function: &StmtFunctionDef, line: u32) -> Method {
        let source = |one: &ruff_python_ast::Decorator| self.text.of(one.expression.range()).to_owned();
        Method {
            name: function.name.as_str().to_owned(),
            line,
            decorators: function.decorator_list.iter().map(source).collect(),
            is_async: function.is_async,
            details: self.function_details(function),
        }
    }

    fn parameters(&self, function: &StmtFunctionDef) -> Vec<Parameter> {
        let text = |expr: &Ast| self.text.of(expr.range()).to_owned();
        let parameter = |parameter: &ruff_python_ast::Parameter, default: Option<&Ast>, kind| Parameter {
            name: parameter.name.as_str().to_owned(),
            kind,
            annotation: parameter.annotation().map(text),
            default: default.map(text),
            doc: None,
        };
        let all = &*function.parameters;
        let several = |list: &[ruff_python_ast::ParameterWithDefault], kind| {
            list.iter().map(|one| parameter(&one.parameter, one.default(), kind)).collect::<Vec<_>>()
        };
        let mut result = several(&all.posonlyargs, ParameterKind::PositionalOnly);
        result.extend(several(&all.args, ParameterKind::PositionalOrKeyword));
        result.extend(all.vararg.iter().map(|one| parameter(one, None, ParameterKind::VarPositional)));
        result.extend(several(&all.kwonlyargs, ParameterKind::KeywordOnly));
        result.extend(all.kwarg.iter().map(|one| parameter(one, None, ParameterKind::VarKeyword)));
        result
    }

    pub(super) fn docstring(body: &[Stmt]) -> Option<String> {
        let Some(Stmt::Expr(first)) = body.first() else { return None };
        let Ast::StringLiteral(string) = &*first.value else { return None };
        Some(doc::clean(string.value.to_str()))
    }

    fn import(&mut self, import: &StmtImport, names: &mut Names, place: Where) {
        for alias in &import.names {
            let loads = alias.name.as_str();
            let (name, module) = if let Some(name) = &alias.asname {
                (name.as_str(), loads)
            } else {
                let first = loads.split('.').next().unwrap_or(loads);
                (first, first)
            };
            let bound = Bound::Module { module: module.to_owned(), loads: loads.to_owned() };
            names.bind(name, bound, place, self.text.line(alias.start()));
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom, names: &mut Names, place: Where) {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        if import.level == 0 && module == "__future__" {
            return;
        }
        let module = ModuleRef { level: import.level, name: module.to_owned() };
        for alias in &import.names {
            let line = self.text.line(alias.start());
            let name = alias.name.as_str();
            if name == "*" {
                names.bind("", Bound::Star(module.clone()), place, line);
            } else {
                let bound = Bound::From { module: module.clone(), name: name.to_owned() };
                names.bind(alias.asname.as_ref().map_or(name, |bound| bound.as_str()), bound, place, line);
            }
        }
    }

    /// `if`: a branch whose test is known never to hold binds nothing, and one that always holds is the
    /// last.
    fn branches(&mut self, statement: &StmtIf, names: &mut Names, place: Where) {
        let clauses = std::iter::once((Some(&*statement.test), &statement.body))
            .chain(statement.elif_else_clauses.iter().map(|clause| (clause.test.as_ref(), &clause.body)));
        let mut place = place;
        for (test, body) in clauses {
            match test.map_or(Some(true), truth) {
                Some(true) => return self.body(body, names, place),
                Some(false) => {}
                None => {
                    place = place.maybe();
                    self.body(body, names, place);
                }
            }
        }
    }

    fn attempt(&mut self, statement: &StmtTry, names: &mut Names, place: Where) {
        self.body(&statement.body, names, place.maybe());
        for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
            if let Some(name) = &handler.name {
                let line = self.text.line(name.start());
                names.unknown(name.as_str(), "a caught exception", place.maybe(), line);
            }
            self.body(&handler.body, names, place.maybe());
        }
        self.body(&statement.orelse, names, place.maybe());
        // Executed whatever happens before.
        self.body(&statement.finalbody, names, place);
    }

    fn with(&mut self, statement: &StmtWith, names: &mut Names, place: Where) {
        for target in statement.items.iter().filter_map(|item| item.optional_vars.as_deref()) {
            self.bind_unknown(target, "bound by a with statement", names, place);
        }
        self.body(&statement.body, names, place);
    }

    fn cases(&mut self, statement: &StmtMatch, names: &mut Names, place: Where) {
        for case in &statement.cases {
            self.captures(&case.pattern, names, place.maybe());
            self.body(&case.body, names, place.maybe());
        }
    }

    fn captures(&mut self, pattern: &Pattern, names: &mut Names, place: Where) {
        let mut capture = |name: &Option<ruff_python_ast::Identifier>| {
            if let Some(name) = name {
                let line = self.text.line(name.start());
                names.unknown(name.as_str(), "captured by a pattern", place, line);
            }
        };
        match pattern {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
            Pattern::MatchStar(star) => capture(&star.name),
            Pattern::MatchAs(alias) => {
                capture(&alias.name);
                if let Some(inner) = &alias.pattern {
                    self.captures(inner, names, place);
                }
            }
            Pattern::MatchMapping(mapping) => {
                capture(&mapping.rest);
                mapping.patterns.iter().for_each(|inner| self.captures(inner, names, place));
            }
            Pattern::MatchSequence(sequence) => {
                sequence.patterns.iter().for_each(|inner| self.captures(inner, names, place));
            }
            Pattern::MatchOr(either) => {
                either.patterns.iter().for_each(|inner| self.captures(inner, names, place));
            }
            Pattern::MatchClass(class) => {
                let arguments = &class.arguments;
                let keywords = arguments.keywords.iter().map(|keyword| &keyword.pattern);
                arguments
                    .patterns
                    .iter()
                    .chain(keywords)
                    .for_each(|inner| self.captures(inner, names, place));
            }
        }
    }

    fn delete(&mut self, target: &Ast, names: &mut Names, place: Where) {
        match target {
            Ast::Name(name) => {
                names.bind(name.id.as_str(), Bound::Deleted, place, self.text.line(name.start()));
            }
            Ast::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.delete(target, names, place)),
            Ast::List(list) => list.elts.iter().for_each(|target| self.delete(target, names, place)),
            _ => self.dynamic_target(target, place),
        }
    }

    /// Binds the names of `:=` in the statement's own expressions, not in those of its body.
    fn bind_named(&mut self, statement: &Stmt, names: &mut Names, place: Where) {
        let mut found = NamedTargets::default();
        match statement {
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().for_each(|decorator| found.visit_decorator(decorator));
                class.arguments.iter().for_each(|arguments| found.visit_arguments(arguments));
            }
            Stmt::FunctionDef(function) => {
                function.decorator_list.iter().for_each(|decorator| found.visit_decorator(decorator));
                for parameter in function.parameters.iter_non_variadic_params() {
                    parameter.default().into_iter().for_each(|default| found.visit_expr(default));
                }
            }
            Stmt::If(statement) => {
                found.visit_expr(&statement.test);
                statement
                    .elif_else_clauses
                    .iter()
                    .flat_map(|one| &one.test)
                    .for_each(|test| found.visit_expr(test));
            }
            Stmt::For(statement) => found.visit_expr(&statement.iter),
            Stmt::While(statement) => found.visit_expr(&statement.test),
            Stmt::With(statement) => {
                statement.items.iter().for_each(|item| found.visit_expr(&item.context_expr));
            }
            Stmt::Match(statement) => {
                found.visit_expr(&statement.subject);
                statement.cases.iter().flat_map(|case| &case.guard).for_each(|guard| found.visit_expr(guard));
            }
            Stmt::Try(statement) => {
                for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
                    handler.type_.iter().for_each(|kind| found.visit_expr(kind));
                }
            }
            _ => found.visit_stmt(statement),
        }
        for target in found.targets {
            self.bind_unknown(target, "bound inside an expression", names, place);
        }
    }
}

/// A string right behind a field tells what it is for.
fn describe_field(before: Option<&Stmt>, statement: &Stmt, names: &mut Names) {
    if let Some(Stmt::AnnAssign(field)) = before
        && let Ast::Name(name) = &*field.target
        && let Stmt::Expr(text) = statement
        && let Ast::StringLiteral(string) = &*text.value
        && let Some(field) = names.fields.last_mut()
        && field.name == name.id.as_str()
    {
        field.doc = Some(doc::clean(string.value.to_str()));
    }
}

/// Collects the targets of `:=` that bind in the scope of the expression.
#[derive(Default)]
struct NamedTargets<'a> {
    targets: Vec<&'a Ast>,
}

impl<'a> Visitor<'a> for NamedTargets<'a> {
    fn visit_expr(&mut self, expr: &'a Ast) {
        match expr {
            Ast::Lambda(_) => return,
            Ast::Named(named) => self.targets.push(&named.target),
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}

fn is_abstract(decorator: &Ast) -> bool {
    let name = match decorator {
        Ast::Name(name) => name.id.as_str(),
        Ast::Attribute(attribute) => attribute.attr.as_str(),
        _ => return false,
    };
    matches!(name, "abstractmethod" | "abstractproperty" | "abstractclassmethod" | "abstractstaticmethod")
}
