//! Places in a module whose outcome cannot be known without running it, and calls that change `__all__`.

use ruff_python_ast::{Expr as Ast, ExprCall, StmtExpr};
use ruff_text_size::Ranged;

use super::{super::facts::Dynamic, Converter, scope::Where};

impl Converter<'_> {
    pub(super) fn report(&mut self, name: &str, expr: &Ast, reason: &str) {
        let (line, column) = self.text.lines.position(expr.start());
        self.structure.dynamic.push(Dynamic {
            name: name.to_owned(),
            line,
            column,
            reason: reason.to_owned(),
        });
    }

    /// An expression that stands alone.
    pub(super) fn statement_call(&mut self, statement: &StmtExpr, place: Where) {
        let Ast::Call(call) = &*statement.value else { return };
        match &*call.func {
            Ast::Name(name) if name.id.as_str() == "exec" => {
                self.report("exec", &statement.value, "executes computed source");
            }
            Ast::Name(name)
                if name.id.as_str() == "setattr"
                    && call.arguments.args.first().is_some_and(is_own_module) =>
            {
                self.report("setattr", &statement.value, "sets computed names of the module");
            }
            Ast::Name(name) if matches!(name.id.as_str(), "setattr" | "delattr") => {
                if let [object, attribute, ..] = &*call.arguments.args {
                    let attribute = match attribute {
                        Ast::StringLiteral(text) => text.value.to_str(),
                        _ => "",
                    };
                    self.change_class(object, attribute);
                }
            }
            Ast::Attribute(attribute) => {
                let method = attribute.attr.as_str();
                match &*attribute.value {
                    Ast::Name(name) if place.class.is_none() && name.id.as_str() == "__all__" => {
                        self.change_all(method, call);
                    }
                    Ast::Name(name) if place.class.is_none() && name.id.as_str() == "__path__" => {
                        self.report("__path__", &statement.value, "changes where submodules are found");
                    }
                    object => self.change_namespace(method, object, &statement.value),
                }
            }
            _ => {}
        }
    }

    /// An attribute of a function is assigned; of any of them, if the name is that of a loop.
    fn change_function(&mut self, name: &str, attribute: &str) {
        let functions = &mut self.structure.functions;
        let named = functions.iter().rposition(|function| function.name == name);
        let changed = match named {
            Some(at) => functions.get_mut(at..=at).unwrap_or_default(),
            None => functions.as_mut_slice(),
        };
        for function in changed {
            if !function.assigned.iter().any(|known| known == attribute) {
                function.assigned.push(attribute.to_owned());
            }
        }
    }

    /// An attribute of a class is assigned; of any of them, if the name is none of a class's: that of a loop, say.
    fn change_class(&mut self, object: &Ast, attribute: &str) {
        let name = match object {
            Ast::Name(name) => name.id.as_str(),
            Ast::Attribute(object) => object.attr.as_str(),
            _ => "",
        };
        let classes = &mut self.structure.classes;
        let is_named = classes.iter().any(|class| class.name == name);
        for class in classes.iter_mut().filter(|class| !is_named || class.name == name) {
            if !class.assigned.iter().any(|known| known == attribute) {
                class.assigned.push(attribute.to_owned());
            }
        }
    }

    fn change_namespace(&mut self, method: &str, object: &Ast, whole: &Ast) {
        if !matches!(method, "update" | "setdefault" | "__setitem__" | "pop" | "clear") {
            return;
        }
        if let Some(namespace) = namespace(object) {
            self.report(namespace, whole, "changes names by computation");
        } else if is_sys_modules(object) {
            self.report("sys.modules", whole, "replaces modules");
        }
    }

    fn change_all(&mut self, method: &str, call: &ExprCall) {
        let mut all = self.structure.all.take().unwrap_or_default();
        match (method, &*call.arguments.args) {
            ("extend", [value]) => self.add_to_all(&mut all, value),
            ("append", [Ast::StringLiteral(name)]) => all.names.push(name.value.to_str().to_owned()),
            ("remove", [Ast::StringLiteral(name)]) => {
                all.names.retain(|listed| listed != name.value.to_str());
            }
            ("sort" | "reverse", _) => {}
            _ => all.dynamic = true,
        }
        self.structure.all = Some(all);
    }

    /// A target that is not a name: an attribute or a subscript.
    pub(super) fn dynamic_target(&mut self, target: &Ast, place: Where) {
        if let Ast::Attribute(attribute) = target {
            self.change_class(&attribute.value, attribute.attr.as_str());
        }
        match target {
            Ast::Subscript(subscript) => {
                if let Some(namespace) = namespace(&subscript.value) {
                    self.report(namespace, target, "assigns a computed name");
                } else if is_sys_modules(&subscript.value) {
                    self.report("sys.modules", target, "replaces a module");
                } else if let Ast::Name(name) = &*subscript.value
                    && place.class.is_none()
                {
                    match name.id.as_str() {
                        "__all__" => self.structure.all.get_or_insert_default().dynamic = true,
                        "__path__" => self.report("__path__", target, "changes where submodules are found"),
                        _ => {}
                    }
                }
            }
            Ast::Attribute(attribute) if is_told(attribute.attr.as_str()) && place.class.is_none() => {
                if let Ast::Name(function) = &*attribute.value {
                    self.change_function(function.id.as_str(), attribute.attr.as_str());
                }
            }
            Ast::Attribute(attribute) if is_own_module(&attribute.value) => {
                self.report("sys.modules", target, "sets a name of the module by way of sys.modules");
            }
            _ => {}
        }
    }
}

/// Whether an attribute of a function changes what is told of it.
fn is_told(attribute: &str) -> bool {
    matches!(attribute, "__doc__" | "__signature__" | "__wrapped__" | "__defaults__" | "__kwdefaults__")
}

/// `globals()`, `locals()`, `vars()` without arguments, or `….__dict__` of the module itself.
fn namespace(expr: &Ast) -> Option<&'static str> {
    match expr {
        Ast::Call(call) if call.arguments.is_empty() => {
            let Ast::Name(name) = &*call.func else { return None };
            match name.id.as_str() {
                "globals" => Some("globals()"),
                "locals" => Some("locals()"),
                "vars" => Some("vars()"),
                _ => None,
            }
        }
        Ast::Attribute(attribute) if attribute.attr.as_str() == "__dict__" => {
            is_own_module(&attribute.value).then_some("__dict__")
        }
        _ => None,
    }
}

/// `sys.modules`, or `modules` alone.
fn is_sys_modules(expr: &Ast) -> bool {
    match expr {
        Ast::Attribute(attribute) => {
            attribute.attr.as_str() == "modules"
                && matches!(&*attribute.value, Ast::Name(name) if name.id.ends_with("sys"))
        }
        _ => false,
    }
}

/// `sys.modules[__name__]`
fn is_own_module(expr: &Ast) -> bool {
    let Ast::Subscript(subscript) = expr else { return false };
    is_sys_modules(&subscript.value)
        && matches!(&*subscript.slice, Ast::Name(name) if name.id.as_str() == "__name__")
}
