//! What a package attaches with `lazy_loader`: names that its `__getattr__` imports when they are first asked for.
//!
//! `__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)` has them in a stub; with
//! `lazy.attach(__name__, submodules, submod_attrs)` they are written out.

use ruff_python_ast::{Expr as Ast, ExprCall};
use ruff_text_size::Ranged;

use super::{
    super::facts::{All, Bound, ModuleRef},
    Converter,
    scope::{Names, Where},
};

impl Converter<'_> {
    /// Takes in what is attached, if that is what an assignment to `__getattr__, …` does.
    pub(super) fn attaches(&mut self, target: &Ast, value: &Ast, names: &mut Names, place: Where) -> bool {
        let Ast::Tuple(targets) = target else { return false };
        let is = |expr: &Ast, name: &str| matches!(expr, Ast::Name(given) if given.id.as_str() == name);
        if !targets.elts.first().is_some_and(|first| is(first, "__getattr__")) {
            return false;
        }
        let Ast::Call(call) = value else { return false };
        let function = match &*call.func {
            Ast::Name(name) => name.id.as_str(),
            Ast::Attribute(attribute) => attribute.attr.as_str(),
            _ => return false,
        };
        let arguments = &call.arguments;
        if function == "attach_stub" {
            let is_own = arguments.keywords.is_empty()
                && matches!(&*arguments.args, [module, file] if is(module, "__name__") && is(file, "__file__"));
            self.structure.has_stub |= is_own;
            return is_own;
        }
        let line = self.text.line(call.start());
        let Some(found) = (function == "attach").then(|| written_out(call)).flatten() else { return false };
        let all = targets.elts.iter().any(|target| is(target, "__all__"));
        if all {
            let names = found.iter().map(|(_, name)| name.clone()).collect();
            self.structure.all = Some(All { names, ..All::default() });
        }
        for (module, name) in found {
            let module = ModuleRef { level: 1, name: module };
            names.bind(&name, Bound::From { module, name: name.clone() }, place, line);
        }
        true
    }
}

/// The names of `attach(__name__, [submodule, …], {submodule: [name, …], …})`, each with its submodule; none if some
/// are computed.
fn written_out(call: &ExprCall) -> Option<Vec<(String, String)>> {
    let arguments = &call.arguments;
    let (first, rest) = arguments.args.split_first()?;
    if !matches!(first, Ast::Name(name) if name.id.as_str() == "__name__") {
        return None;
    }
    let mut given: Vec<(&str, &Ast)> = ["submodules", "submod_attrs"].into_iter().zip(rest).collect();
    for keyword in &arguments.keywords {
        given.push((keyword.arg.as_ref()?.as_str(), &keyword.value));
    }
    let mut found = Vec::new();
    for (name, value) in given {
        match (name, value) {
            (_, Ast::NoneLiteral(_)) => {}
            ("submodules", list) => {
                found.extend(texts(list)?.into_iter().map(|name| (String::new(), name)));
            }
            ("submod_attrs", Ast::Dict(dict)) => {
                for item in &dict.items {
                    let module = text(item.key.as_ref()?)?;
                    found.extend(texts(&item.value)?.into_iter().map(|name| (module.clone(), name)));
                }
            }
            _ => return None,
        }
    }
    Some(found)
}

fn texts(list: &Ast) -> Option<Vec<String>> {
    let elements = match list {
        Ast::List(list) => &list.elts,
        Ast::Tuple(tuple) => &tuple.elts,
        Ast::Set(set) => &set.elts,
        _ => return None,
    };
    elements.iter().map(text).collect()
}

fn text(expr: &Ast) -> Option<String> {
    if let Ast::StringLiteral(string) = expr { Some(string.value.to_str().to_owned()) } else { None }
}
