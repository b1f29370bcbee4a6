//! Expressions: names, attributes, and the calls that stand for them.

use ruff_python_ast::{
    Arguments, CmpOp, Expr, ExprAttribute, ExprCall, ExprCompare, ExprName, visitor::Visitor,
};

use ruff_text_size::Ranged;

use super::{Walk, template, words};
use crate::safety::violation::Rule;

impl<'a> Walk<'a> {
    /// Judges an expression. `true`: what is below it has been walked.
    pub(super) fn expression(&mut self, expr: &'a Expr) -> bool {
        match expr {
            Expr::Name(name) => {
                self.name(name);
                true
            }
            Expr::Attribute(attribute) => self.attribute_of(attribute),
            Expr::Call(call) => self.call(call),
            Expr::Compare(compare) => self.compare(compare),
            Expr::StringLiteral(text) if self.in_annotation => {
                if text.value.to_str().contains('(') {
                    let why = "whoever reads the annotations may run it; write the type itself";
                    self.object(expr, Rule::Annotation, text.value.to_str(), why);
                }
                true
            }
            _ => false,
        }
    }

    fn name(&mut self, name: &ExprName) {
        let id = name.id.as_str();
        if !name.ctx.is_load() {
            // Judged where it is assigned.
            if id != "__match_args__" || !name.ctx.is_store() {
                self.bind(name, id);
            }
            return;
        }
        let is_builtin = !self.parameters.contains(&id);
        if is_builtin && id == "type" {
            let why = "it makes classes out of what is not written in them; use `type(x).__name__`, `type(x) is y` or isinstance";
            self.object(name, Rule::Type, id, why);
        }
        let own = self.policy.denied_names.iter().any(|denied| denied == id);
        let word = words::name(id).filter(|_| is_builtin);
        if let Some(why) = word.or(own.then_some("the host does not allow it")) {
            self.object(name, Rule::Name, id, why);
        }
        self.decorator_word(name, id);
        if let Some(module) = self.modules.of(id).and_then(<[String]>::first).cloned() {
            self.module_value(name, &module);
        }
    }

    fn attribute_of(&mut self, attribute: &'a ExprAttribute) -> bool {
        if matches!(attribute.attr.as_str(), "__name__" | "__qualname__")
            && attribute.ctx.is_load()
            && self.class_of(&attribute.value)
        {
            return true;
        }
        self.decorator_word(attribute, &attribute.attr);
        if self.chain(attribute) {
            return true;
        }
        let name = attribute.attr.as_str();
        if !attribute.ctx.is_load()
            && name.starts_with("__")
            && name.ends_with("__")
            && words::attribute(name).is_none()
        {
            let why = "special attributes are defined in a class, not assigned";
            self.object(&attribute.attr, Rule::Binding, name, why);
        }
        let is_own =
            attribute.value.as_name_expr().is_some_and(|of| matches!(of.id.as_str(), "self" | "cls"));
        if !attribute.ctx.is_load() && name.starts_with('_') && !name.starts_with("__") && !is_own {
            let why = "what begins with an underscore is set by the methods of its class, on `self` or `cls`";
            self.object(&attribute.attr, Rule::Binding, name, why);
        }
        self.attribute(&attribute.attr, name);
        false
    }

    /// `type(x)` and `x.__class__`, where nothing is done with the class; walks `x`.
    fn class_of(&mut self, expr: &'a Expr) -> bool {
        match expr {
            Expr::Call(call) => {
                let is_type = call.func.as_name_expr().is_some_and(|name| name.id == "type");
                match &*call.arguments.args {
                    [of] if is_type && call.arguments.keywords.is_empty() && !of.is_starred_expr() => {
                        self.visit_expr(of);
                        true
                    }
                    _ => false,
                }
            }
            Expr::Attribute(attribute) if attribute.attr.as_str() == "__class__" => {
                self.visit_expr(&attribute.value);
                true
            }
            _ => false,
        }
    }

    /// Classes may be compared by identity. Equality would hand them to the other side's `__eq__`.
    fn compare(&mut self, compare: &'a ExprCompare) -> bool {
        if !compare.ops.iter().all(|op| matches!(op, CmpOp::Is | CmpOp::IsNot)) {
            return false;
        }
        for operand in std::iter::once(&*compare.left).chain(&compare.comparators) {
            if !self.class_of(operand) {
                self.visit_expr(operand);
            }
        }
        true
    }

    fn call(&mut self, call: &'a ExprCall) -> bool {
        let is_done = match &*call.func {
            Expr::Name(name) if matches!(name.id.as_str(), "getattr" | "hasattr") => {
                self.by_literal_name(&call.arguments)
            }
            Expr::Attribute(attribute) if attribute.attr.as_str() == "format" => self.formats(attribute),
            _ => false,
        };
        for keyword in &call.arguments.keywords {
            if let Some(name) = &keyword.arg {
                self.bind(name, name);
            }
        }
        if is_done {
            self.visit_arguments(&call.arguments);
        }
        is_done
    }

    /// `getattr(x, "name")` is `x.name`.
    fn by_literal_name(&mut self, arguments: &'a Arguments) -> bool {
        let [of, name, ..] = &*arguments.args else { return false };
        let Expr::StringLiteral(text) = name else { return false };
        if of.is_starred_expr() || !arguments.keywords.is_empty() {
            return false;
        }
        self.attribute(name, text.value.to_str());
        true
    }

    /// A format string that is written here.
    fn formats(&mut self, attribute: &'a ExprAttribute) -> bool {
        let Expr::StringLiteral(text) = &*attribute.value else { return false };
        if template::reaches(text.value.to_str()) {
            let why =
                "it reads attributes or items of what it formats; use an f-string, where they can be judged";
            self.object(&*attribute.value, Rule::Format, text.value.to_str(), why);
        }
        true
    }

    /// `dataclass` and `wraps` are decorators, and nothing else.
    pub(super) fn decorator_word(&mut self, at: &impl Ranged, name: &str) {
        if words::DECORATORS.contains(&name) && !self.decorators.contains(&at.range()) {
            let why = "given anything but what is written below it, it turns text into code or attributes; use it as the innermost decorator, by its own name";
            self.object(at, Rule::Attribute, name, why);
        }
    }
}
